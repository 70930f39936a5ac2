"""The cases on MariaDB."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.bench.cases import Case, Ours, bash
from tests.bench.servers import Mariadb, mariadb_program

USUAL = ("ours", "ours-plain", "raw-client", "raw-client-exact", "dump-load")
PLAIN = "bench_plain"
_SIZES = "SELECT table_name FROM information_schema.tables WHERE table_schema = '{}' ORDER BY data_length DESC"
_COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_schema = '{}' AND table_name = '{}'"
_COLUMNS += " ORDER BY ordinal_position"
_QUIET = "SET foreign_key_checks = 0, unique_checks = 0; "


def target_of_ours(source: str) -> str:
    """Give the database that our cases write."""
    return f"{source}_ours"


def cases(
    server: Mariadb, source: str, tables: tuple[str, ...], work: Path, workers: int
) -> dict[str, Callable[[], Case]]:
    """Give all cases by name."""
    client, dump = (f"{mariadb_program(name)} {server.options}" for name in ("mariadb", "mariadb-dump"))
    largest_first = [name for (name,) in server.execute(_SIZES.format(source))]
    structure = work / "structure.sql"
    with structure.open("wb") as file:
        subprocess.run([*dump.split(), "--no-data", source], check=True, stdout=file)

    def fresh(target: str) -> Callable[[], None]:
        def prepare() -> None:
            server.drop(target)
            server.settle()

        return prepare

    def dropped(target: str) -> Callable[[], None]:
        return lambda: server.drop(target)

    def case(name: str, lines: list[str], note: str = "") -> Case:
        create = f"{client} -e 'CREATE DATABASE {PLAIN}'"
        return Case(name, bash("\n".join([create, *lines])), fresh(PLAIN), dropped(PLAIN), note=note)

    def raw(name: str, pipe: Callable[[str], str], note: str = "") -> Case:
        return case(name, [f"{client} {PLAIN} < {structure}", *(pipe(table) for table in largest_first)], note)

    def load(table: str) -> str:
        options = "CHARACTER SET utf8mb4"
        statement = f"{_QUIET}LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE {table} {options}"
        return f'{client} --local-infile=1 {PLAIN} -e "{statement}"'

    def printed(table: str) -> str:
        return f"{client} -q -N -B {source} -e 'SELECT * FROM {table}' | {load(table)}"

    def exact(table: str) -> str:
        columns = [name for (name,) in server.execute(_COLUMNS.format(source, table))]
        escaped = ", ".join(f"ifnull({_escaped(name)}, '\\\\N')" for name in columns)
        query = work / f"{table}.sql"
        query.write_text(f"SELECT {escaped} FROM {table};\n")
        return f"{client} -q -N -r {source} < {query} | {load(table)}"

    def inside(table: str) -> str:
        return f'{client} -e "{_QUIET}INSERT INTO {PLAIN}.{table} SELECT * FROM {source}.{table}"'

    own = Ours(server.url(source), server.url, target_of_ours(source), PLAIN, tables, work, fresh, dropped)
    piped = f"{dump} --single-transaction --quick {source} | {client} {PLAIN}"
    return own.cases(workers) | {
        "raw-client": lambda: raw("raw-client", printed, "not a true copy: the client prints NULL as the word NULL"),
        "raw-client-exact": lambda: raw("raw-client-exact", exact),
        "insert-select": lambda: raw(
            "insert-select", inside, "inside the server; no client could do it across servers"
        ),
        "dump-load": lambda: case("dump-load", [piped]),
    }


def _escaped(column: str) -> str:
    """Give a column as LOAD DATA reads it; nested because the client's own escapes do not tell NULL from a word."""
    text = f"`{column}`"
    for character, written in (("\\\\", "\\\\\\\\"), ("\\t", "\\\\t"), ("\\n", "\\\\n")):
        text = f"replace({text}, '{character}', '{written}')"
    return text
