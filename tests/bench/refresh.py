"""
`python -m tests.bench refresh`: refreshes under way while pgbench writes to their source, and what pgbench feels.

pgbench sends transactions at a fixed rate that leaves the machine room, so that its latency means something: at full
speed it would measure how much of the processors it can take. Source and target are two servers of this machine, which
share its two processors and its disk. With `--apart` production and pgbench have one processor and the disk, the target
and dbmimic the other processor and memory: what is left is what production's own server does for us, as between two
machines.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import yaml

from tests.bench.cases import ROOT
from tests.bench.servers import POSTGRES_PROGRAMS, Postgres, locked

_SETTLING = 2.0  # seconds that are not counted
_PRODUCTION, _STAGING = ("taskset", "--cpu-list", "0"), ("taskset", "--cpu-list", "1")  # with `--apart`
_CLIENTS = (*_STAGING, "chrt", "--fifo", "1")
_MEMORY = Path("/dev/shm")
_RULES = {
    "default": "keep",
    "columns": {"public.pgbench_accounts.filler": {"mask": "redact"}, "public.pgbench_tellers.filler": "null"},
}


class Production(Postgres):
    """A server whose commits wait for the disk, as production's do; `first` comes before the command that starts it."""

    def __init__(self, folder: Path, first: Sequence[str] = ()) -> None:
        super().__init__(folder)
        self._first = first

    def command(self) -> list[str]:
        return [*self._first, *super().command(), "-c", "synchronous_commit=on", "-c", "autovacuum=on"]


@dataclass(frozen=True)
class Felt:
    """What the writers felt: transactions, and their latency in milliseconds from when each was due."""

    transactions: int
    median: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Refreshed:
    """One refresh: its exit status, when it began and ended, and its verdict."""

    status: int
    began: float
    ended: float
    verdict: str


def refresh(options: argparse.Namespace) -> int:
    """
    Measure pgbench beside the refreshes and between them; give 1 where a refresh was not verified.

    Both are told from one run of pgbench, in turns, so that what else goes on at the machine falls on both. After each
    refresh some seconds belong to neither: the target's pages are then still on their way to the disk.
    """
    folder = options.folder / "refresh"
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(folder, "refresh"))
        staging = folder
        if options.apart:
            staging = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dbmimic-bench-", dir=_MEMORY)))
            staging.chmod(0o755)
        source = stack.enter_context(Production(folder / "source", _PRODUCTION if options.apart else ()))
        target = stack.enter_context(Production(staging / "target", _STAGING if options.apart else ()))
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="work-", dir=options.folder)))
        ensure(source, options.size)
        target.drop("staging")
        target.settle()
        done: list[Refreshed] = []
        with writing(work, source, options) as log:
            time.sleep(options.between)
            for _ in range(options.rounds):
                done.append(copied(source, target, work, options))
                time.sleep(_SETTLING + options.between)
        target.drop("staging")
        began = done[0].began
        beside = _felt(log, [(each.began, each.ended) for each in done])
        quiet = [(began - options.between, began)]
        quiet += [(each.ended + _SETTLING, each.ended + _SETTLING + options.between) for each in done]
        alone = _felt(log, quiet)
    rise = round(beside.p95 / alone.p95 - 1, 3)
    seconds = [round(each.ended - each.began, 1) for each in done]
    found = {"seconds": seconds, "alone": asdict(alone), "beside": asdict(beside), "p95_rise": rise}
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    print(_table(options, {"between refreshes": alone, "beside refreshes": beside}))
    verified = sum(each.status == 0 for each in done)
    print(f"\n{verified} of {len(done)} refreshes verified, in {', '.join(map(str, seconds))} s; p95 {rise:+.0%}")
    for each in done:
        if each.status:
            print(each.verdict, file=sys.stderr)
    return 0 if verified == len(done) else 1


def _table(options: argparse.Namespace, found: Mapping[str, Felt]) -> str:
    lines = [f"pgbench, {options.rate} transactions a second, {options.clients} clients, scale {options.size}\n"]
    lines += ["| | transactions | median ms | p95 ms | p99 ms |", "| --- | --- | --- | --- | --- |"]
    for name, each in found.items():
        lines.append(f"| {name} | {each.transactions} | {each.median:.2f} | {each.p95:.2f} | {each.p99:.2f} |")
    return "\n".join(lines)


def ensure(source: Postgres, size: int) -> None:
    """Build pgbench's tables (about 15 MB for each unit of size), unless they are there."""
    if source.has("production"):
        [(branches,)] = source.execute("SELECT count(*) FROM pgbench_branches", "production")
        if branches == size:
            return
        source.drop("production")
    source.execute("CREATE DATABASE production")
    command = [str(POSTGRES_PROGRAMS / "pgbench"), "-i", "-q", "--foreign-keys", "-s", str(size), "production"]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | source.environment)


@contextlib.contextmanager
def writing(work: Path, source: Postgres, options: argparse.Namespace, seconds: int = 3600) -> Iterator[Path]:
    """Let pgbench write for as long as the block runs, and give the folder that holds its log afterwards."""
    source.execute("TRUNCATE pgbench_history", "production")
    source.settle()
    log = Path(tempfile.mkdtemp(prefix="log-", dir=work))
    program = [str(POSTGRES_PROGRAMS / "pgbench"), "-n", "-c", str(options.clients), f"--rate={options.rate}"]
    told = ["--log", f"--log-prefix={log / 'log'}", "-T", str(seconds), "production"]
    process = subprocess.Popen(
        [*(_CLIENTS if options.apart else ()), *program, *told],
        env=os.environ | source.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        time.sleep(_SETTLING)
        yield log
        if process.poll() is not None and process.returncode:
            raise RuntimeError(f"pgbench ended: {process.communicate()[1].decode(errors='replace')[-500:]}")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def _felt(log: Path, when: Sequence[tuple[float, float]]) -> Felt:
    """Read pgbench's log: client, number, microseconds, script, second, microsecond, microseconds of delay."""
    lines = [line.split() for path in log.iterdir() for line in path.read_text().splitlines()]
    told = [fields for fields in lines if len(fields) > 5 and fields[2].isdigit()]
    moments = np.array([int(fields[4]) + int(fields[5]) / 1e6 for fields in told])
    taken = np.array([int(fields[2]) for fields in told]) / 1000
    counted = taken[np.logical_or.reduce([(moments >= began) & (moments < ended) for began, ended in when])]
    median, p95, p99 = (round(float(each), 3) for each in np.percentile(counted, [50, 95, 99]))
    return Felt(len(counted), median, p95, p99)


def copied(source: Postgres, target: Postgres, work: Path, options: argparse.Namespace) -> Refreshed:
    """Refresh once, by the command line as it is without options."""
    config = work / "dbmimic.yaml"
    document = {"source": source.url("production"), "target": target.url("staging"), "rules": _RULES}
    if options.nice_ratio is not None:
        document["throttle"] = {"nice_ratio": options.nice_ratio}
    config.write_text(yaml.safe_dump(document, sort_keys=False))
    command = [sys.executable, "-m", "dbmimic", "copy", "--yes", "--json", "--quiet", "-c", str(config)]
    if options.apart:
        command = [*_STAGING, *command]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "DBMIMIC_SECRET": secrets.token_hex(32),
        "XDG_STATE_HOME": str(work),
    }
    began = time.time()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=work)
    verdict = json.loads(done.stdout).get("status", done.stdout) if done.stdout else done.stderr
    return Refreshed(done.returncode, began, time.time(), str(verdict))
