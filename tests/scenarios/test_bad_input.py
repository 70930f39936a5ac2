"""Everything that can be wrong with what people give: each time a place, a reason and a next step, and nothing is touched."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml

from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests.command_line import Ended, Forks
from tests.copying import SECRET, write_config
from tests.places import ABSENT_PORT, ENGINES, Place, filled, on_postgres, place
from tests.small_shop import RULES, Shop

COPY = ("copy", "--yes", "--json")
PASSWORD = "pw-canary-77c1"
# a file has no host, password or roles, and root, who runs the tests, may read and write every file
SERVERS = pytest.mark.parametrize("here", ["postgresql", "mysql"], indirect=True)


@pytest.fixture(scope="module", params=ENGINES)
def here(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place(request, request.param, "bad", tmp_path_factory.mktemp("bad"))


@pytest.fixture(scope="module")
def file_place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where the engine does not matter."""
    return place(request, "sqlite", "any", tmp_path_factory.mktemp("any"))


def error_of(ended: Ended, status: int, code: str) -> dict[str, Any]:
    """Give the error of a refused command, which is told twice: as JSON on standard output, and in words beside it."""
    told = f"{ended.out}\n{ended.err}"
    assert ended.status == status, told
    assert "Traceback" not in ended.err
    assert list(ended.document) == ["error"]
    error = ended.document["error"]
    assert (error["code"], error["exit"]) == (code, status), told
    for problem in error["problems"]:
        for part in ("code", "place", "message", "hint"):
            assert problem[part], (part, told)
            assert problem[part] in ended.err
    assert PASSWORD not in told
    return dict(error)


def where_in(text: str, needle: str) -> str:
    """Give the place of the first letter of `needle` in a configuration."""
    before = text[: text.index(needle)]
    return f"dbmimic.yaml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def ruled(**columns: object) -> dict[str, object]:
    return {**RULES, "columns": {**RULES["columns"], **columns}}


def seeded(table: str = "orders", **seed: object) -> dict[str, object]:
    return {"seeds": [{"table": table, **seed}]}


# --- the file ----------------------------------------------------------------------------------------------------

FILES = {
    "broken YAML": ("source: 'x\n", "DM201", "dbmimic.yaml:2:1"),
    "a repeated key": ("source: a\nslice: {}\nsource: b\n", "DM202", "dbmimic.yaml:3:1"),
    "an unknown key": ("sorce: a\n", "DM203", "dbmimic.yaml:1:1"),
    "a wrong type": ("slice:\n  static: orders\n", "DM204", "dbmimic.yaml:2:11"),
    "an empty condition": ("slice:\n  seeds:\n    - {table: t, where: ' '}\n", "DM204", "dbmimic.yaml:3:25"),
    "a seed without a table": ("slice:\n  seeds:\n    - {percent: 5}\n", "DM204", "dbmimic.yaml:3:7"),
    "a decision that is none": ("rules:\n  columns:\n    a: 5\n", "DM204", "dbmimic.yaml:3:8"),
    "a percent of nothing": ("slice:\n  seeds:\n    - {table: t, percent: 0}\n", "DM204", "dbmimic.yaml:3:27"),
    "a budget with nothing to scale": ("slice:\n  budget: {size: 2GB}\n", "DM223", "dbmimic.yaml:2:11"),
    "an unknown pack": ("rules:\n  extends: [structur]\n", "DM211", "dbmimic.yaml:2:13"),
    "a URL that is none": ("source: here\ntarget: there\nsecret: ${SECRET}\n", "DM214", "dbmimic.yaml:1:9"),
    "an unknown engine": ("source: oracle://x/y\nsecret: ${SECRET}\n", "DM214", "dbmimic.yaml:1:9"),
    "a variable that is not set": ("source: ${NOT_SET}\nsecret: ${SECRET}\n", "DM210", "dbmimic.yaml:1:9"),
    "a file that is not there": ("source: file:nowhere\nsecret: ${SECRET}\n", "DM210", "dbmimic.yaml:1:9"),
    "a command that fails": ("source: 'cmd:false'\nsecret: ${SECRET}\n", "DM210", "dbmimic.yaml:1:9"),
}


