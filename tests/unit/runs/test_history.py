"""The history of runs: whole files, the newest ones, and runs that stopped without a word."""

from __future__ import annotations

import multiprocessing
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from dbmimic import hosting
from dbmimic.config import Overrides, starting
from dbmimic.errors import UsageError
from dbmimic.model.known import Known, Reference, Shape
from dbmimic.model.run import Run, RunStatus
from dbmimic.runs import History, drift
from dbmimic.runs import history as runs_history


def run(number: int) -> Run:
    return Run(f"{number:032x}", "a", "b", "0", "here", f"2026-01-01T00:00:{number:02}+00:00")


def _begins_and_dies(folder: Path) -> None:
    History(folder, 10).begin(run(7))
    os.kill(os.getpid(), 9)


def test_runs_come_newest_first_and_the_oldest_are_forgotten(tmp_path: Path) -> None:
    history = History(tmp_path / "runs", keep=3)
    for number in range(5):
        ended = replace(run(number), status=RunStatus.VERIFIED, exit=0, rows=number)
        history.begin(run(number)).end(ended, f'{{"rows": {number}}}' if number != 3 else None)
    assert history.reported("last") == (replace(run(4), status=RunStatus.VERIFIED, exit=0, rows=4), '{"rows": 4}')
    with pytest.raises(UsageError, match="no report"):
        history.reported(run(3).run)
    assert len(list((tmp_path / "runs").glob("*.report"))) == 2, "gone with their runs"
    assert [each.rows for each in history.runs()] == [4, 3, 2]
    assert stat.S_IMODE((tmp_path / "runs").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "runs").iterdir()} == {0o600}
    assert history.run("last").rows == 4
    assert history.run(run(3).run).rows == 3
    for name in ("f", "0"):  # none, and more than one
        with pytest.raises(UsageError) as caught:
            history.run(name)
        assert caught.value.code == "DM102"


def test_files_of_others_are_neither_counted_nor_removed(tmp_path: Path) -> None:
    """The folder is one that somebody names: it may be the one where his project's own files are."""
    others = {"package.json", "2025-report.json", "0.json", f"{'0' * 32}.json"}
    for name in others:
        (tmp_path / name).write_text("{}")
    history = History(tmp_path, keep=2)
    for number in range(3):
        history.begin(run(number)).end(replace(run(number), status=RunStatus.VERIFIED))
    assert [each.run for each in history.runs()] == [run(2).run, run(1).run]
    assert {path.name for path in tmp_path.iterdir()} > others


