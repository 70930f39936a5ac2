"""
The frozen names and addresses of locales, for masks with the option `locale`.

The file is data of one version, like the pools. Its entries are in the locale's own script, each different from the
others of its pool without regard to case.
"""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Mapping
from functools import cache
from importlib import resources

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks.pools import Pool
from dbmimic.model.types import LogicalType

LOCALES_VERSION = "1"
FILE = f"locales.v{LOCALES_VERSION}.txt.xz"
DIGEST = "490ed4b781ba275109a40b6f34960844ce4498e48d5e7edd2170ae882ebbdfdd"


@cache
def load() -> Mapping[tuple[str, str], Pool]:
    """
    Give the pools by locale and name (`first_names`, `last_names`, `cities`, `streets`); read once.

    Raises:
        ValueError: the file is not the one that this version was made with.
    """
    packed = resources.files("dbmimic.masks").joinpath("tables", FILE).read_bytes()
    if hashlib.sha256(packed).hexdigest() != DIGEST:
        raise ValueError(f"the table {FILE} is damaged: its digest is not the expected one")
    found: dict[tuple[str, str], Pool] = {}
    for section in lzma.decompress(packed).decode().removeprefix("# ").split("\n# "):
        title, *entries = section.splitlines()
        locale, name = title.split()
        found[locale, name] = Pool(pa.array(entries, pa.string()))
    return found


def names() -> tuple[str, ...]:
    """Give all locales, in order."""
    return tuple(dict.fromkeys(locale for locale, _ in load()))


@cache
def pool(locale: str, name: str, column: LogicalType) -> Pool | None:
    """Give what a column can hold of a locale's pool; None where there is no such pool, or nothing of it fits."""
    found = load().get((locale, name))
    if found is None:
        return None
    entries = found.entries
    if column.length is not None:
        entries = entries.filter(pc.less_equal(pc.utf8_length(entries), column.length))
    if column.charset:
        entries = entries.filter(pa.array([column.takes(entry) for entry in entries.to_pylist()], pa.bool_()))
    return Pool(entries) if len(entries) else None
