"""The whole-column kernels give what a plain reference gives value by value."""

from __future__ import annotations

import datetime as dt
import json
import math
import re

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dbmimic.masks import calendar, canonical, digits
from dbmimic.masks.alike import alike
from dbmimic.masks.builtin import free_text
from dbmimic.masks.definition import ColumnContext
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import Cells, byte_layout, concatenated, is_ascii, same_text
from dbmimic.masks.permutation import Permutation
from dbmimic.masks.registry import builtin
from dbmimic.masks.shape import Shape, shape_mask
from dbmimic.model.address import Secret
from dbmimic.model.types import Kind, LogicalType
from tests.property.references import varying

SECRET = Secret(bytes(range(50, 90)))
KEYED = KeyedFunction.derive(SECRET, "kernels")
PERMUTED = KEYED.sub("shape")
ANYTHING = ColumnContext(LogicalType(Kind.TEXT), nullable=True, unique=False)
forms = st.from_regex(r"[+]?[0-9a-cX-Z \-(]{1,12}", fullmatch=True)
phones = st.from_regex(r"((\+|00)(1|44|49|351|7|376|36))?[0-9 \-]{4,24}", fullmatch=True)


def reference(value: str, shape: Shape) -> str | None:
    """Give what a value with a shape becomes, or None where it has none."""
    places = varying(value, shape)
    bits = sum(math.log2(radix) for _, radix, _ in places)
    if not value.isascii() or len(value) > 32 or not 0 < bits <= 63:
        return None
    number, size = 0, 1
    for place, radix, zero in places:
        number, size = number * radix + ord(value[place]) - ord(zero), size * radix
    number = int(Permutation(PERMUTED, size).move(np.array([number], dtype=np.uint64))[0])
    characters = list(value)
    for place, radix, zero in reversed(places):
        number, rest = divmod(number, radix)
        characters[place] = chr(ord(zero) + rest)
    return "".join(characters)


@given(
    st.lists(forms | phones, min_size=1, max_size=4),
    st.lists(forms | phones | st.text(max_size=6), max_size=8),
    st.sampled_from(Shape),
)
@settings(max_examples=60, deadline=None)
def test_shapes_are_what_the_reference_gives(common, rare, shape):
    """Common forms fill a group each, with other digits in every row; rare ones are worked out by themselves."""
    rows = [
        re.sub(r"(?<!\+)[0-9]", lambda found, row=row: str((int(found[0]) * 7 + row) % 10), value)
        for value in common
        for row in range(80)
    ]
    values = [*rows, *rare, *common]
    masked = shape_mask(KEYED, ANYTHING, shape)(pa.array(values, pa.string()), None).to_pylist()
    for before, after in zip(values, masked, strict=True):
        expected = reference(before, shape)
        if expected is not None:
            assert after == expected
        elif before:
            assert re.fullmatch(r"[0-9]{19}", after)


@given(st.lists(st.text("ab01+é-", max_size=20), max_size=200), st.integers(0, 100))
def test_what_is_alike_looks_alike(values, start):
    array = pa.array([*values * 3, *["a1"] * 70], pa.string()).slice(start)
    starts, lengths, data = byte_layout(array)
    groups, rare = alike(starts, lengths, data, 16)
    every = [value.encode() for value in array.to_pylist()]
    found: list[int] = rare.tolist()
    for group in groups:
        rows = list(range(len(array))) if group.rows is None else group.rows.tolist()
        found += rows
        looks = {
            re.sub(rb"[\x80-\xff]", b"?", re.sub(rb"[0-9]", b"0", re.sub(rb"[a-z]", b"a", every[row]))) for row in rows
        }
        assert len(looks) == 1
        assert len(group.classes) == len(looks.pop())
    assert sorted(found) == [row for row, value in enumerate(every) if 0 < len(value) <= 16]


@given(
    st.lists(
        st.dates().map(str)
        | st.from_regex(r"[0-9]{4}[-/][01][0-9][-.][0-3][0-9]", fullmatch=True)
        | st.text("0129-:/é", min_size=10, max_size=10)
    )
)
def test_dates_are_parsed_as_the_library_does(texts):
    texts = [text for text in texts if len(text.encode()) == 10]
    matrix = np.frombuffer("".join(texts).encode(), dtype=np.uint8).reshape(-1, 10)
    days, valid = calendar.parse(matrix)
    for text, day, is_date in zip(texts, days.tolist(), valid.tolist(), strict=True):
        try:
            expected = dt.date.fromisoformat(text) if text.isascii() else None
        except ValueError:
            expected = None
        assert is_date == (expected is not None)
        assert day == ((expected - dt.date(1970, 1, 1)).days if expected else 0)
    again = calendar.format(days[valid]).view(np.uint8).tobytes().decode()
    assert again == "".join(text for text, is_date in zip(texts, valid, strict=True) if is_date)


@given(st.integers(1, 19), st.lists(st.integers(0, 10**19 - 1), min_size=1), st.integers(0, 3))
def test_digits_are_read_and_written(width, numbers, before):
    wanted = [number % 10**width for number in numbers]
    matrix = np.full((len(numbers), before + width + 2), ord("x"), dtype=np.uint8)
    digits.write(matrix, before, width, np.array(wanted, dtype=np.uint64))
    texts = [row.tobytes().decode() for row in matrix]
    assert texts == [f"{'x' * before}{number:0{width}}xx" for number in wanted]
    assert digits.read(matrix, before, width).tolist() == wanted


