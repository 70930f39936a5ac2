"""
Other maskers on PostgreSQL, each in a virtual environment of its own inside the bench folder.

Both mask a database in place, so what is timed is not the same as for the other cases:

- pynonymizer: its whole command: it loads a plain dump into a database, masks there by UPDATE from a table of 150
  made-up rows, and dumps the result. The dump that it loads is made before.
- pganonymize: the masking alone, in a copy (CREATE DATABASE ... TEMPLATE) that is made before.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from tests.bench.cases import Case
from tests.bench.masks import COLUMNS
from tests.bench.servers import Postgres

TARGET = "bench_peer"
_FIELDS = {
    "first_name": "first_name",
    "last_name": "last_name",
    "email": "company_email",
    "phone": "phone_number",
    "street": "street_address",
    "dob": "date_of_birth",
    "city": "city",
    "card_holder": "name",
    "full_name": "name",
    "card_number": "credit_card_number",
    "iban": "iban",
}
_CHUNK = 1_000  # rows that pganonymize takes at a time
NAMES = ("pynonymizer", "pganonymize", "pganonymize-parallel")
MOST = 0.1  # the largest scale at which they run, unless told otherwise


def program(bench: Path, package: str, command: str = "", driver: str = "") -> Path:
    """Give a peer's command, by default called as its package, in an environment that is made on the first call."""
    home = bench / "peers" / package
    found = home / "bin" / (command or package)
    if not found.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(home / "bin" / "pip"), "install", "-q", package, *filter(None, [driver])], check=True)
    return found


def pynonymizer(server: Postgres, source: str, tables: tuple[str, ...], folder: Path, bench: Path) -> Case:
    """Give the case of pynonymizer."""
    peer = program(bench, "pynonymizer")
    masked = {
        table: {"columns": {column: _FIELDS[column] for column in columns}}
        for table, columns in COLUMNS.items()
        if table in tables
    }
    strategy, dump, made = (folder / f"pynonymizer{suffix}" for suffix in (".yaml", ".sql", "-out.sql"))
    strategy.write_text(yaml.safe_dump({"tables": masked}))

    def prepare() -> None:
        with dump.open("wb") as file:
            subprocess.run(["pg_dump", source], check=True, stdout=file, env=os.environ | server.environment)
        _fresh(server)

    command = [
        str(peer),
        "-t",
        "postgres",
        "-d",
        "127.0.0.1",
        "-P",
        str(server.port),
        "-n",
        TARGET,
        "-u",
        "postgres",
    ]
    command += ["-p", "none", "-s", str(strategy), "-i", str(dump), "-o", str(made)]
    return Case(
        "pynonymizer",
        command,
        prepare,
        lambda: _fresh(server),
        server.environment,
        once=True,
        baseline=False,
        note="one run; timed: load of a plain dump, UPDATEs, dump of the result; not the first dump, nor a load of the second",
    )


def pganonymize(
    server: Postgres, source: str, tables: tuple[str, ...], folder: Path, bench: Path, *, parallel: bool = False
) -> Case:
    """Give the case of pganonymize."""
    peer = program(bench, "pganonymize")
    masked = [
        {
            table: {
                "fields": [{each: {"provider": {"name": f"fake.{_FIELDS[each]}"}}} for each in columns],
                "chunk_size": _CHUNK,
            }
        }
        for table, columns in COLUMNS.items()
        if table in tables
    ]
    schema = folder / "pganonymize.yaml"
    schema.write_text(yaml.safe_dump({"tables": masked}))

    def prepare() -> None:
        _fresh(server)
        server.execute(f"CREATE DATABASE {TARGET} TEMPLATE {source} STRATEGY file_copy")
        server.settle()

    command = [str(peer), "--schema", str(schema), "--dbname", TARGET, "--user", "postgres", "--host", "127.0.0.1"]
    command += ["--port", str(server.port), "--password", "none", *(["--parallel"] if parallel else [])]
    return Case(
        "pganonymize-parallel" if parallel else "pganonymize",
        command,
        prepare,
        lambda: _fresh(server),
        server.environment,
        once=True,
        baseline=False,
        note="one run; timed: the masking in place; not the copy that it masks, which is made before",
    )


def _fresh(server: Postgres) -> None:
    server.drop(TARGET)
    server.settle()
