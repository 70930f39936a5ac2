"""CREATE statements taken apart and made free of what belongs to one server: database names, definers, counters."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | /\*.*?\*/ | --[ \t][^\n]* | \#[^\n]*
      | `(?:[^`]|``)*` | [\w$]+ | \s+ | .""",
    re.DOTALL | re.VERBOSE,
)
_ACCOUNT = r"(?:`(?:[^`]|``)*`|'(?:[^']|'')*'|[\w$%.]+)"
_DEFINER = re.compile(
    rf"\A(CREATE\s+(?:OR\s+REPLACE\s+)?(?:ALGORITHM\s*=\s*\w+\s+)?)DEFINER\s*=\s*{_ACCOUNT}(?:@{_ACCOUNT})?\s+"
)
_EVENT_STATUS = re.compile(r"\b(ON COMPLETION (?:NOT )?PRESERVE) (?:ENABLE|DISABLE(?: ON (?:SLAVE|REPLICA))?)\b")
_FOREIGN_KEY = re.compile(r"\ACONSTRAINT `((?:[^`]|``)*)` (?=FOREIGN KEY )")
_LONGEST_NAME = 64
_ELSEWHERE = re.compile(r"REFERENCES `(?:[^`]|``)*`\.`")


@dataclass(frozen=True, slots=True)
class TableParts:
    """A CREATE TABLE without its foreign keys and its counter, and those apart."""

    create: str
    foreign_keys: tuple[str, ...]
    auto_increment: int | None
    sequence_columns: tuple[str, ...]


def tokens(statement: str) -> list[str]:
    """Give the statement cut into strings, comments, names, words, blanks and single signs; joined they are it."""
    return _TOKEN.findall(statement)


def unqualified(statement: str, database: str) -> str:
    """Give the statement without the database's name in front of names; strings and comments stay as they are."""
    found = tokens(statement)
    own = {database, "`" + database.replace("`", "``") + "`"}
    kept: list[str] = []
    at = 0
    while at < len(found):
        follows = found[at + 1] if at + 1 < len(found) else ""
        if found[at] in own and follows == "." and (not kept or kept[-1] not in {".", "@"}):
            at += 2
            continue
        kept.append(found[at])
        at += 1
    return "".join(kept)


def without_definer(statement: str) -> str:
    """Give the statement without its DEFINER: who runs it becomes the definer."""
    return _DEFINER.sub(r"\1", statement, count=1)


def disabled(statement: str) -> str:
    """Give a CREATE EVENT that does not run."""
    return _EVENT_STATUS.sub(r"\1 DISABLE", statement, count=1)


def taken_apart(create: str) -> TableParts:
    """Take a CREATE TABLE apart. Foreign keys to other databases are left out."""
    head, definitions, tail = _split(create)
    own = [each for each in definitions if not _FOREIGN_KEY.match(each)]
    foreign = [each for each in definitions if _FOREIGN_KEY.match(each) and not _ELSEWHERE.search(each)]
    options, counter = _without_counter(tail)
    body = ",\n  ".join(own)
    sequenced = tuple(each for each in own if _draws(each))
    return TableParts(f"{head}(\n  {body}\n){options}", tuple(sorted(map(_nameable, foreign))), counter, sequenced)


def _nameable(foreign_key: str) -> str:
    """Leave out a name that the server made itself, longer than it lets others make one."""
    name = _FOREIGN_KEY.match(foreign_key)
    too_long = name is not None and len(name.group(1).replace("``", "`")) > _LONGEST_NAME
    return _FOREIGN_KEY.sub("", foreign_key) if too_long else foreign_key


def _draws(definition: str) -> bool:
    """Tell whether a column's default is a sequence's next value."""
    found = [token for token in tokens(definition) if not token.isspace()]
    return any(word == "nextval" and follows == "(" for word, follows in itertools.pairwise(found))


def _split(create: str) -> tuple[str, list[str], str]:
    """Give what stands before the first parenthesis, the definitions inside it, and what stands behind it."""
    found = iter(tokens(create))
    head = "".join(_until_open(found))
    definitions, current, depth = [], [""], 1
    for sign in found:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0 or (depth == 1 and sign == ","):
            definitions.append("".join(current).strip())
            current = []
        else:
            current.append(sign)
        if depth == 0:
            break
    return head, definitions, "".join(found)


def _until_open(found: Iterator[str]) -> Iterator[str]:
    for sign in found:
        if sign == "(":
            return
        yield sign


def _without_counter(options: str) -> tuple[str, int | None]:
    found = tokens(options)
    for at, word in enumerate(found):
        if word == "AUTO_INCREMENT" and found[at + 1] == "=":
            return "".join(found[:at]).rstrip(" ") + "".join(found[at + 3 :]), int(found[at + 2])
    return options, None
