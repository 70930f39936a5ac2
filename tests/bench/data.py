"""The reference databases: ten tables, 25.75 million rows at scale 1, made by SQL alone and the same every time."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from string import Template

from tests.bench.servers import POSTGRES_PROGRAMS, SERVERS, Mariadb, Postgres, Server, locked, mariadb_program

ENGINES = ("postgresql", "mysql", "sqlite")
TABLES = (
    "categories",
    "employees",
    "products",
    "customers",
    "addresses",
    "orders",
    "order_items",
    "item_returns",
    "payments",
    "events",
)
ALONE = ("customers", "orders", "order_items")  # tables that can be had in a database of their own
_SQL = Path(__file__).parent / "sql"
_WORD = "substr('BaCeDiFoGuHaJeKiLoMuNaPeRiSoTuVaWeXiYoZu', 1 + 2 * (({0}) % 20), 2)"
_WORD += " || substr('bacedifoguhajekilomunaperisotuvawexiyozu', 1 + 2 * (({0}) {1} 20 % 20), 2)"
_WORD += " || substr('rolenisatumiveparodekilonahesuticafenoda', 1 + 2 * (({0}) {1} 400 % 20), 2)"


def default_folder() -> Path:
    """Give the folder that keeps servers and databases between commands."""
    return Path(tempfile.gettempdir()) / "dbmimic-bench"


def counts(scale: float) -> dict[str, int]:
    """Give the rows of each table."""
    customers = max(20, round(1_000_000 * scale))
    return {
        "categories": 500,
        "employees": 5_000,
        "products": max(50, round(50_000 * scale)),
        "customers": customers,
        "addresses": customers * 3 // 2,
        "orders": customers * 4,
        "order_items": customers * 10,  # two for one order, three for the next
        "item_returns": customers // 5,
        "payments": customers * 4,
        "events": customers * 5,
    }


def database_name(scale: float, only: str | None = None) -> str:
    """Give the name of the database (on SQLite of the file) with the data of that scale."""
    name = f"shop_{scale:g}".replace(".", "_").replace("-", "_")
    return name if only is None else f"{name}_{only}"


def script(engine: str, part: str, scale: float) -> str:
    """Give one of the SQL files with the counts, and outside PostgreSQL the two functions, written out."""
    text = Template((_SQL / engine / f"{part}.sql").read_text(encoding="utf-8")).substitute(counts(scale))
    if engine == "postgresql":
        return text
    text = re.sub(r"^--.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\bh\(seq, (\d+)\)", r"((seq * (48271 + 2 * \1) + \1 * 7919) % 2147483647)", text)
    divided = "DIV" if engine == "mysql" else "/"
    while "syllables(" in text:
        start = text.index("syllables(")
        inside = start + len("syllables(")
        end = _closing(text, inside)
        text = f"{text[:start]}({_WORD.format(text[inside:end], divided)}){text[end + 1 :]}"
    return text


def _closing(text: str, start: int) -> int:
    depth = 1
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise ValueError("a parenthesis is not closed")


@contextlib.contextmanager
def place(engine: str, folder: Path):
    """Give the engine's running server, or on SQLite None, and hold the folder while it is used."""
    with locked(folder, engine):
        if engine == "sqlite":
            yield None
        else:
            with SERVERS[engine](folder / engine) as server:
                yield server


def sqlite_file(folder: Path, scale: float, only: str | None = None) -> Path:
    """Give the path of the SQLite database of that scale."""
    return folder / "sqlite" / f"{database_name(scale, only)}.db"


def ensure(engine: str, server: Server | None, folder: Path, scale: float, only: str | None = None) -> str:
    """Build the database unless it is there, and give its name (on SQLite its path)."""
    name = database_name(scale, only)
    if isinstance(server, Postgres | Mariadb):
        if not server.has(name):
            server.drop(f"{name}_making")
            _say(f"building {name} on {engine}", lambda: _build(server, scale, name, only))
        return name
    path = sqlite_file(folder, scale, only)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _say(f"building {path.name}", lambda: _build_sqlite(path, scale, only))
    return str(path)


