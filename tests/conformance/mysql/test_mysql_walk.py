"""The walk's answers equal those of plain SQL, whatever tells the rows apart."""

import numpy as np
import pytest

from dbmimic.errors import ConfigError, InternalError
from dbmimic.model.batch import Layout
from dbmimic.model.keys import WHOLE, KeySet
from dbmimic.model.names import TableId
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.model.schema import ForeignKey
from dbmimic.ports.source import End

pytestmark = pytest.mark.mariadb

KEYS = {
    "int": ("id int NOT NULL PRIMARY KEY", "(CAST({0} AS SIGNED) - 50)"),
    "unsigned": ("id bigint unsigned NOT NULL PRIMARY KEY", "(18446744073709551615 - {0})"),
    "signed": ("id bigint NOT NULL PRIMARY KEY", "(-9223372036854775808 + CAST({0} AS SIGNED))"),
    "unique": ("id smallint NOT NULL UNIQUE", "{0}"),
    "text": ("id varchar(20) NOT NULL PRIMARY KEY", "CONCAT('Key ''', {0})"),
    "latin1": ("id varchar(20) CHARACTER SET latin1 NOT NULL PRIMARY KEY", "CONCAT('é', {0})"),
    "binary": ("id binary(4) NOT NULL PRIMARY KEY", "UNHEX(CONCAT('5c00', LPAD(HEX({0}), 4, '0')))"),
    "compound": ("id int NOT NULL, b varchar(5) NOT NULL DEFAULT 'x', PRIMARY KEY (b, id)", "{0}"),
    "uuid": ("id uuid NOT NULL PRIMARY KEY", "CONCAT('123e4567-e89b-12d3-a456-', LPAD({0}, 12, '0'))"),
    "moment": ("id datetime(6) NOT NULL PRIMARY KEY", "('2024-01-01' + INTERVAL {0} MICROSECOND)"),
    "decimal": ("id decimal(10,3) NOT NULL PRIMARY KEY", "({0} + 0.125)"),
    "enum": ("id enum('0','1','2','3','4','5','6','7','8','9') NOT NULL, n int NOT NULL, PRIMARY KEY (n, id)", "'3'"),
    "none": ("id int", "({0} DIV 2)"),
    "float": ("id double NOT NULL PRIMARY KEY", "({0} / 3)"),
}


def table_of(source, name):
    return source.schema().table(TableId("", name))


def values(source, name, column, rows):
    """Give one column of the chosen rows, sorted."""
    table = TableId("", name)
    layout = Layout(table, table, (column,), ())
    found = [value for batch in source.read(layout, rows) for value in batch.head[column].to_pylist()]
    return sorted(found, key=lambda value: value or "")


def plain(bench, statement):
    return sorted((None if row[0] is None else str(row[0]) for row in bench.sql(statement)), key=lambda v: v or "")


@pytest.mark.parametrize("kind", KEYS)
def test_children_parents_and_rows_with_every_kind_of_key(bench, kind):
    declared, key = KEYS[kind]
    # `no` is the referenced column, so that every kind of row identity stands at both ends of an edge.
    n_column = "" if kind == "enum" else ", n int"
    bench.sql(
        f"CREATE TABLE p ({declared}{n_column}, no int NOT NULL, KEY (no))",
        f"CREATE TABLE c ({declared}{n_column}, p_no int, KEY (p_no))",
        f"INSERT INTO p (id, n, no) SELECT {key.format('seq')}, seq, seq FROM seq_1_to_100",
        f"INSERT INTO c (id, n, p_no) SELECT {key.format('seq')}, seq, IF(seq % 5 = 0, NULL, seq % 60) FROM seq_1_to_100",
    )
    source = bench.source()
    edge = ForeignKey("e", TableId("", "c"), ("p_no",), TableId("", "p"), ("no",))
    chosen = source.seed(table_of(source, "p"), WhereSeed(TableId("", "p"), "no % 7 = 0"))
    assert len(chosen) == 14
    children = source.children(edge, chosen)
    assert values(source, "c", "n", children) == plain(bench, "SELECT n FROM c WHERE p_no % 7 = 0 AND p_no > 0")
    parents = source.parents(edge, children)
    assert values(source, "p", "no", parents) == plain(
        bench, "SELECT no FROM p WHERE no IN (SELECT p_no FROM c WHERE p_no % 7 = 0)"
    )
    everything = source.parents(edge, WHOLE)
    assert values(source, "p", "no", everything) == plain(bench, "SELECT no FROM p WHERE no IN (SELECT p_no FROM c)")
    assert source.orphans(edge, WHOLE) == plain_count(bench, "p_no IS NOT NULL AND p_no NOT IN (SELECT no FROM p)")
    zero = source.seed(table_of(source, "c"), WhereSeed(TableId("", "c"), "p_no = 0 AND n > 60"))
    assert source.orphans(edge, zero) == len(zero) == plain_count(bench, "p_no = 0 AND n > 60")
    assert source.children(edge, KeySet()) == KeySet()
    keyed = list(source.keyed(table_of(source, "c"), ("n",)))
    assert len(KeySet.of(TableId("", "c"), np.concatenate([each.ids for each in keyed]))) == 100


