"""What scripts and people hold on to: streams, documents, signals, questions and the files that are written."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import dbmimic
from dbmimic.masks.keyed import new_secret, parse_secret
from dbmimic.masks.registry import builtin
from tests.command_line import ROOT, Ended, Forks, environment, run_script, script
from tests.copying import SECRET
from tests.faults.signalled import SENT
from tests.places import ENGINES, Place, place
from tests.small_shop import CUSTOMERS

STAGES = ("reading the schema", "choosing rows", "copying", "building keys and indexes", "verifying", "putting it")
PROMPT_SECONDS = 20.0
# A copy is stopped at once; what is left to do is to drop what was built.
PROMPTLY = 5.0


@pytest.fixture(scope="module")
def here(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place(request, "sqlite", "lines", tmp_path_factory.mktemp("lines"))


# --- help --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["", "copy", "key", "rules", "sandbox", "sandbox exec"])  # others: test_surface
def test_help_is_on_standard_output_by_either_flag(dbmimic_command: Forks, tmp_path: Path, command: str) -> None:
    told = [dbmimic_command.run(*command.split(), flag, cwd=tmp_path) for flag in ("--help", "-h")]
    assert [(each.status, each.err, each.out) for each in told] == [(0, "", told[0].out)] * 2
    assert f"Usage: {' '.join(['dbmimic', *command.split()])}" in told[0].out


def test_the_installed_command_and_the_module_are_the_same(tmp_path: Path) -> None:
    installed = run_script("--help", cwd=tmp_path)
    module = [sys.executable, "-m", "dbmimic", "--help"]
    done = subprocess.run(module, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment())
    assert installed.status == 0
    assert done.stdout == installed.out


# --- streams -----------------------------------------------------------------------------------------------------


def test_results_and_talk_go_to_different_streams(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    here.configure(tmp_path)
    for command, stages in (("plan", STAGES[:2]), ("copy", STAGES), ("verify", (*STAGES[:2], STAGES[4]))):
        ended = dbmimic_command.run(command, cwd=tmp_path)
        assert ended.status == 0
        assert "customers" in ended.out
        lines = ended.err.splitlines()
        assert [line.startswith(stage) for line, stage in zip(lines, stages, strict=True)] == [True] * len(stages)
        assert all(re.search(r"\d\.\d s$", line) for line in lines)
        assert not any(stage in ended.out for stage in stages)
        assert "\x1b" not in ended.out + ended.err, "no colours outside of a terminal"


def test_quiet_says_nothing(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    here.configure(tmp_path)
    for command in ("plan", "copy", "verify"):
        ended = dbmimic_command.run(command, "-q", cwd=tmp_path)
        assert (ended.status, ended.err) == (0, "")
        assert "customers" in ended.out


def test_streams_that_take_nothing(tmp_path: Path) -> None:
    def status(arguments: str, out: int, err: int) -> tuple[int, str]:
        done = subprocess.run(
            [script(), *arguments.split()],
            stdout=out,
            stderr=err,
            cwd=tmp_path,
            env=environment(),
            text=True,
            check=False,
        )
        return done.returncode, done.stderr or ""

    full = os.open("/dev/full", os.O_WRONLY)
    unread, cut = os.pipe()
    os.close(unread)
    lost, told = status("schema", full, subprocess.PIPE)
    assert (lost, told.splitlines()[:2]) == (
        2,
        ["DM103: the result could not be written: No space left on device", "  at:  standard output"],
    )
    assert "Traceback" not in told
    assert status("schema", cut, subprocess.PIPE) == (128 + signal.SIGPIPE, "")
    (tmp_path / "dbmimic.yaml").write_text("sorce: x\n")
    assert status("plan --json", full, full) == (3, ""), "what went wrong is what the status tells"
    os.close(full)
    os.close(cut)


def test_a_stream_that_is_closed_changes_nothing_of_the_others(here: Place, tmp_path: Path) -> None:
    """Words for people would be in the result otherwise, and what a program writes in the first file that is opened."""
    here.configure(tmp_path)

    def run(command: str) -> subprocess.CompletedProcess[bytes]:
        words = ["sh", "-c", f'"$0" {command}', script()]
        return subprocess.run(words, capture_output=True, cwd=tmp_path, env=environment(), check=False)

    copied, unheard = run("copy --json <&- 2>&-"), run("key new >&-")
    assert copied.returncode == 0
    assert json.loads(copied.stdout)["status"] == "verified"
    assert (unheard.returncode, unheard.stderr) == (0, b"")


def test_a_password_that_everybody_can_see_is_told_of(dbmimic_command: Forks, tmp_path: Path) -> None:
    (tmp_path / "dbmimic.yaml").write_text(f"rules: {{default: keep}}\nsecret: {SECRET}\n")
    here, seen = "127.0.0.1:1/x", ("init -c new.yaml", "graph", "plan")
    for url, told_by in (
        (f"postgresql://me:pw/canary@{here}", seen),
        (f"postgresql://me@{here}?connect_timeout=1&password=pw-canary", seen[2:]),
        (f"postgresql://me@{here}", ()),
        (f"postgresql://me:${{PW}}@{here}", ()),  # filled in by us
    ):
        for command in told_by or seen[2:]:
            ended = dbmimic_command.run(*command.split(), "--source", url, "--json", cwd=tmp_path, env={"PW": "canary"})
            assert (ended.status, ended.document["error"]["code"]) == (5, "DM401")
            assert ("the password in --source" in ended.err) is bool(told_by)
            assert "canary" not in ended.out + ended.err


def test_a_crash_would_leave_no_core(tmp_path: Path) -> None:
    """It would hold rows as they are in production, and so would those of the programs that are started."""
    (tmp_path / "dbmimic.yaml").write_text(
        """source: 'cmd:sh -c "ulimit -S -c > limit; echo sqlite:///nowhere.db"'\nrules: {default: keep}\n"""
    )
    raised = ["sh", "-c", 'ulimit -S -c $(ulimit -H -c); exec "$@"', "sh", script(), "plan"]
    done = subprocess.run(raised, capture_output=True, check=False, cwd=tmp_path, env=environment())
    assert done.returncode == 5
    assert (tmp_path / "limit").read_text() == "0\n"


def test_json_is_one_document(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    here.configure(tmp_path)
    documents = {
        command: dbmimic_command.run(*command.split(), "--json", cwd=tmp_path)
        for command in ("plan", "plan -v", "copy --yes", "copy --yes -q -v", "verify", "rollback --yes")
    }
    for command, ended in documents.items():
        assert ended.status == 0, (command, ended.err)
        assert ended.document
    assert documents["plan"].document["rows"] > CUSTOMERS
    assert documents["copy --yes"].document["schema"] == "dbmimic/report/1"
    assert documents["verify"].document["status"] == "verified"
    assert set(documents["rollback --yes"].document) == {"rolled_back"}


def test_json_is_one_document_after_a_failure_too(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    here.configure(tmp_path, source=here.shop.url("gone.db"))
    for command in ("plan", "copy --yes", "verify", "init -c new.yaml --source sqlite:///gone.db"):
        ended = dbmimic_command.run(*command.split(), "--json", cwd=tmp_path)
        assert (ended.status, ended.document["error"]["code"]) == (5, "DM401"), command
    here.configure(tmp_path)
    assert dbmimic_command.run("copy", "--yes", "-q", cwd=tmp_path).status == 0
    here.shop.run(here.target, ["DELETE FROM orders WHERE id = 7", "DELETE FROM customers WHERE id > 0"])
    ended = dbmimic_command.run("verify", "--json", cwd=tmp_path)
    assert ended.status == 7
    assert ended.document["status"] != "verified"
    assert {finding["code"] for finding in ended.document["findings"] if finding["severity"] == "error"} == {"DM601"}
    assert dbmimic_command.run("copy", "--yes", "-q", cwd=tmp_path).status == 0


# --- commands that write no database -----------------------------------------------------------------------------


def test_a_schema_for_editors(dbmimic_command: Forks, tmp_path: Path) -> None:
    ended = dbmimic_command.run("schema", cwd=tmp_path)
    assert (ended.status, ended.err) == (0, "")
    assert set(ended.document["properties"]) == {
        *("source", "target", "secret", "slice", "rules", "sandbox", "runs"),
        *("hooks", "logs", "metrics", "network", "notify", "on_encoding_error", "retention", "retry", "throttle"),
    }


def test_masks_are_listed_and_told(dbmimic_command: Forks, tmp_path: Path) -> None:
    ended = dbmimic_command.run("masks", cwd=tmp_path)
    assert (ended.status, ended.err) == (0, "")
    assert all(name in ended.out for name in builtin().names())
    ended = dbmimic_command.run("masks", "payment_card", cwd=tmp_path)
    assert "unique: different values stay different" in ended.out
    assert "option bin: " in ended.out
    assert re.search(r"4111 1111 1111 1111  ->  4111 11\d\d \d{4} \d{4}", ended.out)
    document = dbmimic_command.run("masks", "--json", cwd=tmp_path).document
    assert [mask["name"] for mask in document["masks"]] == list(builtin().names())
    assert all(mask["examples"] for mask in document["masks"] if mask["name"] != "python")
    ended = dbmimic_command.run("masks", "emial", "--json", cwd=tmp_path)
    assert (ended.status, ended.document["error"]["hint"]) == (2, "did you mean email?")


def test_rules_are_checked_without_a_copy(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    columns = {"customers.first_name": "first_name", "orders.total": "noise"}
    here.configure(tmp_path, rules={"default": "keep", "columns": columns})
    ended = dbmimic_command.run("rules", "check", cwd=tmp_path)
    assert ended.status == 0
    assert "DM218" in ended.out
    assert "try: " in ended.out
    document = json.loads(dbmimic_command.run("rules", "check", "--json", cwd=tmp_path).out)
    assert document["schema"] == "dbmimic/rules/1"
    assert document["columns_masked"] == 2
    codes = {finding["code"] for finding in document["findings"]}
    assert codes <= {
        finding["code"] for finding in json.loads(dbmimic_command.run("plan", "--json", cwd=tmp_path).out)["findings"]
    }
    here.configure(tmp_path, rules={"columns": columns})
    assert dbmimic_command.run("rules", "check", cwd=tmp_path).status == 4


def test_a_lock_holds_what_masks_hang_on(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    def run(*arguments: str, secret: str = SECRET) -> Ended:
        return dbmimic_command.run(*arguments, cwd=tmp_path, env={"DBMIMIC_SECRET": secret})

    here.configure(tmp_path)
    other = new_secret()
    told = run("key", "id").out.strip()
    assert re.fullmatch(r"[0-9a-f]{16}", told)
    assert told not in SECRET
    assert run("rules", "lock").out.strip().endswith("dbmimic.lock")
    path = tmp_path / "dbmimic.lock"
    first = json.loads(path.read_text())
    assert (first["key"], first["retired"], first["masks"]["email"]) == (told, [], 1)
    assert SECRET not in path.read_text()
    assert run("copy", "--yes", "--json").document["versions"]["key"] == told

    assert run("rules", "check").status == 0
    for arguments in (("copy", "--yes"), ("verify",), ("rules", "check"), ("plan",), ("rules", "lock")):
        refused = run(*arguments, secret=other)
        assert refused.status == 4
        assert "DM311" in refused.err
        assert told in refused.err
    assert run("rules", "lock", "--renew", secret=other).status == 0
    assert json.loads(path.read_text())["retired"] == [told]
    assert run("copy", "--yes", secret=other).status == 0
    assert "retired" in run("copy", "--yes").err

    renewed = json.loads(path.read_text())
    path.write_text(json.dumps({**renewed, "masks": {**renewed["masks"], "email": 9, "iban": 9}}))
    refused = run("copy", "--yes", secret=other)
    assert refused.status == 4
    assert "mask email has version 1, and 9 is pinned" in refused.err
    assert "iban" not in refused.err  # no rule uses it
    text = (tmp_path / "dbmimic.yaml").read_text()
    (tmp_path / "dbmimic.yaml").write_text(text.replace(f"secret: {SECRET}\n", ""))
    refused = dbmimic_command.run("rules", "check", cwd=tmp_path)  # where CI has no secret, all else is looked at
    assert refused.status == 4
    assert "mask email has version 1" in refused.err
    (tmp_path / "dbmimic.yaml").write_text(text)
    path.write_text(json.dumps({**renewed, "pools": {**renewed["pools"], "places.v1.txt": "0"}}))
    assert "the pool places.v1.txt is not the one that is pinned" in run("rules", "check", secret=other).err
    before = {pool.replace("names.v2", "names.v1"): digest for pool, digest in renewed["pools"].items()}
    path.write_text(json.dumps({**renewed, "pools": before}))
    refused = run("copy", "--yes", secret=other)
    assert refused.status == 4
    assert "the pool last_names.v1.txt is pinned, and this version has last_names.v2.txt" in refused.err
    path.write_text("{}")
    assert run("copy", "--yes", secret=other).status == 3


def test_a_new_secret_is_fit_and_another_each_time(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    secrets = [dbmimic_command.run("key", "new", cwd=tmp_path).out.strip() for _ in range(3)]
    assert len(set(secrets)) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", secret) and parse_secret(secret) for secret in secrets)
    text = here.configure(tmp_path)
    (tmp_path / "dbmimic.yaml").write_text(text.replace(SECRET, "${DBMIMIC_SECRET}"))
    for secret in (secrets[0], SECRET):
        assert dbmimic_command.run("copy", "-q", cwd=tmp_path, env={"DBMIMIC_SECRET": secret}).status == 0


def test_a_first_configuration_is_written_once_and_loads(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    env = {
        "DBMIMIC_SOURCE": here.shop.url(here.source),
        "DBMIMIC_TARGET": here.shop.url(here.target),
        "DBMIMIC_SECRET": SECRET,
    }
    assert dbmimic_command.run("init", cwd=tmp_path, env=env).status == 0
    path = tmp_path / "dbmimic.yaml"
    written = path.read_text()
    again = dbmimic_command.run("init", "--json", cwd=tmp_path, env=env)
    assert (again.status, again.document["error"]["code"]) == (2, "DM101")
    assert "--force" in again.document["error"]["hint"]
    path.write_text("mine: own\n")
    assert dbmimic_command.run("init", cwd=tmp_path, env=env).status == 2
    assert path.read_text() == "mine: own\n"
    forced = dbmimic_command.run("init", "--force", "--json", cwd=tmp_path, env=env)
    assert forced.status == 0
    assert path.read_text() == written
    assert dbmimic.load_config(path).rules.layers
    planned = dbmimic_command.run("plan", "--json", cwd=tmp_path, env=env).document
    undecided = [f"{each['table']}.{each['column']}" for each in planned["columns"] if each["outcome"] == "undecided"]
    assert forced.document["undecided"] == undecided
    assert all(f"# {name}: " in written for name in undecided)


def test_a_first_configuration_where_nothing_can_be_written(
    dbmimic_command: Forks, here: Place, tmp_path: Path
) -> None:
    url = here.shop.url(here.source)
    ended = dbmimic_command.run("init", "--json", "-c", "nowhere/x.yaml", "--source", url, cwd=tmp_path)
    assert ended.status == 2, ended.err
    assert ended.document["error"]["place"] == "nowhere/x.yaml"
    assert ended.document["error"]["hint"]


# --- signals -----------------------------------------------------------------------------------------------------

STRUCK = {
    "postgresql": ("engines/postgres/walk.py", "engines/postgres/writer.py"),
    "mysql": ("engines/mysql/walk.py", "engines/mysql/load.py"),
    "sqlite": ("engines/sqlite/walk.py", "engines/sqlite/rows.py"),
}


@pytest.fixture(scope="module", params=ENGINES)
def struck(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place(request, request.param, "struck", tmp_path_factory.mktemp("struck"))


@pytest.mark.parametrize(("sent", "moment"), [(signal.SIGINT, 0), (signal.SIGTERM, 1)], ids=["walking", "loading"])
def test_a_signal_stops_a_copy_and_leaves_nothing(
    dbmimic_command: Forks, struck: Place, tmp_path: Path, sent: signal.Signals, moment: int
) -> None:
    struck.configure(tmp_path)
    before = struck.names(), struck.shop.state(struck.source), struck.shop.state(struck.target)
    words = STRUCK[struck.shop.engine][moment], str(int(sent)), "copy", "--yes"
    began = time.monotonic()
    ended = dbmimic_command.run(*words, cwd=tmp_path, module="tests.faults.signalled")
    gone = time.monotonic()
    struck_at = float((tmp_path / SENT).read_text())
    assert (struck.names(), struck.shop.state(struck.source), struck.shop.state(struck.target)) == before
    assert ended.status == 128 + sent, ended.err
    assert gone - struck_at < PROMPTLY + (struck_at - began)  # where it takes long to get there, the machine is busy
    assert ended.err.splitlines()[-1].startswith({signal.SIGINT: "interrupted:", signal.SIGTERM: "terminated:"}[sent])
    assert "Traceback" not in ended.err
    assert "DM9" not in ended.err
    assert ended.out == ""
    assert struck.leftovers() == []


# --- questions ---------------------------------------------------------------------------------------------------


def answered(folder: Path, answer: bytes, *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal of its own, answer its question, and give its exit status and all that it showed."""
    around = environment(TERM="xterm", COLUMNS="200")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(script(), [script(), *arguments], around)
    shown = b""
    asked = False
    deadline = time.monotonic() + PROMPT_SECONDS
    try:
        while time.monotonic() < deadline and select.select([terminal], [], [], PROMPT_SECONDS)[0]:
            try:
                read = os.read(terminal, 4096)
            except OSError:
                break  # the other end of the terminal is closed
            if not read:
                break
            shown += read
            if not asked and b"[y/N]" in shown:
                asked = True
                time.sleep(0.2)  # nobody answers before the question is read
                os.write(terminal, answer)
    finally:
        os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert asked, shown
    return os.waitstatus_to_exitcode(status), shown.decode()


