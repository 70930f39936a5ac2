"""What stands before the programs that are started."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dbmimic.engines.postgres.tools import buffering

needs_stdbuf = pytest.mark.skipif(shutil.which("stdbuf") is None, reason="there is no stdbuf on this system")


def program(folder: Path, text: str) -> Path:
    """Give a program that runs a text."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@needs_stdbuf
def test_a_program_may_write_a_megabyte_at_a_time(tmp_path: Path) -> None:
    telling = program(tmp_path, 'echo "$_STDBUF_O"')
    told = subprocess.run([*buffering(telling), telling], capture_output=True, text=True, check=True).stdout
    assert int(told) == 2**20


@needs_stdbuf
def test_a_program_that_does_not_start_so_is_started_as_it_is(tmp_path: Path) -> None:
    assert buffering(program(tmp_path, '[ -z "$LD_PRELOAD" ]')) == ()


def test_without_stdbuf_a_program_is_started_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert buffering(program(tmp_path, "exit 0")) == ()
