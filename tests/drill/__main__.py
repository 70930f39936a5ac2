"""`python -m tests.drill` and `python -m tests.drill nights`; see the package."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import tests.drill
from tests.command_line import Forks
from tests.drill.drill import forks_of, moment
from tests.drill.judge import Outcome, code
from tests.drill.lane import Lane, lane
from tests.drill.nights import Night, nights
from tests.drill.strikes import ALL
from tests.drill.strikes.fault import Fault

ENGINES = ("postgresql", "mysql")


def parser() -> argparse.ArgumentParser:
    """Give what reads the command line."""
    formed = argparse.RawDescriptionHelpFormatter
    root = argparse.ArgumentParser("python -m tests.drill", description=tests.drill.__doc__, formatter_class=formed)
    root.add_argument("--engine", choices=(*ENGINES, "all"), default="all")
    root.add_argument("--fault", nargs="+", choices=sorted(ALL), metavar="NAME", default=sorted(ALL))
    root.add_argument("--moments", type=int, default=100)
    root.add_argument("--from", dest="first", type=int, default=0, metavar="NUMBER", help="of the first moment")
    root.add_argument("--seed", type=int, default=None)
    root.add_argument("what", nargs="?", choices=("faults", "nights"), default="faults")
    root.add_argument("--count", type=int, default=30, help="nights; default: 30")
    root.add_argument("--lanes", type=int, default=2, help="pairs of servers that are struck side by side; default: 2")
    return root


@dataclass
class Row:
    """One line of the table: a fault on an engine, and what its moments came to."""

    engine: str
    fault: str
    outcomes: list[Outcome] = field(default_factory=list)
    untried: str = ""

    @property
    def wrong(self) -> list[Outcome]:
        return [each for each in self.outcomes if each.wrong]

    def cells(self) -> Sequence[str]:
        """Give the line's cells."""
        if self.untried:
            return (self.engine, self.fault, "0", "", "", "", "", "", "", f"untried: {self.untried}")
        served = Counter(each.served for each in self.outcomes)
        exits = Counter((each.ended.status, code(each.ended)) for each in self.outcomes)
        return (
            self.engine,
            self.fault,
            str(len(self.outcomes)),
            *(str(served[word]) for word in ("old", "new", "neither")),
            str(sum(each.unfinished for each in self.outcomes)),
            str(len(self.wrong)),
            str(sum(each.recovered for each in self.outcomes)),
            " ".join(
                f"{status}{f'({code})' if code else ''}:{count}" for (status, code), count in sorted(exits.items())
            ),
        )


HEAD = (
    "engine",
    "fault",
    "moments",
    "old",
    "new",
    "neither",
    "unfinished",
    "wrong",
    "next ok",
    "exit status(code):times",
)


def table(rows: Sequence[Row]) -> str:
    """Give the table of outcomes."""
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def complaints(rows: Sequence[Row]) -> Iterator[str]:
    """Give what was wrong, a line for each moment."""
    for row in rows:
        for each in row.wrong:
            place = f"{row.engine} {row.fault} {each.number} at {each.part:.3f}"
            ends = (f"status {run.status}: {_in_one_line(run.err)}" for run in (each.ended, *each.others))
            yield f"{place}: {'; '.join(each.wrong)} ({'; '.join(ends)})"


def _in_one_line(text: str) -> str:
    return " | ".join(line.strip() for line in text.splitlines())[-400:]


def drill(
    engine: str, faults: Sequence[Fault], numbers: Sequence[int], seed: int, folder: Path, forks: Forks, lanes: int
) -> list[Row]:
    """Let the faults strike on one engine, side by side, and give a row for each."""
    rows = {each.name: Row(engine, each.name) for each in faults if engine in each.engines}
    with ExitStack() as stack:
        disk = os.geteuid() == 0
        made = [stack.enter_context(lane(engine, folder, forks, disk=disk, number=n)) for n in range(lanes)]
        own: Mapping[str, Forks] = {}
        todo = []
        for fault in (each for each in faults if engine in each.engines):
            if reason := fault.needs(made[0]) if fault.needs else "":
                rows[fault.name].untried = reason
                continue
            own = {**own, fault.name: forks_of(fault, folder, forks, stack)}
            todo += [(fault, number) for number in numbers]
        taking = threading.Lock()

        def work(place: Lane) -> None:
            while True:
                with taking:
                    if not todo:
                        return
                    fault, number = todo.pop(0)
                began = time.monotonic()
                outcome = moment(place, fault, own[fault.name], seed, number)
                rows[fault.name].outcomes.append(outcome)
                took = time.monotonic() - began
                ended = f"{outcome.ended.status} {code(outcome.ended)}".strip()
                said = f"{engine} {fault.name} {number}: {outcome.served}, {ended}, {took:.1f} s"
                print(said, *outcome.wrong, file=sys.stderr, flush=True)

        with ThreadPoolExecutor(lanes) as pool:
            try:
                list(pool.map(work, made))
            finally:
                todo.clear()
    return list(rows.values())


def live(engine: str, count: int, seed: int, folder: Path, forks: Forks) -> list[Night]:
    """Live through nights on one engine, and tell each."""
    print(
        f"{engine}: night, what happens, runs (status exit code); orders, databases, MB of them, MB of the server, files"
    )
    told = []
    with lane(engine, folder, forks, disk=False) as place:
        for night in nights(place, count, seed):
            runs = ", ".join(" ".join(str(word) for word in run if word not in {"", None}) for run in night.runs)
            megabytes = f"{night.megabytes:.1f}, {night.server_megabytes:.1f}"
            sizes = f"{night.rows}, {night.databases}, {megabytes}, {night.files}"
            print(f"{night.number:3} {night.event}: {runs}; {sizes}", *night.wrong, sep="; ", flush=True)
            told.append(night)
    return told


def main(arguments: list[str] | None = None) -> int:
    """Run the drill, print the table and give the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the servers are ended, too
    options = parser().parse_args(arguments)
    seed = options.seed if options.seed is not None else secrets.randbelow(1 << 32)
    print(f"seed {seed}")
    numbers = range(options.first, options.first + options.moments)
    rows: list[Row] = []
    bad: list[Night] = []
    with tempfile.TemporaryDirectory(prefix="dbmimic-drill-") as folder, ExitStack() as stack:
        forks = Forks()
        stack.callback(forks.close)
        for engine in ENGINES if options.engine == "all" else (options.engine,):
            if options.what == "nights":
                bad += [each for each in live(engine, options.count, seed, Path(folder), forks) if each.wrong]
                continue
            rows += drill(
                engine, [ALL[name] for name in options.fault], numbers, seed, Path(folder), forks, options.lanes
            )
    if options.what == "nights":
        print(f"{len(bad)} nights were not as they should be" if bad else "every night was as it should be")
        return 1 if bad else 0
    print(table(rows))
    wrong = list(complaints(rows))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
