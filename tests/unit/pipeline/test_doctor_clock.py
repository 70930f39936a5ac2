"""A server's clock is held against this machine's: no server of ours can be made to tell another time."""

from datetime import UTC, datetime
from types import SimpleNamespace

from dbmimic.pipeline.doctor import Sheet, clock

NOW = datetime(2024, 2, 29, 22, 0, tzinfo=UTC)


def test_a_clock_that_is_a_minute_off_is_told() -> None:
    sheet, world = Sheet(), SimpleNamespace(clock=SimpleNamespace(now=lambda: NOW))
    for off in (59.0, -61.0):
        clock(SimpleNamespace(now=lambda off=off: NOW.timestamp() + off), "source", world, sheet)  # type: ignore[arg-type]
    assert [(check.outcome, check.code) for check in sheet.checks] == [("ok", ""), ("warning", "DM236")]
    assert sheet.checks[1].message == "the source's clock is 61 s behind this machine's"
