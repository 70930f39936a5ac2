"""
Many nights in fast motion: the source grows and drifts, runs fail, rules are written, and the next morning all is right.

Each night the source grows and one thing happens, drawn from the seed; then runs are made as an operator would make
them, until one succeeds. After each run the metrics must tell of it. In the morning `dbmimic runs` must tell exactly
those runs and `dbmimic rollback --list` exactly the copies that are to be kept, the copy must be whole, and nothing may
have piled up on the target's server, in the history's folder or among temporary files.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.command_line import Ended
from tests.drill.lane import Lane, Look
from tests.small_shop import RULES

KEEP = 10  # runs that are remembered; fewer than are made
COPIES = {"postgresql": 3, "mysql": 2}  # that are kept of those that were replaced
SERVER_ROOM = 64 << 20  # what a server's log may grow by
_GROWTH = 40  # orders a night
_FIRST = 10_000
Told = tuple[str, int | None, str]  # a run as history should tell it: status, exit status, code


@dataclass
class Life:
    """
    What there is by now: the rules, columns and tables that came, and what the history should tell, newest first.

    `places` has the runs whose copies are in place and kept, the one in place first, and `looks` how each looked.
    """

    lane: Lane
    rng: Random
    rules: dict[str, Any] = field(default_factory=lambda: deepcopy(RULES))
    columns: list[str] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    looks: dict[str, Look] = field(default_factory=dict)
    succeeded_at: str = ""
    server_bytes: int = 0
    night: int = 0

    @property
    def copies(self) -> int:
        """How many replaced copies are to be kept."""
        return COPIES[self.lane.engine]

    @property
    def metrics(self) -> Path:
        """The file that node_exporter would read."""
        return self.lane.folder / "dbmimic.prom"

    @property
    def temporary(self) -> Path:
        """Where runs put their temporary files."""
        folder = self.lane.folder / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def env(self) -> Mapping[str, str]:
        return {"TMPDIR": str(self.temporary)}

    def decide(self, column: str, rule: object) -> None:
        """Write a rule, or take it away."""
        if rule is None:
            del self.rules["columns"][column]
        else:
            self.rules["columns"][column] = rule
        self.configure()

    def configure(self) -> None:
        """Write the configuration."""
        sections: dict[str, object] = {"metrics": {"textfile": str(self.metrics)}}
        if self.copies > 1:
            sections["retention"] = {"copies": self.copies}
        self.lane.configure(self.rules, {"keep": KEEP}, **sections)

    def run(self, expected: Told) -> str:
        """Run, remember how it should be told, and give what is wrong."""
        ended = self.lane.run(self.env)
        self.told.insert(0, expected)
        self.settle()
        return "; ".join(word for word in (_said(ended, expected), *_measured(self)) if word)

    def settle(self) -> None:
        """Take note of whether the newest run put a copy in place, which one that was killed may have done as well."""
        newest = _history(self)[0]
        if newest["exit"] == 0:
            self.succeeded_at = newest["ended_at"]
        look = self.lane.look(self.lane.target, stamped=True)
        if look.stamp == newest["run"] and newest["run"] not in self.places:
            self.places = [newest["run"], *self.places[: self.copies]]
            self.looks[newest["run"]] = look


@dataclass(frozen=True)
class Night:
    """One night: what happened, how its runs were told, what there was in the morning, and what was wrong."""

    number: int
    event: str
    runs: tuple[Told, ...]
    rows: int
    databases: int
    megabytes: float
    server_megabytes: float
    files: int
    wrong: tuple[str, ...]


VERIFIED: Told = ("verified", 0, "")


def quiet(life: Life) -> Iterator[str]:
    """Nothing happens."""
    yield life.run(VERIFIED)


def new_column(life: Life) -> Iterator[str]:
    """A column comes that may hold anything; the run stops until a rule is written."""
    column = f"mobile{life.night}"
    life.lane.source.ask(
        f"ALTER TABLE customers ADD COLUMN {column} varchar(24)", f"UPDATE customers SET {column} = phone"
    )
    yield life.run(("failed", 4, "DM301"))
    life.decide(f"customers.{column}", "phone")
    life.columns.append(column)
    yield life.run(VERIFIED)


def dropped_column(life: Life) -> Iterator[str]:
    """A column goes; its rule names nothing now, which may be a slip of the pen, so the run stops until it is gone."""
    if not life.columns:
        yield from new_column(life)
        return
    column = life.columns.pop(life.rng.randrange(len(life.columns)))
    life.lane.source.ask(f"ALTER TABLE customers DROP COLUMN {column}")
    yield life.run(("failed", 3, "DM206"))
    life.decide(f"customers.{column}", None)
    yield life.run(VERIFIED)


def new_table(life: Life) -> Iterator[str]:
    """A table comes; the run stops until rules are written."""
    table = f"news{life.night}"
    life.lane.source.ask(
        f"CREATE TABLE {table} (id int PRIMARY KEY, mail varchar(80))",
        f"INSERT INTO {table} SELECT id, email FROM customers",
    )
    yield life.run(("failed", 4, "DM301"))
    life.decide(f"{table}.id", {"keep": "a number"})
    life.decide(f"{table}.mail", "email")
    yield life.run(VERIFIED)


def killed(life: Life) -> Iterator[str]:
    """A run is killed somewhere."""
    running = life.lane.start(env=life.env)
    time.sleep(life.rng.random() * 0.9 * life.lane.length)
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGKILL)
    ended = running.wait()
    life.told.insert(0, VERIFIED if ended.status == 0 else ("killed", None, ""))
    life.settle()
    yield life.run(VERIFIED)


def stopped_server(life: Life) -> Iterator[str]:
    """The source's or the target's server is down."""
    end, expected = life.rng.choice(
        [(life.lane.source, ("failed", 5, "DM401")), (life.lane.target, ("failed", 6, "DM501"))]
    )
    end.end(crash=life.rng.random() < 0.5)
    yield life.run(expected)
    end.revive()
    yield life.run(VERIFIED)


def rolled_back(life: Life) -> Iterator[str]:
    """Somebody wants a copy of before back for a while, last night's or another one that is kept, and then the next."""
    yield life.run(VERIFIED)
    place = life.rng.choice([place for place, run in enumerate(life.places) if place and run in life.looks])
    named = [life.places[place][:12]] if place > 1 or life.rng.random() < 0.5 else []
    ended = life.lane.forks.run("rollback", *named, "--yes", cwd=life.lane.folder, env=life.env)
    if ended.status != 0:
        yield f"rollback {named} ended with {ended.status}: {ended.err}"
    life.places.insert(0, life.places.pop(place))  # what was in place is the first that is kept
    if life.lane.look(life.lane.target, stamped=True) != life.looks[life.places[0]]:
        yield f"rollback {named} did not bring the copy that was asked for"
    yield from retention(life)
    yield life.run(VERIFIED)


