"""
What rules leave to be recognised: told from the catalogue and the decisions alone, before a row is read.

Frequencies give a masked column with few values away (M. Naveed, S. Kamara, C. V. Wright, "Inference Attacks on
Property-Preserving Encrypted Databases", CCS 2015); attributes that are harmless one by one tell people apart together
(L. Sweeney, "k-anonymity: a model for protecting privacy", IJUFKS 10, 2002).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dbmimic.model.findings import Finding, Severity
from dbmimic.model.graph import FkGraph
from dbmimic.model.masking import Kept, Masked, MaskPlan
from dbmimic.model.names import TableId
from dbmimic.model.schema import Column, Schema, Table
from dbmimic.model.types import Kind
from dbmimic.rules.context import in_index, longest, words

_IDENTIFYING = frozenset(
    {
        *("first_name", "last_name", "full_name", "username", "email", "phone", "fictitious_phone", "street_address"),
        *("national_id", "ssn", "payment_card", "iban", "template"),
    }
)
_UNTELLING = frozenset(("null", "constant", "redact", "bucket", "date_truncate", "prefix", "json", "free_text"))
"""Masks that give no value for each value: what they leave is told by what they are."""

_EQUAL = frozenset(("null",))  # what no unique index minds

_BANDS = "give the column bands with a top and a bottom instead (`bucket`), if there are such"
_NEARBY = "DM218", "{mask} stays near, so the largest and the smallest go on telling whose they are", _BANDS
_OF_OTHERS = (
    "DM231",
    "{mask} gives values that stand in other rows, so what a value tells by itself stays told",
    "use it for attributes that many share, not for what names somebody",
)
_TELLING: Mapping[str, tuple[str, str, str]] = {
    "noise": _NEARBY,
    "balanced_noise": _NEARBY,
    "ordered_noise": _NEARBY,
    "round": _NEARBY,
    "python": (
        "DM221",
        "a function of your own masks it, and what that leaves of a value is for you to know",
        "let somebody read the function who did not write it",
    ),
    "resample": _OF_OTHERS,
    "shuffle": _OF_OTHERS,
}
"""What is to be said of a mask: code, reason, next step."""

_FEW_BITS = 8
_FEW_CHARACTERS = 3
_LONG_TEXT = 200
_SHORT_TEXT = 256  # up to here a text is a document only where its name says so
_FEW = re.compile(
    r"(.*_)?(sex|gender|salutation|honorific|state|status|country|country_code|nationality|religion|ethnicity|race|"
    r"marital_status|blood_(type|group)|diagnosis|party|language)"
)
_QUASI = re.compile(
    r".*(birth|born|dob)(_?(date|day|year))?|"
    r"(.*_)?(date_of_birth|age|sex|gender|nationality|religion|ethnicity|race|marital_status|"
    r"zip|zip_?code|post_?code|postal_?code|plz|city|town|place|municipality|"
    r"job|job_?title|occupation|profession|salary|income|wage)|height|weight"
)
_REGION = re.compile(r"(.*_)?(state|province|region|district|county|country|country_code)")
"""Names of columns that tell little by themselves, and more beside others."""
_PERSONS = re.compile(
    r"(.*_)?(e?_?mail(_?address)?|tele?phone|phone|phone_?number|mobile|fax|(first|last|full|given|family|contact|user|sur)_?name|"
    r"ssn|passport(_?number)?|iban)"
)
"""Names of columns that name somebody, whatever becomes of what they hold."""
_AMOUNTS = re.compile(r"(.*_)?(salary|income|wages?|bonus|net_worth)")
_NOTES = re.compile(
    r"(.*_)?(notes?|comments?|remarks?|description|message|body|text|content|bio|biography|memo|reason|summary|details?)"
)
_SHORT = re.compile(
    r"(.*_)?(id|ids|code|type|kind|status|title|slug|path|url|key|hash|token|number|currency|locale|colou?r|format|model|version)"
)
"""Names of columns of text that hold a word or two, whatever length their type allows."""
_COPIES = re.compile(
    r"(.*_)?(audit|log|logs|history|events?|revisions?|versions?|snapshots?|outbox|archive|trash)(_.*)?"
)
"""Names of tables that tell again what stands elsewhere."""
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FEWEST_TOGETHER = 2
_NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT})


def risks(schema: Schema, graph: FkGraph, plan: MaskPlan) -> Iterator[Finding]:
    """Give a warning for each thing that a copy under these rules would still tell; tables in name order."""
    identified = {table.id: names for table in schema.tables if (names := _identifying(table, plan))}
    near = {table: {table} for table in identified}
    for edge in graph.edges:
        for one, other in ((edge.child, edge.parent), (edge.parent, edge.child)):
            if one in near:
                near[one].add(other)
    for table in schema.tables:
        yield from _few_values(table, plan)
        yield from _telling(table, plan)
        yield from _indexes(table, plan)
        if table.id in identified:
            yield from _together(table, plan)
            yield from _amounts(table, plan)
        copies = identified if _COPIES.fullmatch(_plain(table.id.name)) else ()
        owners = sorted({*copies, *(owner for owner, tables in near.items() if table.id in tables)})
        if owners:
            yield from _repeated(table, plan, owners[0] if table.id not in owners else table.id)


def _plain(name: str) -> str:
    """Give a name in small letters, with a low line where a capital began a word."""
    return _HUMP.sub("_", name).casefold()


def _identifying(table: Table, plan: MaskPlan) -> list[str]:
    masked = plan.masked(table.id)
    return [
        name
        for name, each in masked.items()
        if each.mask in _IDENTIFYING or _PERSONS.fullmatch(_plain(name)) is not None
    ]


def _few_values(table: Table, plan: MaskPlan) -> Iterator[Finding]:
    for column, decision in _masked(table, plan):
        if decision.mask in _UNTELLING or decision.entity or decision.follows or not _has_few(table, column):
            continue
        reason = (
            f"few values stand here, and {decision.mask} gives one for each: how often each occurs tells which it was"
        )
        hint = "keep it, generalise it, or draw anew in each row (`scope: row`)"
        yield Finding("DM217", Severity.WARNING, str(table.id.column(column.name)), reason, hint)


def _has_few(table: Table, column: Column) -> bool:
    kind = column.logical
    if any(key.columns == (column.name,) for key in table.keys):
        return False
    narrow = (
        kind.kind in {Kind.BOOLEAN, Kind.ENUM}
        or (kind.kind is Kind.INTEGER and kind.bits is not None and kind.bits <= _FEW_BITS)
        or (kind.kind is Kind.TEXT and kind.length is not None and kind.length <= _FEW_CHARACTERS)
    )
    return narrow or bool(_FEW.fullmatch(_plain(column.name))) or bool(words(table, column)[0])


def _telling(table: Table, plan: MaskPlan) -> Iterator[Finding]:
    """Give what is to be said of a mask whatever it masks."""
    for column, decision in _masked(table, plan):
        if decision.mask in _TELLING:
            code, reason, hint = _TELLING[decision.mask]
            place = str(table.id.column(column.name))
            yield Finding(code, Severity.WARNING, place, reason.format(mask=decision.mask), hint)
        elif decision.mask == "bucket" and decision.options.get("top") is None:
            place, reason = str(table.id.column(column.name)), "without a top the largest tell whose they are"
            yield Finding("DM218", Severity.WARNING, place, reason, "give the highest band a beginning: `top`")


def _amounts(table: Table, plan: MaskPlan) -> Iterator[Finding]:
    for column in _kept(table, plan):
        if _AMOUNTS.fullmatch(_plain(column.name)) and column.logical.kind in _NUMBERS:
            reason = "it is kept beside masked names, and the largest and the smallest tell whose they are"
            yield Finding("DM218", Severity.WARNING, str(table.id.column(column.name)), reason, _BANDS)


def _indexes(table: Table, plan: MaskPlan) -> Iterator[Finding]:
    for column, decision in _masked(table, plan):
        names = in_index(table, column) if decision.mask not in _EQUAL else ()
        if names:
            reason = f"the unique index {names[0]} is over something made of it, and masked values may be equal there"
            hint = "choose a mask that keeps apart what the index looks at, or exclude the table"
            yield Finding("DM233", Severity.WARNING, str(table.id.column(column.name)), reason, hint)


def _together(table: Table, plan: MaskPlan) -> Iterator[Finding]:
    names = [column.name for column in _kept(table, plan)]
    telling = {name for name in names if _QUASI.fullmatch(_plain(name))}
    kept = [name for name in names if name in telling or _REGION.fullmatch(_plain(name))]
    if telling and len(kept) >= _FEWEST_TOGETHER:
        reason = f"{', '.join(kept)} are kept: together they may tell a person apart whose name is masked"
        hint = "generalise some (`date_truncate`, `prefix`, `bucket`), mask them, or count who shares them"
        yield Finding("DM219", Severity.WARNING, str(table.id), reason, hint)


def _repeated(table: Table, plan: MaskPlan, owner: TableId) -> Iterator[Finding]:
    for column in _kept(table, plan):
        kind = column.logical.kind
        limit = longest(table, column) if kind is Kind.TEXT else 0
        long = limit is None or limit >= _LONG_TEXT
        name = _plain(column.name)
        if long and not _NOTES.fullmatch(name):
            short = any(each.fullmatch(name) for each in (_SHORT, _FEW, _QUASI, _REGION))
            long = not short and (limit is None or limit >= _SHORT_TEXT)
        if kind is Kind.JSON or (long and not any(column.name in key.columns for key in table.keys)):
            reason = f"it is kept, and what is masked in {owner} may be repeated inside of it"
            hint = "mask it by `json`, `free_text` or `redact`, if it can hold such"
            yield Finding("DM220", Severity.WARNING, str(table.id.column(column.name)), reason, hint)


def _masked(table: Table, plan: MaskPlan) -> Iterator[tuple[Column, Masked]]:
    masked = plan.masked(table.id)
    return ((column, masked[column.name]) for column in table.columns if column.name in masked)


def _kept(table: Table, plan: MaskPlan) -> Iterator[Column]:
    decided = plan.of(table.id)
    return (column for column in table.columns if isinstance(decided.get(column.name), Kept))