@pytest.mark.parametrize(("text", "code", "at"), FILES.values(), ids=FILES)
def test_a_file_that_is_wrong(dbmimic_command: Forks, tmp_path: Path, text: str, code: str, at: str) -> None:
    (tmp_path / "dbmimic.yaml").write_text(text)
    ended = dbmimic_command.run(*COPY, cwd=tmp_path, env={"SECRET": SECRET})
    assert error_of(ended, 3, code)["place"] == at


def test_all_that_is_wrong_with_a_file_is_told_at_once(dbmimic_command: Forks, tmp_path: Path) -> None:
    (tmp_path / "dbmimic.yaml").write_text("sorce: x\nslice:\n  childern: stop\nrules:\n  default: fial\n")
    ended = dbmimic_command.run(*COPY, cwd=tmp_path)
    problems = error_of(ended, 3, "DM203")["problems"]
    assert [problem["place"] for problem in problems] == [f"dbmimic.yaml:{at}" for at in ("1:1", "3:3", "5:12")]
    assert [problem["hint"] for problem in problems] == [
        f"did you mean '{word}'?" for word in ("source", "children", "fail")
    ]


def test_no_configuration_at_all(dbmimic_command: Forks, tmp_path: Path) -> None:
    for command in (COPY, ("plan", "--json"), ("verify", "--json"), ("rollback", "--yes", "--json")):
        error = error_of(dbmimic_command.run(*command, cwd=tmp_path), *MISSING[command[0]])
        assert error["place"] in {"source", "target", "secret"}
    error = error_of(dbmimic_command.run("init", "--json", cwd=tmp_path), 2, "DM102")
    assert error["place"] == "source"
    assert not list(tmp_path.iterdir())


MISSING = {"copy": (2, "DM102"), "plan": (2, "DM102"), "verify": (3, "DM209"), "rollback": (2, "DM102")}


def test_a_configuration_that_is_not_there_or_a_folder(dbmimic_command: Forks, tmp_path: Path) -> None:
    error = error_of(dbmimic_command.run(*COPY, "-c", "nowhere.yaml", cwd=tmp_path), 2, "DM102")
    assert error["place"] == "nowhere.yaml"
    error = error_of(dbmimic_command.run(*COPY, "-c", ".", cwd=tmp_path), 3, "DM210")
    assert error["place"] == "."


SECRETS = {
    "empty": "''",
    "short": "0123456789abcdef",
    "not hex or base64": "'the quick brown fox jumps over the lazy dog!'",
    "a sample of zeros": "'" + "00" * 32 + "'",
    "a sample in order": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_that_is_unfit(dbmimic_command: Forks, file_place: Place, tmp_path: Path, secret: str) -> None:
    text = file_place.configure(tmp_path)
    (tmp_path / "dbmimic.yaml").write_text(re.sub("secret: .*", f"secret: {secret}", text))
    with file_place.untouched():
        ended = dbmimic_command.run(*COPY, cwd=tmp_path)
    error = error_of(ended, 3, "DM204" if secret == "''" else "DM209")
    assert error["place"] == "dbmimic.yaml:3:9"
    assert secret == "''" or secret.strip("'") not in ended.out + ended.err


@pytest.mark.parametrize("command", ["copy", "verify"])
def test_a_secret_that_is_missing(dbmimic_command: Forks, file_place: Place, tmp_path: Path, command: str) -> None:
    text = file_place.configure(tmp_path)
    (tmp_path / "dbmimic.yaml").write_text(re.sub("secret: .*\n", "", text))
    with file_place.untouched():
        ended = dbmimic_command.run(command, "--json", cwd=tmp_path)
    error = error_of(ended, 3, "DM209")
    assert error["place"] == "secret"
    assert "dbmimic key new" in error["hint"]


# --- what the file says of the source ----------------------------------------------------------------------------

NAMES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "an unknown table in a seed": ({"slice": seeded("ordres", percent=5)}, "DM205", "ordres", "did you mean orders?"),
    "an unknown static table": ({"slice": {"static": ["custmers"]}}, "DM205", "custmers", "did you mean customers?"),
    "an unknown excluded table": ({"slice": {"exclude": ["audt"]}}, "DM205", "audt", "did you mean audit?"),
    "an unknown table in a rule": (
        {"rules": ruled(**{"custmers.email": "email"})},
        "DM205",
        "custmers",
        "did you mean customers?",
    ),
    "an unknown column in a rule": (
        {"rules": ruled(**{"customers.emial": "email"})},
        "DM206",
        "customers.emial",
        "did you mean email?",
    ),
    "an unknown mask": ({"rules": ruled(**{"customers.email": "emial"})}, "DM207", "customers.email", "mean email?"),
    "an unknown option": (
        {"rules": ruled(**{"customers.born": {"mask": "date_shift", "dyas": 5}})},
        "DM203",
        "customers.born",
        "",
    ),
    "an option of a wrong type": (
        {"rules": ruled(**{"customers.born": {"mask": "date_shift", "days": "5"}})},
        "DM204",
        "customers.born",
        "",
    ),
    "a mask that does not fit": ({"rules": ruled(**{"customers.born": "email"})}, "DM208", "customers.born", ""),
    "a mask that would break a key": (
        {"rules": ruled(**{"customers.email": "first_name"})},
        "DM208",
        "customers.email",
        "",
    ),
    "ids of too many values": ({"slice": seeded(ids=[[1, 2]])}, "DM212", "orders\n", ""),
}