def test_runs_of_another_user_are_told_and_neither_counted_nor_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only their owner reads them; where a folder is shared, nobody may say that there are none."""
    history = History(tmp_path, keep=1)
    history.begin(run(1)).end(replace(run(1), status=RunStatus.VERIFIED))
    assert history.hidden() == ""
    access = os.access  # a test that runs as root reads everybody's
    monkeypatch.setattr(os, "access", lambda path, mode: run(1).run not in str(path) and access(path, mode))
    for number in (2, 3):
        history.begin(run(number)).end(replace(run(number), status=RunStatus.VERIFIED))
    assert [each.run for each in history.runs()] == [run(3).run]
    assert history.hidden().startswith(f"1 run in {tmp_path} is another user's")
    monkeypatch.undo()
    assert [each.run for each in history.runs()] == [run(3).run, run(1).run]


def test_a_run_is_running_while_its_process_lives_and_killed_after(tmp_path: Path) -> None:
    history = History(tmp_path, keep=10)
    recording = history.begin(run(1))
    killed = multiprocessing.get_context("fork").Process(target=_begins_and_dies, args=(tmp_path,))
    killed.start()
    killed.join()
    assert [(each.run, each.status) for each in history.runs()] == [
        (run(7).run, RunStatus.KILLED),
        (run(1).run, RunStatus.RUNNING),
    ]
    recording.end(replace(run(1), status=RunStatus.STOPPED))
    assert history.run(run(1).run).status is RunStatus.STOPPED


def test_what_cannot_be_finished_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(tmp_path, keep=10)
    recording = history.begin(run(1))

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    handles = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr("os.fsync", full)
    for attempt in (lambda: history.begin(run(2)), lambda: recording.end(replace(run(1), status=RunStatus.VERIFIED))):
        with pytest.raises(OSError, match="No space"):
            attempt()
    monkeypatch.undo()
    assert len(list(Path("/proc/self/fd").iterdir())) == handles
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]
    assert [(each.run, each.status) for each in history.runs()] == [(run(1).run, RunStatus.RUNNING)]


def test_what_a_killed_run_left_half_written_goes_after_a_while(tmp_path: Path) -> None:
    history = History(tmp_path, keep=10)
    history.begin(run(1))
    (ours,) = tmp_path.glob("*.json")
    left, fresh = (ours.with_name(ours.name.replace(run(1).run, name * 32)).with_suffix(".part") for name in "ab")
    theirs = tmp_path / "report.part"
    for path in (left, fresh, theirs):
        path.write_text("{")
    for path in (left, theirs):
        os.utime(path, (0, 0))
    history.begin(run(2))
    assert {path.name for path in tmp_path.glob("*.part")} == {fresh.name, theirs.name}


def test_drift_is_held_against_the_newest_run_that_knew(tmp_path: Path) -> None:
    def ended(number: int, rows: dict[str, int] | None, columns: dict[str, list[str]], **more: str) -> Run:
        status = RunStatus.FAILED if rows is None else RunStatus.VERIFIED
        shapes = {
            table: {each: Shape("text", "text", None, nullable=True) for each in columns[table]} for table in columns
        }
        references = tuple(Reference("a", ("x",), table, ("x",)) for table in columns if table != "a")
        return replace(run(number), status=status, row_counts=rows, known=Known(shapes, references), **more)

    old = ended(1, {"a": 1000, "b": 1000, "c": 10, "d": 5, "e": 0, "f": 9}, {"a": ["x", "y"], "old": ["x"]})
    other = ended(2, {"a": 1}, {"q": ["x"]}, target="elsewhere")
    failed = ended(3, None, {"a": ["x", "z"], "new": ["x"]})
    now = ended(4, {"a": 1499, "b": 600, "c": 100, "d": 0, "e": 1, "g": 9}, {"a": ["x", "z"], "new": ["x"]})
    found = drift(now, [failed, other, old])
    assert found.rows == (("b", 1000, 600), ("d", 5, 0), ("e", 0, 1))
    assert not found.new_tables, "the run that failed knew of them"
    found = drift(failed, [other, old])
    assert (found.new_tables, found.gone_tables) == (("new",), ("old",))
    assert (found.new_columns, found.gone_columns, found.rows) == (("a.z",), ("a.y",), ())
    assert (found.new_foreign_keys, found.gone_foreign_keys) == (("a(x) -> new(x)",), ("a(x) -> old(x)",))
    assert not drift(old, [])
    assert not drift(run(5), [now])
    recording = History(tmp_path, 10).begin(run(4))
    recording.end(now)
    assert next(History(tmp_path, 10).runs()) == now
    (path,) = tmp_path.glob("*.json")
    path.write_text(path.read_text().replace('"known": {', '"columns": {"a": ["x"]},\n "known": {'))
    assert next(History(tmp_path, 10).runs()) == now, "what another version remembers besides is no hindrance"


def test_runs_that_failed_do_not_push_out_what_the_next_one_is_held_against(tmp_path: Path) -> None:
    history = History(tmp_path, keep=1)

    def ended(number: int, target: str, *, good: bool = True) -> None:
        status = RunStatus.VERIFIED if good else RunStatus.FAILED
        begun = replace(run(number), target=target)
        history.begin(begun).end(replace(begun, status=status, known=Known({}, ())), "{}")

    ended(1, "b")
    ended(2, "other")
    for number in (3, 4):
        ended(number, "b", good=False)
    assert [each.run for each in history.runs()] == [run(number).run for number in (4, 2, 1)]
    ended(5, "b")
    ended(6, "b", good=False)
    assert [each.run for each in history.runs()] == [run(number).run for number in (6, 5, 2)]
    assert len(list(tmp_path.glob("*.report"))) == 3


def test_no_run_is_read_twice_to_find_what_can_be_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that copies into a target for each branch has a last good run for each."""
    history = History(tmp_path, keep=3)
    for number in range(20):
        begun = replace(run(number), target=f"branch {number}")
        history.begin(begun).end(replace(begun, status=RunStatus.VERIFIED, known=Known({}, ())))
    asked: list[Path] = []
    read = runs_history._read
    monkeypatch.setattr(runs_history, "_read", lambda path: (asked.append(path), read(path))[1])
    history.begin(replace(run(20), target="branch 20"))
    assert len(set(asked)) == len(asked) > 3
    monkeypatch.undo()
    assert len(list(history.runs())) == 21


def test_what_is_no_run_is_left_out(tmp_path: Path) -> None:
    history = History(tmp_path, keep=10)
    for name, text in (("a", "{"), ("b", "[]"), ("c", '{"run": 1}'), ("d", '{"status": "x"}')):
        (tmp_path / f"2026-01-02T000000+0000-{name * 32}.json").write_text(text)
    history.begin(run(1))
    assert [each.run for each in history.runs()] == [run(1).run]
    assert list(History(tmp_path / "nothing", 5).runs()) == []


def test_one_relative_path_in_two_folders_is_two_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a copy would be refused for what another project's source was at its last copy."""
    settings = starting(overrides=Overrides("sqlite:///prod.db", "sqlite:///stage.db"), environ={})
    seen = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        seen.append(hosting.began(settings).target)
    assert seen == [f"sqlite:///{tmp_path}/{name}/stage.db" for name in ("one", "two")]
