"""Whatever number a server gives, what becomes of it has a code of its side, a place and a next step."""

from __future__ import annotations

import pymysql
import pytest

from dbmimic.engines.mysql import errors

NUMBERS = sorted(
    {0, 1064, errors.UNKNOWN_DATABASE, errors.TABLE_CHANGED}
    | errors.NOT_REACHABLE | errors.CONNECTION_LOST | errors.SERVER_BUSY | errors.DISK_FULL | errors.LOCKED
    | errors.DENIED | errors.DATA_REFUSED.keys()
)  # fmt: skip


@pytest.mark.parametrize("role", ["source", "target"])
def test_every_error_has_a_place_and_a_next_step(role: str) -> None:
    for number in NUMBERS:
        error = errors.translated(pymysql.OperationalError(number, "canary"), errors.Side(role, "somewhere"))
        assert error.place == "somewhere", number
        assert error.hint, number
        assert str(number) in error.message, number
        assert "canary" not in str(error), number
        assert error.code[:3] in {"DM4" if role == "source" else "DM5", "DM7"}, number
