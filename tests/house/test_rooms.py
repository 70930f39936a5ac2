"""The rooms: none without a name of its own, none hidden from the floors, and errors' codes that are all explained."""

import re
import subprocess
import sys
from pathlib import Path

from dbmimic import errors

PACKAGE = Path(__file__).parents[2] / "dbmimic"
SOURCES = sorted(PACKAGE.rglob("*.py"))


def test_no_room_for_leftovers() -> None:
    names = {path.stem for path in SOURCES} | {path.parent.name for path in SOURCES}
    assert names.isdisjoint({"utils", "util", "helpers", "helper", "common", "misc"})


def test_every_room_says_what_it_is() -> None:
    for path in SOURCES:
        first = path.read_text().lstrip()
        assert first.startswith('"""'), path
        assert not first.startswith('"""..."""'), path


def test_no_import_is_hidden_from_the_floors() -> None:
    assert [path for path in SOURCES if "TYPE_CHECKING" in path.read_text()] == []


def test_every_code_that_is_raised_is_explained() -> None:
    explained = set(re.findall(r"DM\d{3}", errors.__doc__ or ""))
    used = {
        code for path in SOURCES if path.name != "errors.py" for code in re.findall(r'"(DM\d{3})"', path.read_text())
    }
    assert used - explained == set()


def test_nothing_random_and_no_clock_outside_their_rooms() -> None:
    """The same in gives the same out: nothing else may draw, or read the time."""
    allowed = {"hosting.py", "masks/keyed.py", "load/guard.py", "pipeline/copy.py", "engines/postgres/target.py"}
    allowed.add("model/spill.py")  # a key for what is written and read again by the same process
    suspicious = re.compile(r"\b(random\.|secrets\.|uuid4|datetime\.now|time\.time|os\.urandom)")
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in SOURCES
        if suspicious.search(path.read_text()) and not path.is_relative_to(PACKAGE / "testing")
    }
    assert found <= allowed


def test_a_copy_loads_nothing_that_most_copies_do_not_need() -> None:
    """Starting is a good part of what a developer waits for."""
    script = "import sys, dbmimic.refresh, dbmimic.wiring, dbmimic.engines.postgres.engine; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )
    unneeded = {"sqlglot", "sqlalchemy", "dask", "faker", "dbmimic.engines.crossing"}
    assert loaded.isdisjoint(unneeded | {"structlog", "prometheus_client"})
