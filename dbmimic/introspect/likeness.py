"""Which columns are named as if they referenced which tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dbmimic.model.names import TableId
from dbmimic.model.schema import Column, Key, Schema, Table, comparable
from dbmimic.model.types import Kind

_KINDS = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.UUID, Kind.TEXT, Kind.BINARY, Kind.OTHER})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
_ID = frozenset({"id", "uuid", "guid", "code", "key", "no", "nr", "pk", "fk", "ref", "ptr"})
_ITSELF = frozenset(
    {"parent", "manager", "boss", "supervisor", "report", "previous", "prev", "next", "root", "ancestor"}
)
_IRREGULAR = {"people": "person", "children": "child", "men": "man", "women": "woman", "indices": "index"}
_PEOPLE = frozenset({"user", "account", "employee", "staff", "person", "member"})
_DOERS = frozenset({"by", "owner", "author", "creator", "editor", "assignee", "reviewer", "approver", "actor", "user"})


@dataclass(frozen=True, slots=True)
class Likeness:
    """A column that may reference a key; `strength` is 3 for one that is named after it, 2 and 1 for weaker signs."""

    child: Table
    column: Column
    parent: Table
    key: Key
    strength: int
    why: str


def words(name: str) -> tuple[str, ...]:
    """Give the words of a name, small and in the singular: `InvoiceLines` and `invoice_line` have the same."""
    return tuple(_singular(word.lower()) for word in _WORD.findall(name))


def likenesses(schema: Schema) -> Iterator[Likeness]:
    """Give every pair of a column and a key of one column that names and types allow, whether declared or not."""
    keyed = [
        (table, key, column)
        for table in schema.tables
        if table.holds_rows
        for key in table.keys
        if len(key.columns) == 1 and (column := table.column(key.columns[0])) is not None
    ]
    for child in schema.tables:
        if not child.holds_rows:
            continue
        for column in child.columns:
            if column.logical.kind not in _KINDS:
                continue
            for parent, key, referenced in keyed:
                if (parent.id, referenced.name) == (child.id, column.name) or not comparable(column, referenced):
                    continue
                found = _strength(child, column, parent, key)
                if found is not None:
                    yield Likeness(child, column, parent, key, *found)


def _strength(child: Table, column: Column, parent: Table, key: Key) -> tuple[int, str] | None:
    said, of_table, of_key = words(column.name), words(parent.id.name), words(key.columns[0])
    without = said
    while len(without) > 1 and without[-1] in _ID:
        without = without[:-1]
    own = any(each.primary and each.columns == (column.name,) for each in child.keys)
    if own and _ends(words(child.id.name), without):
        return None  # a table's own number
    if not key.primary and not set(of_key) & _ID and said != (*of_table, *of_key):
        return None  # a unique column that is no name of a row, as an e-mail address
    named = said != without
    itself = parent.id == child.id
    ours, theirs = _shared_end(without, of_table)
    whole, whole_table = ours == len(without), theirs == len(of_table)
    told = said == of_key and named and bool({*without} & {*of_table})
    does = _is_doer(said, without) and set(of_table[-1:]) <= _PEOPLE and key.primary and not own
    signs = (
        (whole and whole_table, 3, f"it is named after {parent.id}"),
        (told and not own, 3, f"it is named as the key of {parent.id}"),
        (whole_table and not itself, 2, f"its name ends as {parent.id}"),
        (whole and named and not itself, 2, f"it is named after the end of {parent.id}"),
        (ours > 0 and named and not itself, 2, f"its name ends as that of {parent.id}"),
        (itself and bool({*said} & _ITSELF), 2, "it is named as a key to its own table"),
        (does, 1, f"it is named after what somebody of {parent.id} does"),
    )
    return next(((strength, why) for holds, strength, why in signs if holds), None)


def _is_doer(said: tuple[str, ...], without: tuple[str, ...]) -> bool:
    """Tell whether a column is named after somebody who does something, as `locked_by_id` is."""
    return bool({*said[-1:], *without[-1:]} & _DOERS)


def _shared_end(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[int, int]:
    """Give how many words at the end are the same, written together or apart: most of them, or (0, 0)."""
    ends = {"".join(theirs[-count:]): count for count in range(1, len(theirs) + 1)}
    found = [(count, ends[end]) for count in range(1, len(ours) + 1) if (end := "".join(ours[-count:])) in ends]
    return max(found, default=(0, 0))


def nearer(one: Likeness) -> tuple[int, bool, bool, int, int, TableId]:
    """Order those that name the same column: the stronger sign, the nearer table, the primary key."""
    shared = 0
    for ours, theirs in zip(words(one.child.id.name), words(one.parent.id.name), strict=False):
        if ours != theirs:
            break
        shared += 1
    near = min(shared, 1) + (one.child.id.schema == one.parent.id.schema)
    others = len(words(one.parent.id.name))  # a table between two others is named after both
    return -one.strength, one.parent.id == one.child.id, not one.key.primary, -near, others, one.parent.id


def _ends(whole: tuple[str, ...], end: tuple[str, ...]) -> bool:
    return bool(end) and whole[-len(end) :] == end


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word[: -len(ending)] + instead
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 2 else word  # noqa: PLR2004 - "is", "as"
