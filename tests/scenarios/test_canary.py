"""No value of a masked column leaves the program: not by what it prints, not by a file, not by the copy itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import canaries
from tests.canaries import Watch, kept_canaries, masked_canaries, traces
from tests.command_line import Ended, Forks
from tests.copying import write_config
from tests.places import ENGINES, shops
from tests.small_shop import Shop

RULES = {
    "extends": ["structure"],
    "columns": {
        "people.id": "integer_key",
        "people.email": "email",
        "people.name": "full_name",
        "people.handle": "token",
        "people.phone": "phone",
        "people.born": {"mask": "date_shift", "days": 30, "entity": "id"},
        "people.born_text": "date_shift",
        "people.note": "redact",
        "people.kept": {"keep": "a canary that belongs in the copy"},
        "visits.place": "city",
    },
}
CHECK = ", CHECK (note LIKE 'qzvanary%')"
NAMES = iter(range(1000))


@dataclass
class Cage:
    """A source full of canaries, where a command may write, and all that was found outside of the copy."""

    forks: Forks
    shop: Shop
    work: Path
    source: str
    target: str

    def run(self, *arguments: str) -> Ended:
        """Run a command under watch; nothing of a row may come out of it."""
        temporary = self.work / "tmp"
        env = {"TMPDIR": str(temporary), "HOME": str(self.work)}
        with Watch(self._forbidden, self.work) as watch:
            ended = self.forks.run(*arguments, cwd=self.work, env=env)
        assert watch.looks > 2
        assert watch.seen == set()
        assert "Traceback" not in ended.err
        every = masked_canaries() + kept_canaries()
        assert traces(f"{ended.out}\n{ended.err}".encode(), every) == set(), ended.err
        return ended

    def _forbidden(self, path: Path) -> list[str]:
        """What may not stand in a file: nothing of a row, but in a copy that is a file what was kept."""
        return masked_canaries() if path.name.startswith(self.target) else masked_canaries() + kept_canaries()

    def configure(self, **sections: object) -> None:
        sections = {"rules": RULES, **sections}
        write_config(self.work, self.shop.url(self.source), self.shop.url(self.target), **sections)

    def in_target(self) -> bytes:
        """Give the rows of the copy as text."""
        rows = [self.shop.run(self.target, [f"SELECT * FROM {table}"]) for table in ("people", "visits")]
        assert [len(each) for each in rows] == [canaries.PEOPLE] * 2
        return "\n".join(str(value) for each in rows for row in each for value in row).encode()


@pytest.fixture(params=ENGINES)
def cage(request: pytest.FixtureRequest, dbmimic_command: Forks, tmp_path: Path) -> Iterator[Cage]:
    work, outside = tmp_path / "work", tmp_path / "outside"
    for folder in (work, outside, work / "tmp"):
        folder.mkdir()
    name = f"cage{next(NAMES)}"
    shop, _ = shops(request, request.param, work)
    if request.param == "sqlite":  # the source's file must not be watched: it is full of them
        return Cage(dbmimic_command, shop, work, f"../outside/{name}.db", f"{name}_stage.db")
    return Cage(dbmimic_command, shop, work, name, f"{name}_stage")


def built(cage: Cage, born_text: str = "varchar(80)", more: str = "", *after: str) -> None:
    """Build the source and a configuration for it."""

    def key(column: str) -> str:
        return f", FOREIGN KEY ({column}) REFERENCES people (id)"

    cage.shop.create(cage.source)
    cage.shop.run(cage.source, [*canaries.statements(key, born_text, more), *after])
    cage.configure()


def test_nothing_comes_out_of_what_succeeds(cage: Cage) -> None:
    built(cage)
    for arguments in (("plan", "-v"), ("copy", "--yes", "-v"), ("verify", "-v"), ("copy", "--yes", "--json", "-v")):
        assert cage.run(*arguments).status == 0, arguments
    found = cage.in_target()
    assert traces(found, masked_canaries()) == set()
    assert traces(found, kept_canaries()) == set(kept_canaries())  # so they would have been found


def test_nothing_comes_out_of_a_first_configuration(cage: Cage) -> None:
    built(cage)
    ended = cage.run("init", "--source", cage.shop.url(cage.source), "-c", "first.yaml")
    assert ended.status == 0, ended.err
    assert "people.note" in (cage.work / "first.yaml").read_text()


def test_nothing_comes_out_of_a_mask_that_fails(cage: Cage) -> None:
    broken = f"UPDATE people SET born_text = '{canaries.failing(0)}' WHERE id = {canaries.canary('id', 0)}"
    built(cage, "varchar(80) NOT NULL", "", broken)
    columns = {**RULES["columns"], "people.born_text": {"mask": "date_shift", "invalid": "fail"}}
    cage.configure(rules={**RULES, "columns": columns})
    for arguments in (("plan", "-v"), ("copy", "--yes", "-v"), ("copy", "--yes", "--json")):
        ended = cage.run(*arguments)
        if arguments[0] == "copy":
            assert ended.status == 4, ended.err
            assert "DM304" in ended.err
            assert "people.born_text" in ended.err


def test_a_text_that_is_no_date_is_not_left_in_a_copy(cage: Cage) -> None:
    built(cage, "varchar(80)", "", f"UPDATE people SET born_text = '{canaries.failing(0)}'")
    assert cage.run("copy", "--yes", "-v").status == 0
    assert traces(cage.in_target(), masked_canaries()) == set()
    assert cage.run("verify", "-v").status == 0


def test_nothing_comes_out_of_a_check_that_refuses_what_a_mask_gives(cage: Cage) -> None:
    built(cage, "varchar(80)", CHECK)
    ended = cage.run("copy", "--yes", "-v")
    assert ended.status == 4, ended.err
    assert "DM313" in ended.err
    assert "people.note" in ended.err


def test_nothing_comes_out_of_a_load_that_fails(cage: Cage) -> None:
    built(cage, "varchar(80)", ", UNIQUE (handle)")
    same = {"mask": "constant", "value": "the same", "unique": "off"}
    cage.configure(rules={**RULES, "columns": {**RULES["columns"], "people.handle": same}})
    for more in ("-v", "--json"):
        ended = cage.run("copy", "--yes", more)
        assert ended.status == 6, ended.err
        assert "DM504" in ended.err
        assert "people" in ended.err


def test_nothing_comes_out_of_an_index_that_fails(cage: Cage) -> None:
    if cage.shop.engine == "mysql":  # which has no indexes on expressions, but on columns that are computed
        built(cage, "varchar(80)", ", short varchar(9) AS (right(kept, 1)) VIRTUAL, UNIQUE (short)")
    else:
        built(cage, "varchar(80)", "", "CREATE UNIQUE INDEX one_of_each ON people (lower(note))")
    before = {**RULES["columns"], "people.note": {"mask": "constant", "value": "the same"}}
    if cage.shop.engine == "mysql":
        before |= {"people.kept": {"mask": "constant", "value": "all alike"}}
    cage.configure(rules={**RULES, "columns": before})
    for more in ("-v", "--json"):
        ended = cage.run("copy", "--yes", more)
        assert ended.status in {3, 6}, ended.err
        assert "DM504" in ended.err or "DM208" in ended.err, ended.err


def test_nothing_comes_out_of_a_condition_that_fails_on_a_value(cage: Cage) -> None:
    built(cage)
    cage.configure(
        slice={"seeds": [{"table": "people", "where": "CAST(name AS decimal(9)) / 0 > CAST(born_text AS decimal(9))"}]}
    )
    for more in ("-v", "--json"):
        ended = cage.run("copy", "--yes", more)
        assert (ended.status, "DM212" in ended.err) == (3, True) or cage.shop.engine != "postgresql", ended.err


def test_nothing_comes_out_of_what_others_are_told(cage: Cage) -> None:
    """Hooks, log lines, metrics and notices, of a run that succeeds and of one whose hook's SQL fails on a kept value."""
    if cage.shop.engine != "sqlite":
        pytest.skip("nothing here differs by engine but the driver's words, and test_hooks looks at those")
    built(cage)
    tell = ["sh", "-c", "env; cat > told-$DBMIMIC_HOOK; printenv DBMIMIC_NOTICE > notice || true; ls"]
    sections = {
        "runs": {"folder": "history"},
        "logs": {"format": "json"},
        "metrics": {"textfile": "dbmimic.prom"},
        "notify": {"on": "always", "run": tell},
    }
    for sql, status in (("UPDATE people SET note = 'x'", 0), ("INSERT INTO people SELECT * FROM people", 7)):
        hooks = {"before": [tell], "after": [{"sql": sql}, tell], "on_failure": [tell]}
        cage.configure(**sections, hooks=hooks)
        ended = cage.run("copy", "--yes", "--json")
        assert ended.status == status, ended.err
        assert f'"exit": {status}' in (cage.work / "notice").read_text()
        assert "exit_status{target=" in (cage.work / "dbmimic.prom").read_text()
    assert "DM611" in ended.err
    assert (cage.work / "told-on_failure").exists()