EVENTS: tuple[Callable[[Life], Iterator[str]], ...] = (
    quiet,
    new_column,
    dropped_column,
    new_table,
    killed,
    stopped_server,
    rolled_back,
)


def nights(lane: Lane, count: int, seed: int) -> Iterator[Night]:
    """Live through so many nights, each event once in every seven, and give what each came to."""
    life = Life(lane, Random(f"{seed}/{lane.engine}/nights"))
    life.configure()
    life.told = _told(life)
    life.settle()
    life.succeeded_at = ""  # the metrics do not know of it
    life.places += [each["run"] for each in _kept(life)]
    events: list[Callable[[Life], Iterator[str]]] = []
    for life.night in range(1, count + 1):
        _grow(life)
        events = events or life.rng.sample(EVENTS, len(EVENTS))
        event = events.pop()
        made = len(life.told)
        wrong = [each for each in event(life) if each]
        wrong += [each for check in CHECKS for each in check(life)]
        yield Night(
            life.night,
            event.__name__,
            tuple(reversed(life.told[: len(life.told) - made])),
            int(lane.target.ask("SELECT count(*) FROM orders")[0][0]),
            len([name for name in lane.target.names() if name.startswith(lane.target.name)]),
            lane.target.bytes() / (1 << 20),
            lane.target.server_bytes() / (1 << 20),
            sum(len(files) for _, _, files in os.walk(lane.folder)),
            tuple(wrong),
        )


def _grow(life: Life) -> None:
    first = _FIRST + life.night * _GROWTH
    rows = ", ".join(f"({n}, {1 + n % 60}, 'call me, Ben {n}', {n}.75)" for n in range(first, first + _GROWTH))
    life.lane.source.ask(f"INSERT INTO orders VALUES {rows}")
    life.lane.change()


def _said(ended: Ended, expected: Told) -> str:
    """Give how a run's end differs from what was to be expected."""
    document = json.loads(ended.out)
    code = document.get("error", {}).get("code", "")
    if (ended.status, code) == expected[1:]:
        return ""
    return f"status {ended.status} {code} in place of {expected[1]} {expected[2]}: {ended.err[-300:]}"


# --- what is looked at after a run, and in the morning ----------------------------------------------------------------


def _history(life: Life) -> list[dict[str, Any]]:
    document = life.lane.forks.run("runs", "--json", cwd=life.lane.folder).document
    runs: list[dict[str, Any]] = document["runs"]
    return runs


def _told(life: Life) -> list[Told]:
    return [(each["status"], each["exit"], each["code"]) for each in _history(life)]


