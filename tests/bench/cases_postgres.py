"""The cases on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.bench.cases import Case, Ours, bash, timed_chapters
from tests.bench.peers import pganonymize, pynonymizer
from tests.bench.servers import Postgres

PLAIN = "bench_plain"
USUAL = (
    "ours",
    "ours-1",
    "ours-plain",
    "raw-text-1",
    "raw-text-2",
    "raw-binary-1",
    "raw-binary-2",
    "pg_dump-psql",
    "pg_dump-Fd",
)
_PSQL = "psql -X -q -v ON_ERROR_STOP=1"
_SIZES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY pg_table_size(c.oid) DESC
"""


def target_of_ours(source: str) -> str:
    """Give the database that our cases write."""
    return f"{source}_ours"


def cases(
    server: Postgres, source: str, folder: Path, bench: Path, workers: int, port: int = 0
) -> dict[str, Callable[[], Case]]:
    """Give all cases by name; ours reach the source by `port`, where one is told."""
    tables = [name for (name,) in server.execute(_SIZES, source)]
    folder.mkdir(parents=True, exist_ok=True)

    def fresh(target: str) -> Callable[[], None]:
        def prepare() -> None:
            server.drop(target)
            server.settle()

        return prepare

    def dropped(target: str) -> Callable[[], None]:
        return lambda: server.drop(target)

    def case(name: str, script: str) -> Case:
        return Case(name, bash(script), fresh(PLAIN), dropped(PLAIN), server.environment)

    bare = tuple(name.partition(".")[2] for name in tables)
    ours = Ours(server.url(source, port), server.url, target_of_ours(source), PLAIN, bare, folder, fresh, dropped)
    ddl = [f"{_PSQL} {PLAIN} -f {folder}/{part}.sql >/dev/null" for part in ("pre-data", "post-data")]
    _dump_structure(server, source, folder)

    def raw(form: str, streams: int) -> Case:
        pipe = f"{_PSQL} -c 'COPY $1 TO STDOUT {form}' {source} | {_PSQL} -c 'COPY $1 FROM STDIN {form}' {PLAIN}"
        script = folder / f"raw-{form or 'text'}.sh"
        script.write_text(f"set -euo pipefail\n{pipe.replace(chr(39), chr(34))}\n")
        moved = f"printf '%s\\n' {' '.join(tables)} | xargs -P {streams} -n 1 bash {script}"
        timed = timed_chapters(copy=f"{_created()}\n{ddl[0]}\n{moved}", finish=ddl[1])
        return case(f"raw-{(form or 'text').lower()}-{streams}", timed)

    dump = f"{_created()}\npg_dump {source} | {_PSQL} {PLAIN} >/dev/null"
    archive = (
        f"{_created()}\npg_dump -Fd -j2 -Z0 -f {folder}/archive {source}\npg_restore -j2 -d {PLAIN} {folder}/archive"
    )
    peers = {
        "pynonymizer": lambda: pynonymizer(server, source, bare, folder, bench),
        "pganonymize": lambda: pganonymize(server, source, bare, folder, bench),
        "pganonymize-parallel": lambda: pganonymize(server, source, bare, folder, bench, parallel=True),
    }
    return ours.cases(workers) | {
        "raw-text-1": lambda: raw("", 1),
        "raw-text-2": lambda: raw("", 2),
        "raw-binary-1": lambda: raw("BINARY", 1),
        "raw-binary-2": lambda: raw("BINARY", 2),
        "pg_dump-psql": lambda: case("pg_dump-psql", dump),
        "pg_dump-Fd": lambda: case("pg_dump-Fd", f"rm -rf {folder}/archive\n{archive}\nrm -rf {folder}/archive"),
        **peers,
    }


def _created() -> str:
    return f"{_PSQL} -c 'CREATE DATABASE {PLAIN}' postgres"


def _dump_structure(server: Postgres, source: str, folder: Path) -> None:
    for part in ("pre-data", "post-data"):
        command = ["pg_dump", f"--section={part}", "-f", str(folder / f"{part}.sql"), source]
        subprocess.run(command, check=True, env=os.environ | server.environment)
