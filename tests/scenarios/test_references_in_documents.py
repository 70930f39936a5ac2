"""References that stand in documents: followed, audited, and not left unmasked."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dbmimic
from dbmimic.errors import ConfigError
from tests.copying import configured, copied, rows_of

TYPES = {"postgresql": ("JSONB", "UUID"), "mysql": ("JSON", "UUID"), "sqlite": ("TEXT", "TEXT")}
ANN, BEN = "0e0f7a54-58a6-4a55-9d4e-0c5bd7a33a01", "0e0f7a54-58a6-4a55-9d4e-0c5bd7a33a02"
TABLES = (
    "CREATE TABLE users (id BIGINT PRIMARY KEY, code VARCHAR(40) UNIQUE, token {uuid} UNIQUE)",
    "CREATE TABLE events (id INTEGER PRIMARY KEY, kind VARCHAR(9), context {json})",
    f"INSERT INTO users VALUES (1, 'a''b', '{ANN}'), (2, '7', '{BEN}'), (3, 'c', NULL)",
    "INSERT INTO users VALUES (9223372036854775807, 'large', NULL)",
    """INSERT INTO events VALUES
        (1, 'int', '{"userId": 1, "user": {"ids": [2, 3]}}'), (2, 'text', '{"userId": "2"}'), (3, 'word', '{"userId": "1x"}'),
        (4, 'bool', '{"userId": true}'), (5, 'null', '{"userId": null}'), (6, 'none', '{}'), (7, 'NULL', NULL),
        (8, 'array', '{"userId": [1]}'), (9, 'gone', '{"userId": 99}'), (10, 'large', '{"userId": 9223372036854775807}'),
        (11, 'more', '{"userId": 92233720368547758071}'), (12, 'half', '{"userId": 1.5}'), (13, 'empty', '{"userId": ""}'),
        (14, 'code', '{"code": "a\'\'b"}'), (15, 'digit', '{"code": 7}'), (16, 'scalar', '1')""",
    f"""INSERT INTO events VALUES (17, 'uuid', '{{"token": "{BEN.upper()}"}}'), (18, 'other', '{{"token": "x{ANN}"}}')""",
)
BY_ID = {"child": "events(context)", "path": "userId", "parent": "users(id)"}

Place = tuple[str, str, Callable[[str], list[tuple[Any, ...]]]]


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mysql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The URLs of source and copy, and how to ask the copy."""
    json, uuid = TYPES[request.param]
    made = [each.replace("{json}", json).replace("{uuid}", uuid) for each in TABLES]
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("documents")
        with contextlib.closing(sqlite3.connect(folder / "documents.db")) as connection, connection:
            for statement in made:
                connection.execute(statement.replace(BEN.upper(), BEN))  # a text is compared as it is
            connection.execute("INSERT INTO events VALUES (19, 'broken', '{\"userId\": ')")

        def ask(select: str) -> list[tuple[Any, ...]]:
            with contextlib.closing(sqlite3.connect(folder / "copy.db")) as connection:
                return connection.execute(select).fetchall()

        yield f"sqlite:///{folder}/documents.db", f"sqlite:///{folder}/copy.db", ask
        return
    server: Any = request.getfixturevalue("postgres15" if request.param == "postgresql" else "mariadb")
    server.create_database("documents")
    server.execute(*(made if request.param == "mysql" else ["; ".join(made)]), database="documents")
    yield (
        server.url("documents"),
        server.url("documents_copy"),
        lambda select: server.execute(select, database="documents_copy"),
    )


def ids(place: Place, table: str) -> list[int]:
    return [row[0] for row in place[2](f"SELECT id FROM {table} ORDER BY id")]


def test_they_are_followed_upwards(place: Place, tmp_path: Path) -> None:
    """What is no key references nothing: not `true`, a fraction, a number that is too large, or a list."""
    seeds = [{"table": "events", "where": "id <> 2"}]
    report = copied(tmp_path, *place[:2], slice={"seeds": seeds, "virtual_keys": [BY_ID]})
    assert ids(place, "users") == [1, 9223372036854775807]
    assert report.foreign_keys.orphans == 0
    (detail,) = report.foreign_keys.details
    assert detail.foreign_key.replace("public.", "") == "events(context.userId) -> users(id)"
    assert detail.source_orphans == (1 if place[0].startswith("postgresql") else 2)  # 99, and the number out of range


def test_they_are_followed_downwards(place: Place, tmp_path: Path) -> None:
    keys = [
        {**BY_ID, "when": "kind <> 'text'"},
        {**BY_ID, "path": "user.ids[1]"},
        {**BY_ID, "path": "$.code", "parent": "users(code)"},
        {**BY_ID, "path": "token", "parent": "users(token)"},
    ]
    copied(tmp_path, *place[:2], slice={"seeds": [{"table": "users", "ids": [2]}], "virtual_keys": keys})
    assert ids(place, "events") == [15, 17]
    copied(tmp_path, *place[:2], slice={"seeds": [{"table": "users", "ids": [3]}], "virtual_keys": keys})
    assert (ids(place, "events"), ids(place, "users")) == ([1], [1, 3])
    policy = [{"edge": "events(context.userId)", "children": "stop"}]
    slice_ = {"seeds": [{"table": "users", "where": "id = 1"}], "virtual_keys": keys, "edges": policy}
    assert rows_of(copied(tmp_path, *place[:2], slice=slice_)) == {"users": 1, "events": 1}


def test_a_masked_key_is_masked_in_the_document_or_refused(place: Place, tmp_path: Path) -> None:
    masked = {"mask": "integer_key", "domain": "users"}
    columns: dict[str, Any] = {"users.id": masked}
    slice_ = {"seeds": [{"table": "events", "ids": [1]}], "virtual_keys": [BY_ID]}
    rules = {"default": "keep", "columns": columns}
    with pytest.raises(ConfigError, match="context is kept and references the column") as caught:
        dbmimic.plan(configured(tmp_path, *place[:2], slice=slice_, rules=rules))
    assert caught.value.code == "DM208"
    columns["events.context"] = {"mask": "json", "paths": {"$.userId": masked}, "rest": "keep"}
    report = copied(tmp_path, *place[:2], slice=slice_, rules=rules)
    assert report.foreign_keys.orphans == 0
    assert ids(place, "users") != [1]


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        ({**BY_ID, "path": "ids[*]"}, "DM204", "one place"),
        ({**BY_ID, "path": "a'b"}, "DM204", "one place"),
        ({**BY_ID, "path": "a..b"}, "DM204", "one place"),
        ({**BY_ID, "child": "events(id)"}, "DM212", "holds no documents"),
        ({**BY_ID, "child": "events(id, context)", "parent": "users(id, code)"}, "DM212", "several columns"),
        ({**BY_ID, "child": "users(id)", "parent": "events(context)"}, "DM212", "no documents"),
    ],
)
def test_what_cannot_be_is_told(key: dict[str, str], code: str, said: str, place: Place, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        dbmimic.plan(configured(tmp_path, *place[:2], slice={"virtual_keys": [key]}))
    assert caught.value.code == code
    assert said in caught.value.message


def test_one_cannot_become_null(place: Place, tmp_path: Path) -> None:
    edges = [{"edge": "events(context.userId)", "parent": None}]
    slice_ = {"seeds": [{"table": "events", "ids": [1]}], "virtual_keys": [BY_ID], "edges": edges}
    with pytest.raises(ConfigError, match="stands inside column context"):
        dbmimic.plan(configured(tmp_path, *place[:2], slice=slice_))
