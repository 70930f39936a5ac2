"""What people hold on to: exported names, commands and their documents, exit statuses, and what start-up costs."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

import dbmimic
from dbmimic import errors
from dbmimic.cli.app import app
from dbmimic.masks.registry import builtin
from tests.command_line import Forks

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
HEAVY = (
    "sqlalchemy",
    "pyarrow",
    "numpy",
    "networkx",
    "faker",
    "psycopg",
    "pymysql",
    "pydantic",
    "cryptography",
    "sqlglot",
)


def commands() -> list[str]:
    tree = typer.main.get_command(app)
    names = []
    for name, command in tree.commands.items():
        inner = getattr(command, "commands", None)
        names += [f"{name} {part}" for part in inner] if inner else [name]
    return names


def test_exported_names_exist() -> None:
    assert sorted(dbmimic.__all__) == ["copy", "load_config", "plan", "rollback", "sandbox", "verify"]
    for name in dbmimic.__all__:
        assert callable(getattr(dbmimic, name))
    with pytest.raises(AttributeError):
        dbmimic.nothing_of_the_kind  # noqa: B018


def test_every_command_stands_in_the_readme_and_helps(dbmimic_command: Forks, tmp_path: Path) -> None:
    known = {
        "demo",
        "init",
        "doctor",
        "grants",
        "plan",
        "copy",
        "verify",
        "why",
        "graph",
        "rollback",
        "report",
        "runs",
        "key new",
        "key open",
        "rules check",
        "rules lock",
        "key id",
        "masks",
        "schema",
    }
    known |= {
        f"sandbox {name}"
        for name in ("create", "url", "list", "exec", "reset", "extend", "protect", "drop", "gc", "prepare")
    }
    assert set(commands()) == known
    for name in commands():
        assert f"dbmimic {name}" in README, name
        ended = dbmimic_command.run(*name.split(), "--help", cwd=tmp_path)
        assert (ended.status, ended.err) == (0, "")
        assert f"Usage: dbmimic {name}" in ended.out


def test_help_and_import_load_nothing_heavy() -> None:
    code = (
        "import sys, dbmimic\n"
        "from dbmimic.cli.app import run\n"
        "assert run(['--help']) == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_the_end_of_a_command_does_not_look_through_what_goes_with_it() -> None:
    """It took a third of a second after a copy."""
    code = (
        "import atexit, gc, sys\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > 0, gc.isenabled()))\n"
        "sys.argv = ['dbmimic', 'key', 'new']\n"
        "from dbmimic.cli.app import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True True"


@pytest.mark.parametrize(
    ("family", "status"),
    [
        (errors.InternalError, 1),
        (errors.UsageError, 2),
        (errors.ConfigError, 3),
        (errors.RefusedError, 4),
        (errors.SourceError, 5),
        (errors.TargetError, 6),
        (errors.VerificationFailed, 7),
        (errors.HookError, 8),
        (errors.TryAgainError, 75),
    ],
)
def test_exit_statuses_are_the_documented_ones(family: type[errors.DbmimicError], status: int) -> None:
    assert family.exit_status == status
    assert f"| {status} |" in README


def test_every_family_is_exported() -> None:
    def below(kind: type[errors.DbmimicError]) -> set[str]:
        own = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
        return {kind.__name__}.union(*map(below, own))

    assert below(errors.DbmimicError) | {"Problem"} == set(errors.__all__)


def test_the_package_says_what_it_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
    assert (ROOT / "LICENSE").read_text().lstrip().startswith("Apache License")
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text()
    assert (ROOT / "dbmimic/py.typed").exists()


def test_a_python_value_in_arrow_makes_nobody_look_for_a_module() -> None:
    # Where pyarrow does not find one that it would like to have, it searches the whole path at every value.
    code = (
        "import importlib.abc, sys\nimport pyarrow as pa\nimport pyarrow.compute as pc\n"
        "class Last(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, *_): print(name)\n"
        "pc.equal(pa.array(['a']), 'a')\nsys.meta_path.append(Last())\npc.equal(pa.array(['a']), 'a')"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == ""


def test_every_mask_stands_in_the_readme() -> None:
    for name in builtin().names():
        assert f"`{name}`" in README, name
