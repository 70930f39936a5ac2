"""`python -m tests.bench slice`: 1 % of customers with everything below and above them, beside hand-written SQL."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template

import numpy as np
import yaml

from tests.bench import data, peers_of_slices, rounds
from tests.bench.cases import ROOT, Case, bash
from tests.bench.masks import COLUMNS, write_config
from tests.bench.relay import relay
from tests.bench.servers import Postgres

SEED = "id % 100 = 7"
HAND = "hand-sql"
USUAL = ("ours", "ours-masked", HAND)
_PSQL = "psql -X -q -v ON_ERROR_STOP=1"
_SQL = Path(__file__).parent / "sql" / "postgresql" / "slice.sql"


def slice_(options: argparse.Namespace, server: Postgres, source: str) -> int:
    """Run the cases that were asked for, compare what they made, and give 1 where one of them failed."""
    with tempfile.TemporaryDirectory(prefix="work-", dir=options.folder) as work:
        folder = Path(work)
        known = cases(server, source, folder, options.folder, options.seed)
        names = dict.fromkeys([*(options.case or USUAL), HAND])
        if unknown := [name for name in names if name not in known]:
            print(f"no such case: {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
            return 2
        chosen = [known[name]() for name in names]
        results = rounds.run(chosen, options.rounds, folder, server)
        made = {name: _target(name) for name in names if name in results.costs}
        found = (
            [against(server, source, made[HAND], name, target) for name, target in made.items()] if HAND in made else []
        )
        passed = _traffic(known["ours"](), server, source, folder) if "ours" in made else {}
        for target in made.values():
            server.drop(target)
    rows = next((each.rows for each in found if each.case == HAND), 0)
    about = {"engine": "postgresql", "scale": options.scale, "seed": options.seed, "traffic": passed}
    about["exact"] = {each.case: asdict(each) for each in found}
    document = rounds.document(results, chosen, rows, about)
    if options.json:
        options.json.write_text(json.dumps(document, indent=1))
    print(f"1 % of customers, scale {options.scale:g}: {rows:,} rows\n")
    print(rounds.table(document))
    print("\n| case | rows | missing | too many or other | broken keys |\n" + "|" + " --- |" * 5)
    for each in found:
        print(f"| {each.case} | {each.rows} | {each.missing} | {each.wrong} | {each.broken} |")
    for database, counted in passed.items():
        print(f"ours, {database}: " + ", ".join(f"{value:,} {name}" for name, value in counted.items()))
    return 1 if results.failed else 0


def _target(name: str) -> str:
    return f"bench_slice_{name.replace('-', '_')}"


def cases(server: Postgres, source: str, folder: Path, bench: Path, seed: str) -> dict[str, Callable[[], Case]]:
    """Give all cases by name."""

    def fresh(name: str) -> Callable[[], None]:
        def prepare() -> None:
            server.drop(_target(name))
            server.settle()
            server.warm(source)

        return prepare

    def ours(name: str, *, masked: bool) -> Case:
        config = write_config(folder / f"{name}.yaml", data.TABLES if masked else ())
        document = yaml.safe_load(config.read_text())
        document["slice"] = {"seeds": [{"table": "public.customers", "where": seed}]}
        config.write_text(yaml.safe_dump(document, sort_keys=False))
        urls = ["--source", server.url(source), "--target", server.url(_target(name))]
        command = [sys.executable, "-m", "dbmimic", "copy", "--yes", "--json", "--quiet", "-c", str(config), *urls]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        # What is installed is compiled once; where Python is told to keep nothing it would be at every start.
        environment = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""}
        return Case(name, command, fresh(name), environment=environment, baseline=False)

    def hand() -> Case:
        target = _target(HAND)
        for part in ("pre-data", "post-data"):
            dump = ["pg_dump", f"--section={part}", "-f", str(folder / f"{part}.sql"), source]
            subprocess.run(dump, check=True, env=os.environ | server.environment)
        script = folder / "slice.sql"
        script.write_text(Template(_SQL.read_text()).substitute(seed=seed, target=target))
        steps = [
            f"{_PSQL} -c 'CREATE DATABASE {target}' postgres",
            f"{_PSQL} {target} -f {folder}/pre-data.sql >/dev/null",
            f"{_PSQL} {source} -f {script}",
            f"{_PSQL} {target} -f {folder}/post-data.sql >/dev/null",
        ]
        return Case(HAND, bash("\n".join(steps)), fresh(HAND), environment=server.environment)

    peers = {
        name: lambda make=make, name=name: make(server, source, _target(name), folder, bench, fresh(name), seed)
        for name, make in peers_of_slices.ALL.items()
    }
    return {
        "ours": lambda: ours("ours", masked=False),
        "ours-masked": lambda: ours("ours-masked", masked=True),
        HAND: hand,
        **peers,
    }


@dataclass(frozen=True)
class Exactness:
    """One result against the hand-made one: rows, those missing, those too many or changed, keys that lead nowhere."""

    case: str
    rows: int
    missing: int
    wrong: int
    broken: int


def against(server: Postgres, source: str, expected: str, case: str, target: str) -> Exactness:
    """Compare all rows by hashes of their columns, masked ones left out, and look for each foreign key of the source."""
    masked = COLUMNS if case == "ours-masked" else {}
    rows = missing = wrong = 0
    for table in data.TABLES:
        listed = [name for (name,) in server.execute(_COLUMNS.format(table), source)]
        kept = ", ".join(f'"{name}"' for name in listed if name not in masked.get(table, {}))
        before, after = (_hashes(server, database, table, kept) for database in (expected, target))
        rows += len(after)
        missing += len(before) - int(np.isin(before, after).sum())
        wrong += len(after) - int(np.isin(after, before).sum())
    return Exactness(case, rows, missing, wrong, _broken(server, source, target))


_COLUMNS = "SELECT attname::text FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0 ORDER BY attnum"
_KEYS = """
SELECT k.conrelid::regclass::text, k.confrelid::regclass::text,
       string_agg(format('c.%I = p.%I', a.attname, b.attname), ' AND '),
       string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ')
  FROM pg_constraint k
 CROSS JOIN unnest(k.conkey, k.confkey) AS u (child, parent)
  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.child
  JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.parent
 WHERE k.contype = 'f'
 GROUP BY k.oid, k.conrelid, k.confrelid
