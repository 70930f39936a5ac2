"""Keys of integers in one integer: what is packed is unpacked, and what does not fit is not packed."""

from __future__ import annotations

import numpy as np
import pytest

from dbmimic.engines.postgres.packing import Packing, received
from dbmimic.model.names import TableId
from dbmimic.model.schema import Column, Table
from dbmimic.model.types import Kind, LogicalType

BITS = {"small": 15, "plain": 31, "big": 63, "wide": 63}
TABLE = Table(
    TableId("public", "t"),
    (
        *(Column(name, name, LogicalType(Kind.INTEGER, bits=bits)) for name, bits in BITS.items()),
        Column("oid", "oid", LogicalType(Kind.INTEGER, bits=32, signed=False)),
    ),
)


@pytest.mark.parametrize(
    ("columns", "widths"),
    [
        (("big",), (64,)),
        (("plain", "plain"), (32, 32)),
        (("big", "small"), (48, 16)),
        (("small", "big"), (16, 48)),
        (("big", "wide"), (32, 32)),
        (("plain", "plain", "small"), None),
        (("big", "plain", "small"), None),
        (("oid",), None),
    ],
)
def test_packed_keys_come_back(columns: tuple[str, ...], widths: tuple[int, ...] | None) -> None:
    packing = Packing.of(TABLE, columns)
    if packing is None:
        assert widths is None
        return
    assert packing.widths == widths
    rng = np.random.default_rng(7)
    limits = [1 << width - 1 for width in packing.widths]
    values = [np.array([-limit, limit - 1, -1, 0, *rng.integers(-limit, limit, 50)]) for limit in limits]
    sent = values[0].astype(np.int64)
    for other, width in zip(values[1:], packing.widths[1:], strict=True):
        sent = (sent << width) | (other & ((1 << width) - 1))  # as the server does it
    for before, after in zip(values, packing.unpacked(received(sent.astype(">i8").tobytes())), strict=True):
        assert before.tolist() == after.tolist()
