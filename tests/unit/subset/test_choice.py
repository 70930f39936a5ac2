"""Children under a limit are the same ones however few can be held at a time."""

import sqlite3
from pathlib import Path

import pytest

from dbmimic.engines.sqlite.engine import SqliteEngine
from dbmimic.masks.keyed import parse_secret
from dbmimic.model.address import Address
from dbmimic.model.keys import KeySet
from dbmimic.model.names import TableId
from dbmimic.subset import choice
from tests.copying import SECRET

# Families of 0 to 99 children; one of 600, one of 900, one of which one child is not among the chosen.
SCRIPT = """
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent);
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 59) INSERT INTO parent SELECT i FROM n;
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999)
    INSERT INTO child SELECT i, CASE WHEN i < 600 THEN 7 WHEN i < 1500 THEN 31 ELSE i * i % 50 END FROM n;
    CREATE INDEX of_parent ON child (parent);
"""


def test_a_limit_gives_the_same_children_however_few_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "families.db"
    connection = sqlite3.connect(path)
    connection.executescript(SCRIPT)
    (families,) = connection.execute("SELECT max(n) FROM (SELECT count(*) AS n FROM child GROUP BY parent)")
    connection.close()
    assert families == (900 + 60,)
    source = SqliteEngine().open_source(Address("sqlite", str(path)))
    schema = source.schema()
    child = schema.table(TableId("", "child"))
    (edge,) = schema.foreign_keys
    secret = parse_secret(SECRET)
    first = 1 << 63  # the identity of rowid 0
    parents = KeySet.of(edge.parent, range(first, first + 60))
    among = KeySet.of(child.id, range(first + 1, first + 3000))
    for limit in (3, 700):
        wanted = choice.nearest(edge, child, limit, parents, among, source, secret)
        for number, families in ((40, 1), (300, 60), (1400, 1000)):
            monkeypatch.setattr(choice, "_PAIRS_AT_ONCE", number)
            monkeypatch.setattr(choice, "_PARENTS_AT_ONCE", families)
            assert choice.nearest(edge, child, limit, parents, among, source, secret) == wanted
        monkeypatch.undo()
        hub = KeySet.of(edge.parent, [first + 31])
        assert len(choice.nearest(edge, child, limit, hub, among, source, secret)) == min(limit, 900 + 60)
    source.close()
