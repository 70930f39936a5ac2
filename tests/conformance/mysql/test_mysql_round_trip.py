"""What is read is what is written: every type, every odd value, in tail and head."""

import pyarrow as pa
import pytest

from dbmimic.errors import TargetError
from dbmimic.model.batch import Layout, MaskedBatch, Payload
from dbmimic.model.keys import WHOLE
from tests.conformance.mysql.shapes import build

pytestmark = pytest.mark.mariadb

TYPES = """
CREATE TABLE types (
  id int NOT NULL PRIMARY KEY AUTO_INCREMENT,
  ti tinyint, si smallint unsigned, mi mediumint, bi bigint, ubi bigint unsigned, zf int(8) zerofill,
  dec_ decimal(65,30), f float, d double, f2 float(7,3), d2 double(12,4), yes tinyint(1),
  b1 bit(1), b10 bit(10), b64 bit(64),
  da date, dt datetime(6), ts timestamp(6) NULL, tm time(6), yr year,
  c char(10), vc varchar(200), tx text, mt mediumtext,
  l1 varchar(50) CHARACTER SET latin1, u3 varchar(50) CHARACTER SET utf8mb3, u16 varchar(20) CHARACTER SET utf16,
  sj varchar(20) CHARACTER SET sjis,
  bin binary(6), vb varbinary(300), bl blob, lb longblob,
  e enum('a','b','with '' quote','é'), es enum('','x'), s set('p','q','r'), el enum('ä','ö') CHARACTER SET latin1,
  j json, u uuid, i4 inet4, i6 inet6, g geometry, pt point,
  vg int AS (ti + 1) VIRTUAL, sg int AS (ti + 2) STORED,
  hidden int INVISIBLE DEFAULT 7
) ENGINE=InnoDB
"""

ROWS = [
    "INSERT INTO types (id) VALUES (0)",
    (
        "INSERT INTO types SET id=1, ti=-128, si=65535, mi=-8388608, bi=-9223372036854775808, ubi=18446744073709551615, "
        "zf=5, dec_=12345678901234567890123456789012345.123456789012345678901234567891, f=0.1, d=0.1, f2=12.345, "
        "d2=-1234.5678, yes=2, b1=1, b10=1023, b64=18446744073709551615, da='0000-00-00', dt='0000-00-00 00:00:00', "
        "ts='0000-00-00 00:00:00', tm='838:59:59', yr=0, hidden=NULL"
    ),
    (
        "INSERT INTO types SET id=2, f=16777217, d=5e-324, da='2024-00-10', dt='2024-02-31 23:59:59.999999', "
        "ts='2038-01-19 03:14:07.999999', tm='-838:59:59', yr=2155, c='  a ', vc='', tx='', l1='', bin='', vb='', bl=''"
    ),
    (
        "INSERT INTO types SET id=3, f=3.402823e38, d=1.7976931348623157e308, d2=0, da='9999-12-31', tm='-00:00:00.000001', "
        "ts='1970-01-01 00:00:01', vc=_utf8mb4 x'f09f9880c3a9', tx='tab\\tnew\\nline\\r\\\\ back ''q'' \"d\" \\0 nul \\Z', "
        "mt='\\\\N', l1=_latin1 x'e9e4ff80', u3=_utf8mb3 x'e282ace4b8ad', u16=_utf8mb4 x'f09f9880', sj=_sjis x'955c8343'"
    ),
    (
        "INSERT INTO types SET id=4, f=-1.17549e-38, d=-2.2250738585072014e-308, vc='NULL', tx='\\\\N', bin=x'000102ff0009', "
        "vb=x'5c4e', e='with '' quote', es='', s='p,r', j='{\"a\": 1.0, \"b\": \"\\\\u0000\", \"big\": 123456789012345678901}', "
        "u='123e4567-e89b-12d3-a456-426655440000', i4='10.0.0.1', i6='2001:db8::1', "
        "g=ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))', 4326), pt=Point(1.5,-2.25)"
    ),
    "INSERT INTO types SET id=5, e='é', es='x', s='', el='ö', vc='trailing  ', lb=REPEAT(x'00ff5c090a0d27', 100000)",
    "INSERT INTO types SET id=-6, e=99, es=0, el=0, s='', vc=REPEAT('x', 200)",
]
EVERY_BYTE = "INSERT INTO types SET id=7, bl=UNHEX('{0}'), vb=UNHEX('{0}'), lb=UNHEX('{0}')".format(
    "".join(f"{byte:02x}" for byte in range(256))
)
LENIENT = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00'"


def stored(server, database, table):
    """Give a table's contents in a form that shows every bit: hexadecimal of the stored bytes."""
    columns = server.execute(
        f"SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = '{database}' "
        f"AND table_name = '{table}' ORDER BY ordinal_position"
    )
    shown = []
    for name, kind in columns:
        quoted = f"`{name}`"
        shown.append(f"CAST({quoted} AS DOUBLE)" if kind in {"float", "double"} else f"HEX({quoted})")
        shown.append(f"{quoted} + 0" if kind in {"enum", "set", "bit"} else f"CHAR_LENGTH({quoted})")
    return server.execute(f"SELECT {', '.join(shown)} FROM `{database}`.`{table}` ORDER BY 1")


@pytest.fixture
def types(bench):
    bench.sql(TYPES, LENIENT, *ROWS, EVERY_BYTE)
    return bench


def loadable_but_awkward(table):
    """All columns as text, but those in which an ENUM's error value has no text of its own."""
    return [column.name for column in table.loadable if column.name not in {"e", "es", "el"}]


