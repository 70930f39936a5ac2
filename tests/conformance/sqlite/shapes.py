"""The types of the fixtures beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dbmimic.engines.sqlite.rows import Body, Relay, Unread
from dbmimic.engines.sqlite.source import SqliteSource
from dbmimic.engines.sqlite.target import SqliteTarget
from dbmimic.model.batch import RawBatch

Make = Callable[..., Path]
Open = Callable[[Path], SqliteSource]
Aim = Callable[[Path], SqliteTarget]
Load = Callable[..., int]
Copy = Callable[..., Path]


def tail_rows(batch: RawBatch) -> list[Any]:
    """Give the rows of a batch's tail, read now where they were not."""
    match batch.tail.body:
        case Relay() as relay:
            return [row for page in relay.pages() for row in page]
        case Unread() as unread:
            return [row for page in unread.tail() for row in page]
        case Body() as body:
            return list(body.tail)
    raise AssertionError(batch.tail)