def plain_count(bench, condition):
    return bench.sql(f"SELECT COUNT(*) FROM c WHERE {condition}")[0][0]


def test_integer_identities_ascend_with_the_key(bench):
    bench.sql(
        "CREATE TABLE t (id bigint PRIMARY KEY)",
        "INSERT INTO t VALUES (-9223372036854775808), (-1), (0), (1), (9223372036854775807)",
    )
    source = bench.source()
    found = [(each.ids.tolist(), each.columns[0].to_pylist()) for each in source.keyed(table_of(source, "t"), ("id",))]
    ids, keys = found[0]
    assert [key for _, key in sorted(zip(ids, keys, strict=True))] == [
        "-9223372036854775808",
        "-1",
        "0",
        "1",
        "9223372036854775807",
    ]
    assert values(source, "t", "id", WHOLE) == sorted(keys)


def test_equal_rows_of_a_table_without_a_key_are_all_there(bench):
    bench.sql(
        "CREATE TABLE t (a varchar(5), b float, c blob)",
        "INSERT INTO t VALUES ('x', 0.1, NULL), ('x', 0.1, NULL), ('X', 0.1, NULL), ('x', 0.1, ''), ('x', 0.10000001, NULL)",
    )
    source = bench.source()
    chosen = source.seed(table_of(source, "t"), WhereSeed(TableId("", "t"), "a = 'x'"))
    assert len(chosen) == 5
    assert values(source, "t", "a", chosen) == ["X", "x", "x", "x", "x"]
    some = source.seed(
        table_of(source, "t"), WhereSeed(TableId("", "t"), "BINARY a = 'x' AND c IS NULL AND b = CAST('0.1' AS FLOAT)")
    )
    assert len(some) == 2
    assert len(chosen - some) == 3
    assert values(source, "t", "a", some) == ["x", "x"]
    assert values(source, "t", "a", chosen - some) == ["X", "x", "x"]


def test_a_text_key_matches_as_its_collation_does_and_identity_stays_the_parents_own(bench):
    bench.sql(
        "CREATE TABLE p (code varchar(10) PRIMARY KEY)",
        "CREATE TABLE c (id int PRIMARY KEY, code varchar(10), FOREIGN KEY (code) REFERENCES p (code))",
        "INSERT INTO p VALUES ('Abc'), ('def ')",
        "INSERT INTO c VALUES (1, 'abc'), (2, 'ABC'), (3, 'DEF'), (4, NULL)",
    )
    source = bench.source()
    edge = source.schema().foreign_keys[0]
    parents = source.parents(edge, source.seed(table_of(source, "c"), WhereSeed(TableId("", "c"), "id <> 3")))
    assert values(source, "p", "code", parents) == ["Abc"]
    assert values(source, "c", "id", source.children(edge, parents)) == ["1", "2"]
    assert source.orphans(edge, WHOLE) == 0
    both = source.parents(edge, WHOLE)
    assert values(source, "p", "code", both) == ["Abc", "def "]


