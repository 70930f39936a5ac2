"""The drill works, at a few moments of those faults that no other test makes; and it would see what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.command_line import Ended, Forks
from tests.drill.__main__ import Row, table
from tests.drill.drill import moment
from tests.drill.judge import Outcome, served, told
from tests.drill.lane import Lane, Look, lane
from tests.drill.nights import killed, nights
from tests.drill.strikes import ALL

SEED = 6
# Others are made by tests of their own: killed, signalled, with a full disk, beside a second run, and with workers.
STRUCK = {
    "postgresql": ("target-session", "source-cut", "written"),
    "mysql": ("target-restart", "altered", "stalled"),
}
OLD, NEW = Look("1", ("audited",), "a"), Look("2", ("audited",), "b")
KILLED = Ended((), -9, "", "")
VERIFIED = json.dumps({"status": "verified"})


@pytest.fixture(scope="module")
def forks(dbmimic_command: Forks) -> Forks:
    return dbmimic_command


@pytest.fixture(scope="module", params=STRUCK)
def place(request: pytest.FixtureRequest, forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    """A source on the tests' server, and a target on one of its own, which may be struck."""
    shared = request.getfixturevalue({"postgresql": "postgres15", "mysql": "mariadb"}[request.param])
    with lane(request.param, tmp_path_factory.mktemp("drill"), forks, disk=False, source_server=shared) as made:
        yield made


@pytest.mark.slow
def test_struck_at_any_moment_the_target_is_the_old_copy_or_the_new_one(place: Lane, forks: Forks) -> None:
    for name in STRUCK[place.engine]:
        outcome = moment(place, ALL[name], forks, SEED, 0)
        assert outcome.wrong == (), (name, outcome)
        assert outcome.served in {"old", "new"}


@pytest.mark.slow
def test_what_a_night_left_is_found_in_the_morning(place: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    if place.engine == "mysql":
        return
    monkeypatch.setattr("tests.drill.nights.EVENTS", (killed,))
    nightly = nights(place, 2, SEED)
    assert next(nightly).wrong == ()
    (place.folder / "tmp" / "spilled").touch()
    place.target.shop.create(f"{place.target.name}_dbmimic_gone")
    place.target.shop.run("postgres", [f"DROP DATABASE {place.target.name}_dbmimic_old"])
    wrong = "; ".join(next(nightly).wrong)
    assert "spilled" in wrong
    assert "_dbmimic_gone" in wrong
    assert "kept are" in wrong


def test_the_judge_tells_copies_apart() -> None:
    assert served(OLD, OLD, NEW) == "old"
    assert served(OLD, NEW, NEW) == "new"
    assert served(OLD, Look("2", (), "another run that was killed after its swap"), NEW) == "new"
    assert served(OLD, Look("3", (), "a"), NEW) == "neither"
    assert served(OLD, Look("1", (), "b"), NEW) == "neither"
    assert served(OLD, Look("2", (), None), NEW) == "neither"


@pytest.mark.parametrize(
    ("status", "out", "err", "wrong"),
    [
        (0, VERIFIED, "", []),
        (0, json.dumps({"status": "failed"}), "", ["status 0 says failed"]),
        (0, VERIFIED + "{}", "", ["standard output is no JSON document"]),
        (0, VERIFIED, "Traceback (most", ["a traceback was shown"]),
        (0, VERIFIED, "person7@mail.test", ["a row's value was shown"]),
        (5, VERIFIED, "", ["exit status 5", "there is no error"]),
        (143, "", "terminated: the target", []),
        (143, "", "stopped", ["the signal is not told"]),
        (-9, "", "", []),
    ],
)
def test_the_judge_reads_exit_status_and_message(status: int, out: str, err: str, wrong: list[str]) -> None:
    assert list(told(Ended((), status, out, err), frozenset({0, -9, 143}))) == wrong


@pytest.mark.parametrize(
    ("error", "wrong"),
    [
        ({"code": "DM501", "exit": 6, "message": "m", "hint": "h", "place": "p"}, []),
        ({"code": "DM403", "exit": 6, "message": "m", "hint": "h", "place": "p"}, ["DM403 goes with status 6"]),
        (
            {"code": "DM501", "exit": 6, "message": "m", "hint": "", "place": ""},
            ["DM501 has no hint", "DM501 has no place"],
        ),
    ],
)
def test_the_judge_reads_errors(error: dict[str, object], wrong: list[str]) -> None:
    assert list(told(Ended((), 6, json.dumps({"error": error}), ""), frozenset({6}))) == wrong


def test_the_table_counts() -> None:
    assert "untried: no root" in table([Row("mysql", "disk-full", untried="no root")])
    failed = Ended((), 5, json.dumps({"error": {"code": "DM403"}}), "")
    outcomes = [Outcome(n, 0.5, each, (), "old", False, (), True) for n, each in enumerate((failed, failed, KILLED))]
    assert table([Row("mysql", "killed", outcomes)]).splitlines()[1].split()[-2:] == ["-9:1", "5(DM403):2"]
