"""
Many nights in fast motion: the source grows and drifts, runs fail, rules are written, and the next morning all is right.

Each night the source grows and one thing happens, drawn from the seed; then runs are made as an operator would make
them, until one succeeds. In the morning `dbmimic runs` must tell exactly those runs, the copy must be whole, and
nothing may have piled up on the target's server, in the history's folder or among temporary files.
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
from pathlib import Path
from random import Random
from typing import Any

from tests.command_line import Ended
from tests.drill.lane import Lane
from tests.small_shop import RULES

KEEP = 10  # runs that are remembered; fewer than are made
_GROWTH = 40  # orders a night
_FIRST = 10_000
Told = tuple[str, int | None, str]  # a run as history should tell it: status, exit status, code


@dataclass
class Life:
    """What there is by now: the rules, columns and tables that came, and what the history should tell, newest first."""

    lane: Lane
    rng: Random
    rules: dict[str, Any] = field(default_factory=lambda: deepcopy(RULES))
    columns: list[str] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    night: int = 0

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
        self.lane.configure(self.rules, keep=KEEP)

    def run(self, expected: Told) -> str:
        """Run, remember how it should be told, and give what is wrong."""
        ended = self.lane.run(self.env)
        self.told.insert(0, expected)
        return _said(ended, expected)


@dataclass(frozen=True)
class Night:
    """One night: what happened, how its runs were told, what there was in the morning, and what was wrong."""

    number: int
    event: str
    runs: tuple[Told, ...]
    rows: int
    databases: int
    megabytes: float
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
    """Somebody wants last night's copy back for a while, and then the next one."""
    before = life.lane.look(life.lane.target)
    yield life.run(VERIFIED)
    ended = life.lane.forks.run("rollback", "--yes", cwd=life.lane.folder, env=life.env)
    if ended.status != 0:
        yield f"rollback ended with {ended.status}: {ended.err}"
    if life.lane.look(life.lane.target) != before:
        yield "rollback did not bring the copy of the night before"
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
    lane.configure(life.rules, keep=KEEP)
    life.told = _told(life)
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


# --- what is looked at in the morning: metrics and the retention of copies have their place here ---------------------


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
    if files := sorted(each.name for each in life.lane.history.iterdir() if each.suffix != ".json"):
        yield f"left in the history's folder: {', '.join(files)}"
    if len(list(life.lane.history.iterdir())) > KEEP:
        yield "the history's folder grows"


def databases(life: Life) -> Iterator[str]:
    """On the target's server stand the copy, the one before, and what remembers them."""
    if left := life.lane.leftovers():
        yield f"left on the target's server: {', '.join(left)}"
    if count := life.lane.sessions():
        yield f"{count} sessions are left"


def temporary_files(life: Life) -> Iterator[str]:
    """Not even a run that was killed leaves a file."""
    if left := sorted(each.name for each in life.temporary.iterdir()):
        yield f"left among temporary files: {', '.join(left)}"


def size(life: Life) -> Iterator[str]:
    """The databases take what two copies take, and some room for what the engine writes beside."""
    most = 3 * life.lane.source.bytes() + (16 << 20)
    if (found := life.lane.target.bytes()) > most:
        yield f"the target's databases take {found} bytes, and the source {life.lane.source.bytes()}"


def copy(life: Life) -> Iterator[str]:
    """The copy is of this night: it has the source's rows, and its objects."""
    source, target = life.lane.look(life.lane.source), life.lane.look(life.lane.target)
    if source.objects != target.objects:
        yield "the copy lacks objects"
    question = "SELECT count(*), sum(total), max(id) FROM orders"
    if life.lane.source.ask(question) != life.lane.target.ask(question):
        yield "the copy is not of this night"


CHECKS: tuple[Callable[[Life], Iterator[str]], ...] = (history, databases, temporary_files, size, copy)