def test_compound_keys_in_another_order_with_decoys_and_nulls(bench):
    bench.sql(
        "CREATE TABLE p (a int, b int, PRIMARY KEY (b, a), KEY (a, b))",
        "CREATE TABLE c (id int PRIMARY KEY, x int, y int, FOREIGN KEY (x, y) REFERENCES p (a, b))",
        "INSERT INTO p VALUES (1, 2), (2, 1), (3, 3)",
        "INSERT INTO c VALUES (1, 1, 2), (2, 2, 1), (3, NULL, 1), (4, 3, NULL), (5, 1, 2)",
    )
    source = bench.source()
    edge = source.schema().foreign_keys[0]
    assert (edge.child_columns, edge.parent_columns, edge.nullable) == (("x", "y"), ("a", "b"), True)
    one = source.parents(edge, source.seed(table_of(source, "c"), IdsSeed(TableId("", "c"), ((1,), (3,), (4,)))))
    assert values(source, "p", "a", one) == ["1"]
    assert values(source, "c", "id", source.children(edge, one)) == ["1", "5"]


def test_a_reference_to_a_key_that_is_not_unique_gives_all_parents(bench):
    bench.sql(
        "CREATE TABLE p (id int PRIMARY KEY, grp int, KEY (grp))",
        "CREATE TABLE c (id int PRIMARY KEY, grp int, FOREIGN KEY (grp) REFERENCES p (grp))",
        "INSERT INTO p VALUES (1, 7), (2, 7), (3, 8)",
        "INSERT INTO c VALUES (1, 7)",
    )
    source = bench.source()
    edge = source.schema().foreign_keys[0]
    assert values(source, "p", "id", source.parents(edge, WHOLE)) == ["1", "2"]


def test_ids_seed(bench):
    bench.sql(
        "CREATE TABLE t (a varchar(10), b int, PRIMARY KEY (a, b))",
        "INSERT INTO t VALUES ('x', 1), ('x''y', 2), ('z', 3)",
        "CREATE TABLE k (b binary(2) PRIMARY KEY)",
        "INSERT INTO k VALUES (x'00ff')",
        "CREATE TABLE n (a int)",
    )
    source = bench.source()
    table = table_of(source, "t")
    assert values(source, "t", "b", source.seed(table, IdsSeed(table.id, (("x'y", 2), ("z", "3"), ("none", 1))))) == [
        "2",
        "3",
    ]
    assert len(source.seed(table_of(source, "k"), IdsSeed(TableId("", "k"), (("00ff",),)))) == 1
    for name, bad in (("t", ("x",)), ("t", ("x", "y")), ("k", ("zz",)), ("n", (1,))):
        with pytest.raises(ConfigError) as caught:
            source.seed(table_of(source, name), IdsSeed(TableId("", name), (bad,)))
        assert (caught.value.code, caught.value.place) == ("DM212", name)


