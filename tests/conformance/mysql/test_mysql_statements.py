"""CREATE statements lose what belongs to one server, and nothing else."""

import io

import pyarrow as pa
import pymysql
import pytest

from dbmimic.engines.mysql import wire
from dbmimic.engines.mysql.places import Places
from dbmimic.engines.mysql.statements import databases, disabled, taken_apart, tokens, unqualified, without_definer
from dbmimic.engines.mysql.stream import Stream


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("select `src`.`t`.`a` from `src`.`t`", "select `t`.`a` from `t`"),
        ("INSERT INTO src.log VALUES ('src.log', \"src.x\")", "INSERT INTO log VALUES ('src.log', \"src.x\")"),
        ("SELECT other.src.x, `o`.`src`.`y`", "SELECT other.src.x, `o`.`src`.`y`"),
        ("-- src.a\n/* src.b */ # src.c\nsrc.d", "-- src.a\n/* src.b */ # src.c\nd"),
        ("SELECT src, mysrc.a, src1.b, 'it''s \\' src.x'", "SELECT src, mysrc.a, src1.b, 'it''s \\' src.x'"),
    ],
)
def test_only_the_databases_own_name_goes(before, after):
    assert unqualified(before, "src") == after
    assert "".join(tokens(before)) == before


@pytest.mark.parametrize(
    ("mode", "before", "after"),
    [
        ("ANSI_QUOTES", """INSERT INTO "src"."log" VALUES ('"src".x')""", """INSERT INTO "log" VALUES ('"src".x')"""),
        ("", """SELECT "src".x""", """SELECT "src".x"""),
        ("NO_BACKSLASH_ESCAPES", "SET @a = 'c:\\'; CALL src.p('src.x')", "SET @a = 'c:\\'; CALL p('src.x')"),
        ("ANSI_QUOTES", """SELECT "a\\", src.x, 'it\\'s src.y'""", """SELECT "a\\", x, 'it\\'s src.y'"""),
    ],
)
def test_quotes_mean_what_they_meant_where_it_was_written(mode, before, after):
    assert unqualified(before, "src", mode) == after
    assert "".join(tokens(before, mode)) == before


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("INSERT INTO audit.log VALUES (1)", {"audit"}),
        ("select `far`.`t`.`id` AS `id` from (`far`.`t` join `own` on(`far`.`t`.`id` = `own`.`id`))", {"far"}),
        ("SELECT EXTRACT(YEAR FROM o.made), TRIM(BOTH 'x' FROM o.name) FROM own o WHERE o.id = own.id", set()),
        ("SET @a = 'FROM audit.log' /* FROM audit.log */; UPDATE own SET id = NEW.id", set()),
        ("DELETE FROM own.id", set()),
        ("CALL jobs . run(@x)", {"jobs"}),
        ("SELECT @@global.read_only, 1.5 FROM own", set()),
    ],
)
def test_what_names_other_databases(statement, named):
    assert databases(statement, "", {"own"}) == named


def test_a_table_may_have_the_databases_name():
    body = "DELETE FROM src.src USING `src`.`src` JOIN src.log WHERE src.id = id AND `src`.`src`.`id` = log.src"
    assert unqualified(body, "src", relations={"src", "log"}) == (
        "DELETE FROM src USING `src` JOIN log WHERE src.id = id AND `src`.`id` = log.src"
    )


def test_a_definer_goes_at_the_head_only():
    text = "TRIGGER `t` AFTER INSERT ON `x` FOR EACH ROW SET @a = 'DEFINER=`a`@`b` '"
    assert without_definer(f"CREATE DEFINER=`a``b`@`%` {text}") == f"CREATE {text}"
    assert without_definer(f"CREATE {text}") == f"CREATE {text}"
    assert without_definer('CREATE DEFINER="a""b"@"%" PROCEDURE "p"()') == 'CREATE PROCEDURE "p"()'
    assert without_definer("CREATE ALGORITHM=MERGE DEFINER=`r` SQL SECURITY INVOKER VIEW `v` AS select 1") == (
        "CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW `v` AS select 1"
    )


