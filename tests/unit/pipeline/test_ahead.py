"""The rows of the next unit are asked for while one is loaded, and nothing that was begun is left."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from dbmimic.model.batch import Layout
from dbmimic.model.keys import WHOLE
from dbmimic.model.names import TableId
from dbmimic.model.work import WorkUnit
from dbmimic.pipeline import units
from dbmimic.pipeline.units import _ahead

UNITS = [
    WorkUnit(name, Layout(TableId("", name), TableId("", name), (), ("id",)), WHOLE, 1) for name in ("a", "b", "c")
]


class Begun(Iterator[Any]):
    """What a source begins to read when it is asked for it."""

    def __init__(self, name: str, open_: set[str]) -> None:
        self._name, self._open = name, open_
        open_.add(name)

    def __next__(self) -> Any:
        raise StopIteration

    def close(self) -> None:
        self._open.discard(self._name)


class Source:
    """Notes what is open."""

    def __init__(self) -> None:
        self.open: set[str] = set()

    def read(self, layout: Layout, rows: object) -> Begun:
        del rows
        return Begun(layout.leaf.name, self.open)


def test_one_is_begun_while_another_is_loaded() -> None:
    source = Source()
    seen = []
    for unit, coming in _ahead(UNITS, source):  # type: ignore[arg-type]
        seen.append((unit.id, sorted(source.open)))
        coming.close()  # type: ignore[attr-defined]
    assert seen == [("a", ["a", "b"]), ("b", ["b", "c"]), ("c", ["c"])]
    assert not source.open


def test_what_was_begun_is_ended_after_a_failure() -> None:
    source = Source()

    def load() -> None:
        with contextlib.closing(_ahead(UNITS, source)) as each:  # type: ignore[arg-type]
            for _, coming in each:
                coming.close()  # type: ignore[attr-defined]
                raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        load()
    assert not source.open


def test_rows_that_nobody_saw_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source begins to read when it is asked, wanted or not."""
    monkeypatch.setattr(units.load, "write", lambda *_: 5)
    masker: Any = SimpleNamespace(moves_rows=False, may_miss=False, layout=lambda leaf: UNITS[0].layout)
    source: Any = Source()
    clock: Any = SimpleNamespace(seconds=lambda: 0.0)
    nothing: Any = None
    done = units.process(UNITS[0], iter(()), source, nothing, masker, {}, nothing, clock)
    assert (done.row_count, source.open) == (5, set())
