"""Files to read and targets to fill, each test with its own folder."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbmimic.engines.sqlite.engine import SqliteEngine
from dbmimic.engines.sqlite.source import SqliteSource
from dbmimic.engines.sqlite.target import SqliteTarget
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.keys import WHOLE, Rows
from dbmimic.model.names import TableId
from dbmimic.model.target import Stamp
from tests.conformance.sqlite.shapes import Aim, Copy, Load, Make, Open


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a file from a script, and then from statements with parameters."""

    def made(script: str, *statements: tuple[str, tuple[object, ...]], name: str = "source.db") -> Path:
        path = tmp_path / name
        connection = sqlite3.connect(path)
        connection.executescript(script)
        for sql, parameters in statements:
            connection.execute(sql, parameters)
        connection.commit()
        connection.close()
        return path

    return made


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open sources that are closed at the end."""
    sources: list[SqliteSource] = []

    def open_one(path: Path) -> SqliteSource:
        sources.append(SqliteEngine().open_source(Address("sqlite", str(path), options={"timeout": "0.2"})))
        return sources[-1]

    yield open_one
    for source in sources:
        source.close()


@pytest.fixture
def aimed() -> Iterator[Aim]:
    """Open targets that are closed at the end."""
    targets: list[SqliteTarget] = []

    def aim(path: Path) -> SqliteTarget:
        targets.append(SqliteEngine().open_target(Address("sqlite", str(path), options={"timeout": "0.2"})))
        return targets[-1]

    yield aim
    for target in targets:
        target.close()


@pytest.fixture
def load() -> Load:
    """Copy tables into a target that is being built; `head` says how many columns travel as text."""

    def loaded(
        source: SqliteSource, target: SqliteTarget, head: int = 0, rows: dict[TableId, Rows] | None = None
    ) -> int:
        count = 0
        for table in source.schema().tables:
            if not table.holds_rows:
                continue
            columns = tuple(column.name for column in table.loadable)
            layout = Layout(table.id, table.id, columns[:head], columns[head:])
            batches = source.read(layout, (rows or {}).get(table.id, WHOLE))
            unmasked = (MaskedBatch(batch.layout, batch.row_count, batch.head, batch.tail) for batch in batches)
            count += target.write(layout, unmasked)
        return count

    return loaded


@pytest.fixture
def copied(tmp_path: Path, opened: Open, aimed: Aim, load: Load) -> Copy:
    """Copy a whole file without masks and swap it in; gives the target's path."""

    def copy(path: Path, head: int = 0) -> Path:
        source = opened(path)
        target = aimed(tmp_path / "target.db")
        structure = source.structure()
        target.build(structure)
        load(source, target, head)
        target.finish(structure, frozenset())
        target.swap(Stamp("run", "2026-01-01", "0", "source"))
        target.close()
        return tmp_path / "target.db"

    return copy


@pytest.fixture
def chinook(tmp_path: Path) -> Path:
    """A copy of the Chinook sample database; skips, loudly, where the shared data are not."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    original = Path(os.environ.get("DBMIMIC_REAL_DATA", beside)) / "chinook" / "Chinook_Sqlite.sqlite"
    if not original.is_file():
        pytest.skip("Chinook is not there: set DBMIMIC_REAL_DATA to the folder of the shared real databases")
    path = tmp_path / "Chinook.sqlite"
    path.write_bytes(original.read_bytes())
    return path
