"""COPY's text cut into blocks of whole rows, however it comes out of the pipe, and rows that are longer than a block."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmimic.engines.postgres import copytext
from dbmimic.errors import InternalError


def piecewise(data: bytes, sizes: list[int]) -> Callable[[], bytes]:
    """Give a reader that gives the bytes in pieces of these sizes, the last size again and again."""
    at = 0
    given_sizes = iter(sizes)
    size = 1

    def read() -> bytes:
        nonlocal at, size
        size = next(given_sizes, size)
        piece = data[at : at + size]
        at += size
        return piece

    return read


FIELDS = st.text(st.sampled_from("ab\\nt é"), max_size=12)


@given(st.lists(st.tuples(FIELDS, FIELDS, FIELDS), max_size=30), st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_blocks_are_whole_rows_however_they_come(rows: list[tuple[str, str, str]], sizes: list[int]) -> None:
    data = "".join("\t".join(row) + "\n" for row in rows).encode()
    lines = copytext.LineReader(piecewise(data, sizes))
    blocks = []
    while block := lines.block():
        assert lines.whole
        blocks.append(bytes(block))
        assert blocks[-1].endswith(b"\n")
    assert b"".join(blocks) == data


@given(st.lists(st.tuples(FIELDS, FIELDS, FIELDS), min_size=1, max_size=12), st.integers(1, 9))
def test_long_rows_come_in_pieces_with_their_head_whole(rows: list[tuple[str, str, str]], size: int) -> None:
    data = "".join("\t".join(row) + "\n" for row in rows).encode()
    lines = copytext.LineReader(piecewise(data, [size]))
    found = b""
    while block := lines.block(head=1):
        if lines.whole:
            found += bytes(block)
            continue
        head, rest = copytext.long_head(block, 1)
        assert len(head[0]) == 1
        found += bytes(block)[: bytes(block).index(b"\t") + 1] + b"".join(lines.pieces(rest))
    assert found == data


def test_the_head_is_unescaped_and_the_tail_is_not_touched() -> None:
    head, tail, row_count = copytext.split(b"a\\tb\tx\\ty\tz\n\\N\t\t\\N\n", 1, 3)
    assert (row_count, head[0].to_pylist()) == (2, ["a\tb", None])
    assert tail.to_pylist() == [b"x\\ty\tz\n", b"\t\\N\n"]
    assert bytes(copytext.join([pa.array(["c\nd", None])], tail)) == b"c\\nd\tx\\ty\tz\n\\N\t\t\\N\n"


@pytest.mark.parametrize(
    ("escaped", "values"),
    [
        (b"\\N\nb\n\\N\n", [None, "b", None]),
        (b"\\N\n\\\\N\n", [None, "\\N"]),
        (b"a\\\\b\n\\N\n\\t\n", ["a\\b", None, "\t"]),
    ],
)
def test_nulls_are_told_from_text_that_looks_like_them(escaped: bytes, values: list[str | None]) -> None:
    head, _, _ = copytext.split(escaped, 1, 1)
    assert head[0].to_pylist() == values


@pytest.mark.parametrize("block", [b"a\tb\n", b"a\tb\tc\nd\te\n", b"a\tb\tc", b"a\nb\tc\n"])
def test_a_block_of_another_shape_is_refused(block: bytes) -> None:
    with pytest.raises(InternalError):
        copytext.split(block, 1, 3)