@pytest.mark.parametrize("command", ["copy", "rollback"])
@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [(b"n\n", 4, "DM308"), (b"\n", 4, "DM308"), (b"\x04", 4, "DM308"), (b"\x03", 130, "interrupted")],
)
def test_without_a_yes_nothing_is_done(
    here: Place, tmp_path: Path, command: str, answer: bytes, status: int, told: str
) -> None:
    here.configure(tmp_path)
    with here.untouched():
        ended, shown = answered(tmp_path, answer, command)
    assert ended == status, shown
    assert here.target in shown
    assert told in shown
    assert "Traceback" not in shown


def test_with_a_yes_it_is_done(here: Place, tmp_path: Path) -> None:
    here.configure(tmp_path)
    before = here.all()
    ended, shown = answered(tmp_path, b"y\n", "copy")
    assert ended == 0, shown
    assert "verified" in shown
    assert here.all()[1:] == before[1:]


def test_a_pipe_is_not_asked(here: Place, tmp_path: Path) -> None:
    here.configure(tmp_path)
    ended = run_script("copy", "-q", "--json", cwd=tmp_path)
    assert (ended.status, ended.err) == (0, "")
    assert json.loads(ended.out)["status"] == "verified"
    assert ROOT.joinpath("dbmimic").is_dir()