@pytest.mark.parametrize(
    "where",
    [
        "id = 1; DROP TABLE t",
        "1=1) OR (2=2",
        "id = 1 -- x",
        "id /*!50000 = 2 */",
        "SELECT 1",
        "(SELECT 1)",
        "",
        "nosuch = 1",
        "id = = 2",
        "id = 1 INTO OUTFILE '/tmp/x'",
        "sum(id) = 1",
    ],
)
def test_a_condition_that_is_not_one_expression_over_the_table_is_refused(bench, where):
    bench.sql("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    source = bench.source()
    with pytest.raises(ConfigError) as caught:
        source.seed(table_of(source, "t"), WhereSeed(TableId("", "t"), where))
    assert (caught.value.code, caught.value.place) == ("DM212", "t")
    assert (
        len(source.seed(table_of(source, "t"), WhereSeed(TableId("", "t"), "t.id = 1 AND 'a%s;--' LIKE '%;--'"))) == 1
    )


def test_a_second_question_during_a_stream_is_refused(bench):
    bench.sql("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t SELECT seq FROM seq_1_to_50000")
    source = bench.source()
    stream = source.keyed(table_of(source, "t"), ())
    next(stream)
    with pytest.raises(InternalError):
        source.count(table_of(source, "t"))
    stream.close()
    assert source.count(table_of(source, "t")) == 50000


def test_many_scattered_ids(bench):
    bench.sql(
        "CREATE TABLE p (id int PRIMARY KEY)",
        "CREATE TABLE c (id int PRIMARY KEY, p int, KEY (p))",
        "INSERT INTO p SELECT seq * 3 FROM seq_1_to_50000",
        "INSERT INTO c SELECT seq, seq * 6 FROM seq_1_to_20000",
    )
    source = bench.source()
    edge = ForeignKey("e", TableId("", "c"), ("p",), TableId("", "p"), ("id",))
    rows = source.seed(table_of(source, "p"), WhereSeed(TableId("", "p"), "id % 2 = 0"))
    assert len(rows) == 25000
    children = source.children(edge, rows)
    assert len(children) == 20000
    assert len(source.parents(edge, children)) == 20000


def test_links_to_a_parent_without_a_key_name_it_once(bench):
    bench.sql(
        "CREATE TABLE p (u int UNIQUE, n int)",
        "CREATE TABLE c (id int PRIMARY KEY, u int, FOREIGN KEY (u) REFERENCES p (u))",
        "INSERT INTO p VALUES (1, 1), (2, 1), (NULL, 1), (NULL, 1)",
        "INSERT INTO c VALUES (1, 1), (2, 1), (3, 2), (4, NULL)",
    )
    source = bench.source()
    edge = source.schema().foreign_keys[0]
    parents = source.parents(edge, WHOLE)
    assert len(parents) == 2
    for rows, end in ((WHOLE, End.CHILD), (parents, End.PARENT)):
        links = list(source.links(edge, rows, end))
        assert sum(len(each.children) for each in links) == 3
        assert KeySet.of(edge.parent, np.concatenate([each.parents for each in links])) == parents


@pytest.mark.parametrize(("index", "most"), [("", 3), (", KEY (p)", 8)])
def test_a_child_without_an_index_is_read_once_for_all_parents(bench, monkeypatch, index, most):
    bench.sql(
        "CREATE TABLE p (id int PRIMARY KEY)",
        f"CREATE TABLE c (id int PRIMARY KEY, p int{index})",
        "INSERT INTO p SELECT seq * 2 FROM seq_1_to_25000",
        "INSERT INTO c SELECT seq, seq FROM seq_1_to_50010",
    )
    source = bench.source()
    edge = ForeignKey("v", TableId("", "c"), ("p",), TableId("", "p"), ("id",), virtual=True, when="id > 10")
    parents = source.seed(table_of(source, "p"), WhereSeed(TableId("", "p"), "id > 6"))
    asked = []
    attempt = source._session.attempt_blocks
    monkeypatch.setattr(source._session, "attempt_blocks", lambda text: (asked.append(text), attempt(text))[1])
    assert len(source.children(edge, parents)) == 25000 - 5
    assert sum(len(links.children) for links in source.links(edge, parents, End.PARENT)) == 25000 - 5
    assert len(asked) <= most


@pytest.mark.parametrize("gone", ["", "DELETE FROM p WHERE id IN (3, 100)", "DELETE FROM p"])
@pytest.mark.parametrize("declared", ["bigint", "smallint unsigned", "decimal(20,2)", "varchar(9)", "tinyint(1)"])
def test_orphans_of_a_parent_with_and_without_gaps(bench, declared, gone):
    values = ["0", "3", "100", "101", "NULL"]
    values += {"varchar(9)": ["'3x'", "'03'"], "decimal(20,2)": ["3.5", "3.0"], "bigint": ["-6", str(2**63 - 1)]}.get(
        declared, []
    )
    bench.sql(
        "CREATE TABLE p (id bigint PRIMARY KEY)",
        "INSERT INTO p SELECT CAST(seq AS SIGNED) - 5 FROM seq_0_to_105",
        f"CREATE TABLE c (n int PRIMARY KEY AUTO_INCREMENT, ref {declared})",
        f"INSERT INTO c (ref) VALUES ({'), ('.join(values)})",
        gone or "SELECT 1",
    )
    source = bench.source()
    edge = ForeignKey("virtual", TableId("", "c"), ("ref",), TableId("", "p"), ("id",))
    asked = "SELECT COUNT(*) FROM c LEFT JOIN p ON p.id = c.ref WHERE c.ref IS NOT NULL AND p.id IS NULL"
    assert source.orphans(edge, WHOLE) == bench.sql(asked)[0][0] > 0