@pytest.mark.parametrize(("sections", "code", "at", "hint"), NAMES.values(), ids=NAMES)
def test_a_name_that_means_nothing(
    dbmimic_command: Forks, file_place: Place, tmp_path: Path, sections: dict[str, Any], code: str, at: str, hint: str
) -> None:
    text = file_place.configure(tmp_path, **sections)
    with file_place.untouched():
        error = error_of(dbmimic_command.run(*COPY, cwd=tmp_path), 3, code)
    assert error["place"] == where_in(text, at)
    assert hint in error["hint"]


def test_a_warning_where_none_may_pass(dbmimic_command: Forks, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "made.db")) as made, made:
        made.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIRTUAL TABLE found USING fts5(body)")
    write_config(tmp_path, f"sqlite:///{tmp_path}/made.db", f"sqlite:///{tmp_path}/stage.db")
    error = error_of(dbmimic_command.run(*COPY, "--strict", cwd=tmp_path), 4, "DM405")
    assert error["place"] == "found"
    assert "--strict" in error["message"]
    assert not (tmp_path / "stage.db").exists()
    assert dbmimic_command.run(*COPY, cwd=tmp_path).status == 0


def test_a_source_without_tables_is_told_of(dbmimic_command: Forks, tmp_path: Path) -> None:
    """The path of a file that is no longer there, opened once by somebody, is such a database."""
    (tmp_path / "empty.db").touch()
    write_config(tmp_path, f"sqlite:///{tmp_path}/empty.db", f"sqlite:///{tmp_path}/stage.db")
    error = error_of(dbmimic_command.run(*COPY, "--strict", cwd=tmp_path), 4, "DM215")
    assert error["place"] == "source"