def test_an_event_is_disabled_once():
    event = "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE {} DO SELECT 'ON COMPLETION PRESERVE ENABLE'"
    for status in ("ENABLE", "DISABLE", "DISABLE ON SLAVE"):
        assert disabled(event.format(status)) == event.format("DISABLE")


def test_a_table_is_taken_apart():
    parts = taken_apart(
        "CREATE TABLE `a(b` (\n  `id` int(11) NOT NULL AUTO_INCREMENT COMMENT 'x, (AUTO_INCREMENT=3',\n  `c` enum('a,b','c)') DEFAULT nextval(`s`),\n"
        "  PRIMARY KEY (`id`),\n  CONSTRAINT `z` FOREIGN KEY (`c`) REFERENCES `p` (`id`),\n"
        "  CONSTRAINT `far` FOREIGN KEY (`c`) REFERENCES `db`.`p` (`id`),\n  CONSTRAINT `c1` CHECK (`id` > (1 + 2))\n"
        ") ENGINE=InnoDB AUTO_INCREMENT=42 DEFAULT CHARSET=utf8mb4 COMMENT=' AUTO_INCREMENT=7'"
    )
    assert parts.auto_increment == 42
    assert parts.foreign_keys == ("CONSTRAINT `z` FOREIGN KEY (`c`) REFERENCES `p` (`id`)",)
    assert parts.sequence_columns == ("`c` enum('a,b','c)') DEFAULT nextval(`s`)",)
    assert parts.create == (
        "CREATE TABLE `a(b` (\n  `id` int(11) NOT NULL AUTO_INCREMENT COMMENT 'x, (AUTO_INCREMENT=3',\n  `c` enum('a,b','c)') DEFAULT nextval(`s`),\n"
        "  PRIMARY KEY (`id`),\n  CONSTRAINT `c1` CHECK (`id` > (1 + 2))\n"
        ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT=' AUTO_INCREMENT=7'"
    )


def test_a_table_whose_rows_are_elsewhere_becomes_a_plain_one():
    create = "CREATE TABLE `f` (\n  `id` int(11) NOT NULL\n) ENGINE=FEDERATED AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4"
    leads = " COLLATE=utf8mb4_bin CONNECTION='mysql://u:CHARSET=pw@h/d/t' COMMENT='user \"u\", COLLATE=x'"
    parts = taken_apart(create + leads, elsewhere=True)
    assert parts.create == (
        "CREATE TABLE `f` (\n  `id` int(11) NOT NULL\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
    )
    assert parts.auto_increment is None


def test_names_beside_a_target_fit_and_differ():
    long = [Places("x" * 60 + "a"), Places("x" * 60 + "b")]
    names = [name for places in long for name in (places.new, places.sidecar, places.run_lock)]
    names += [places.old(slot) for places in long for slot in (1, 2, 10)]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 64
    assert Places("shop").new == "shop_dbmimic_new"


def packet(*values):
    out = b""
    for value in values:
        if value is None:
            out += b"\xfb"
        elif len(value) < 251:
            out += bytes([len(value)]) + value
        elif len(value) < 1 << 16:
            out += b"\xfc" + len(value).to_bytes(2, "little") + value
        elif len(value) < 1 << 24:
            out += b"\xfd" + len(value).to_bytes(3, "little") + value
        else:
            out += b"\xfe" + len(value).to_bytes(8, "little") + value
    return out


class Pipe:
    """A connection's file that gives the packets of an answer a few bytes at a time."""

    def __init__(self, *payloads, at_once):
        self.answer = io.BytesIO(b"".join(map(framed, payloads)))
        self.at_once = at_once

    def read1(self, most):
        return self.answer.read1(min(most, self.at_once))


