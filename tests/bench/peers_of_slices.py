"""
Other subsetters on PostgreSQL, each in a virtual environment of its own inside the bench folder.

Both refuse cycles, so they read a copy of the source without the three keys that make one (made before, not timed), and
both take a child only where all of its keys lead to chosen rows. They are told of the copy what it takes to run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.bench import data
from tests.bench.cases import Case
from tests.bench.peers import program
from tests.bench.servers import Postgres

_CYCLES = (("customers", "customers_address"), ("categories", "categories_parent"), ("employees", "employees_manager"))
_NOTE = "one run; of a copy of the source without the three keys that make cycles"


def _without_cycles(server: Postgres, source: str) -> str:
    """Give a copy of the database that has no cycles, made on the first call."""
    name = f"{source}_acyclic"
    if not server.has(name):
        server.execute(f"CREATE DATABASE {name}_making TEMPLATE {source} STRATEGY file_copy")
        for table, key in _CYCLES:
            server.execute(f"ALTER TABLE {table} DROP CONSTRAINT {key}", f"{name}_making")
        server.execute(f"ALTER DATABASE {name}_making RENAME TO {name}")
    return name


def db_condenser(
    server: Postgres, source: str, target: str, folder: Path, bench: Path, fresh: Callable[[], None], seed: str
) -> Case:
    """Give the case of db-condenser: its whole command, tables, keys and rows."""
    at = {"user_name": "postgres", "host": "127.0.0.1", "port": str(server.port), "password": "none"}
    config = folder / "db-condenser.json"
    document = {
        "db_type": "postgres",
        "source_db_connection_info": {**at, "db_name": _without_cycles(server, source)},
        "destination_db_connection_info": {**at, "db_name": target},
        "initial_targets": [{"table": "public.customers", "where": seed}],
        "dependency_breaks": [],
        "keep_disconnected_tables": False,
        "excluded_tables": [],
        "passthrough_tables": [],
        "parallel_read_workers": 2,
    }
    config.write_text(json.dumps(document))

    def prepare() -> None:
        fresh()
        server.execute(f"CREATE DATABASE {target}")

    command = [str(program(bench, "db-condenser", "subset")), "--config", str(config), "-y"]
    environment = server.environment | {"POSTGRES_PATH": server.environment["PATH"].partition(":")[0]}
    return Case("db-condenser", command, prepare, environment=environment, once=True, baseline=False, note=_NOTE)


def subsetter(
    server: Postgres, source: str, target: str, folder: Path, bench: Path, fresh: Callable[[], None], seed: str
) -> Case:
    """Give the case of subsetter: its whole command into tables and keys that are made before."""
    at = {"host": "127.0.0.1", "port": server.port, "username": "postgres", "password": "none"}
    config = folder / "subsetter.yaml"
    acyclic = _without_cycles(server, source)
    document = {
        "source": {"dialect": "postgres", "database": acyclic, **at},
        "planner": {
            "targets": {"public.customers": {"sql": seed}},
            "select": [f"public.{table}" for table in data.TABLES],
        },
        "sampler": {"output": {"mode": "database", "dialect": "postgres", "database": target, **at}},
    }
    config.write_text(yaml.safe_dump(document, sort_keys=False))

    def prepare() -> None:
        fresh()
        server.execute(f"CREATE DATABASE {target}")

    command = [str(program(bench, "subsetter", driver="psycopg2-binary")), "-c", str(config)]
    command += ["subset", "--create"]
    return Case("subsetter", command, prepare, environment=server.environment, once=True, baseline=False, note=_NOTE)


ALL = {"db-condenser": db_condenser, "subsetter": subsetter}
