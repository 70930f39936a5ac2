"""What a batch's tail holds here: rows of COPY in four shapes, none of them parsed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from dbmimic.engines.postgres.pump import Outflow


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole rows as COPY's text, where no column is in the head."""

    block: bytes


@dataclass(frozen=True, slots=True)
class Tails:
    """What stands in each row after the head columns, newline included; None where nothing does."""

    ends: pa.Array | None
    many: bool = False  # whether more batches are to come than a statement or two


@dataclass(frozen=True, slots=True)
class LongRow:
    """One row that is larger than a batch: what follows its head columns comes piece by piece, and only once."""

    pieces: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Relay:
    """Rows that nobody looks at: they go on as a `psql` reads them."""

    outflow: Outflow
    binary: bool


Body = Lines | Tails | LongRow | Relay
