"""CREATE statements lose what belongs to one server, and nothing else."""

import pyarrow as pa
import pytest

from dbmimic.engines.mysql import wire
from dbmimic.engines.mysql.places import Places
from dbmimic.engines.mysql.statements import disabled, taken_apart, tokens, unqualified, without_definer


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


def test_a_definer_goes_at_the_head_only():
    text = "TRIGGER `t` AFTER INSERT ON `x` FOR EACH ROW SET @a = 'DEFINER=`a`@`b` '"
    assert without_definer(f"CREATE DEFINER=`a``b`@`%` {text}") == f"CREATE {text}"
    assert without_definer(f"CREATE {text}") == f"CREATE {text}"
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


def test_names_beside_a_target_fit_and_differ():
    long = [Places("x" * 60 + "a"), Places("x" * 60 + "b")]
    names = [name for places in long for name in (places.new, places.old, places.sidecar, places.run_lock)]
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


def test_packets_of_all_lengths_are_taken_apart():
    sizes = [0, 1, 250, 251, 65535, 65536, 1 << 24]
    rows = [(b"k", None if size == 1 else bytes([size % 256]) * size, b"") for size in sizes]
    columns = wire.columns([packet(*row) for row in rows], 3)
    assert [column.to_pylist() for column in columns] == [list(column) for column in zip(*rows, strict=True)]
    one = wire.columns([packet(b"x", None)], 2)
    assert [column.to_pylist() for column in one] == [[b"x"], [None]]


def test_lines_escape_what_would_end_a_field():
    every = bytes(range(256))
    fields = [pa.array([every, None], pa.binary()), pa.array([b"", b"\\N"], pa.binary())]
    lines = bytes(wire.lines(fields))
    assert lines.endswith(b"\t\n\\N\t\\\\N\n")
    first = lines.split(b"\t\n")[0]
    assert first == every.replace(b"\\", b"\\\\").replace(b"\t", b"\\t").replace(b"\n", b"\\n").replace(b"\0", b"\\0")
