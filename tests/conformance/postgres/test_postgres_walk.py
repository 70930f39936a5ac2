"""The walk's answers against plain SQL."""

from __future__ import annotations

import pytest

from dbmimic.engines.postgres import walk
from dbmimic.errors import ConfigError
from dbmimic.model.keys import WHOLE, KeySet
from dbmimic.model.names import TableId
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.ports.source import End
from tests.conformance.postgres.shapes import PARTITIONS, edge

pytestmark = pytest.mark.postgres


def table(source, name):
    return source.schema().table(TableId("public", name))


def values(source, rows: KeySet, name: str, column: str) -> list[str]:
    """The values of a column in the chosen rows, sorted."""
    found = []
    for keyed in source.keyed(table(source, name), (column,)):
        chosen = rows.holds(keyed.leaf, keyed.ids)
        found += [value for value, taken in zip(keyed.columns[0].to_pylist(), chosen, strict=True) if taken]
    return sorted(found)


def where(source, name, condition) -> KeySet:
    return source.seed(table(source, name), WhereSeed(TableId("public", name), condition))


def test_seeds_by_condition(bench):
    source = bench.source(
        bench.database(
            "CREATE TABLE t (id int, \"%s\" text); INSERT INTO t SELECT i, 'x%' || i FROM generate_series(1, 500) i"
        )
    )
    assert values(source, where(source, "t", "id <= 3"), "t", "id") == ["1", "2", "3"]
    assert values(source, where(source, "t", "t.\"%s\" LIKE 'x%7' AND id < 20"), "t", "id") == ["17", "7"]
    assert values(source, where(source, "t", "public.t.id = 9"), "t", "id") == ["9"]
    assert len(where(source, "t", "true")) == 500
    assert where(source, "t", "false") == KeySet()
    assert len(where(source, "t", "id IN (SELECT max(id) FROM t)")) == 1


@pytest.mark.parametrize(
    "condition",
    [
        "", "id = 1; DROP TABLE t", "id = 1) OR (true", "id = 1) UNION SELECT tableoid, tidsend(ctid) FROM o WHERE (true",
        "nothing = 1", "id", "id = 'abc'", "1 / (id - 1) > 0", "SELECT true", "DELETE FROM t", "id = (", "'open",
        "nextval('s') > 0", "id = $2", "nowhere(id)", "(SELECT true FROM t)", "id = 1 -- one", "id = 1 /* ) */",
    ],
)  # fmt: skip
def test_a_condition_that_is_none_is_refused_and_the_snapshot_lives(bench, condition):
    source = bench.source(
        bench.database(
            "CREATE TABLE t (id int); CREATE TABLE o (id int); CREATE SEQUENCE s; INSERT INTO t VALUES (1), (2)"
        )
    )
    with pytest.raises(ConfigError) as caught:
        where(source, "t", condition)
    assert (caught.value.code, caught.value.place) == ("DM212", "public.t")
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert len(where(source, "t", "id = 1")) == 1


def test_a_condition_sees_the_roles_own_search_path_and_nothing_else_does(bench):
    name = bench.database("""
        CREATE SCHEMA app; CREATE FUNCTION app.wanted(int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 = 2';
        CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2);
    """)
    bench.server.execute(f"ALTER DATABASE {name} SET search_path = app, public")
    source = bench.source(name)
    assert values(source, where(source, "t", "wanted(id)"), "t", "id") == ["2"]


def test_seeds_by_ids(bench):
    source = bench.source(
        bench.database("""
        CREATE TABLE one (id bigint PRIMARY KEY); INSERT INTO one SELECT generate_series(1, 50);
        CREATE TABLE two (a varchar(3), b date, v int, PRIMARY KEY (b, a));
        INSERT INTO two VALUES ('x', '2020-01-01', 1), ('y', '2020-01-01', 2), ('x', '2021-01-01', 3);
        CREATE TABLE keyless (a int);
        """)
    )
    one = table(source, "one")
    assert values(source, source.seed(one, IdsSeed(one.id, ((3,), ("7",), (99,), (3,)))), "one", "id") == ["3", "7"]
    two = table(source, "two")
    assert values(source, source.seed(two, IdsSeed(two.id, (("2020-01-01", "y"),))), "two", "v") == ["2"]
    assert source.seed(two, IdsSeed(two.id, (("2020-01-01", "xxxx"),))) == KeySet()
    for wrong in ((("abc",),), ((1, 2),), ((2**70,),)):
        with pytest.raises(ConfigError) as caught:
            source.seed(one, IdsSeed(one.id, wrong))
        assert caught.value.code == "DM212"
    keyless = table(source, "keyless")
    with pytest.raises(ConfigError):
        source.seed(keyless, IdsSeed(keyless.id, ((1,),)))
    assert len(source.seed(one, IdsSeed(one.id, ((1,),)))) == 1


