"""Which characters a column can hold: the engines' names of character sets become Python's."""

from __future__ import annotations

import codecs
import re

from dbmimic.model.types import FIRST_PLANE

_EVERY = frozenset({"", "binary", "sql_ascii", "utf8", "utf8mb3", "utf8mb4", "utf16", "utf16le", "utf32", "ucs2"})
_SHORT = frozenset({"utf8", "utf8mb3", "ucs2"})  # of MySQL: characters of Unicode's first plane alone
_NAMES = {"latin1": "cp1252", "ujis": "euc_jp", "eucjpms": "euc_jp", "euckr": "euc_kr", "koi8r": "koi8_r"}
_OF_POSTGRES = {"latin1": "latin_1", "koi8r": "koi8_r", "koi8u": "koi8_u", "uhc": "cp949"}
_WINDOWS = re.compile(r"win(\d+)")


def of_mysql(name: str | None) -> str:
    """Give Python's name of a character set of MySQL; empty where every character fits."""
    told = (name or "").lower()
    if told in _SHORT:
        return FIRST_PLANE
    return _codec(_NAMES.get(told, told))


def of_postgres(name: str) -> str:
    """Give Python's name of a database's encoding; empty where every character fits."""
    told = _WINDOWS.sub(r"cp\1", name.lower())
    return _codec(_OF_POSTGRES.get(told, told))


def _codec(name: str) -> str:
    """Give the name back if Python has it. Of a character set that it does not know, ASCII is certain."""
    if name in _EVERY:
        return ""
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "ascii"
