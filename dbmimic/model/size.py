"""Sizes as people write them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([a-z]*)", re.IGNORECASE | re.ASCII)


def byte_count(text: str) -> int:
    """
    Give how many bytes a text as `500 MB`, `2GB` or `1.5GiB` says.

    Raises:
        ValueError: it says nothing of the kind, or no byte at all.
    """
    found = _SIZE.fullmatch(text.strip())
    unit = _UNITS.get(found[2].lower()) if found else None
    count = int(float(found[1]) * unit) if found and unit else 0
    if not count:
        raise ValueError("a size is a number of bytes, or one with kB, MB, GB, TB, KiB, MiB or GiB")
    return count