# --- history -----------------------------------------------------------------------------------------------------


def test_runs_are_remembered_however_they_end(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    here.configure(tmp_path, runs={"folder": "history", "keep": 2})
    assert dbmimic_command.run("copy", cwd=tmp_path).status == 0
    rules = {"extends": ["structure"]}
    here.configure(tmp_path, runs={"folder": "history", "keep": 2}, rules=rules)
    assert dbmimic_command.run("copy", cwd=tmp_path).status == 4
    failed, verified = dbmimic_command.run("runs", "--json", cwd=tmp_path).document["runs"]
    assert (verified["status"], verified["exit"], verified["rows"] > 0, verified["seconds"]["total"] > 0) == (
        "verified",
        0,
        True,
        True,
    )
    assert (failed["status"], failed["exit"], failed["code"], failed["rows"]) == ("failed", 4, "DM301", None)
    assert verified["target"].endswith("lines_stage.db")
    assert "verified" in dbmimic_command.run("runs", cwd=tmp_path).out
    assert "DM301" in dbmimic_command.run("runs", "last", cwd=tmp_path).out
    assert dbmimic_command.run("runs", verified["run"], "--json", cwd=tmp_path).document == verified
    assert dbmimic_command.run("runs", "zz", cwd=tmp_path).status == 2


def test_a_run_that_cannot_be_remembered_is_a_run(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    here.configure(tmp_path, runs={"folder": "file/history"})
    ended = dbmimic_command.run("copy", "-q", "--json", cwd=tmp_path)
    assert (ended.status, ended.document["status"]) == (0, "verified")
    assert re.search("the run is not remembered in .*file/history: Not a directory.*doctor", ended.err)