"""


def _hashes(server: Postgres, database: str, table: str, columns: str) -> np.ndarray:
    asked = f"SET TimeZone = 'UTC'; SELECT array_agg(hashtextextended(ROW({columns})::text, 0)) FROM {table}"
    with server.connect(database) as connection:
        cursor = connection.execute(asked.encode())
        cursor.nextset()
        return np.array(cursor.fetchone()[0] or [], dtype=np.int64)


def _broken(server: Postgres, source: str, target: str) -> int:
    total = 0
    for child, parent, equal, filled in server.execute(_KEYS, source):
        found = f"SELECT count(*) FROM {child} c WHERE {filled} AND NOT EXISTS (SELECT FROM {parent} p WHERE {equal})"
        total += server.execute(found, target)[0][0]
    return total


def _traffic(case: Case, server: Postgres, source: str, folder: Path) -> dict[str, dict[str, int]]:
    """Run a case once more, not timed, through a relay that counts."""
    case.prepare()
    with relay(server.port) as (port, counted):
        command = [part.replace(f":{server.port}/", f":{port}/") for part in case.command]
        subprocess.run(command, check=True, cwd=folder, env=os.environ | case.environment, stdout=subprocess.DEVNULL)
    others = [traffic for database, traffic in counted.items() if database != source]
    target = {name: sum(getattr(each, name) for each in others) for name in asdict(counted[source])}
    return {"source": asdict(counted[source]), "target": target}
