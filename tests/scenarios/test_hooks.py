"""What the user has done around a run: it happens when it should, and whatever it does, the target is whole."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

import dbmimic
from dbmimic.engines.sqlite.files import Places, RunLock
from dbmimic.model.events import Event, Noticed
from tests.command_line import Ended, Forks, environment, script
from tests.copying import SECRET
from tests.places import ENGINES, Place, place

ACCOUNT = "qzvtester@example.test"
INSERT = f"INSERT INTO customers (id, first_name, email) VALUES (2000000001, 'Tess', '{ACCOUNT}')"
# A copy is stopped at once; hooks and notices have four seconds after that. What is not waited for sleeps for 60.
PROMPTLY = 10.0


@pytest.fixture(scope="module", params=ENGINES)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place(request, request.param, "hooked", tmp_path_factory.mktemp("hooked"))


@pytest.fixture(scope="module")
def here(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place(request, "sqlite", "around", tmp_path_factory.mktemp("around"))


def accounts(stage: Place) -> list[tuple[object, ...]]:
    return stage.shop.run(stage.target, ["SELECT email FROM customers WHERE id = 2000000001"])


# --- SQL in the new copy -----------------------------------------------------------------------------------------


def test_sql_makes_test_accounts_and_verify_holds(dbmimic_command: Forks, stage: Place, tmp_path: Path) -> None:
    (tmp_path / "flags.sql").write_text(
        "UPDATE orders SET total = 7 WHERE id = 1;\nUPDATE orders SET total = 8 WHERE id = 2;\n"
    )
    grant = [{"sql": "GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC"}] if stage.engine == "postgresql" else []
    stage.configure(tmp_path, hooks={"after": [{"sql": f"{INSERT}; SELECT 1"}, {"sql_file": "flags.sql"}, *grant]})
    ended = dbmimic_command.run("copy", "--json", cwd=tmp_path)
    assert ended.status == 0, ended.err
    assert "running the hooks' SQL: " in ended.err
    assert ended.document["seconds"]["amend"] >= 0
    assert [str(email) for (email,) in accounts(stage)] == [ACCOUNT]
    totals = stage.shop.run(stage.target, ["SELECT total FROM orders WHERE total IN (7, 8)"])
    assert sorted(float(str(total)) for (total,) in totals) == [7, 8]
    verified = dbmimic_command.run("verify", "--json", cwd=tmp_path)
    assert verified.status == 0, verified.out
    assert {(each["code"], each["severity"]) for each in verified.document["findings"]} == {
        ("DM602", "warning"),
        ("DM605", "warning"),
    }


def test_sql_that_fails_leaves_the_old_copy(dbmimic_command: Forks, stage: Place, tmp_path: Path) -> None:
    stage.configure(tmp_path, hooks={"after": [{"sql": f"{INSERT}; {INSERT}"}, "touch done"]})
    with stage.untouched():
        ended = dbmimic_command.run("copy", "--json", cwd=tmp_path)
    assert (ended.status, ended.document["error"]["code"]) == (7, "DM611"), ended.out
    assert "dbmimic.yaml:" in ended.document["error"]["place"]
    for text in (ACCOUNT, "2000000001"):
        assert text not in ended.out + ended.err, "what stands in a statement, or in a row, may be a password"
    assert stage.leftovers() == []
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (
            "PRAGMA foreign_keys = OFF; DELETE FROM customers WHERE id = (SELECT min(customer_id) FROM orders)",
            "a parent that is not in the copy",
        ),
        ("CREATE TABLE flags (name varchar(20))", "structure differs"),
    ],
)
def test_sql_may_not_leave_less_than_a_whole_copy(
    dbmimic_command: Forks, here: Place, tmp_path: Path, sql: str, words: str
) -> None:
    here.configure(tmp_path, hooks={"after": [{"sql": sql}]})
    with here.untouched():
        ended = dbmimic_command.run("copy", cwd=tmp_path)
    assert (ended.status, "DM612" in ended.err, words in ended.err) == (7, True, True), ended.err


def struck(line: str, folder: Path, sent: signal.Signals) -> tuple[int, str, float]:
    """
    Send a copy a signal shortly after a line on standard error, and give its status, its words and how long it took.

    What it took to get to the line is taken off: where that is long, the machine is busy.
    """
    command = [script(), "copy", "--yes", "--executor", "inline"]
    started = time.monotonic()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment()) as process:
        assert process.stderr is not None
        while line not in process.stderr.readline():
            pass
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(sent)
        errors = process.stderr.read()
    return process.returncode, errors, time.monotonic() - began - (began - started)


def alive(pid: Path) -> bool:
    """Whether the process of that number runs still; one that nobody has waited for does not."""
    try:
        stat = Path(f"/proc/{int(pid.read_text())}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


# --- commands ----------------------------------------------------------------------------------------------------


def run(forks: Forks, here: Place, folder: Path, *arguments: str, **sections: object) -> Ended:
    here.configure(folder, runs={"folder": "history"}, **sections)
    return forks.run("copy", *arguments, cwd=folder, env={"DBMIMIC_SECRET": SECRET})


def test_commands_run_in_their_order_and_know_the_run(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    def hook(name: str) -> list[str]:
        return ["sh", "-c", f"env | grep ^DBMIMIC_ | sort > {name}; echo from {name}; echo twice >&2"]

    sections = {"hooks": {"before": [hook("first")], "after": [hook("last")], "on_failure": ["touch failed"]}}
    ended = run(dbmimic_command, here, tmp_path, "--json", **sections)
    assert (ended.status, ended.document["status"]) == (0, "verified"), ended.err
    lines = ended.err.splitlines()
    assert lines.index("hook before 1: from first") < lines.index("hook before 1: twice")
    assert lines.index("hook before 1: twice") < next(i for i, line in enumerate(lines) if "reading the" in line)
    assert lines.index("hook after 1: from last") > next(i for i, line in enumerate(lines) if "putting it" in line)
    told = dict(line.split("=", 1) for line in (tmp_path / "last").read_text().splitlines())
    assert set(told) - {"DBMIMIC_REAL_DATA"} == {
        f"DBMIMIC_{word}" for word in ("HOOK", "RUN", "STATUS", "EXIT", "ERROR", "TARGET_NAME")
    }
    assert (told["DBMIMIC_HOOK"], told["DBMIMIC_STATUS"], told["DBMIMIC_EXIT"]) == ("after", "verified", "0")
    assert told["DBMIMIC_RUN"] in dbmimic_command.run("runs", "last", cwd=tmp_path).out
    assert told["DBMIMIC_TARGET_NAME"].endswith("around_stage.db")
    assert not (tmp_path / "failed").exists()


def test_a_failure_before_is_before_everything(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    tell = ["sh", "-c", "echo $DBMIMIC_STATUS $DBMIMIC_EXIT $DBMIMIC_ERROR > told"]
    hooks = {"before": ["sh -c 'echo why; exit 3'", "touch second"], "on_failure": ["false", tell]}
    # a source that is not there would be told, if it were asked
    ended = run(dbmimic_command, here, tmp_path, "-q", source=here.shop.url("gone.db"), hooks=hooks)
    assert ended.status == 4
    assert "DM331" in ended.err
    assert "status 3" in ended.err
    assert "hook before 1: why" in ended.err, "quiet is not silent where something went wrong"
    assert (tmp_path / "told").read_text().split() == ["failed", "4", "DM331"]
    assert not (tmp_path / "second").exists()


def test_hooks_wait_for_another_run_with_the_copy(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    """What they pause or clear would be so while the other run copies, and not for this one."""
    hooks = {"before": ["touch led"]}
    other = RunLock(Places(here.folder / here.target))
    other.take()
    held = run(dbmimic_command, here, tmp_path, hooks=hooks)
    assert held.status == 75
    assert not (tmp_path / "led").exists()
    told: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, Noticed) and event.finding.code == "DM701":
            told.append("waits")
            other.release()

    dbmimic.copy(
        dbmimic.load_config(tmp_path / "dbmimic.yaml"), wait=60, listener=hear, lead=lambda: told.append("leads")
    )
    assert told == ["waits", "leads"]


def test_a_failure_after_leaves_the_new_copy(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    here.shop.run(here.source, ["UPDATE orders SET total = total + 1"])
    ended = run(dbmimic_command, here, tmp_path, "--json", hooks={"after": ["false"], "on_failure": ["touch told"]})
    assert ended.status == 8
    assert ended.document["status"] == "verified"
    assert "DM801" in ended.err
    assert "verified and in place" in ended.err
    assert (tmp_path / "told").exists()
    sums = [here.shop.run(each, ["SELECT sum(total) FROM orders"]) for each in (here.source, here.target)]
    assert sums[0] == sums[1]
    (known,) = dbmimic_command.run("runs", "--json", cwd=tmp_path).document["runs"]
    assert (known["status"], known["exit"], known["code"]) == ("verified", 8, "DM801")


def test_what_takes_too_long_is_ended_with_all_it_started(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    slow = {"run": ["sh", "-c", "trap '' TERM; sleep 60 & echo $! > pid; wait"], "timeout": "1s"}
    began = time.monotonic()
    assert run(dbmimic_command, here, tmp_path, hooks={"before": ["false"]}).status == 4
    slowed = time.monotonic()
    ended = run(dbmimic_command, here, tmp_path, hooks={"before": [slow]})
    assert ended.status == 4
    assert "not done within 1 seconds" in ended.err
    assert time.monotonic() - slowed < PROMPTLY + 5 * (slowed - began)
    assert not alive(tmp_path / "pid")


def test_what_stays_in_the_background_is_not_waited_for(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    began = time.monotonic()
    assert run(dbmimic_command, here, tmp_path, hooks={"before": ["sh -c 'sleep 60 & echo started'"]}).status == 0
    assert time.monotonic() - began < 3 * PROMPTLY


def test_a_signal_ends_a_command_and_failures_are_told(here: Place, tmp_path: Path) -> None:
    hooks = {"after": ["echo up", "sh -c 'echo $$ > pid; exec sleep 60'"], "on_failure": ["touch told", "sleep 60"]}
    here.configure(tmp_path, runs={"folder": "history"}, hooks=hooks)
    status, errors, took = struck("hook after 1: up", tmp_path, signal.SIGTERM)
    assert (status, took < PROMPTLY) == (143, True), errors
    assert (tmp_path / "told").exists()
    assert not alive(tmp_path / "pid")
    (known,) = [json.loads(path.read_text()) for path in (tmp_path / "history").glob("*.json")]
    assert (known["status"], known["exit"]) == ("verified", 143), "the new copy is in place"


def test_no_secret_comes_out_of_a_hook(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    password = "p:w/q z"  # a URL spells it otherwise
    url = "postgresql://reader:p%3Aw%2fq%20z@127.0.0.1:1/nowhere"
    shout = ["sh", "-c", f"env; echo '{password}'; cat dbmimic.yaml; echo {SECRET}; printf '%s' 'x{password}'"]
    ended = run(
        dbmimic_command,
        here,
        tmp_path,
        source=url,
        retry={"attempts": 1},
        hooks={"before": [shout], "on_failure": [shout]},
    )
    assert ended.status == 5
    for text in (password, "p%3Aw%2fq%20z", SECRET):
        assert text not in ended.err
    assert ended.err.count("***") > 4
