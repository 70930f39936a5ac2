"""CREATE statements taken apart and made free of what belongs to one server: database names, definers, counters."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache

from dbmimic.engines.mysql import quoting

_REST = r"""/\*.*?\*/|--[ \t][^\n]*|\#[^\n]*|`(?:[^`]|``)*`|[\w$]+|\s+|."""
_NAME = re.compile(r"[`\w$]|\"")
_BEFORE_TABLES = frozenset({"FROM", "JOIN", "INTO", "UPDATE", "TABLE", "CALL"})
_TABLE_FOLLOWS = _BEFORE_TABLES - {"CALL"} | {"ON"}  # a trigger stands ON its table
_FROM_INSIDE = frozenset({"EXTRACT", "TRIM", "SUBSTR", "SUBSTRING", "MID"})  # EXTRACT(YEAR FROM o.made)
_NEAR = 8  # signs between such a function's name and its FROM
_ANSI = "ANSI_QUOTES"  # what stands in double quotes is a name
_PLAIN_STRINGS = "NO_BACKSLASH_ESCAPES"
_ACCOUNT = r"(?:`(?:[^`]|``)*`|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[\w$%.]+)"
_DEFINER = re.compile(
    rf"\A(CREATE\s+(?:OR\s+REPLACE\s+)?(?:ALGORITHM\s*=\s*\w+\s+)?)DEFINER\s*=\s*{_ACCOUNT}(?:@{_ACCOUNT})?\s+"
)
_COUNTS_ITSELF = re.compile(r"\A ENGINE=ARCHIVE\b")  # from its last row on, and with rows it refuses to be told
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


@cache
def _signs(mode: str) -> re.Pattern[str]:
    """Give what cuts a statement that was written under a sql_mode."""
    inside = "(?:[^{0}]|{0}{0})*" if _PLAIN_STRINGS in mode else r"(?:[^{0}\\]|\\.|{0}{0})*"
    double = '"(?:[^"]|"")*"' if _ANSI in mode else f'"{inside.format(chr(34))}"'
    return re.compile(f"'{inside.format(chr(39))}'|{double}|{_REST}", re.DOTALL)


def tokens(statement: str, mode: str = "") -> list[str]:
    """Give the statement cut into strings, comments, names, words, blanks and single signs; joined they are it."""
    return _signs(mode).findall(statement)


def unqualified(
    statement: str, database: str, mode: str = "", *, relations: Collection[str] = (), folded: bool = False
) -> str:
    """
    Give the statement without the database's name in front of names; strings and comments stay as they are.

    `mode` is the sql_mode under which it was written. `relations` are what a qualified name may lead to where a table
    has the database's name: before any other name that is the table's, and stays. `folded` says that the server takes
    names for equal that differ by case only.
    """
    spelt = str.lower if folded else str
    known = set(map(spelt, relations))
    found = tokens(statement, mode)
    own = {database, quoting.name(database)} | ({_double_quoted(database)} if _ANSI in mode else set())
    own = set(map(spelt, own))
    kept: list[str] = []
    at = 0
    while at < len(found):
        follows, then = ([*found[at + 1 : at + 3], "", ""])[:2]
        ours = spelt(found[at]) in own and follows == "." and (not kept or kept[-1] not in {".", "@"})
        if ours and (spelt(database) not in known or spelt(_bare(then)) in known):
            at += 2
            continue
        kept.append(found[at])
        at += 1
    return "".join(kept)


def otherwise_spelt(statement: str, mode: str, relations: Collection[str]) -> set[str]:
    """Give the names of tables in other case than they have, which a statement has where a table has to stand."""
    found = [token for token in tokens(statement, mode) if not token.isspace()]
    known = {name.lower() for name in relations}
    named = {_bare(word) for before, word in itertools.pairwise(found) if before.upper() in _TABLE_FOLLOWS}
    return {name for name in named if name.lower() in known and name not in relations}


def databases(statement: str, mode: str, relations: Collection[str]) -> set[str]:
    """
    Give the databases that a statement, made free of its own one's name, still names.

    A name with two parts is taken for a table with its database where a table has to stand; one with three always.
    """
    found = [token for token in tokens(statement, mode) if not token.isspace()]
    named = set()
    for at, word in enumerate(found[:-2]):
        if found[at + 1] != "." or not _NAME.match(word) or (at and found[at - 1] in {".", "@", ":"}):
            continue
        has_three_parts = found[at + 3 : at + 4] == ["."]
        before = found[at - 1].upper() if at else ""
        inside = at > 1 and any(
            found[back].upper() in _FROM_INSIDE and found[back + 1] == "(" for back in range(max(0, at - _NEAR), at - 1)
        )
        if has_three_parts or (before in _BEFORE_TABLES and not inside):
            named.add(_bare(word))
    return named - set(relations)


def _double_quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _bare(name: str) -> str:
    """Give a name without its quotes."""
    sign = name[:1]
    return name[1:-1].replace(sign * 2, sign) if sign in {"`", '"'} else name


def without_definer(statement: str) -> str:
    """Give the statement without its DEFINER: who runs it becomes the definer."""
    return _DEFINER.sub(r"\1", statement, count=1)


def disabled(statement: str) -> str:
    """Give a CREATE EVENT that does not run."""
    return _EVENT_STATUS.sub(r"\1 DISABLE", statement, count=1)


def taken_apart(create: str, *, elsewhere: bool = False) -> TableParts:
    """
    Take a CREATE TABLE apart. Foreign keys to other databases are left out.

    Of a table whose rows are `elsewhere` becomes a plain one: its options lead to these rows, with a password perhaps.
    """
    head, definitions, tail = _split(create)
    own = [each for each in definitions if not _FOREIGN_KEY.match(each)]
    foreign = [each for each in definitions if _FOREIGN_KEY.match(each) and not _ELSEWHERE.search(each)]
    options, counter = _without_counter(tail)
    if elsewhere:
        options, counter = _plain(options), None
    if _COUNTS_ITSELF.search(options):
        counter = None
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


def _plain(options: str) -> str:
    found = [token for token in tokens(options) if not token.isspace()]
    named = {found[at - 1]: found[at + 1] for at in range(1, len(found) - 1) if found[at] == "="}
    charset, collation = named.get("CHARSET"), named.get("COLLATE")
    spelled = f" DEFAULT CHARSET={charset}" if charset else ""
    return f" ENGINE=InnoDB{spelled}" + (f" COLLATE={collation}" if collation else "")


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
