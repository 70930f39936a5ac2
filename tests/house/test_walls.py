"""The two type walls: what was not masked cannot be loaded, and nothing can be loaded into what was not cleared."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "dbmimic"


@cache
def trees() -> dict[str, list[ast.AST]]:
    """Give what each file of the package is made of, by its path relative to the package."""
    return {
        path.relative_to(PACKAGE).as_posix(): list(ast.walk(ast.parse(path.read_text())))
        for path in PACKAGE.rglob("*.py")
    }


def makers_of(name: str) -> set[str]:
    """Give the files, relative to the package, in which a value of that name is constructed."""
    found = set()
    for path, nodes in trees().items():
        for node in nodes:
            if isinstance(node, ast.Call):
                called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                if called == name:
                    found.add(path)
    return found


def replaced_batches() -> set[str]:
    """Give the files that could turn one batch into another without naming its type."""
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "cast(MaskedBatch" in path.read_text() or 'cast("MaskedBatch"' in path.read_text()
    }


def test_only_apply_makes_masked_batches() -> None:
    assert makers_of("MaskedBatch") == {"rules/apply.py"}
    assert replaced_batches() == set()


def test_only_the_guard_makes_cleared_targets() -> None:
    assert makers_of("ClearedTarget") == {"load/guard.py"}
    assert makers_of("ClearedCopy") == {"load/guard.py"}


def test_only_engines_make_raw_batches() -> None:
    assert {path.split("/")[0] for path in makers_of("RawBatch")} == {"engines"}


def test_the_type_checker_holds_the_walls(tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(
        "from collections.abc import Iterable\n"
        "from dbmimic import load\n"
        "from dbmimic.load import ClearedTarget\n"
        "from dbmimic.model.batch import Layout, MaskedBatch, RawBatch\n"
        "from dbmimic.ports.target import Target\n"
        "def smuggle(target: Target, cleared: ClearedTarget, layout: Layout, raw: Iterable[RawBatch],\n"
        "            masked: Iterable[MaskedBatch]) -> None:\n"
        "    load.write(target, layout, masked)\n"
        "    load.write(cleared, layout, raw)\n"
        "    load.write(cleared, layout, masked)\n"
    )
    config = PACKAGE.parent / "pyproject.toml"
    command = [sys.executable, "-m", "mypy", "--config-file", str(config), str(probe)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PACKAGE.parent)
    assert done.returncode == 1, done.stdout + done.stderr
    told = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert len(told) == 2, done.stdout
    assert "probe.py:8: " in told[0]
    assert 'expected "ClearedTarget | ClearedCopy"' in told[0]
    assert "probe.py:9: " in told[1]
    assert 'expected "Iterable[MaskedBatch]"' in told[1]


def imports_of(*folders: str) -> set[str]:
    """Give the modules of ours that the files there import."""
    found = set()
    for folder in folders:
        for path in (PACKAGE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dbmimic"):
                    found.add(node.module)
    return found


def test_what_is_seen_from_outside_cannot_hold_a_row() -> None:
    """Commands, logs, metrics and notices are made of names, counts and sentences: no room gives them rows."""
    words = {f"dbmimic.model.{name}" for name in ("events", "findings", "run", "settings")}
    own = {"dbmimic.outside.reasons", "dbmimic.errors", "dbmimic.ports.clock"}
    assert imports_of("outside") <= words | own


def test_only_loading_lets_a_users_sql_into_a_copy() -> None:
    calls = {
        path
        for path, nodes in trees().items()
        for node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("target.amend")
    }
    assert calls == {"load/write.py", "engines/crossing/target.py"}


def test_one_place_speaks_on_standard_error() -> None:
    """So that lines of JSON are lines of JSON; what asks questions or starts a command has a terminal of its own."""
    speaks = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if "stderr" in path.read_text()}
    speaks = {path for path in speaks if not path.startswith(("testing/", "engines/"))}
    assert speaks == {
        "cli/render/voice.py",
        "cli/render/progress.py",
        "cli/render/streams.py",
        "cli/sandbox.py",
        "config/resolve.py",
        "outside/commands.py",
    }
