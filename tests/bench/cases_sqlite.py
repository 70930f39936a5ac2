"""The cases on SQLite."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.bench.cases import Case, Ours, bash

USUAL = ("ours", "ours-plain", "vacuum-into", "dump-load")


def target_of_ours(source: Path) -> Path:
    """Give the file that our cases write."""
    return source.with_name(f"{source.stem}_ours.db")


def cases(source: Path, tables: tuple[str, ...], work: Path, workers: int) -> dict[str, Callable[[], Case]]:
    """Give all cases by name."""
    plain = source.with_name("bench_plain.db")

    def fresh(path: str) -> Callable[[], None]:
        def prepare() -> None:
            for file in source.parent.glob(f"{Path(path).name}*"):
                file.unlink()
            os.sync()

        return prepare

    def case(name: str, script: str) -> Case:
        return Case(name, bash(script), fresh(str(plain)), fresh(str(plain)))

    url = "sqlite:///{}".format
    own = Ours(url(source), url, str(target_of_ours(source)), str(plain), tables, work, fresh, fresh)
    return own.cases(workers) | {
        "vacuum-into": lambda: case("vacuum-into", f"sqlite3 {source} \"VACUUM INTO '{plain}'\""),
        "dump-load": lambda: case("dump-load", f"sqlite3 {source} .dump | sqlite3 {plain}"),
        "cp": lambda: case("cp", f"cp {source} {plain} && sync {plain}"),
    }
