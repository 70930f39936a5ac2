"""`python -m tests.bench copy`: the engine's cases, chosen, run in turns, told as tables and as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import cases_mysql, cases_postgres, cases_sqlite, data, peers, rounds
from tests.bench.cases import Case
from tests.bench.servers import Mariadb, Postgres, Server


def copy(options: argparse.Namespace, server: Server | None, source: str) -> int:
    """Run the cases that were asked for and give 1 where one of them failed."""
    with tempfile.TemporaryDirectory(prefix="work-", dir=options.folder) as work:
        tables = (options.only,) if options.only else data.TABLES
        known, usual = cases_of(server, source, tables, Path(work), options.folder, options.workers)
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


def cases_of(
    server: Server | None, source: str, tables: tuple[str, ...], work: Path, bench: Path, workers: int
) -> tuple[dict[str, Callable[[], Case]], tuple[str, ...]]:
    """Give all cases of an engine by name, and the names of those that run when none is named."""
    match server:
        case Postgres():
            return cases_postgres.cases(server, source, work, bench, workers), cases_postgres.USUAL
        case Mariadb():
            return cases_mysql.cases(server, source, tables, work, workers), cases_mysql.USUAL
        case _:
            return cases_sqlite.cases(Path(source), tables, work, workers), cases_sqlite.USUAL


def _about(options: argparse.Namespace) -> dict[str, object]:
    return {
        "engine": options.engine,
        "scale": options.scale,
        "only": options.only,
        "rounds": options.rounds,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": sys.argv[1:],
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
    }
