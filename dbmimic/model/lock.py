"""What masks hang on, pinned: so that next year's copy masks as this year's, or says that it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SCHEMA = "dbmimic/lock/1"


@dataclass(frozen=True, slots=True)
class Lock:
    """
    The key by its id (it tells nothing of the key), the keyed function, the pools by digest, and the masks by version.

    `retired` are the ids of keys that were in use before; `libraries` the releases that a mask follows.
    """

    key: str
    function: str
    masks: Mapping[str, int]
    pools: Mapping[str, str]
    libraries: Mapping[str, str] = field(default_factory=dict)
    retired: tuple[str, ...] = ()
    schema: str = SCHEMA
