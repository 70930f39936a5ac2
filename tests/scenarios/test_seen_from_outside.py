"""What a run is seen by: log lines, and what changed from run to run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Ended, Forks
from tests.copying import SECRET
from tests.places import Place, place

ABSENT = "gone.db"


@pytest.fixture(scope="module")
def here(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place(request, "sqlite", "seen", tmp_path_factory.mktemp("seen"))


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


# --- what changed ------------------------------------------------------------------------------------------------


def test_runs_tell_what_changed(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    assert run(dbmimic_command, here, tmp_path, "-q").status == 0
    url = here.shop.url(here.source)
    here.shop.run(
        here.source,
        [
            "ALTER TABLE orders ADD COLUMN gift integer",
            "CREATE TABLE coupons (id integer PRIMARY KEY)",
            "INSERT INTO audit SELECT id, 'x' FROM orders",
        ],
    )
    try:
        refused = run(dbmimic_command, here, tmp_path, "-q", source=url)
        rules = {"default": "keep"}
        assert run(dbmimic_command, here, tmp_path, "-q", source=url, rules=rules).status == 0
    finally:
        here.shop.run(
            here.source,
            ["ALTER TABLE orders DROP COLUMN gift", "DROP TABLE coupons", "DELETE FROM audit"],
        )
    assert refused.status == 4
    newest, middle, oldest = dbmimic_command.run("runs", "--json", cwd=tmp_path).document["runs"]
    assert not any(oldest["drift"].values())
    assert middle["drift"]["new_tables"] == ["coupons"], "a run that was refused knew the new columns"
    assert middle["drift"]["new_columns"] == ["orders.gift"]
    assert newest["drift"]["rows"] == [{"table": "audit", "before": 0, "now": 200}]
    assert newest["row_counts"]["orders"] == 200
    shown = dbmimic_command.run("runs", "last", cwd=tmp_path).out
    assert "rows of audit: 0 before, 200 now" in shown
    assert SECRET not in shown
    assert "+1 tables, +1 columns" in dbmimic_command.run("runs", cwd=tmp_path, env={"COLUMNS": "250"}).out