def test_undecided_columns_are_all_listed(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    here.configure(tmp_path, rules={"extends": ["structure"], "columns": {"audit.*": {"keep": "numbers"}}})
    with here.untouched():
        error = error_of(dbmimic_command.run(*COPY, cwd=tmp_path), 4, "DM301")
        planned = dbmimic_command.run("plan", "--json", cwd=tmp_path)
    wanted = {
        "customers.first_name",
        "customers.email",
        "customers.phone",
        "customers.born",
        "orders.note",
        "orders.total",
    }
    places = [problem["place"].removeprefix("public.") for problem in error["problems"]]
    assert len(places) == len(wanted)
    assert set(places) == wanted
    assert (planned.status, planned.document["exit"], planned.document["undecided"]) == (4, 4, len(wanted))


CONDITIONS = {
    "a syntax error": "total > > 3",
    "two statements": "id = 3; DROP TABLE orders",
    "a semicolon": "id = 3;",
    "a way out of the parentheses": "1 = 1) OR (1 = 1",
    "a parenthesis left open": "(id = 3",
    "a statement": "SELECT 1",
    "a set of statements": "id = 3 UNION SELECT 1",
    "a clause": "id = 3 LIMIT 1",
    "an unknown column": "nowhere = 3",
    "an unknown table": "id IN (SELECT id FROM nowhere)",
    "an unknown function": "total > no_such_function(1)",
    "a parameter": "id = ?",
}


@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_that_is_none(dbmimic_command: Forks, here: Place, tmp_path: Path, condition: str) -> None:
    here.configure(tmp_path, slice=seeded(where=condition))
    with here.untouched():
        error = error_of(dbmimic_command.run(*COPY, cwd=tmp_path), 3, "DM212")
    assert re.fullmatch(r"dbmimic\.yaml:\d+:\d+ \((public\.)?orders\)", error["place"])


@pytest.mark.parametrize("id_", ["x", "1.5", 9_999_999_999_999_999_999, "1 OR 1 = 1"])
def test_an_id_that_is_no_value_of_the_key(dbmimic_command: Forks, here: Place, tmp_path: Path, id_: object) -> None:
    here.configure(tmp_path, slice=seeded(ids=[id_]))
    with here.untouched():
        error = error_of(dbmimic_command.run(*COPY, cwd=tmp_path), 3, "DM212")
    assert re.fullmatch(r"dbmimic\.yaml:\d+:\d+ \((public\.)?orders\)", error["place"])


# --- the target --------------------------------------------------------------------------------------------------


def aliases(request: pytest.FixtureRequest, here: Place, folder: Path) -> list[str]:
    """Give URLs that lead to the source by other ways."""
    url = here.shop.url(here.source)
    if here.engine == "sqlite":
        path = Path(url.removeprefix("sqlite:///"))
        (folder / "soft.db").symlink_to(path)
        os.link(path, folder / "hard.db")
        roundabout = path.parent / ".." / path.parent.name / path.name
        return [url, *(f"sqlite:///{other}" for other in (folder / "soft.db", folder / "hard.db", roundabout))]
    names = [url.replace("127.0.0.1", name) for name in ("localhost", "127.1")]
    if here.engine == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres15")
        by_socket = f"postgresql://postgres@/{here.source}?host={server.folder}&port={server.port}"
        return [url, *names, by_socket, url.replace("postgresql:", "postgresql+psycopg:")]
    mariadb: MariadbServer = request.getfixturevalue("mariadb")
    by_socket = f"mariadb://root@localhost/{here.source}?unix_socket={mariadb.socket}"
    return [url, *names, by_socket]


def test_source_and_target_are_the_same_by_whatever_name(
    request: pytest.FixtureRequest, dbmimic_command: Forks, here: Place, tmp_path: Path
) -> None:
    for url in aliases(request, here, tmp_path):
        here.configure(tmp_path)
        with here.untouched():
            ended = dbmimic_command.run(*COPY, "--target", url, "--confirm-target", here.source, cwd=tmp_path)
        error = error_of(ended, 4, "DM302")
        assert error["place"].startswith("target ")


def test_a_target_that_is_somebody_elses(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    name = here.target.replace("stage", "foreign")
    here.shop.build(name)
    here.configure(tmp_path, target=here.shop.url(name))
    before = here.shop.state(name)
    for more in ((), ("--confirm-target", "another"), ("--confirm-target", "")):
        with here.untouched():
            error = error_of(dbmimic_command.run(*COPY, *more, cwd=tmp_path), 4, "DM303")
        assert error["place"] == f"target {name}"
        assert f"--confirm-target {name}" in error["hint"]
        assert here.shop.state(name) == before
    assert dbmimic_command.run(*COPY, "--confirm-target", name, cwd=tmp_path).document["status"] == "verified"
    assert here.shop.state(name) != before
    assert dbmimic_command.run(*COPY, cwd=tmp_path).status == 0, "the copy is stamped, so nobody is asked again"
    assert dbmimic_command.run("rollback", "--yes", "--json", cwd=tmp_path).status == 0


def test_a_target_with_nothing_to_go_back_to(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    here.configure(tmp_path, target=here.shop.url(here.target.replace("stage", "never")))
    with here.untouched():
        error_of(dbmimic_command.run("rollback", "--yes", "--json", cwd=tmp_path), 4, "DM307")
        error = error_of(dbmimic_command.run("verify", "--json", cwd=tmp_path), 6, "DM501")
    assert "target" in error["message"], "a copy is read like a source, and is none"


@pytest.mark.parametrize("command", [COPY, ("plan", "--json")])
def test_a_server_as_the_target_of_a_file(
    dbmimic_command: Forks, file_place: Place, postgres15: PostgresServer, tmp_path: Path, command: tuple[str, ...]
) -> None:
    file_place.configure(tmp_path, target=postgres15.url("from_a_file"))
    with file_place.untouched():
        error = error_of(dbmimic_command.run(*command, cwd=tmp_path), 3, "DM213")
    assert error["place"] == "target"
    assert postgres15.execute("SELECT 1 FROM pg_database WHERE datname LIKE 'from_a_file%'") == []


def test_a_replica_of_the_source_and_the_primary_of_one(
    dbmimic_command: Forks, bare_postgres: PostgresServer, tmp_path: Path
) -> None:
    primary = filled(*on_postgres(bare_postgres), "replicated_pair", tmp_path)
    with bare_postgres.standby() as standby, primary.untouched():
        pairs = (
            (primary.shop.url(primary.source), standby.url(primary.source)),
            (standby.url(primary.source), primary.shop.url(primary.source)),
        )
        for source, target in pairs:
            primary.configure(tmp_path, source=source, target=target)
            ended = dbmimic_command.run(*COPY, "--confirm-target", primary.source, cwd=tmp_path)
            assert error_of(ended, 4, "DM302")["place"] == f"target {primary.source}"
        primary.configure(tmp_path, target=standby.url(primary.target))
        error = error_of(dbmimic_command.run(*COPY, cwd=tmp_path), 6, "DM504")
        assert error["place"]


# --- servers and rights ------------------------------------------------------------------------------------------


def unreachable(shop: Shop, name: str) -> str:
    if shop.engine == "sqlite":
        return shop.url("nowhere/at_all.db")
    return re.sub(r":\d+/", f":{ABSENT_PORT}/", shop.url(name))


def test_nobody_answers(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    here.configure(tmp_path, retry={"attempts": 1})
    for side, name, status, code in (("source", here.source, 5, "DM401"), ("target", here.target, 6, "DM501")):
        with here.untouched():
            ended = dbmimic_command.run(*COPY, f"--{side}", unreachable(here.shop, name), cwd=tmp_path)
        assert side in error_of(ended, status, code)["message"]


@SERVERS
def test_a_host_that_does_not_exist(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    nowhere = here.shop.url(here.source).replace("127.0.0.1", "no-such-host.invalid")
    here.configure(tmp_path, source=nowhere, retry={"attempts": 1})
    assert "no-such-host" in error_of(dbmimic_command.run(*COPY, cwd=tmp_path), 5, "DM401")["place"]


def test_a_source_that_is_no_database(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    if here.engine == "sqlite":
        (tmp_path / "nowhere").write_bytes(b"not a database" * 500)
    url = here.shop.url("nowhere") if here.engine != "sqlite" else f"sqlite:///{tmp_path / 'nowhere'}"
    here.configure(tmp_path, source=url)
    with here.untouched():
        error = error_of(dbmimic_command.run(*COPY, cwd=tmp_path), 5, "DM401")
    assert error["place"].endswith("nowhere")


@pytest.fixture(scope="module")
def locked_postgres(postgres15: PostgresServer) -> PostgresServer:
    """The server with a role that has to give a password, and one that may read and not make databases."""
    roles = "CREATE ROLE careful LOGIN PASSWORD 'right'; CREATE ROLE modest LOGIN"
    postgres15.execute(roles)
    hba = postgres15.data / "pg_hba.conf"
    hba.write_text(f"host all careful 127.0.0.1/32 scram-sha-256\n{hba.read_text()}")
    postgres15.execute("SELECT pg_reload_conf()")
    return postgres15


@SERVERS
def test_a_wrong_password(
    dbmimic_command: Forks, locked_postgres: PostgresServer, mariadb: MariadbServer, here: Place, tmp_path: Path
) -> None:
    if here.engine == "mysql":
        mariadb.execute("CREATE OR REPLACE USER careful@'%' IDENTIFIED BY 'right'")
    for side, status, code in (("source", 5, "DM401"), ("target", 6, "DM501")):
        name = here.source if side == "source" else here.target
        url = re.sub("//[^@]*@", f"//careful:{PASSWORD}@", here.shop.url(name))
        here.configure(tmp_path, **{side: url})
        with here.untouched():
            error = error_of(dbmimic_command.run(*COPY, cwd=tmp_path), status, code)
        assert "careful@" in error["place"]
        assert "password" in error["hint"]


@SERVERS
def test_a_table_that_may_not_be_read(
    dbmimic_command: Forks, locked_postgres: PostgresServer, mariadb: MariadbServer, here: Place, tmp_path: Path
) -> None:
    if here.engine == "postgresql":
        locked_postgres.execute("GRANT SELECT ON customers, audit TO modest", database=here.source)
    else:
        mariadb.execute(
            f"CREATE OR REPLACE USER modest@'%' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT SELECT, SHOW VIEW, TRIGGER ON {here.source}.customers TO modest@'%'",
            f"GRANT SELECT, SHOW VIEW, TRIGGER ON {here.source}.audit TO modest@'%'",
            f"GRANT INSERT ON {here.source}.orders TO modest@'%'",
        )
    url = re.sub("//[^@]*@", f"//modest:{PASSWORD}@", here.shop.url(here.source))
    here.configure(tmp_path, source=url)
    with here.untouched():
        error = error_of(dbmimic_command.run(*COPY, cwd=tmp_path), 5, "DM402")
    assert "orders" in error["place"] + error["message"]
    assert "GRANT SELECT" in error["hint"]


@SERVERS
def test_a_target_where_nothing_may_be_made(
    dbmimic_command: Forks, locked_postgres: PostgresServer, mariadb: MariadbServer, here: Place, tmp_path: Path
) -> None:
    if here.engine == "mysql":
        mariadb.execute(
            f"CREATE OR REPLACE USER modest@'%' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT SELECT ON {here.target}.* TO modest@'%'",
        )
    else:
        locked_postgres.execute("GRANT pg_read_all_data TO modest")
    url = re.sub("//[^@]*@", f"//modest:{PASSWORD}@", here.shop.url(here.target))
    here.configure(tmp_path, target=url)
    with here.untouched():
        ended = dbmimic_command.run(*COPY, "--confirm-target", here.target, cwd=tmp_path)
    error_of(ended, 6, "DM502")


# --- the command line itself -------------------------------------------------------------------------------------

WORDS = {
    "an unknown flag": ("copy", "--json", "--targt", "x"),
    "a flag without its value": ("copy", "--json", "--target"),
    "an argument too many": ("copy", "--json", "now"),
    "an unknown command": ("--json", "copi"),
    "a flag of another command": ("plan", "--json", "--yes"),
}


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_wrong_words(dbmimic_command: Forks, tmp_path: Path, words: tuple[str, ...]) -> None:
    error = error_of(dbmimic_command.run(*words, cwd=tmp_path), 2, "DM101")
    assert error["place"].startswith("dbmimic")
    assert "--help" in error["hint"]


def test_the_configuration_of_these_tests_is_right(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    """So that none of the above is refused for another reason."""
    text = here.configure(tmp_path)
    assert yaml.safe_load(text)["rules"] == RULES
    ended = dbmimic_command.run(*COPY, cwd=tmp_path)
    assert ended.document["status"] == "verified"
    assert ended.status == 0
