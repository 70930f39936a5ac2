"""What a run is seen by: log lines, metrics, notices, and what changed from run to run."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dbmimic import hosting, load, refresh, wiring, workers
from dbmimic.cli import app
from dbmimic.cli.render.runs import show_run
from dbmimic.errors import SwapInDoubt, TargetLost, UsageError
from dbmimic.model.events import Noticed
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.report import RunReport
from dbmimic.model.run import Drift
from dbmimic.ports.listener import Listener, silent
from dbmimic.reporting.notice import verdict
from tests import small_shop
from tests.command_line import Ended, Forks
from tests.copying import SECRET, configured
from tests.places import Place, place

ABSENT = "gone.db"


@pytest.fixture(scope="module")
def here(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place(request, "sqlite", "seen", tmp_path_factory.mktemp("seen"))


@dataclass
class Listening:
    """A server that takes what it is sent, or answers otherwise."""

    url: str
    answer: int = 200
    taken: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def listening(answer: int = 200) -> Iterator[Listening]:
    class Handler(BaseHTTPRequestHandler):
        def take(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.taken.append((self.command, self.path, dict(self.headers), body))
            self.send_response(heard.answer)
            self.end_headers()

        do_POST = take  # noqa: N815 -- the library's name

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard = Listening(f"127.0.0.1:{server.server_port}", answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(
    forks: Forks, here: Place, folder: Path, *arguments: str, env: dict[str, str] | None = None, **more: Any
) -> Ended:
    here.configure(folder, runs={"folder": "history"}, **more)
    return forks.run("copy", *arguments, cwd=folder, env=env or {})


# --- logs --------------------------------------------------------------------------------------------------------


def lines(ended: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.err.splitlines()]


def test_every_line_is_json_where_that_is_wanted(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    hooks = {"before": ["echo 'one \"line\"'"]}
    ended = run(dbmimic_command, here, tmp_path, "--json", logs={"format": "json"}, hooks=hooks)
    assert ended.document["status"] == "verified"
    told = lines(ended)
    assert {"timestamp", "level", "event", "run"} <= set.intersection(*(set(line) for line in told))
    assert len({line["run"] for line in told}) == 1
    assert [line["event"] for line in told][:3] == ["run started", "hook said", "hook ended"]
    assert told[1]["line"] == 'one "line"'
    stages = [line["stage"] for line in told if line["event"] == "stage ended"]
    assert stages == ["introspect", "walk", "copy", "finish", "verify", "swap"]
    (copied,) = [line for line in told if line["event"] == "stage ended" and line["stage"] == "copy"]
    assert (copied["rows"], copied["bytes"] > 0, copied["seconds"] >= 0) == (260, True, True)
    end = told[-1]
    assert (end["event"], end["status"], end["exit"], end["rows"]) == ("run ended", "verified", 0, 260)


def test_failures_are_json_too_and_flags_win(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    env = {"DBMIMIC_LOG_FORMAT": "json"}
    gone = here.shop.url(ABSENT)
    failed = lines(run(dbmimic_command, here, tmp_path, env=env, logs={"format": "text"}, source=gone))
    assert [(line["event"], line.get("code", "")) for line in failed] == [
        ("run started", ""),
        ("run ended", "DM401"),
        ("error", "DM401"),
    ]
    assert failed[-1]["hint"]
    here.configure(tmp_path)
    checked = lines(dbmimic_command.run("verify", cwd=tmp_path, env=env))
    assert (checked[0]["event"], checked[-1]["event"], checked[-1]["exit"]) == ("run started", "run ended", 0)
    assert all(line["run"] == checked[0]["run"] for line in checked)
    (tmp_path / "dbmimic.yaml").write_text("slise: {}\n")
    (wrong,) = lines(dbmimic_command.run("verify", cwd=tmp_path, env=env))
    assert (wrong["event"], wrong["code"], wrong["exit"]) == ("error", "DM203", 3)
    assert dbmimic_command.run("plan", "--log-format", "text", cwd=tmp_path, env=env).err.startswith("DM203: ")
    assert dbmimic_command.run("plan", "--log-format", "xml", cwd=tmp_path).status == 2


# --- metrics -----------------------------------------------------------------------------------------------------


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Give the values by name and labels beside the target."""
    return {
        (sample.name, *(value for label, value in sorted(sample.labels.items()) if label != "target")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_tell_the_last_run_and_keep_the_last_success(
    dbmimic_command: Forks, here: Place, tmp_path: Path
) -> None:
    with listening() as gateway:
        metrics = {"textfile": "metrics/dbmimic.prom", "push": f"http://me:pa%20ss@{gateway.url}/base"}
        (tmp_path / "metrics").mkdir()
        assert run(dbmimic_command, here, tmp_path, "-q", metrics=metrics).status == 0
        first = samples((tmp_path / "metrics/dbmimic.prom").read_text())
        gone = here.shop.url(ABSENT)
        assert run(dbmimic_command, here, tmp_path, "-q", metrics=metrics, source=gone).status == 5
        assert run(dbmimic_command, here, tmp_path, "-q", metrics=metrics, source="${NOT_SET}").status == 3
    assert first["dbmimic_run_exit_status",] == 0
    assert first["dbmimic_run_rows",] == 260
    assert first["dbmimic_run_bytes",] > 0
    assert first["dbmimic_run_duration_seconds", "total"] >= first["dbmimic_run_duration_seconds", "copy"]
    assert {name for name, *_ in first if name == "dbmimic_run_findings"}
    assert first["dbmimic_run_findings", "error"] == 0
    last = samples((tmp_path / "metrics/dbmimic.prom").read_text())
    success = "dbmimic_last_success_timestamp_seconds"
    assert (last["dbmimic_run_exit_status",], last["dbmimic_run_rows",]) == (3, 0)
    assert last[success,] == first[success,] < last["dbmimic_last_run_timestamp_seconds",]
    assert [path.name for path in (tmp_path / "metrics").iterdir()] == ["dbmimic.prom"]

    methods, paths, headers, bodies = zip(*gateway.taken, strict=True)
    assert methods == ("POST",) * 3, "what is not sent stays at the gateway"
    assert all(path.startswith("/base/metrics/job/dbmimic/target") for path in paths)
    assert all(each["Authorization"] == "Basic bWU6cGEgc3M=" for each in headers)
    assert (success,) in samples(bodies[0].decode())
    assert (success,) not in samples(bodies[1].decode())
    assert 'target="sqlite:///' in bodies[0].decode()


def test_who_cannot_be_told_changes_nothing_but_is_named(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    with listening(500) as refusing:
        ended = run(
            dbmimic_command,
            here,
            tmp_path,
            "--json",
            "-q",
            metrics={"textfile": "nowhere/x.prom", "push": f"http://u:pwd@{refusing.url}"},
            notify={
                "on": "always",
                "webhook": "http://u:pwd@127.0.0.1:1/secret-path",
                "run": "sh -c 'echo why; false'",
            },
        )
    assert (ended.status, ended.document["status"]) == (0, "verified")
    assert re.search("the metrics are not written to .*nowhere/x.prom: No such file.*doctor", ended.err)
    assert "hook notify: why" in ended.err, "what it said is told where it fails, with -q, too"
    assert "the metrics are not pushed" in ended.err
    assert "it answered 500" in ended.err
    assert "nobody was notified by the command" in ended.err
    assert "nobody was notified by the webhook" in ended.err
    assert "Connection refused" in ended.err
    assert "pwd" not in ended.err
    assert "secret-path" not in ended.err


# --- notices -----------------------------------------------------------------------------------------------------


def test_notices_go_out_when_they_are_wanted(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    gone, good = here.shop.url(ABSENT), here.shop.url(here.source)
    with listening() as hook:

        def ends(on: str, *sources: str) -> list[dict[str, Any]]:
            before = len(hook.taken)
            for source in sources:
                notify = {"on": on, "webhook": f"http://{hook.url}/x", "run": "sh -c 'cat > words; echo $DBMIMIC_RUN'"}
                run(dbmimic_command, here, tmp_path, "-q", source=source, notify=notify)
            return [json.loads(body) for *_, body in hook.taken[before:]]

        changes = ends("change", good, gone, good)
        assert [each["run"]["status"] for each in changes] == ["failed", "verified"]
        (failure,) = ends("failure", good, gone)
        (always,) = ends("always", good)
    assert failure["schema"] == "dbmimic/notice/1"
    assert (failure["run"]["code"], failure["run"]["exit"], "report" in failure) == ("DM401", 5, False)
    assert failure["text"].startswith("dbmimic: no new copy for sqlite:///")
    assert "it still serves" in failure["text"]
    assert always["report"]["status"] == "verified"
    assert "260 rows in 2 tables" in always["text"]
    assert (tmp_path / "words").read_text().strip() == always["text"]


def test_a_run_is_remembered_before_its_workers_are_called(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    """A cluster takes its time to start; a signal meanwhile leaves an entry."""
    ended = run(dbmimic_command, here, tmp_path, "--executor", "nowhere")
    told = dbmimic_command.run("runs", "--json", cwd=tmp_path).document["runs"]
    assert (ended.status, [(each["status"], each["exit"]) for each in told]) == (2, [("failed", 2)])


def test_workers_that_do_not_go_do_not_undo_what_a_run_came_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = small_shop.on_sqlite(tmp_path)
    sections = {"rules": small_shop.RULES, "runs": {"folder": str(tmp_path / "runs")}}
    settings = configured(tmp_path, shop.build("workers.db"), shop.url("stage.db"), **sections)

    @contextmanager
    def stuck(*_: object) -> Iterator[None]:
        yield
        raise KeyboardInterrupt(signal.SIGTERM)

    monkeypatch.setattr(workers, "executor_of", stuck)
    assert app.run(["copy", "--yes", "-q", "-c", str(tmp_path / "dbmimic.yaml")]) == 128 + signal.SIGINT
    assert hosting.history(settings).run("last").status == "verified"


# --- what changed ------------------------------------------------------------------------------------------------


def test_runs_tell_what_changed(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    assert run(dbmimic_command, here, tmp_path, "-q").status == 0
    url = here.shop.url(here.source)
    here.shop.run(
        here.source,
        [
            "ALTER TABLE orders ADD COLUMN gift integer",
            "CREATE TABLE coupons (id integer PRIMARY KEY)",
            "ALTER TABLE audit DROP COLUMN what",
            "ALTER TABLE audit ADD COLUMN what text",
            "INSERT INTO audit SELECT id, 'x' FROM orders",
        ],
    )
    try:
        refused = run(dbmimic_command, here, tmp_path, "-q", source=url)
        rules = {"default": "keep"}
        doubted = run(dbmimic_command, here, tmp_path, "-q", source=url, rules=rules)
        planned = dbmimic_command.run("plan", "--json", cwd=tmp_path).document["findings"]
        shown = dbmimic_command.run("plan", "-q", cwd=tmp_path)
        seen = dbmimic_command.run("doctor", "--json", "-q", cwd=tmp_path)
        accepted = dbmimic_command.run("doctor", "--json", "-q", "--accept-drift", cwd=tmp_path)
        assert run(dbmimic_command, here, tmp_path, "-q", "--accept-drift", source=url, rules=rules).status == 0
    finally:
        here.shop.run(
            here.source,
            [
                "ALTER TABLE orders DROP COLUMN gift",
                "DROP TABLE coupons",
                "DELETE FROM audit",
                "ALTER TABLE audit DROP COLUMN what",
                "ALTER TABLE audit ADD COLUMN what varchar(20)",
            ],
        )
    assert (refused.status, doubted.status) == (4, 4)
    assert {"DM301", "DM317"} <= set(refused.err.replace(":", "").split()), "all that stands in the way, at once"
    assert "kept was varchar(20) at the last copy and is TEXT now" in doubted.err, "what was refused is no copy"
    assert "audit.what" in doubted.err
    assert "dbmimic copy --accept-drift" in doubted.err
    assert {("DM317", "error", "audit.what")} <= {(each["code"], each["severity"], each["place"]) for each in planned}
    assert shown.status == 4
    assert shown.out.startswith("a copy would end with status 4: 1 error\n")
    assert "--accept-drift" in shown.out
    assert (seen.status, seen.document["exit"]) == (4, 4), "the doctor's status is that of a copy"
    assert ("DM317", "audit.what", "error") in {
        (each["code"], each["place"], each["outcome"]) for each in seen.document["checks"]
    }
    assert accepted.status == 0, accepted.out
    newest, _, middle, oldest = dbmimic_command.run("runs", "--json", cwd=tmp_path).document["runs"]
    assert not any(oldest["drift"].values())
    assert middle["drift"]["new_tables"] == ["coupons"], "a run that was refused knew the new columns"
    assert middle["drift"]["new_columns"] == ["orders.gift"]
    assert middle["drift"]["changed_columns"] == [{"column": "audit.what", "before": "varchar(20)", "now": "TEXT"}]
    assert newest["findings"]["DM317"] == 1
    assert newest["drift"]["rows"] == [{"table": "audit", "before": 0, "now": 200}]
    assert newest["row_counts"]["orders"] == 200
    shown = dbmimic_command.run("runs", "last", cwd=tmp_path).out
    assert "rows of audit: 0 before, 200 now" in shown
    assert SECRET not in shown
    listed = dbmimic_command.run("runs", cwd=tmp_path, env={"COLUMNS": "40"}).out
    assert "+1 table, +1 column, 1 column changed" in listed
    assert listed.count(f"{here.target} ") == 4, "a pipe gets addresses in one piece, however narrow the terminal is"


def test_what_no_report_tells_is_counted_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a run began anew, for instance: whoever looks at numbers alone has to see it."""
    shop = small_shop.on_sqlite(tmp_path)
    runs, textfile = tmp_path / "runs", tmp_path / "m.prom"
    settings = configured(
        tmp_path,
        shop.build("anew.db"),
        shop.url("stage.db"),
        rules=small_shop.RULES,
        runs={"folder": str(runs)},
        metrics={"textfile": str(textfile)},
    )

    def copy(listener: Listener, number: str, _: object) -> RunReport:
        listener(Noticed(Finding("DM401", Severity.WARNING, "source", "lost; the run begins anew")))
        return wiring.copy(settings, listener=listener, run=number)

    report = refresh.refresh(settings, copy, silent, pytest.fail)
    assert "DM401" not in {each.code for each in report.findings}
    [run] = hosting.history(settings).runs()
    assert run.findings["DM401"] == 1
    warned = 1 + sum(each.severity is Severity.WARNING for each in report.findings)
    assert f'severity="warning",target="{run.target}"}} {warned}.0' in textfile.read_text()

    def lost(_: Listener, number: str, __: object) -> RunReport:
        doubt = SwapInDoubt("DM501", "in place or not")
        doubt.cause, doubt.run, doubt.report = TargetLost("DM501", "gone"), number, report
        raise doubt

    with pytest.raises(SwapInDoubt):
        refresh.refresh(settings, lost, silent, pytest.fail)
    [run, _] = hosting.history(settings).runs()
    assert (run.status, run.good, run.in_doubt) == ("failed", False, True)
    told = verdict(run)
    assert ("in doubt" in told, "still serves" in told) == (True, False)
    assert f'dbmimic_run_in_doubt{{target="{run.target}"}} 1.0' in textfile.read_text()
    show_run(run, Drift())
    assert "failed, in doubt, exit status 6" in capsys.readouterr().out
    with pytest.raises(UsageError, match="no report of it is kept"):  # it would say `verified`
        hosting.history(settings).reported("last")

    def struck(*_: object) -> None:
        raise KeyboardInterrupt(signal.SIGTERM)

    monkeypatch.setattr(load, "swap", struck)
    with pytest.raises(KeyboardInterrupt):
        refresh.refresh(settings, copy, silent, pytest.fail)
    run = hosting.history(settings).run("last")
    assert (run.status, run.exit, run.in_doubt) == ("stopped", 128 + signal.SIGTERM, True)
