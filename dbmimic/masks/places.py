"""
The frozen table of real places that addresses are drawn from.

The file is data of one version, like the pools; each of its lines is one town: name, country, time zone, latitude,
longitude. Names are ASCII.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources

PLACES_VERSION = "1"
FILE = f"places.v{PLACES_VERSION}.txt"
DIGEST = "fc73ce2279496b36f1e0db5ef55a704ea4a38292371873c93182f058cd2cf1cd"
COLUMNS = ("city", "country", "time_zone", "latitude", "longitude")


@cache
def load() -> Mapping[str, tuple[str, ...]]:
    """
    Give the table by column, row for row the same place; read once.

    Raises:
        ValueError: the file is not the one that this version was made with.
    """
    body = resources.files("dbmimic.masks").joinpath("tables", FILE).read_bytes()
    if hashlib.sha256(body).hexdigest() != DIGEST:
        raise ValueError(f"the table {FILE} is damaged: its digest is not the expected one")
    rows = [line.split("|") for line in body.decode("ascii").splitlines()]
    return dict(zip(COLUMNS, map(tuple, zip(*rows, strict=True)), strict=True))
