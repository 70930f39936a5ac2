"""Times and sizes as people write them, and a sandbox as it is remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dbmimic.model.sandbox import Lifetime, Sandbox
from dbmimic.model.size import byte_count

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("45m", timedelta(minutes=45)),
        ("12h", timedelta(hours=12)),
        (" 3d ", timedelta(days=3)),
        ("2w", timedelta(weeks=2)),
        ("never", None),
    ],
)
def test_times(text: str, length: timedelta | None) -> None:
    assert Lifetime.read(text) == Lifetime(length)


@pytest.mark.parametrize("text", ["", "3", "d", "0d", "-1d", "1.5h", "3 d", "3D", "999999999999w", "٣d"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="a time is"):
        Lifetime.read(text)


def test_sizes() -> None:
    written = ("10", " 5kB ", "500MB", "20 gb", "1TB", "1.5GiB", "999999999999999 B")
    assert [byte_count(text) for text in written] == [10, 5_000, 5 * 10**8, 2 * 10**10, 10**12, 3 * 2**29, 10**15 - 1]
    for text in ("", "0GB", "0.4", "GB", "5 XB", "-5GB", "1e3", "٣GB", "9" * 400 + "GB"):
        with pytest.raises(ValueError, match="a size is"):
            byte_count(text)


def test_a_sandbox_is_remembered_whole() -> None:
    for ends in (None, NOW + timedelta(days=3)):
        sandbox = Sandbox("b", "db", "role", "shop", "run", NOW, ends, protected=True, ready=True, mark="m")
        assert Sandbox.read("b", "m", sandbox.text()) == sandbox


def test_its_time_is_over_at_its_end_unless_it_is_protected() -> None:
    sandbox = Sandbox("b", "db", "role", "shop", "run", NOW, NOW, ready=True)
    assert sandbox.over(NOW)
    assert not sandbox.over(NOW - timedelta(seconds=1))
    assert not Sandbox("b", "db", "role", "shop", "run", NOW, NOW, protected=True).over(NOW)
    assert not Sandbox("b", "db", "role", "shop", "run", NOW, None).over(NOW)
