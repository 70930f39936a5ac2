"""Who has the secret reads a sealed value again; nobody else does, and none is read that was not sealed."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dbmimic.masks.builtin.sealed import opened
from dbmimic.masks.keyed import parse_secret
from dbmimic.model.types import Kind, LogicalType
from tests.golden.mask_vectors import SECRET, masked

OURS = parse_secret(SECRET)


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=40), max_size=8))
@settings(max_examples=60, deadline=None)
def test_it_is_read_again(values):
    made = masked("sealed", {}, {}, values)
    assert opened(OURS, "sealed", made) == [unicodedata.normalize("NFC", value) for value in values]
    assert [token == "" for token in made] == [value == "" for value in values]
    assert all(token == token.lower() for token in made)


def test_nothing_else_is_read():
    (token,) = masked("sealed", {}, {}, ["Anna"])
    changed = token[:-4] + ("a" if token[-4] != "a" else "b") + token[-3:]
    other = parse_secret(SECRET[::-1])
    assert opened(OURS, "sealed", [changed, "Anna", "aaaa" * 7, token[:-3]]) == [None] * 4
    assert opened(OURS, "people", [token]) == opened(other, "sealed", [token]) == [None]
    assert opened(OURS, "sealed", [f" {token.upper()} "]) == ["Anna"]


def test_what_it_needs_is_what_it_takes(apply, refusal):
    (token,) = apply("sealed", ["x"], LogicalType(Kind.TEXT, length=28), unique=True)
    assert len(token) == 28
    assert "28 characters" in refusal("sealed", LogicalType(Kind.TEXT, length=27))
    assert "nobody reads again" in refusal("sealed", LogicalType(Kind.TEXT), scope="run")


def test_the_command_reads_lines_and_says_by_number_which_are_none(tmp_path: Path):
    (token,) = masked("sealed", {}, {}, ["Anna Müller"])
    Path(tmp_path / "dbmimic.yaml").write_text("source: sqlite:///none.db\nsecret: ${SEALED}\n")

    def command(lines: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "dbmimic", "key", "open"]
        env = {**os.environ, "SEALED": SECRET, "PYTHONIOENCODING": "utf-8:strict"}
        return subprocess.run(
            line,
            input=lines,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            cwd=tmp_path,
            env=env,
            check=False,
        )

    done = command(f"{token}\n\n{token}\n")
    assert (done.returncode, done.stdout) == (0, "Anna Müller\n\nAnna Müller\n")
    lost = command(f"{token}\nAnna \udcff\n")
    assert (lost.returncode, lost.stdout) == (4, "")
    assert "line 2" in lost.stderr
    assert "Anna" not in lost.stderr
    closed = subprocess.run(
        ["/bin/sh", "-c", '"$@" <&-', "sh", sys.executable, "-m", "dbmimic", "key", "open"],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "SEALED": SECRET},
        check=False,
    )
    assert (closed.returncode, closed.stdout) == (0, b"")