@pytest.mark.parametrize("column", ["name", "note"])
def test_nothing_comes_out_of_a_verification_that_fails(cage: Cage, column: str) -> None:
    built(cage)
    assert cage.run("copy", "--yes", "-q").status == 0
    cage.shop.run(cage.target, [f"UPDATE people SET {column} = 'x'"])
    assert cage.run("verify", "-v").status == 0, "another value is not the source's"
    # now the copy itself holds what it must not, so only the streams are looked at
    cage.shop.run(cage.target, [f"UPDATE people SET {column} = '{canaries.canary(column, 3)}'"])
    for more in ("-v", "--json"):
        ended = cage.forks.run("verify", more, cwd=cage.work)
        assert ended.status == 7, ended.err
        assert "DM603" in ended.err
        assert f"people.{column}" in ended.err
        assert traces(f"{ended.out}\n{ended.err}".encode(), masked_canaries() + kept_canaries()) == set()


def test_the_watch_sees_what_is_there_for_a_moment(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    with Watch(lambda _: masked_canaries(), tmp_path) as watch:
        path = tmp_path / "deep" / "spill"
        path.write_bytes(b"x" * 100_000 + canaries.canary("name", 3).encode())
        time.sleep(0.05)
        path.unlink()
        time.sleep(0.05)
    assert watch.seen == {("spill", canaries.canary("name", 3))}


@pytest.mark.parametrize("column", canaries.MASKED_COLUMNS)
def test_the_detector_knows_a_canary_in_any_dress(column: str) -> None:
    text = canaries.canary(column, 2)
    dresses = (text.encode(), text.upper().encode(), text.encode().hex().encode(), text.encode("utf-16le"))
    for dress in dresses:
        assert traces(b"before " + dress + b" after", masked_canaries()) == {text}
    assert traces(b"qzvanary", masked_canaries()) == set()