def test_parents_children_and_orphans_of_partitioned_tables(bench):
    source = bench.source(bench.database(PARTITIONS))
    schema = source.schema()
    to_p, to_q = edge(schema, "r", "p"), edge(schema, "r", "q")
    some = where(source, "r", "id IN (1, 2, 4, 5)")
    assert values(source, source.parents(to_p, some), "p", "id") == ["1", "2", "4"]
    assert values(source, source.parents(to_p, WHOLE), "p", "id") == ["1", "2", "3", "4"]
    assert values(source, source.parents(to_q, some), "q", "id") == ["1", "2", "5"]
    parents = where(source, "q", "id IN (1, 3, 4)")
    assert values(source, source.children(to_q, parents), "r", "id") == ["1", "3"]
    assert source.orphans(to_q, WHOLE) == 0
    root, leaf = edge(schema, "c", "root"), edge(schema, "c", "leaf")
    everything = where(source, "parts", "true")
    assert len(source.children(root, everything)) == 4
    in_leaf = [row[0] for row in bench.rows(source.identity().database, "SELECT id FROM parts_1")]
    assert len(source.children(leaf, everything)) == len(in_leaf)
    assert values(source, source.parents(leaf, WHOLE), "parts", "id") == sorted(map(str, in_leaf))
    assert values(source, source.parents(root, WHOLE), "parts", "id") == ["1", "2", "3", "4"]


def test_keys_compare_as_their_constraints_do(bench):
    source = bench.source(
        bench.database("""
        CREATE EXTENSION citext;
        CREATE COLLATION folded (provider = libc, locale = 'C');
        CREATE TABLE pc (k char(5) PRIMARY KEY); CREATE TABLE cc (k text REFERENCES pc);
        CREATE TABLE pb (k bigint PRIMARY KEY); CREATE TABLE cb (k smallint REFERENCES pb);
        CREATE TABLE pn (k numeric PRIMARY KEY); CREATE TABLE cn (k numeric REFERENCES pn);
        CREATE TABLE pi (k citext PRIMARY KEY); CREATE TABLE ci (k citext REFERENCES pi);
        CREATE TABLE px (k text COLLATE folded PRIMARY KEY); CREATE TABLE cx (k text REFERENCES px);
        CREATE TYPE mood AS ENUM ('a', 'b');
        CREATE TABLE pe (k mood PRIMARY KEY); CREATE TABLE ce (k mood REFERENCES pe);
        CREATE TABLE pa (k int[] PRIMARY KEY); CREATE TABLE ca (k int[] REFERENCES pa);
        INSERT INTO pc VALUES ('ab'), ('cd'); INSERT INTO cc VALUES ('ab  '), (NULL);
        INSERT INTO pb VALUES (1), (2); INSERT INTO cb VALUES (2);
        INSERT INTO pn VALUES (1.0), ('NaN'); INSERT INTO cn VALUES (1.00), ('NaN');
        INSERT INTO pi VALUES ('Ab'), ('x'); INSERT INTO ci VALUES ('aB');
        INSERT INTO px VALUES ('q'), ('r'); INSERT INTO cx VALUES ('q');
        INSERT INTO pe VALUES ('a'), ('b'); INSERT INTO ce VALUES ('b');
        INSERT INTO pa VALUES ('{1,2}'), ('{2}'); INSERT INTO ca VALUES ('{1,2}');
        """)
    )
    expected = {"cc": 1, "cb": 1, "cn": 2, "ci": 1, "cx": 1, "ce": 1, "ca": 1}
    for child, count in expected.items():
        one = edge(source.schema(), child, "k")
        parents = source.parents(one, WHOLE)
        assert len(parents) == count, child
        assert len(source.children(one, parents)) == count, child
        assert source.orphans(one, WHOLE) == 0, child


