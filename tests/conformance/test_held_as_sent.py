"""What a copy holds of masked columns is held against what was sent, however its engine spells it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dbmimic.errors import VerificationFailed
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.pipeline.making import Arrange, Made, Work, in_full
from dbmimic.pipeline.units import seen_of
from dbmimic.verdict.holding import unlike
from dbmimic.verdict.stream import arrived
from tests.copying import copied
from tests.places import shops


@dataclass(frozen=True)
class Spelt:
    """A column, a value as a rule spells it, which an engine may do otherwise, and the least that differs from it."""

    type: str
    given: object
    other: str


TOKEN = "0b1e8f2a-4c6d-4e8f-9a0b-1c2d3e4f5a6b"
POSTGRESQL = {
    "flag": Spelt("boolean", "yes", "false"),
    "whole": Spelt("int", "007", "8"),
    "exact": Spelt("numeric(10, 2)", "1.5", "1.51"),
    "loose": Spelt("numeric", "15e-1", "1.5000000000000000000001"),
    "single": Spelt("real", "0.10000000001", "0.10000001"),
    "twice": Spelt("float8", "15e-1", "1.5000000000000002"),
    "padded": Spelt("char(6)", "ab", "'ab x'"),
    "name": Spelt("varchar(20)", "ab", "'ab '"),
    "folded": Spelt("citext", "ab", "'AB'"),
    "bytes": Spelt("bytea", "ab", r"'\x6163'"),
    "day": Spelt("date", "20000102", "'2000-01-03'"),
    "hour": Spelt("time", "12:00", "'12:00:00.000001'"),
    "hour_tz": Spelt("timetz", "12:00", "'12:00+01'"),
    "moment": Spelt("timestamp", "2000-01-02", "'2000-01-02 00:00:00.000001'"),
    "moment_tz": Spelt("timestamptz", "2000-01-02 03:04:05+02", "'2000-01-02 01:04:05.000001+00'"),
    "span": Spelt("interval", "90 minutes", "'01:30:00.000001'"),
    "token": Spelt("uuid", "0B1E8F2A4C6D4E8F9A0B1C2D3E4F5A6B", "'0b1e8f2a-4c6d-4e8f-9a0b-1c2d3e4f5a6c'"),
    "doc": Spelt("jsonb", '{"bb": 1, "a": 2.5}', '\'{"a": "2.5", "bb": 1}\''),
    "text_doc": Spelt("json", '{"b": 1}', "'{\"b\":  1}'"),
    "host": Spelt("inet", "10.0.0.1/32", "'10.0.0.2'"),
    "net": Spelt("cidr", "10.1", "'10.1.0.0/17'"),
    "card": Spelt("macaddr", "08-00-2b-01-02-03", "'08:00:2b:01:02:04'"),
    "list": Spelt("numeric(4, 2)[]", '{"1.5",2,NULL}', "'{1.5,2.01,NULL}'"),
    "words": Spelt("char(3)[]", '{"a"}', "'{b}'"),
    "cash": Spelt("money", "1", "'1.01'"),
    "pair": Spelt("pair", '("ab","7")', "ROW('ab', 8)"),
    "more": Spelt("hstore", "b=>1,a=>2", "'a=>2, b=>2'"),
    "within": Spelt("int4range", "[1,4]", "'[1,6)'"),
    "bits": Spelt("varbit", "101", "B'1010'"),
    "mood": Spelt("mood", "ok", "'sad'"),
    "place": Spelt("point", "1.0,2", "'(1,2.0000000000000004)'"),
    "page": Spelt("xml", "<a/>", "'<a />'"),
}
MARIADB = {
    "flag": Spelt("boolean", "1", "0"),
    "whole": Spelt("int(6) zerofill", "7", "8"),
    "huge": Spelt("bigint unsigned", "18446744073709551615", "18446744073709551614"),
    "year": Spelt("year", "2000", "2001"),
    "exact": Spelt("decimal(10, 2)", "1.5", "1.51"),
    "single": Spelt("float", "0.1", "0.10000001"),
    "twice": Spelt("double", "15e-1", "1.5000000000000002"),
    "measured": Spelt("float(7, 2)", "1.234", "1.24"),
    "padded": Spelt("char(6)", "ab", "'ab x'"),
    "name": Spelt("varchar(20)", "ab", "'ab '"),
    "bytes": Spelt("varbinary(9)", "6162", "x'6163'"),
    "fixed": Spelt("binary(4)", "6162", "x'61620001'"),
    "day": Spelt("date", "2000-01-02", "'2000-01-03'"),
    "hour": Spelt("time(6)", "12:00", "'12:00:00.000001'"),
    "moment": Spelt("datetime(6)", "2000-01-02", "'2000-01-02 00:00:00.000001'"),
    "moment_tz": Spelt("timestamp(6) NULL", "2000-01-02", "'2000-01-02 00:00:00.000001'"),
    "token": Spelt("uuid", "0B1E8F2A-4C6D-4E8F-9A0B-1C2D3E4F5A6B", "'0b1e8f2a-4c6d-4e8f-9a0b-1c2d3e4f5a6c'"),
    "host": Spelt("inet6", "2001:DB8::1", "'2001:db8::2'"),
    "choice": Spelt("set('a', 'b')", "b,a", "'b'"),
    "mood": Spelt("enum('sad', 'ok')", "ok", "'sad'"),
    "bits": Spelt("bit(5)", "5", "b'00100'"),
    "doc": Spelt("json", '{"b": 1}', "'{\"b\":  1}'"),
}
SQLITE = {
    "flag": Spelt("boolean", "1", "0"),
    "whole": Spelt("integer", "007", "8"),
    "exact": Spelt("decimal(10, 2)", "1.50", "1.5000000000000002"),
    "real": Spelt("real", "2", "2.0000000000000004"),
    "name": Spelt("varchar(20)", "1.0", "'1'"),
    "bytes": Spelt("blob", "", "x'00'"),
    "day": Spelt("date", "2000-01-02", "'2000-01-03'"),
    "moment": Spelt("datetime", "2000-01-02 03:04:05", "'2000-01-02T03:04:05'"),
    "token": Spelt("uuid", TOKEN, f"'{TOKEN.upper()}'"),
    "doc": Spelt("json", "1.50", "1.51"),
    "cash": Spelt("money", "1.50", "1.51"),
    "loose": Spelt("", "1.50", "1.5"),
}
BEGINNING = {
    "postgresql": (
        "CREATE EXTENSION citext",
        "CREATE EXTENSION hstore",
        "CREATE TYPE pair AS (a text, b int)",
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
    ),
    "mysql": (),
    "sqlite": (),
}
COLUMNS = {"postgresql": POSTGRESQL, "mysql": MARIADB, "sqlite": SQLITE}
# What an engine changes without a word: a column's type, and the value.
CHANGED = {
    "postgresql": {"rounded": ("numeric(5)", "1.5"), "whole_seconds": ("time(0)", "12:00:00.5")},
    "mysql": {"lost": ("blob", "no hexadecimal digits")},
    "sqlite": {"shortened": ("string", "007")},
}
NAMES = {
    "postgresql": ("spelt", "spelt_stage", "spelt_stage_dbmimic_new"),
    "mysql": ("spelt", "spelt_stage", "spelt_stage_dbmimic_new"),
    "sqlite": ("spelt.db", "spelt_stage.db", "spelt_stage.db.dbmimic-new"),
}


def statements(engine: str) -> Iterator[str]:
    """Give what builds a table with a column of each kind, one with what the engine changes, and rows of both."""
    yield from BEGINNING[engine]
    columns, changed = COLUMNS[engine], CHANGED[engine]
    yield f"CREATE TABLE held (id int PRIMARY KEY, who varchar(40), mail varchar(60), {', '.join(f'{name} {each.type}' for name, each in columns.items())})"
    for number in (1, 2, 3):
        values = ", ".join("2.5" if each.type == "" else each.other for each in columns.values())
        yield f"INSERT INTO held VALUES ({number}, 'Somebody {number}', '{number}@mail.test', {values})"
    yield f"CREATE TABLE altered (id int PRIMARY KEY, {', '.join(f'{name} {type_}' for name, (type_, _) in changed.items())})"
    yield "INSERT INTO altered (id) VALUES (1)"


@pytest.mark.parametrize("engine", list(COLUMNS))
def test_another_value_is_found_and_another_spelling_is_none(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    shop, _ = shops(request, engine, tmp_path)
    source, stage, new = NAMES[engine]
    columns = COLUMNS[engine]
    shop.create(source)
    shop.run(source, list(statements(engine)))
    given = {f"held.{name}": each.given for name, each in columns.items()}
    given |= {f"altered.{name}": value for name, (_, value) in CHANGED[engine].items()}
    rules = {name: {"mask": "constant", "value": value, "nulls": True} for name, value in given.items()}
    told: list[tuple[str, ...] | None] = []

    def tampered(work: Work, arrange: Arrange) -> Made:
        """The target changes behind our back: no server can be made to do that at the right moment."""
        made = in_full(work, arrange)
        table = next(each for each in work.expected.masked if each.table.id.name == "held")
        keyed = KeyedFunction.derive(work.secret, "verify")

        def ask(*changes: str) -> None:
            for change in changes:
                shop.run(new, [change])
            with work.cleared.reader() as copy:
                assert not arrived(table.table, table.read, seen_of(made.done)[table.table.id], copy, keyed)
                told.append(unlike(table, work.source, copy, keyed))

        ask()
        names = shop.run(new, ["SELECT who FROM held ORDER BY id"])
        exchanged = "UPDATE held SET who = CASE id WHEN 1 THEN '{1}' ELSE '{0}' END WHERE id < 3"
        there, back = (exchanged.format(*pair) for pair in ((names[0][0], names[1][0]), (names[1][0], names[0][0])))
        ask(there)
        ask(
            back,
            f"UPDATE held SET {', '.join(f'{name} = {each.other}' for name, each in columns.items())} WHERE id = 2",
        )
        ask("DELETE FROM held WHERE id = 3")
        return made

    monkeypatch.setattr("dbmimic.pipeline.copy.in_full", tampered)
    decided = {"default": "keep", "columns": {"held.who": "full_name", "held.mail": "email", **rules}}
    with pytest.raises(VerificationFailed) as failed:
        copied(tmp_path, shop.url(source), shop.url(stage), rules=decided)
    places = [(problem.code, problem.place.removeprefix("public.")) for problem in failed.value.problems]
    assert places == [("DM606", f"altered.{name}") for name in sorted(CHANGED[engine])]
    assert told == [None, (), tuple(columns), ("who", "mail", *columns)]
