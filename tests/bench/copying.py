"""`python -m tests.bench copy`: the engine's cases, chosen, run in turns, told as tables and as JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import cases_mysql, cases_postgres, cases_sqlite, data, peers, rounds
from tests.bench.cases import Case
from tests.bench.servers import Mariadb, Postgres, Server
from tests.drill.proxy import Proxy


def copy(options: argparse.Namespace, server: Server | None, source: str) -> int:
    """Run the cases that were asked for and give 1 where one of them failed."""
    if options.link and not isinstance(server, Postgres):
        print("--link: on PostgreSQL only", file=sys.stderr)
        return 2
    with (
        tempfile.TemporaryDirectory(prefix="work-", dir=options.folder) as work,
        _linked(server, options.link) as port,
    ):
        tables = (options.only,) if options.only else data.TABLES
        known, usual = cases_of(server, source, tables, Path(work), options.folder, options.workers, port)
        names = options.case or [name for name in usual if name in known]
        if unknown := [name for name in names if name not in known]:
            print(f"no such case: {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
            return 2
        chosen: list[Case] = []
        missing: dict[str, str] = {}
        for name in dict.fromkeys(names):
            if name in peers.NAMES and options.scale > peers.MOST and not options.slow:
                missing[name] = f"not run: it takes very long above scale {peers.MOST:g}; use --slow"
                continue
            try:
                chosen.append(known[name]())
            except LookupError as error:
                missing[name] = f"not run: {error}"
        for name, reason in missing.items():
            print(f"{name}: {reason}", file=sys.stderr)
        results = rounds.run(chosen, options.rounds, Path(work), server) if chosen else rounds.Results()
    results.failed |= missing
    rows = data.counts(options.scale)
    total = rows[options.only] if options.only else sum(rows.values())
    found = rounds.document(results, chosen, total, _about(options))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    print(f"{options.engine}, scale {options.scale:g}, {options.only or 'whole database'}: {total:,} rows\n")
    print(rounds.table(found))
    return 1 if results.failed else 0


@contextlib.contextmanager
def _linked(server: Server | None, megabytes: float) -> Iterator[int]:
    """Give a port of the server by which each connection gets so much a second; 0 where nothing slows them."""
    if server is None or not megabytes:
        yield 0
        return
    with Proxy(lambda: server.port) as proxy:
        proxy.throttle(megabytes * 1e6, 0.0)
        yield proxy.port


def cases_of(
    server: Server | None, source: str, tables: tuple[str, ...], work: Path, bench: Path, workers: int, port: int = 0
) -> tuple[dict[str, Callable[[], Case]], tuple[str, ...]]:
    """Give all cases of an engine by name, and the names of those that run when none is named."""
    match server:
        case Postgres():
            return cases_postgres.cases(server, source, work, bench, workers, port), cases_postgres.USUAL
        case Mariadb():
            return cases_mysql.cases(server, source, tables, work, workers), cases_mysql.USUAL
        case _:
            return cases_sqlite.cases(Path(source), tables, work, workers), cases_sqlite.USUAL


def _about(options: argparse.Namespace) -> dict[str, object]:
    return {
        "engine": options.engine,
        "scale": options.scale,
        "only": options.only,
        "link": options.link,
        "rounds": options.rounds,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": sys.argv[1:],
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
    }
