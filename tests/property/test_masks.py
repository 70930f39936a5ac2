"""Every mask of the registry keeps what it promises, on whatever a column of its kinds may hold."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dbmimic.masks import canonical
from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskError, MaskFunction, Promise
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.address import Secret
from dbmimic.model.summary import Summary
from dbmimic.model.types import Kind, LogicalType
from tests.property.columns import KINDS, OPTIONS, REGISTRY, holds, options_of, types_of, values_of, words

SECRET = Secret(bytes(range(100, 140)))


def counted(definition: MaskDefinition, *values: str) -> Summary | None:
    """Give a summary of two values, for a mask that asks for one."""
    return Summary(tuple(values or ("1", "2")), (5, 9)) if definition.counted else None


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
        summary=counted(definition, *(draw(values_of(column, definition.name)) for _ in range(2 * definition.counted))),
    )
    values = draw(st.lists(st.none() | values_of(column, definition.name), max_size=30))
    return context, values if context.nullable else [value for value in values if value is not None]


BY_VALUE = [name for name in REGISTRY.names() if REGISTRY.get(name).deal is None]  # the others: test_mask_dealt


OF_TEXT = [name for name in BY_VALUE if Kind.TEXT in REGISTRY.get(name).kinds]


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
    assert_of_its_value_alone(build(definition, context), values, result, data.draw(st.integers(0, len(values))))


def assert_of_its_value_alone(
    again: MaskFunction, values: list[str | None], result: list[str | None], cut: int
) -> None:
    """Another mask of the same rule gives the same, in two parts as well as backwards."""
    array = pa.array(values, pa.string())
    parts = [again(array.slice(0, cut), None), again(array.slice(cut), None)]
    assert parts[0].to_pylist() + parts[1].to_pylist() == result
    assert masked(again, values[::-1]) == result[::-1]


def promising(promise: Promise) -> list[str]:
    return [name for name in BY_VALUE if promise in REGISTRY.get(name).promises]


@pytest.mark.parametrize("name", promising(Promise.KEEPS_LENGTH))
@given(data=st.data())
@settings(max_examples=20)
def test_what_keeps_its_length_has_as_many_characters(name, data):
    definition = REGISTRY.get(name)
    context = ColumnContext(LogicalType(Kind.TEXT), nullable=True, unique=False)
    drawn = data.draw(st.lists(values_of(context.type, name).filter(bool), min_size=1, max_size=8))
    values = pa.array([unicodedata.normalize("NFC", value) for value in drawn], pa.string())
    if definition.reads is not None:
        values = values.filter(definition.reads(values, definition.parse(OPTIONS.get(name, {}))))
    lengths = [len(value) for value in values.to_pylist()]
    assert [len(value) for value in masked(build(definition, context), values.to_pylist())] == lengths


@pytest.mark.parametrize("name", promising(Promise.KEEPS_ORDER))
@given(data=st.data())
@settings(max_examples=20)
def test_what_keeps_an_order_turns_no_two_round(name, data):
    definition = REGISTRY.get(name)
    context, values = data.draw(columns(definition))
    mask = build(definition, context)
    days = context.type.kind in {Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ}
    pattern = r"(?!0000)[0-9]{4}-[0-9-]{5}([ T][0-9:.]+)?" if days else r"-?[0-9.]+"
    values = [value for value in values if value and re.fullmatch(pattern, value)]
    rank = (lambda value: value.replace("T", " ")) if days else Decimal
    pairs = zip(values, masked(mask, values), strict=True)
    moved = sorted((rank(before), rank(after)) for before, after in pairs if after is not None)
    assert [after for _, after in moved] == sorted(after for _, after in moved)


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
    if context.type.kind is Kind.TEXT:  # the same for who does not see case, as most keys of MariaDB do not
        without_case: dict[str, set[str]] = {}
        for before, after in pairs:
            without_case.setdefault(fold(after, context.type), set()).add(fold(before, context.type))
        assert all(len(group) == 1 for group in without_case.values())


@pytest.mark.parametrize("name", [name for name in BY_VALUE if Promise.KEY_SAFE in REGISTRY.get(name).promises])
@given(data=st.data())
@settings(max_examples=3)
def test_what_references_a_key_becomes_what_the_key_becomes(name, data):
    """The child's column may hold NULL and the same value twice, and sees the same room as the key."""
    definition = REGISTRY.get(name)
    context, values = data.draw(columns(definition))
    key, child = (replace(context, nullable=not unique, unique=unique) for unique in (True, False))
    values = [value for value in values if value is not None]
    assert masked(build(definition, key), values) == masked(build(definition, child), values)


@pytest.mark.parametrize("name", [name for name in OF_TEXT if REGISTRY.get(name).drawn])
@given(st.lists(words, max_size=6))
@settings(max_examples=3)
def test_a_letter_and_the_same_letter_put_together_are_one(name, values):
    definition = REGISTRY.get(name)
    context = ColumnContext(LogicalType(Kind.TEXT), nullable=True, unique=False, summary=counted(definition))
    mask = build(definition, context)
    one, other = ([unicodedata.normalize(form, value) for value in values] for form in ("NFC", "NFD"))
    assert masked(mask, one) == masked(mask, other)


def test_promises_do_not_contradict_each_other():
    for name in REGISTRY.names():
        promises = REGISTRY.get(name).promises
        assert not (promises & (Promise.REVERSIBLE | Promise.KEY_SAFE) and Promise.UNIQUE not in promises)
        assert name == "null" or not (Promise.UNIQUE in promises and Promise.LOSSY in promises)


@pytest.mark.parametrize("name", BY_VALUE)
@given(data=st.data())
@settings(max_examples=4)
def test_whatever_a_rule_says_the_column_holds_what_it_gets(name, data):
    """Own and general options drawn from the definition; a rule that does not fit the column is refused before."""
    definition = REGISTRY.get(name)
    context, values = data.draw(columns(definition))
    mask = None
    for options in (data.draw(options_of(definition)), OPTIONS.get(name, {})):
        parsed = definition.parse(options)
        if REGISTRY.misfit(name, parsed, context) is None:
            mask = REGISTRY.bind(name, parsed, context, SECRET, definition.domain)
            break
    assume(mask is not None)
    beside: pa.Array | None = None
    if not definition.row(parsed) and {"entity", "persona", "scope"} & options.keys():
        who = st.sampled_from(["7", "8"] if options.get("scope") == "row" else ["7", "8", None])  # a row has a key
        beside = pa.array(data.draw(st.lists(who, min_size=len(values), max_size=len(values))), pa.string())
    try:
        made = mask(pa.array(values, pa.string()), beside)
    except MaskError:
        assume(False)
    made.validate(full=True)
    summed = context.summary.values if context.summary is not None else ()  # what the column held in some row
    for before, after in zip(values, made.to_pylist(), strict=True):
        if after is None:
            assert context.nullable
        elif after not in {before, *summed}:
            assert holds(context.type, after), (before, after)


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