def history(life: Life) -> Iterator[str]:
    """The newest runs are remembered, as they ended, and no others."""
    found, told = _history(life), _told(life)
    if told != life.told[:KEEP]:
        yield f"history tells {told} in place of {life.told[:KEEP]}"
    begun = [each["started_at"] for each in found]
    if begun != sorted(begun, reverse=True):
        yield "history is out of order"
    if any(
        each["ended_at"] is None or each["ended_at"] < each["started_at"] for each in found if each["exit"] is not None
    ):
        yield "a run ended before it began"
    files = list(life.lane.history.iterdir())
    runs = {each.stem for each in files if each.suffix == ".json"}
    if left := sorted(
        each.name for each in files if each.suffix != ".json" and (each.suffix != ".report" or each.stem not in runs)
    ):
        yield f"left in the history's folder: {', '.join(left)}"
    if len(runs) > KEEP:
        yield "the history's folder grows"


def _measured(life: Life) -> Iterator[str]:
    """Metrics tell how the last run ended, how much it loaded, and when one succeeded last."""
    newest, name = _history(life)[0], str(life.metrics)
    families = text_string_to_metric_families(life.metrics.read_text())
    samples = {(each.name, *sorted(each.labels.items())): each.value for family in families for each in family.samples}
    target = ("target", newest["target"])
    wanted = {
        "dbmimic_run_exit_status": newest["exit"],
        "dbmimic_last_run_timestamp_seconds": _seconds(newest["ended_at"]),
        "dbmimic_last_success_timestamp_seconds": _seconds(life.succeeded_at) if life.succeeded_at else None,
    }
    if newest["exit"] == 0:
        wanted |= {"dbmimic_run_rows": newest["rows"], "dbmimic_run_bytes": newest["bytes"]}
    for metric, value in wanted.items():
        if samples.get((metric, target)) != value:
            yield f"{metric} is {samples.get((metric, target))} in place of {value} in {name}"
    total = samples.get(("dbmimic_run_duration_seconds", ("stage", "total"), target))
    if total is None or total != newest["seconds"]["total"]:
        yield f"the metrics tell of {total} seconds in all, and the history of {newest['seconds']['total']}"
    if others := {dict(labels).get("target") for _, *labels in samples} - {newest["target"]}:
        yield f"the metrics tell of other targets: {others}"


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _kept(life: Life) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = life.lane.forks.run("rollback", "--list", "--json", cwd=life.lane.folder).document[
        "kept"
    ]
    return kept


def retention(life: Life) -> Iterator[str]:
    """As many replaced copies are kept as the configuration says, the newest ones, and the last one is in place."""
    kept = [each["run"] for each in _kept(life)]
    if kept != life.places[1:]:
        yield f"kept are {kept} in place of {life.places[1:]}"
    if len(life.told) > KEEP and len(kept) != life.copies:
        yield f"{len(kept)} copies are kept, and {life.copies} were to be"
    if (stamp := life.lane.look(life.lane.target, stamped=True).stamp) != life.places[0]:
        yield f"in place is {stamp} and not {life.places[0]}"


def databases(life: Life) -> Iterator[str]:
    """On the target's server stand the copy, the one before, and what remembers them."""
    if left := life.lane.leftovers(life.copies):
        yield f"left on the target's server: {', '.join(left)}"
    if count := life.lane.sessions():
        yield f"{count} sessions are left"


def temporary_files(life: Life) -> Iterator[str]:
    """Not even a run that was killed leaves a file."""
    if left := sorted(each.name for each in life.temporary.iterdir()):
        yield f"left among temporary files: {', '.join(left)}"


def size(life: Life) -> Iterator[str]:
    """
    The databases take what so many copies take, and the server's disk no more than they, with what it logs.

    A database that was dropped and whose files stayed would be found on the disk alone.
    """
    source, found, server = life.lane.source.bytes(), life.lane.target.bytes(), life.lane.target.server_bytes()
    most = (life.copies + 1) * source * 5 // 4 + (8 << 20)
    if found > most:
        yield f"the target's databases take {found} bytes, and the source {source}"
    beside = server - found
    life.server_bytes = life.server_bytes or beside  # of the first morning
    if beside > life.server_bytes + SERVER_ROOM:
        yield f"the target's server takes {beside} bytes beside its databases, and took {life.server_bytes} at first"


def copy(life: Life) -> Iterator[str]:
    """The copy is of this night: it has the source's rows, and its objects."""
    source, target = life.lane.look(life.lane.source), life.lane.look(life.lane.target)
    if source.objects != target.objects:
        yield "the copy lacks objects"
    question = "SELECT count(*), sum(total), max(id) FROM orders"
    if life.lane.source.ask(question) != life.lane.target.ask(question):
        yield "the copy is not of this night"


CHECKS: tuple[Callable[[Life], Iterator[str]], ...] = (
    history,
    retention,
    databases,
    temporary_files,
    size,
    copy,
)