@given(st.text("0123456789+( .-aZ_é٣\0", max_size=60), st.sampled_from(["cards", "phones"]))
def test_numbers_in_text_are_found_where_a_plain_search_finds_them(text, kind):
    pattern = free_text._FINDERS[kind]
    expected = [(*match.span(), kind) for match in pattern.finditer(text)]
    assert free_text._numbers(text, kind, pattern, free_text._beginnings(text)) == expected


words = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**6), 10**6) | st.integers(0, 18).map(lambda p: 10**p)),
    st.integers(0, 3),
)
@settings(max_examples=200, deadline=None)
def test_whole_numbers_are_spelt_as_python_spells_them(numbers, start):
    """Also where they are longer than 32 bits, and of 20 characters."""
    for kind in (np.int64, np.uint64):
        held = np.array(numbers, dtype=np.int64)
        held = held[start:] if kind is np.int64 else (held.view(np.uint64) if start else np.abs(held).view(np.uint64))
        made = digits.spell(held)
        made.validate(full=True)
        assert made.to_pylist() == [str(number) for number in held.tolist()]


@given(st.lists(st.tuples(words, words, words), max_size=50), st.integers(1, 8))
def test_cells_are_joined(rows, repeated):
    rows = rows * repeated
    parts = [Cells.of([row[number] for row in rows]) for number in range(3)] if rows else [Cells.of([])]
    joined = concatenated(*parts)
    joined.validate(full=True)
    assert joined.to_pylist() == ["".join(row) for row in rows]


@given(st.lists(st.tuples(st.text("aAbB", max_size=3), st.none() | st.text("aAbB", max_size=3)), max_size=40))
def test_the_same_text_is_found(pairs):
    made, seen = pa.array([one for one, _ in pairs], pa.string()), pa.array([other for _, other in pairs], pa.string())
    expected = [
        row for row, (one, other) in enumerate(pairs) if one and other is not None and one.lower() == other.lower()
    ]
    assert same_text(made, canonical.folded(seen)).tolist() == expected


@given(st.lists(words, max_size=10), st.integers(0, 10))
def test_ascii_is_told(values, start):
    array = pa.array(values, pa.string()).slice(start)
    assert is_ascii(array) == "".join(array.to_pylist()).isascii()


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text('ab\\"é@.1 \t:,{}[]', max_size=8)
    | st.sampled_from(["a@x.org", "a1b", "1a1", "a.b\\"])
)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "é", "b c", ""]), inner, max_size=3)
    ),
    max_leaves=8,
)
spelt = st.builds(
    lambda document, ascii_, apart: json.dumps(document, ensure_ascii=ascii_, separators=apart),
    documents,
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : "), (" , ", ":  ")]),
)
broken = st.sampled_from(
    ['{"a": }', '{"a": 1 2}', '["a" "b"]', ':"a"', " :1", '"a', '{"a":"1\t"}', "[01]", "[1.]", "[-]", "[tru]", "[NaN]", "1", "2 ",
     '{"a":1}}', "{:1}", "{1:2}", '{"a","a"}', "[1,]", "\x01", '{"a": "\x02"}', " ", '{"a":{"a":"\\u00e9"}}', '["", "", null, ""]']
)  # fmt: skip
REGISTRY = builtin()
JSON_OPTIONS = [
    {"keys": {"a": "email", "b*": "phone"}},
    {"keys": {"a": "null"}, "rest": "scramble"},
    {
        "paths": {"$.a": "scramble", "$[*]": "redact", "$['b c'].a": {"mask": "constant", "value": "5"}},
        "rest": "scramble",
    },
    {
        "paths": {"$[0]": {"mask": "constant", "value": 'q"\\\n\u00e9'}},
        "keys": {"": {"mask": "constant", "value": "1e5"}},
    },
    {"keys": {"a": {"mask": "constant", "value": "é"}, "é": {"mask": "null"}}, "invalid": "null"},
]


EVERYTHING = '{"a": [true, 1, null, "a1", 12.5], "b c": {"a": false}, "": ["a1", true, 7], "é": "a1", "id": "a1"}'


@example([EVERYTHING, f"[{EVERYTHING}]", f'[false, "", {EVERYTHING}]'], [], JSON_OPTIONS[0])
@example([EVERYTHING, f"[{EVERYTHING}]", f'[false, "", {EVERYTHING}]'], [], JSON_OPTIONS[1])
@example([EVERYTHING, f"[{EVERYTHING}]", f'[false, "", {EVERYTHING}]'], [], JSON_OPTIONS[2])
@example([EVERYTHING, f"[{EVERYTHING}]", f'["a1", "", {EVERYTHING}]'], [], JSON_OPTIONS[3])
@example([EVERYTHING, f"[{EVERYTHING}]", f'[false, "", {EVERYTHING}]'], [], JSON_OPTIONS[4])
@given(st.lists(spelt | broken, max_size=5), st.lists(spelt | broken, max_size=3), st.sampled_from(JSON_OPTIONS))
@settings(max_examples=60, deadline=None)
def test_documents_in_columns_become_what_they_become_one_by_one(common, rare, options):
    """Sixteen of one skeleton are masked as columns of scalars; fewer are parsed and put together one by one."""
    definition = REGISTRY.get("json")
    parsed = definition.parse(options)
    assert REGISTRY.misfit("json", parsed, ANYTHING) is None
    mask = REGISTRY.build("json", parsed, ANYTHING, SECRET, "json")
    letters = "abcdefghijklmnopqrst"
    values = [re.sub(r"(?<=[a1])[a-z0-9.@]", letters[row], one, count=1) for one in common for row in range(20)]
    values += [*rare, None, ""]
    single = [mask(pa.array([value], pa.string()), None)[0].as_py() for value in values]
    together = mask(pa.array(values, pa.string()), None)
    together.validate(full=True)
    assert together.to_pylist() == single