@pytest.mark.parametrize("head", [lambda table: (), loadable_but_awkward], ids=["tail", "head"])
def test_every_value_of_every_type_arrives_bit_for_bit(types, head):
    source, target = types.source(), types.target()
    build(source, target, head)
    expected = stored(types.server, "src", "types")
    assert len(expected) == 8
    assert stored(types.server, "tgt_dbmimic_new", "types") == expected
    checks = [types.server.execute(f"CHECKSUM TABLE {name}.types")[0][1] for name in ("src", "tgt_dbmimic_new")]
    assert checks[0] == checks[1] is not None


def test_without_local_infile_inserts_give_the_same(types):
    types.server.execute("SET GLOBAL local_infile = OFF")
    try:
        source, target = types.source(), types.target()
        build(source, target)
        assert stored(types.server, "tgt_dbmimic_new", "types") == stored(types.server, "src", "types")
    finally:
        types.server.execute("SET GLOBAL local_infile = ON")


def test_head_is_text_and_null_is_null(types):
    source = types.source()
    table = source.schema().tables[0]
    layout = Layout(table.id, table.id, ("vc", "l1", "u16", "sj", "bin", "b10", "e", "f", "g", "dt", "hidden"), ())
    rows = {name: values.to_pylist() for batch in source.read(layout, WHOLE) for name, values in batch.head.items()}
    by_id = [-6, 0, 1, 2, 3, 4, 5, 7]
    at = {key: place for place, key in enumerate(by_id)}
    assert rows["vc"][at[3]] == "\N{GRINNING FACE}é"
    assert rows["vc"][at[2]] == ""
    assert rows["vc"][at[0]] is None
    assert rows["l1"][at[3]] == "éäÿ€"
    assert rows["u16"][at[3]] == "\N{GRINNING FACE}"
    assert rows["bin"][at[4]] == "000102ff0009"
    assert rows["b10"][at[1]] == "1023"
    assert rows["e"][at[5]] == "é"
    assert rows["f"][at[1]] == "0.10000000149011612"
    assert rows["dt"][at[1]] == "0000-00-00 00:00:00.000000"
    assert rows["hidden"] == ["7", "7", None, "7", "7", "7", "7", "7"]


def changed(batch, **columns):
    return MaskedBatch(batch.layout, batch.row_count, {**batch.head, **columns}, batch.tail)


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("varchar(3)", "hijklmn"),
        ("tinyint", "4711"),
        ("date", "9999-99-99"),
        ("char(2) CHARACTER SET latin1", "漢"),
        ("enum('a')", "zz"),
    ],
)
@pytest.mark.parametrize("local", ["ON", "OFF"])
def test_a_value_that_does_not_fit_is_an_error_without_the_value(bench, declared, value, local):
    bench.sql(f"CREATE TABLE t (id int PRIMARY KEY, v {declared})", "INSERT INTO t VALUES (1, NULL), (2, NULL)")
    source, target = bench.source(), bench.target()
    target.build(source.structure())
    table = source.schema().tables[0]
    layout = Layout(table.id, table.id, ("v",), ("id",))
    raw = list(source.read(layout, WHOLE))
    bench.server.execute(f"SET GLOBAL local_infile = {local}")
    try:
        with pytest.raises(TargetError) as caught:
            target.write(layout, (changed(each, v=pa.array([value, None])) for each in raw))
    finally:
        bench.server.execute("SET GLOBAL local_infile = ON")
    assert caught.value.code == "DM504"
    assert value not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.place == "t.v"
    assert bench.server.execute("SELECT COUNT(*) FROM tgt_dbmimic_new.t") == [(0,)]


def test_a_duplicate_in_a_unique_key_is_an_error_and_nothing_stays(bench):
    bench.sql("CREATE TABLE t (id int PRIMARY KEY, v varchar(20) UNIQUE)", "INSERT INTO t VALUES (1, 'aa'), (2, 'bb')")
    source, target = bench.source(), bench.target()
    target.build(source.structure())
    table = source.schema().tables[0]
    layout = Layout(table.id, table.id, ("v",), ("id",))
    raw = list(source.read(layout, WHOLE))
    with pytest.raises(TargetError) as caught:
        target.write(layout, (changed(each, v=pa.array(["secret", "SECRET"])) for each in raw))
    assert "secret" not in str(caught.value).lower()
    assert bench.server.execute("SELECT COUNT(*) FROM tgt_dbmimic_new.t") == [(0,)]


def test_a_failure_while_batches_are_made_leaves_nothing(bench):
    bench.sql("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)")
    source, target = bench.source(), bench.target()
    target.build(source.structure())
    table = source.schema().tables[0]
    layout = Layout(table.id, table.id, (), ("id",))
    raw = list(source.read(layout, WHOLE))

    def batches():
        yield changed(raw[0])
        raise StopAsyncIteration

    with pytest.raises(StopAsyncIteration):
        target.write(layout, batches())
    assert bench.server.execute("SELECT COUNT(*) FROM tgt_dbmimic_new.t") == [(0,)]
    assert isinstance(raw[0].tail, Payload)


def test_many_rows_come_in_batches_of_about_a_megabyte(bench):
    bench.sql("CREATE TABLE t (id int PRIMARY KEY, v varchar(300))")
    bench.sql("INSERT INTO t SELECT seq, REPEAT(CHAR(65 + seq % 26), seq % 300) FROM seq_1_to_60000")
    source, target = bench.source(), bench.target()
    table = source.schema().tables[0]
    layout = Layout(table.id, table.id, ("v",), ("id",))
    sizes = [each.row_count for each in source.read(layout, WHOLE)]
    assert len(sizes) > 5
    assert sum(sizes) == 60000
    build(source, target)
    checks = [bench.server.execute(f"CHECKSUM TABLE {name}.t")[0][1] for name in ("src", "tgt_dbmimic_new")]
    assert checks[0] == checks[1]