def framed(payload):
    parts = [payload[start : start + 0xFFFFFF] for start in range(0, len(payload) + 1, 0xFFFFFF)]
    return b"".join(len(part).to_bytes(3, "little") + b"\0" + part for part in parts)


END = b"\xfe\0\0\2\0"


@pytest.mark.parametrize("at_once", [70_001, 1 << 18])
def test_packets_of_all_lengths_are_taken_apart(at_once):
    sizes = [0, 1, 250, 251, 65535, 65536, 1 << 24, 0xFFFFFF - 7, 2 * 0xFFFFFF - 12, 3]
    rows = [(b"k", None if size == 1 else bytes([size % 251]) * size, b"") for size in sizes]
    assert {len(packet(*row)) % 0xFFFFFF for row in rows} >= {0}
    stream = Stream(Pipe(*(packet(*row) for row in rows), END, at_once=at_once), "utf8")
    held = [[], [], []]
    for block in stream.blocks():
        for column, values in zip(held, wire.columns(block, 3), strict=True):
            column.extend(values.to_pylist())
    assert held == [list(column) for column in zip(*rows, strict=True)]
    assert stream.ended


def test_rows_come_whole_however_few_bytes_come_at_once():
    rows = [(b"a", None), (None, b"bc"), (b"", b"d" * 300), (b"x", None)]
    stream = Stream(Pipe(*(packet(*row) for row in rows), END, at_once=1), "utf8")
    blocks = list(stream.blocks())
    assert [len(block) for block in blocks] == [4]
    assert [column.to_pylist() for column in wire.columns(blocks[0], 2)] == [list(c) for c in zip(*rows, strict=True)]
    one = next(Stream(Pipe(packet(b"x", None, b"yz"), END, at_once=9), "utf8").blocks())
    assert [column.to_pylist() for column in wire.columns(one, 3)] == [[b"x"], [None], [b"yz"]]


@pytest.mark.parametrize(("last", "number"), [((b"\xff\x25\x05#70100stopped",), 1317), ((), 2013)])
def test_an_answer_that_is_cut_short_is_an_error(last, number):
    stream = Stream(Pipe(*[packet(b"x" * 200)] * 6000, *last, at_once=4096), "utf8")
    blocks = stream.blocks()
    assert len(next(blocks)) > 5000
    with pytest.raises(pymysql.MySQLError) as caught:
        next(blocks)
    assert caught.value.args[0] == number
    assert stream.ended


def test_lines_escape_what_would_end_a_field():
    every = bytes(range(256))
    fields = [pa.array([every, None], pa.binary()), pa.array([b"", b"\\N"], pa.binary())]
    lines = b"".join(wire.lines(fields))
    assert lines.endswith(b"\t\n\\N\t\\\\N\n")
    first = lines.split(b"\t\n")[0]
    assert first == every.replace(b"\\", b"\\\\").replace(b"\t", b"\\t").replace(b"\n", b"\\n").replace(b"\0", b"\\0")
    singly = b"".join(b"".join(wire.lines([field[row : row + 1] for field in fields])) for row in range(2))
    assert singly == lines


def test_a_long_row_goes_alone_and_piece_by_piece():
    long = b"ab\\\t\n\0" * 700_000
    rows = [(b"1", b"short"), (b"2", long), (b"3", None), (b"4", long[:1_500_000])]
    stream = Stream(Pipe(*(packet(*row) for row in rows), END, at_once=1 << 18), "utf8")
    blocks = list(stream.blocks())
    assert [len(block) for block in blocks] == [1, 1, 1, 1]
    arrays = [wire.columns(block, 2) for block in blocks]
    assert [(key[0].as_py(), value[0].as_py()) for key, value in arrays] == rows
    assert arrays[1][1].buffers()[2].address == pa.py_buffer(blocks[1].data).address  # not a copy
    pieces = list(wire.lines(arrays[1]))
    assert max(map(len, pieces)) <= 2 << 20
    assert b"".join(pieces) == b"2\t" + b"ab\\\\\\t\\n\\0" * 700_000 + b"\n"
