"""Every mask of the registry keeps what it promises, on whatever a column of its kinds may hold."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dbmimic.masks import canonical
from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskError, MaskFunction, Promise
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.registry import builtin
from dbmimic.model.address import Secret
from dbmimic.model.summary import Summary
from dbmimic.model.types import Kind, LogicalType

SECRET = Secret(bytes(range(100, 140)))
REGISTRY = builtin()
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "constant": {"value": "1"},
    "gender": {"scope": "row", "female": "1", "male": "0"},
    "faker": {"provider": "company"},
    "national_id": {"country": "ES"},
    "array": {"each": "scramble"},
    "place": {"part": "latitude", "entity": "id"},
    "composite": {"fields": {1: "email", 3: "scramble"}},
    "hstore": {"keys": {"a*": "email", "b": "phone"}},
    "xml": {"elements": {"a*": "email"}, "attributes": {"b": "phone"}, "rest": "scramble"},
    "bucket": {"size": 10},
    "ordered_noise": {"step": 10},
    "round": {"to": 10},
    "json": {"keys": {"a*": "email", "b": "phone"}, "rest": "scramble"},
    "python": {"function": "tests.python_masks:backwards"},
    "template": {"template": "{a|lower}-{#}"},
    "pattern": {"pattern": r"\w{16}"},
}
KINDS: Mapping[str, frozenset[Kind]] = {"faker": frozenset({Kind.TEXT, Kind.JSON})}  # what `company` gives

words = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40)
numbers = st.from_regex(r"[0-9]{8}[0-9A-Z]|[XYZ][0-9]{7}[A-Z]|[0-9]{12,16}|[A-Z]{2}[0-9]{20}", fullmatch=True)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('ab\\"é@.1', max_size=8)
)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "ab", "b", "c"]), inner, max_size=3)
    ),
).map(json.dumps)
plain_words = st.text("abcXYZ019 +-().@é", max_size=24)
naive = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59))  # noqa: DTZ001  engines' text has no zone


def types_of(kind: Kind) -> st.SearchStrategy[LogicalType]:
    if kind is Kind.TEXT:
        return st.builds(LogicalType, st.just(kind), length=st.none() | st.integers(1, 60), padded=st.booleans())
    if kind is Kind.INTEGER:
        bits = st.sampled_from([7, 8, 15, 16, 31, 32, 63])
        return st.builds(LogicalType, st.just(kind), bits=bits, signed=st.booleans())
    if kind is Kind.DECIMAL:
        return st.builds(LogicalType, st.just(kind), precision=st.integers(2, 19), scale=st.just(0))
    return st.just(LogicalType(kind, members=("1", "b") if kind is Kind.ENUM else ()))


def _keys(length: int) -> st.SearchStrategy[str]:
    lowest, highest = -(10 ** (length - 1)) + 1, 10**length - 1
    return st.integers(max(lowest, -(2**63)), min(highest, 2**64 - 1)).map(str)


def _numbers(column: LogicalType) -> st.SearchStrategy[str]:
    if column.kind is Kind.DECIMAL:
        top = 10 ** (column.precision or 1) - 1
        return st.integers(-top, top).map(str)
    top = (1 << (column.bits or 63)) - 1
    return st.integers(-top - 1 if column.signed else 0, top).map(str)


def quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


cells = plain_words.map(quoted)
NESTED = {
    "array": st.lists(cells | st.just("NULL") | st.sampled_from(["{1,b}", "c d"]), max_size=4).map(
        lambda those: "{" + ",".join(those) + "}"
    ),
    "composite": st.lists(cells | st.sampled_from(["", "17", "a b"]), min_size=1, max_size=4).map(
        lambda those: "(" + ",".join(those) + ")"
    ),
    "hstore": st.lists(st.tuples(cells, cells | st.just("NULL")), max_size=4).map(
        lambda those: ", ".join("=>".join(pair) for pair in those)
    ),
}
elements = st.recursive(
    plain_words.map(escape),
    lambda inner: st.builds(
        lambda name, word, those: f"<{name} b={quoteattr(word)}>{''.join(those)}</{name}>",
        st.sampled_from(["a", "ab", "x:c"]),
        plain_words,
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)


def values_of(column: LogicalType, mask: str) -> st.SearchStrategy[str]:
    if mask in NESTED:
        return NESTED[mask]
    if mask == "xml" and column.kind is Kind.OTHER:
        return elements
    if column.kind in {Kind.INTEGER, Kind.DECIMAL}:
        return _numbers(column)
    if column.kind is Kind.TEXT and mask == "integer_key":
        return _keys(column.length or 20)
    special = {
        Kind.DATE: naive.map(lambda moment: moment.date().isoformat()) | st.sampled_from(["infinity", "0000-00-00"]),
        Kind.TIMESTAMP: naive.map(lambda moment: moment.isoformat(sep=" ")) | st.just("-infinity"),
        Kind.TIMESTAMPTZ: naive.map(lambda moment: moment.isoformat(sep=" ") + "+02"),
        Kind.JSON: documents,
        Kind.NETWORK: st.ip_addresses().map(str),
        Kind.FLOAT: st.floats(-(10**9), 10**9).map(lambda number: f"{number:.4f}"),
        Kind.UUID: st.uuids().map(str),
    }
    text = words | plain_words | numbers | naive.map(str) | st.integers(-(2**63), 2**63 - 1).map(str)
    return special.get(column.kind, text.map(lambda value: value[: column.length]))


def counted(definition: MaskDefinition) -> Summary | None:
    return Summary(("1", "2"), (5, 9)) if definition.counted else None


@st.composite
def columns(draw: st.DrawFn, definition: MaskDefinition) -> tuple[ColumnContext, list[str | None]]:
    kinds = KINDS.get(definition.name, definition.kinds)
    # Half of the columns hold text, if the mask takes it.
    kind = draw(st.sampled_from(sorted(kinds)) | st.sampled_from(sorted({Kind.TEXT} & kinds or kinds)))
    column = draw(types_of(kind))
    context = ColumnContext(
        column,
        nullable=definition.name == "null" or draw(st.booleans()),
        unique=Promise.UNIQUE in definition.promises and draw(st.booleans()),
        summary=counted(definition),
    )
    values = draw(st.lists(st.none() | values_of(column, definition.name), max_size=30))
    return context, values if context.nullable else [value for value in values if value is not None]


BY_VALUE = [name for name in REGISTRY.names() if REGISTRY.get(name).deal is None]  # the others: test_mask_dealt


def build(definition: MaskDefinition, context: ColumnContext) -> MaskFunction:
    options = definition.parse(OPTIONS.get(definition.name, {}))
    assume(definition.check(options, context) is None)
    return REGISTRY.build(definition.name, options, context, SECRET, definition.domain)


def masked(mask: MaskFunction, values: list[str | None]) -> list[str | None]:
    """Mask the values; those that the mask cannot take are no matter here."""
    try:
        array = mask(pa.array(values, pa.string()), None)
    except MaskError:
        assume(False)
        raise
    array.validate(full=True)
    assert array.type == pa.string()
    return array.to_pylist()


def fold(value: str, column: LogicalType) -> str:
    return str(canonical.folded(pa.array([value.rstrip(" ") if column.padded else value], pa.string()))[0])


@pytest.mark.parametrize("name", BY_VALUE)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_promises(name, data):
    definition = REGISTRY.get(name)
    context, values = data.draw(columns(definition))
    mask = build(definition, context)
    result = masked(mask, values)
    column = context.type

    assert len(result) == len(values)
    pairs = list(zip(values, result, strict=True))
    for before, after in pairs:
        if after is not None and column.kind is Kind.TEXT and column.length is not None:
            assert len(after) <= column.length
        if before is None and Promise.KEEPS_NULL in definition.promises:
            assert after is None
        if before == "" and name != "null":
            assert after == ""
        left_alone = definition.leaves and before and re.fullmatch(definition.leaves, before)
        if Promise.CHANGES in definition.promises and before and not left_alone:
            assert after is None or fold(after, column) != fold(before, column) or fold(before, column) == ""
        if after is None and before is not None:
            assert context.nullable
    if Promise.UNIQUE in definition.promises:
        assert_unique(definition, context, [(before, after) for before, after in pairs if before and after is not None])


def assert_unique(definition: MaskDefinition, context: ColumnContext, pairs: list[tuple[str, str]]) -> None:
    if not context.unique:
        return

    def same(value: str) -> object:
        if definition.name == "email":
            return fold(value, context.type)
        return canonical.by_kind(pa.array([value]), context.type)[0].as_py()

    originals: dict[str, set[object]] = {}
    for before, after in pairs:
        originals.setdefault(after, set()).add(same(before))
    assert all(len(group) == 1 for group in originals.values())


@pytest.mark.parametrize("name", BY_VALUE)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_masked_value_depends_on_its_value_alone(name, data):
    definition = REGISTRY.get(name)
    context, values = data.draw(columns(definition))
    mask = build(definition, context)
    whole = masked(mask, values)
    cut = data.draw(st.integers(0, len(values)))
    array = pa.array(values, pa.string())
    parts = [mask(array.slice(0, cut), None), mask(array.slice(cut), None)]
    assert parts[0].to_pylist() + parts[1].to_pylist() == whole
    assert masked(mask, values[::-1]) == whole[::-1]
    again = build(definition, context)
    assert masked(again, values) == whole


OF_TEXT = [name for name in BY_VALUE if Kind.TEXT in REGISTRY.get(name).kinds]


@pytest.mark.parametrize("name", OF_TEXT)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_the_blanks_that_an_engine_pads_with_are_no_part_of_a_value(name, data):
    definition = REGISTRY.get(name)
    length = 200
    column = LogicalType(Kind.TEXT, length=length, padded=True)
    context = ColumnContext(column, nullable=True, unique=False, summary=counted(definition))
    values = [value.rstrip(" ") for value in data.draw(st.lists(values_of(column, name), max_size=10))]
    mask = build(definition, context)
    assert masked(mask, [value.ljust(length) for value in values]) == masked(mask, values)


@given(
    st.lists(st.none() | st.text() | words.map(lambda word: word * 40), max_size=20)
    | st.lists(st.text("ab", min_size=32, max_size=32), max_size=20),
    st.integers(0, 20),
    st.integers(0, 20),
)
@settings(max_examples=300, deadline=None)
def test_the_keyed_function_is_cbc_mac(values, start, length):
    keyed = KeyedFunction.derive(SECRET, "reference")
    values = [value if value is None else value.encode(errors="replace").decode() for value in values]
    array = pa.array(values, pa.string()).slice(start, length)
    for value, words_of_value in zip(array.to_pylist(), keyed.prf(array), strict=True):
        if value is not None:
            message = len(value.encode()).to_bytes(16, "little") + value.encode() + bytes(-len(value.encode()) % 16)
            encryptor = Cipher(algorithms.AES(keyed.key), modes.CBC(bytes(16))).encryptor()
            assert words_of_value.tobytes() == encryptor.update(message)[-16:]
