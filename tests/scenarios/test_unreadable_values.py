"""Values that no mask can read, as long as they may be, come through a whole copy: counted by column, never shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import dbmimic
from dbmimic.errors import SourceError, TargetError
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.copying import configured, copied
from tests.small_shop import Shop

LONG = 10_000_000
MENDED = "caf\ufffd\tof \\ Canary\ufffd"
BROKEN = '{"name": "Anna Canary", "to": ['
RULES = {
    "default": "keep",
    "columns": {
        "papers.doc": {"mask": "json", "keys": {"name": "full_name"}},
        "papers.note": "scramble",
        "papers.born": {"mask": "date_shift", "invalid": "null"},
    },
}


def built(shop: Shop, long: str) -> str:
    shop.create("papers")
    rows = [
        f"(1, '{BROKEN}', 'short', '2001-02-03')",
        "(2, '{\"name\": \"Ben Canary\"}', 'short too', 'born Canary')",
        f"(3, '[]', {long}, 'in the month of Canary')",
    ]
    table = "CREATE TABLE papers (id int PRIMARY KEY, doc text, note text, born text)"
    shop.run("papers", [table, f"INSERT INTO papers VALUES {', '.join(rows)}"])
    return shop.url("papers")


@pytest.mark.parametrize("engine", ["postgresql", "sqlite"])
def test_values_that_no_mask_can_read_are_counted_and_not_shown(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if engine == "sqlite":
        shop, long = small_shop.on_sqlite(tmp_path), f"replace(hex(zeroblob({LONG // 2})), '00', 'ab')"
    else:
        server: PostgresServer = request.getfixturevalue("postgres15")
        shop, long = small_shop.on_postgres(server), f"repeat('ab', {LONG // 2})"
    source = built(shop, long)
    if engine == "sqlite":  # PostgreSQL lets no such bytes in: an overlong slash, and half a character
        shop.run("papers", ["INSERT INTO papers VALUES (4, '[]', CAST(x'43616e617279c0afe282' AS TEXT), NULL)"])
    report = copied(tmp_path, source, shop.url("papers_stage"), rules=RULES)
    assert report.verified
    assert {name.rpartition(".")[2]: count for name, count in report.masks.invalid.items()} == {"doc": 1, "born": 2}
    assert "Canary" not in repr(report)
    found = shop.run("papers_stage", ["SELECT length(note), substr(note, 1, 9), doc, born FROM papers ORDER BY id"])
    assert [str(row[0]) for row in found[:3]] == ["5", "9", str(LONG)]
    assert found[2][1] != "ababababa"
    assert [row[3] for row in found[1:3]] == [None, None]
    assert all("Canary" not in str(value) for row in found for value in row)


@pytest.fixture
def decayed(postgres15: PostgresServer) -> Iterator[Shop]:
    """A shop with texts in a database of UTF-8 that are no UTF-8, as old versions and broken disks leave them."""
    shop = small_shop.on_postgres(postgres15)
    postgres15.execute("CREATE DATABASE decayed ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'")
    note = "E'caf\\xe9\\tof \\\\ Canary\\xff'"
    shop.run("decayed", ["CREATE TABLE papers (id int PRIMARY KEY, note text, kept text, seen timestamptz)"])
    shop.run("decayed", [f"INSERT INTO papers VALUES (1, 'a', 'é', NULL), (2, {note}, {note}, now())"])
    more = "(3, repeat('ab', 2200000), '', NULL), (4, '', '', NULL)"  # what makes it a batch, and one after it
    shop.run("decayed", [f"INSERT INTO papers VALUES {more}"])
    postgres15.execute("UPDATE pg_database SET encoding = 6 WHERE datname = 'decayed'")
    yield shop
    postgres15.execute("DROP DATABASE decayed")


def test_bytes_that_are_no_text_are_the_source_s_fault_unless_they_are_to_be_replaced(
    decayed: Shop, postgres15: PostgresServer, tmp_path: Path
) -> None:
    """Whether a mask reads them, or the target alone finds out."""
    ends = postgres15.url("decayed"), decayed.url("decayed_stage")
    decayed.create("decayed_stage")
    for column in ("note", "seen"):
        with pytest.raises(SourceError) as refused:
            copied(tmp_path, *ends, rules={"default": "keep", "columns": {f"papers.{column}": "null"}})
        assert (refused.value.code, refused.value.place) == ("DM404", "public.papers.note")
        assert "(0,2)" in refused.value.message
        assert "Canary" not in str(refused.value)
    rules = {"default": "keep", "columns": {"papers.kept": "scramble"}}
    report = copied(tmp_path, *ends, rules=rules, on_encoding_error="replace")
    told = {finding.place: finding.message for finding in report.findings if finding.code == "DM608"}
    assert told.keys() == {"public.papers.kept", "public.papers.note"}
    assert all(message.startswith("1 text is none") for message in told.values())
    assert decayed.run("decayed_stage", ["SELECT note FROM papers WHERE id < 3 ORDER BY id"]) == [("a",), (MENDED,)]
    settings = configured(tmp_path, *ends, rules=rules, on_encoding_error="replace")
    assert dbmimic.verify(settings).verified
    encoding = "UPDATE pg_database SET encoding = {} WHERE datname = 'decayed_stage'"
    postgres15.execute(encoding.format(0))
    decayed.run("decayed_stage", ["UPDATE papers SET kept = E'Canary\\xff' WHERE id = 1"])
    postgres15.execute(encoding.format(6))
    with pytest.raises(TargetError, match="a text is not valid UTF-8"):
        dbmimic.verify(settings)
