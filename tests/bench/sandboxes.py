"""
`python -m tests.bench sandbox`: what a sandbox costs beside `cp` of the same bytes, and many at once.

`cp` copies the files of the golden copy to another folder of the same disk, with the page cache as warm as for us; it
does not wait for the disk, which PostgreSQL does (`fsync` is on). So `cp, synced` is told as well: `sync` of each file
comes on top.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import yaml

import dbmimic
from dbmimic.model.address import Address
from dbmimic.model.sandbox import Lifetime
from dbmimic.model.settings import Settings
from tests.bench.masks import SECRET
from tests.bench.servers import Mariadb, Postgres, Server

_TTL = Lifetime(timedelta(seconds=3))


@dataclass(frozen=True)
class Golden:
    """A verified copy that sandboxes are made from, the configuration that names it, and its files."""

    config: Path
    files: Path
    settle: Callable[[], None]

    @property
    def settings(self) -> Settings:
        return dbmimic.load_config(self.config)

    def bytes(self) -> int:
        paths = [self.files] if self.files.is_file() else [path for path in self.files.iterdir() if path.is_file()]
        return sum(path.stat().st_size for path in paths)


def sandbox(options: argparse.Namespace, server: Server | None, source: str) -> int:
    """Measure in turns, then make many at once; give 1 where one of them was not usable or did not go."""
    with tempfile.TemporaryDirectory(prefix="sandbox-", dir=options.folder) as work:
        golden = made(server, source, Path(work))
        found: dict[str, Any] = {"engine": options.engine, "bytes": golden.bytes(), "seconds": {}}
        cases = {
            "cp": lambda: _cp(golden, Path(work) / "cp", synced=False),
            "cp, synced": lambda: _cp(golden, Path(work) / "cp", synced=True),
            "create": lambda: _created(golden),
            "create, command": lambda: _by_command(golden),
            "create, from a spare": lambda: _created(golden, spares=1),
            "create, command, from a spare": lambda: _by_command(golden, spares=1),
            "prepare a spare": lambda: _prepared(golden),
        }
        for _ in range(options.rounds):
            for name, case in cases.items():
                found["seconds"].setdefault(name, []).append(case())
        _prepared(golden, 0)
        found["many"] = many(golden, options.many, options.callers) if options.many else {}
    _tell(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 1 if found["many"].get("problems") else 0


def made(server: Server | None, source: str, work: Path) -> Golden:
    """Make the golden copy of a reference database, with nothing masked."""
    work.chmod(0o755)
    target = "bench_golden"
    if isinstance(server, Postgres | Mariadb):
        server.drop(target)
        urls = (server.url(source), server.url(target))
    else:
        urls = (f"sqlite:///{source}", f"sqlite:///{work / target}.db")
    config = work / "dbmimic.yaml"
    document = {"source": urls[0], "target": urls[1], "secret": SECRET, "rules": {"default": "keep"}}
    config.write_text(yaml.safe_dump(document))
    dbmimic.copy(dbmimic.load_config(config))
    if isinstance(server, Postgres):
        (number,) = server.execute(f"SELECT oid FROM pg_database WHERE datname = '{target}'")[0]
        return Golden(config, server.data / "base" / str(number), server.settle)
    if isinstance(server, Mariadb):
        return Golden(config, server.data / target, server.settle)
    return Golden(config, work / f"{target}.db", lambda: None)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _cp(golden: Golden, to: Path, *, synced: bool) -> float:
    script = 'cp -r "$1" "$2"' + (' && find "$2" -type f -exec sync {} +' if synced else "")
    golden.settle()
    try:
        return _timed(lambda: subprocess.run(["sh", "-c", script, "sh", str(golden.files), str(to)], check=True))
    finally:
        shutil.rmtree(to) if to.is_dir() else to.unlink()


def _created(golden: Golden, spares: int = 0) -> float:
    """
    Give the seconds until a session is in a new sandbox, from a Python that is running.

    Spares are made before, and their making is not in it.
    """
    _prepared(golden, spares)

    def create() -> None:
        with dbmimic.sandbox(golden.settings) as sandboxes:
            sandboxes.create("measured")
            usable(sandboxes.address("measured"))

    golden.settle()
    try:
        return _timed(create)
    finally:
        with dbmimic.sandbox(golden.settings) as sandboxes:
            sandboxes.drop("measured")


def _prepared(golden: Golden, spares: int = 1) -> float:
    """Give the seconds that it takes to have so many spares, where there are none."""
    with dbmimic.sandbox(golden.settings) as sandboxes:
        sandboxes.prepare(0)
        golden.settle()
        return _timed(lambda: sandboxes.prepare(spares))


def _by_command(golden: Golden, spares: int = 0) -> float:
    """Give the seconds of the whole command; see `_created`."""
    _prepared(golden, spares)
    command = [
        str(Path(sys.executable).with_name("dbmimic")),
        "sandbox",
        "create",
        "measured",
        "-c",
        str(golden.config),
    ]
    golden.settle()
    try:
        return _timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    finally:
        with dbmimic.sandbox(golden.settings) as sandboxes:
            sandboxes.drop("measured")


def usable(address: Address) -> bool:
    """Tell whether a sandbox holds rows and takes new ones, with its own credential."""
    with contextlib.closing(_session(address)) as session:
        cursor = session.cursor()
        cursor.execute("SELECT count(*) FROM categories")
        (count,) = cursor.fetchone()
        cursor.execute("CREATE TABLE somebodys_own (id integer)")
        cursor.execute("INSERT INTO somebodys_own VALUES (1)")
        session.commit()
        return count > 0


def _session(address: Address) -> Any:
    if address.engine == "sqlite":
        return sqlite3.connect(address.database)
    known = {"host": address.host, "port": address.port, "user": address.user, "password": address.password}
    if address.engine == "postgresql":
        return psycopg.connect(dbname=address.database, **known)
    return pymysql.connect(database=address.database, **known)


def many(golden: Golden, count: int, callers: int) -> dict[str, Any]:
    """Make so many sandboxes from so many callers at once, use each, and have them dropped when their time is over."""
    problems: list[str] = []

    def call(mine: range) -> None:
        with dbmimic.sandbox(golden.settings) as sandboxes:
            for number in mine:
                sandboxes.create(f"many/{number}", ttl=_TTL, wait=True)

    def together() -> None:
        threads = [threading.Thread(target=call, args=(range(first, count, callers),)) for first in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    seconds = _timed(together)
    with dbmimic.sandbox(golden.settings) as sandboxes:
        there = [each for each in sandboxes.listed() if each.ready]
        problems += [f"{each.name} is not usable" for each in there if not usable(sandboxes.address(each.name))]
        last = max((each.expires_at.timestamp() for each in there if each.expires_at), default=0.0)
        time.sleep(max(0.0, last - time.time()) + 0.1)
        gone: list[str] = []
        collecting = _timed(lambda: gone.extend(each.name for each in sandboxes.collect()))
        left = [each.name for each in sandboxes.listed()]
    if (len(there), len(gone), left) != (count, count, []):
        problems.append(f"{len(there)} of {count} were ready, {len(gone)} went, {len(left)} are left")
    return {"count": count, "callers": callers, "create": seconds, "gc": collecting, "problems": problems}


def _tell(found: dict[str, Any]) -> None:
    print(f"{found['engine']}: a golden copy of {found['bytes'] / 1e6:,.0f} MB\n")
    print("| | seconds | to `cp` of the same round |\n| --- | --- | --- |")
    for name, seconds in found["seconds"].items():
        ratios = [mine / cp for mine, cp in zip(seconds, found["seconds"]["cp"], strict=True)]
        spread = f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"
        print(f"| {name} | {spread} | {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |")
    if told := found["many"]:
        print(f"\n{told['count']} by {told['callers']} callers at once: {told['create']:.1f} s; gc: {told['gc']:.1f} s")
        print("\n".join(told["problems"]) or "all usable, all dropped after their time")