def test_orphans_by_match_type(bench):
    source = bench.source(
        bench.database("""
        CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); INSERT INTO p VALUES (1, 1);
        CREATE TABLE simple (id int, a int, b int); CREATE TABLE "full" (id int, a int, b int);
        INSERT INTO simple VALUES (1, 1, 1), (2, 1, NULL), (3, NULL, NULL), (4, 1, 2);
        INSERT INTO "full" SELECT * FROM simple;
        ALTER TABLE simple ADD FOREIGN KEY (a, b) REFERENCES p NOT VALID;
        ALTER TABLE "full" ADD FOREIGN KEY (a, b) REFERENCES p MATCH FULL NOT VALID;
        """)
    )
    simple, full = edge(source.schema(), "simple", "a", "b"), edge(source.schema(), "full", "a", "b")
    assert (source.orphans(simple, WHOLE), source.orphans(full, WHOLE)) == (1, 2)
    first = where(source, "full", "id <= 2")
    assert source.orphans(full, first) == 1
    assert source.orphans(full, KeySet()) == 0


def test_many_rows_both_ways(bench):
    source = bench.source(
        bench.database("""
        CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(1, 150000);
        CREATE TABLE c (id int, p int); INSERT INTO c SELECT i, 1 + i % 150000 FROM generate_series(1, 300000) i;
        ALTER TABLE c ADD FOREIGN KEY (p) REFERENCES p;
        DELETE FROM c WHERE id % 3 = 0;
        """)
    )
    one = edge(source.schema(), "c", "p")
    every_child = where(source, "c", "true")
    assert len(every_child) == 200000
    parents = source.parents(one, every_child)
    expected = bench.rows(source.identity().database, "SELECT count(DISTINCT p) FROM c")[0][0]
    assert len(parents) == expected
    assert source.children(one, parents) == every_child
    assert source.orphans(one, every_child) == 0


def test_an_unindexed_child_is_read_for_all_parents_at_once(bench, monkeypatch):
    """What a question reads as a whole is not read again for every few parents; an index in any order is one."""
    source = bench.source(
        bench.database("""
            CREATE TABLE p (a int, b int, PRIMARY KEY (a, b));
            CREATE TABLE bare (id int, a int, b int, FOREIGN KEY (a, b) REFERENCES p (a, b));
            CREATE TABLE sorted (id int, a int, b int, FOREIGN KEY (a, b) REFERENCES p (a, b));
            CREATE INDEX ON sorted (b, a, id);
            CREATE TABLE half (id int, a int, b int, FOREIGN KEY (a, b) REFERENCES p (a, b));
            CREATE INDEX ON half (a, id, b); CREATE INDEX ON half (a, b) WHERE id > 10;
            INSERT INTO p SELECT i, i FROM generate_series(1, 50) i;
            INSERT INTO bare SELECT i, i, i FROM generate_series(1, 50) i;
            INSERT INTO sorted TABLE bare; INSERT INTO half TABLE bare;
        """)
    )
    monkeypatch.setattr(walk, "_IDS_A_QUESTION", 5)
    monkeypatch.setattr(walk, "_IDS_A_SCAN", 20)
    questions = []
    streamed = walk.Walk._streamed

    def counted(self, *asked):
        questions.append(asked)
        return streamed(self, *asked)

    monkeypatch.setattr(walk.Walk, "_streamed", counted)
    parents = where(source, "p", "a < 41")
    for name, expected in (("bare", 2), ("sorted", 8), ("half", 2)):
        one = edge(source.schema(), name, "a", "b")
        questions.clear()
        assert len(source.children(one, parents)) == 40, name
        assert len(questions) == expected, name
        pairs = list(source.links(one, parents, End.PARENT))
        assert sum(len(links.children) for links in pairs) == 40
