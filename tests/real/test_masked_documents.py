"""A real application whose rows stand once more, whole, in JSON: what is masked in its column is masked there alike."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dbmimic.testing.postgres_server import PostgresServer
from tests.copying import copied

PEOPLE = {
    "auth_user.username": "token",
    "auth_user.first_name": "first_name",
    "auth_user.last_name": "last_name",
    "auth_user.email": "email",
    "auth_user.password": "redact",
    "base_person.first_name": "first_name",
    "base_person.last_name": "last_name",
    "base_person.job_title": "job_title",
    "base_formpage.to_address": "email",
    "base_formpage.from_address": "email",
    "base_formfield.default_value": "free_text",
    "locations_locationpage.address": "street_address",
    "locations_locationpage.lat_long": "scramble",
}
BESIDE = {  # where the application repeats the names of people beside other things
    "wagtailcore_revision.object_str": "scramble",
    "wagtailcore_modellogentry.label": "scramble",
    "wagtailimages_image.title": "scramble",
    "wagtailimages_image.description": "scramble",
}
KEYS = {
    "first_name": "first_name",
    "last_name": "last_name",
    "job_title": "job_title",
    "to_address": "email",
    "from_address": "email",
    "default_value": "free_text",
    "address": "street_address",
    "lat_long": "scramble",
}
RULES = {
    "default": "keep",
    "columns": {**PEOPLE, **BESIDE, "wagtailcore_revision.content": {"mask": "json", "keys": KEYS}},
}
# Users of the demo are called Admin User and german, which are words that the application uses for other things, too.
WORDS = frozenset({"Admin", "admin", "User", "german"})


def scalars(document: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Give every scalar with the name of the key that it stands under."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from scalars(value, name)
    elif isinstance(document, list):
        for value in document:
            yield from scalars(value, key)
    else:
        yield key, document


def held(server: PostgresServer, database: str, name: str) -> dict[str, Any]:
    """Give one column's values by their row's key."""
    table, _, field = name.partition(".")
    key = "page_ptr_id" if table in {"base_formpage", "locations_locationpage"} else "id"
    return dict(server.execute(f'SELECT {key}, "{field}" FROM "{table}"', database=database))


def everything(server: PostgresServer, database: str) -> str:
    """Give all rows of all tables as text, a character of JSON that was written as a number as itself."""
    tables = server.execute(
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'", database=database
    )
    rows = [
        row for (table,) in tables for (row,) in server.execute(f"SELECT t::text FROM {table} t", database=database)
    ]
    return re.sub(r"\\+u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), "\n".join(rows))


def holds(text: str, value: str) -> bool:
    """Whether a value (its first line, if it has some) stands in a text as a word, in whatever case."""
    return re.search(rf"(?<!\w){re.escape(value.splitlines()[0])}(?!\w)", text, re.IGNORECASE) is not None


def test_every_copy_of_a_value_is_masked_alike_and_none_is_left(postgres: PostgresServer, tmp_path: Path) -> None:
    report = copied(tmp_path, postgres.url("bakery"), postgres.url("bakery_masked"), rules=RULES)
    assert report.verified
    assert report.leaks.found == 0
    became: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name in PEOPLE:
        before, after = (held(postgres, database, name) for database in ("bakery", "bakery_masked"))
        for row, value in before.items():
            if value:
                became[name.split(".")[1]][value].add(after[row])
    assert all(len(after) == 1 for values in became.values() for after in values.values())

    documents = [held(postgres, base, "wagtailcore_revision.content") for base in ("bakery", "bakery_masked")]
    copies = 0
    for row, before in documents[0].items():
        for (key, value), (same_key, masked) in zip(scalars(before), scalars(documents[1][row]), strict=True):
            assert key == same_key
            assert (masked == value) == (key not in KEYS or not value)
            if key in KEYS and value in became[key]:
                copies += 1
                assert became[key][value] == {masked}
    assert copies == 56

    source, target = (everything(postgres, database) for database in ("bakery", "bakery_masked"))
    values = {value for of_column in became.values() for value in of_column} - WORDS
    assert len(values) > 40
    assert all(holds(source, value) for value in values)
    assert [value for value in values if holds(target, value)] == []
