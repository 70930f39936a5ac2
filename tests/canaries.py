"""Values that must not come out: rows full of them, and a watch over everything that a command writes while it runs."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Self

PEOPLE = 6
MASKED_COLUMNS = ("id", "email", "name", "handle", "phone", "born", "born_text", "note", "visit_place")


def canary(column: str, row: int) -> str:
    """Give what stands in a column of a row, and nowhere else in the world."""
    match column:
        case "id":
            return str(1_900_000_411 + 137_137 * row)
        case "email":
            return f"qzvanarye{row}@qzvanaryd{row}.test"
        case "phone":
            return f"+49 77931{row}4159265"
        case "born" | "born_text":
            return f"{1801 + 7 * row + (3 if column == 'born' else 0)}-0{row + 1}-1{row}"
        case _:
            return f"qzvanary{column.replace('_', '')}{row}"


def masked_canaries() -> list[str]:
    """Give all that stands in masked columns."""
    return [canary(column, row) for column in MASKED_COLUMNS for row in range(PEOPLE)] + [failing(0)]


def kept_canaries() -> list[str]:
    """Give all that stands in a column that is kept: in the target it belongs, in messages and files it does not."""
    return [canary("kept", row) for row in range(PEOPLE)]


def failing(row: int) -> str:
    """Give a text that is no date, for a column of dates."""
    return f"qzvanarynodate{row}"


def traces(data: bytes, canaries: Iterable[str]) -> set[str]:
    """Give the canaries that stand in some bytes, written in any of the ways in which a program writes a text."""
    return {text for text in canaries if any(form in data for form in _forms(text))}


@cache
def _forms(text: str) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(_each_form(text)))


def _each_form(text: str) -> Iterator[bytes]:
    raw = text.encode()
    yield raw
    yield text.upper().encode()
    yield text.encode("utf-16le")
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for shift in range(3):  # base64 of a text depends on how many bytes stand before it; its middle does not change
        yield base64.b64encode(b"\0" * shift + raw)[4:-4]


def statements(keys: Callable[[str], str], born_text: str = "varchar(80)", more: str = "") -> list[str]:
    """Give what builds the rows; `keys` writes the foreign key, `more` is what else stands in the table of people."""
    columns = (
        "id integer NOT NULL PRIMARY KEY, email varchar(80) NOT NULL UNIQUE, name varchar(80) NOT NULL, "
        "handle varchar(60) NOT NULL UNIQUE, phone varchar(40), born date, "
        f"born_text {born_text}, note varchar(200), kept varchar(80) NOT NULL{more}"
    )
    people = [
        [canary(name, row) for name in ("id", "email", "name", "handle", "phone", "born", "born_text", "note", "kept")]
        for row in range(PEOPLE)
    ]
    visits = [[str(row), canary("id", row), canary("visit_place", row)] for row in range(PEOPLE)]
    return [
        f"CREATE TABLE people ({columns})",
        f"CREATE TABLE visits (id integer NOT NULL PRIMARY KEY, person_id integer NOT NULL, place varchar(80){keys('person_id')})",
        f"INSERT INTO people (id, email, name, handle, phone, born, born_text, note, kept) VALUES {_rows(people)}",
        f"INSERT INTO visits VALUES {_rows(visits)}",
    ]


def _rows(rows: list[list[str]]) -> str:
    return ", ".join(f"({', '.join(repr(value) for value in row)})" for row in rows)


class Watch:
    """Looks again and again at every file under some folders, and keeps which canaries it has seen where."""

    def __init__(self, canaries: Callable[[Path], list[str]], *folders: Path) -> None:
        self.seen: set[tuple[str, str]] = set()
        self.looks = 0
        self._canaries = canaries
        self._folders = folders
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(0.003):
            self._look()

    def _look(self) -> None:
        self.looks += 1
        for folder in self._folders:
            for parent, _, names in os.walk(folder):  # which takes no notice of folders that are gone
                for name in names:
                    self._look_at(Path(parent, name))

    def _look_at(self, path: Path) -> None:
        try:
            data = path.read_bytes()
        except OSError:
            return  # it is gone
        self.seen |= {(path.name, text) for text in traces(data, self._canaries(path))}