def _say(what: str, work) -> None:
    began = time.monotonic()
    print(what, file=sys.stderr, flush=True)
    work()
    print(f"{what}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)


def _build(server: Postgres | Mariadb, scale: float, name: str, only: str | None) -> None:
    making = f"{name}_making"
    server.execute(f"CREATE DATABASE {making}")
    if isinstance(server, Postgres):
        if only is None:
            for part in ("tables", "rows", "keys"):
                _psql(server, making, script("postgresql", part, scale))
        else:
            _alone_on_postgres(server, database_name(scale), making, only)
        server.execute(f"ALTER DATABASE {making} RENAME TO {name}")
        server.execute("CHECKPOINT")
        return
    if only is None:
        for part in ("tables", "rows", "keys"):
            _mariadb(server, making, script("mysql", part, scale))
    else:
        _mariadb(server, making, _alone_on_mariadb(server, database_name(scale), only))
    # A database cannot be renamed there; its tables can be moved.
    server.execute(f"CREATE DATABASE {name}")
    for (table,) in server.execute("SHOW TABLES", making):
        server.execute(f"RENAME TABLE {making}.{table} TO {name}.{table}")
    server.execute(f"DROP DATABASE {making}")


def _alone_on_postgres(server: Postgres, whole: str, making: str, table: str) -> None:
    key = "order_id, line_no" if table == "order_items" else "id"
    dump = f"pg_dump -s --section=pre-data -t {table} {whole} | psql -X -q -v ON_ERROR_STOP=1 {making} >/dev/null"
    move = (
        f"psql -X -c 'COPY {table} TO STDOUT BINARY' {whole} | psql -X -q -c 'COPY {table} FROM STDIN BINARY' {making}"
    )
    for command in (dump, move):
        shell = ["bash", "-euo", "pipefail", "-c", command]
        subprocess.run(shell, check=True, env=os.environ | server.environment, stdout=subprocess.DEVNULL)
    _psql(server, making, f"ALTER TABLE {table} ADD PRIMARY KEY ({key}); VACUUM ANALYZE;")


def _alone_on_mariadb(server: Mariadb, whole: str, table: str) -> str:
    created = server.execute(f"SHOW CREATE TABLE {table}", whole)[0][1]
    kept = [line for line in created.splitlines() if not re.match(r"\s+(KEY|CONSTRAINT) ", line)]
    kept[-2] = kept[-2].rstrip(",")
    return "\n".join(kept) + f";\nINSERT INTO {table} SELECT * FROM {whole}.{table};\nANALYZE TABLE {table};\n"


def _psql(server: Postgres, database: str, text: str) -> None:
    command = [str(POSTGRES_PROGRAMS / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", database]
    subprocess.run(command, input=text.encode(), check=True, env=os.environ | server.environment)


def _mariadb(server: Mariadb, database: str, text: str) -> None:
    command = [mariadb_program("mariadb"), *server.options.split(), database]
    subprocess.run(command, input=text.encode(), check=True, stdout=subprocess.DEVNULL)


def _build_sqlite(path: Path, scale: float, only: str | None) -> None:
    making = path.with_suffix(".making")
    making.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(making, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;")
        if only is None:
            for part in ("tables", "rows", "keys"):
                connection.executescript(f"BEGIN;\n{script('sqlite', part, scale)}\nCOMMIT;")
        else:
            connection.execute("ATTACH ? AS whole", (str(path.with_name(f"{database_name(scale)}.db")),))
            (created,) = connection.execute("SELECT sql FROM whole.sqlite_schema WHERE name = ?", (only,)).fetchone()
            kept = [line for line in created.splitlines() if "CONSTRAINT" not in line]
            kept[-2] = kept[-2].rstrip(",")
            connection.execute("\n".join(kept))
            connection.execute(f"INSERT INTO {only} SELECT * FROM whole.{only}")
            connection.execute("DETACH whole")
            connection.execute("ANALYZE")
        connection.execute("VACUUM")
    making.rename(path)
