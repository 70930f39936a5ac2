"""Every mask that works on whole columns gives what a slow reference gives, value by value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmimic.masks.builtin.telephone import PLANS
from dbmimic.masks.definition import ColumnContext, MaskDefinition, Promise
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.shape import Shape
from dbmimic.model.summary import Summary
from dbmimic.model.types import Kind, LogicalType
from tests.property import references
from tests.property.columns import REGISTRY, words
from tests.property.references import SECRET, Reference, Told
from tests.unit.masks.known_ids import KNOWN

# Masks that go through a column value by value themselves, or look into each by Python's own means: a reference would
# be the same code again. What is told of each is held by its own tests.
ONE_BY_ONE = {
    "array", "composite", "hstore", "xml", "free_text", "faker", "python",
    "json",  # of which the fast way is held against the slow one in test_mask_kernels
    "null", "file",  # a few known texts
    "shuffle", "balanced_noise",  # of other rows, too: against plain Python in test_mask_dealt
}  # fmt: skip

TEXT = LogicalType(Kind.TEXT)
INT = LogicalType(Kind.INTEGER, bits=31)
MONEY = LogicalType(Kind.DECIMAL, precision=10, scale=2)
FLOAT = LogicalType(Kind.FLOAT)

names = words | st.sampled_from(["Anna", " ANNA ", "Müller", "Smith, John"])
codes = st.from_regex(r"[+]?[0-9a-cX-Z \-(]{1,14}", fullmatch=True) | words
phones = st.from_regex(r"(\+(1|44|49|351|7))?[0-9 \-]{4,24}", fullmatch=True)


def phones_of(country: str) -> st.SearchStrategy[str]:
    """Give numbers as people of a country write them, their own and others'."""
    plan = PLANS[country]
    codes_ = "|".join(one.code for one in PLANS.values())
    return st.from_regex(
        rf"((\+|00)({codes_}|351) ?(\(0\))?|{plan.trunk})[1-9][0-9]{{2}}[ -]?[0-9]{{3,8}}", fullmatch=True
    )


whole = st.integers(-(2**31), 2**31 - 1) | st.integers(-20, 20)
money = st.integers(-(10**10) + 1, 10**10 - 1).map(lambda number: f"{Decimal(number).scaleb(-2):.2f}")
floats = (
    st.integers(-(10**12), 10**12)
    .map(lambda number: str(Decimal(number).scaleb(-3).normalize() + 0))
    .map(lambda text: f"{Decimal(text):f}")
)
days = st.dates().map(str) | st.sampled_from(["infinity", "0000-00-00", "1970-01-01", "2038-01-18"])
moments = st.datetimes().map(lambda moment: moment.isoformat(sep=" "))
uuids = st.uuids().map(str) | st.uuids().map(lambda one: str(one).upper())
cards = st.from_regex(r"[0-9]{12,19}|[0-9]{4}( [0-9]{4}){3}|4[0-9]{15}", fullmatch=True)
ibans = st.from_regex(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}|DE[0-9]{2}( [0-9]{4}){4} [0-9]{2}", fullmatch=True)
macs = st.from_regex("[0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9A-F]{12}|[0-9a-f]{4}(\\.[0-9a-f]{4}){2}", fullmatch=True)
addresses = st.ip_addresses().map(str) | st.from_regex(r"10\.[0-9]{1,2}\.[0-9]\.0/(8|16|24|32)", fullmatch=True)
urls = st.from_regex(r"https?://(a:b@)?[A-Za-z.]{1,9}(:[0-9]{2})?(/[a-z0-9?=#]{0,9})?", fullmatch=True)
ulids = st.from_regex("[0-7][0-9A-HJKMNP-TV-Z]{25}", fullmatch=True)
keys = st.from_regex(r"(sk_|ghp-|a_b_c_d_)?[A-Za-z0-9]{1,20}", fullmatch=True)


@dataclass(frozen=True)
class Case:
    """A mask with options on a column, and values of it."""

    mask: str
    reference: Reference
    values: st.SearchStrategy[str]
    options: Mapping[str, object] = field(default_factory=dict)
    column: LogicalType = TEXT
    by_entity: bool = False

    def __str__(self) -> str:
        room = f"-{self.column.length}" if self.column.length else ""
        return f"{self.mask}-{self.column.kind}{room}-{'-'.join(map(str, self.options.values()))}"


def text(length: int) -> LogicalType:
    return LogicalType(Kind.TEXT, length=length)


CASES = [
    Case("first_name", references.from_pool("first_names"), names),
    Case("first_name", references.from_pool("first_names"), names, {"locale": "de_DE"}, text(9)),
    Case("last_name", references.from_pool("last_names"), names),
    Case("last_name", references.from_pool("last_names"), names, {}, text(2)),
    Case("city", references.from_pool("cities"), names, {}, text(11)),
    *(Case("full_name", references.full_name, names, {}, column) for column in (TEXT, text(14), text(8))),
    Case("full_name", references.full_name, names, {"locale": "ja_JP"}),
    *(Case("street_address", references.street_address, names, {}, column) for column in (TEXT, text(15), text(9))),
    Case("street_address", references.street_address, names, {"locale": "de_DE"}),
    *(Case("company", references.COMPANY, names, {}, column) for column in (TEXT, text(20), text(12))),
    *(Case("job_title", references.JOB_TITLE, names, {}, column) for column in (TEXT, text(25), text(12))),
    Case("user_agent", references.user_agent, names, {}, text(50)),
    Case("email", references.email, names),
    Case("email", references.email, names, {"fold": False}, text(40)),
    Case("email", references.email, names.map(lambda name: f"{name.strip()}@Own.org"), {"keep_domain": True}, text(36)),
    *(Case("email", references.email, names, {}, column) for column in (text(30), text(24), text(12))),
    *(Case("username", references.username, names, {}, column) for column in (TEXT, text(30), text(18), text(9))),
    Case("gender", references.gender, names, {"female": "Ms.", "male": "Mr.", "scope": "row"}),
    Case("code", references_of_shape := lambda told: references.shaped(told.keyed, told), codes),
    Case("postal_code", references_of_shape, codes, {}, text(12)),
    Case("phone", lambda told: references.shaped(told.keyed, told, Shape.PHONE), phones | codes),
    Case("phone", lambda told: references.shaped(told.keyed, told, Shape.AREA), phones | codes, {"keep_area": True}),
    *(
        Case("fictitious_phone", references.fictitious_phone, phones_of(country), {"country": country})
        for country in PLANS
    ),
    Case("payment_card", references.payment_card, cards),
    Case("payment_card", references.payment_card, cards | codes, {"bin": 0}),
    Case("iban", references.iban, ibans | codes),
    Case("bic", references.bic, st.from_regex(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", fullmatch=True) | codes),
    *(
        Case(
            "national_id",
            references.national_id,
            st.sampled_from(known).flatmap(
                lambda one: st.just(one) | st.permutations(one).map("".join)
            ),
            {"country": country},
        )
        for country, known in KNOWN.items()
    ),
    Case("national_id", references.national_id, st.from_regex(r"[0-9]{13}([0-9]{2}|[A-Z]{2})", fullmatch=True), {"country": "FR"}),
    Case("ssn", references.ssn, st.from_regex(r"[0-9]{3}-?[0-9]{2}-?[0-9]{4}", fullmatch=True) | names),
    Case("integer_key", references.integer_key, whole.map(str), {}, INT),
    Case("integer_key", references.integer_key, st.integers(0, 2**64 - 1).map(str), {}, LogicalType(Kind.INTEGER, bits=64, signed=False)),
    Case("integer_key", references.integer_key, st.integers(-999, 9999).map(str), {}, text(4)),
    Case("integer_key", references.integer_key, st.integers(-(10**6), 10**6).map(str), {}, LogicalType(Kind.DECIMAL, precision=7, scale=0)),
    Case("token", references.token, names | uuids),
    Case("token", references.token, names, {"prefix": "cus_", "length": 20}),
    Case("token", references.token, names, {"fold": True}, text(7)),
    Case("token", references.token, uuids, {}, LogicalType(Kind.UUID)),
    Case("sealed", references.sealed, names | words),
    Case("hash", references.hash_, names),
    Case("hash", references.hash_, names, {"length": 33}),
    Case("api_key", references.api_key, keys | names),
    Case("api_key", references.api_key, keys, {}, text(27)),
    Case("ulid", references.ulid, ulids | names),
    Case("ulid", references.ulid, ulids, {"time": "change"}),
    Case("pattern", references.pattern, names, {"pattern": r"[A-Z]{2}\d{6}"}),
    Case("scramble", references.scramble, words.map(lambda word: word * 2)),
    Case("prefix", references.prefix, words, {"keep": 2}),
    Case("mac", references.hardware_address, macs | codes),
    Case("mac", references.hardware_address, macs, {"vendor": "drop"}),
    Case("host", references.host, names),
    Case("ip", references.ip, addresses | codes),
    Case("url", references.url, urls | names, {}, text(50)),
    Case("noise", references.noise, whole.map(str), {"ratio": 0.5}, INT),
    Case("noise", references.noise, money, {}, MONEY),
    Case("noise", references.noise, floats, {"amount": 7}, FLOAT),
    Case("noise", references.noise, whole.map(str), {"entity": "id"}, INT, by_entity=True),
    Case("ordered_noise", references.ordered_noise, whole.map(str), {"step": 100}, INT),
    Case("ordered_noise", references.ordered_noise, money, {"step": 5}, MONEY),
    Case("round", references.round_, whole.map(str), {"to": 1000}, INT),
    Case("round", references.round_, money, {"to": 5}, MONEY),
    Case("bucket", references.bucket, whole.map(str), {"size": 50, "top": 900}, INT),
    Case("bucket", references.bucket, floats, {"size": 5, "top": 90}, FLOAT),
    Case("date_shift", references.date_shift, days, {}, LogicalType(Kind.DATE)),
    Case("date_shift", references.date_shift, moments | days, {"days": 400}, LogicalType(Kind.TIMESTAMPTZ)),
    Case("date_shift", references.date_shift, days, {"entity": "id"}, LogicalType(Kind.DATE), by_entity=True),
    *(
        Case("date_truncate", references.date_truncate, moments | days, {"to": unit}, LogicalType(Kind.TIMESTAMPTZ))
        for unit in ("year", "quarter", "month")
    ),
    Case("location", references.location, st.integers(-90 * 10**6, 90 * 10**6).map(lambda n: f"{Decimal(n).scaleb(-6):.6f}"), {"meters": 50_000}, LogicalType(Kind.DECIMAL, precision=9, scale=6)),
    Case("place", references.place, names, {"part": "city", "entity": "id"}, text(8), by_entity=True),
    Case("redact", references.redact, names, {}, text(5)),
    Case("constant", references.constant, names, {"value": 7}),
    Case("password", references.password, names),
    Case("resample", references.resample, names),
    Case("resample", references.resample, names, {"entity": "id"}, TEXT, by_entity=True),
    Case("template", references.template, names, {"template": "a{{{#}}}b"}),
]  # fmt: skip


def masked(case: Case, values: list[str | None], who: list[str] | None = None) -> list[str | None]:
    definition = REGISTRY.get(case.mask)
    options = definition.parse(case.options)
    summary = Summary(("often", "more often", "rare"), (5, 9, 1)) if definition.counted else None
    context = ColumnContext(case.column, nullable=True, unique=False, summary=summary)
    assert REGISTRY.misfit(case.mask, options, context) is None
    mask = REGISTRY.build(case.mask, options, context, SECRET, definition.domain)
    return mask(pa.array(values, pa.string()), None if who is None else pa.array(who)).to_pylist()


def told(case: Case, definition: MaskDefinition, value: str, who: str | None, step: int = 1) -> Told:
    keyed = KeyedFunction.derive(SECRET, definition.domain)
    return Told(value, keyed, definition.parse(case.options), case.column, who, step)


@pytest.mark.parametrize("case", CASES, ids=str)
@given(data=st.data())
@settings(max_examples=3)
def test_a_column_becomes_what_the_reference_gives(case, data):
    values = [value[: case.column.length] for value in data.draw(st.lists(case.values, min_size=1, max_size=6))]
    values = [*filter(None, values)]
    who = [f"key {number % 3}" for number in range(len(values))] if case.by_entity else None
    definition = REGISTRY.get(case.mask)
    made = masked(case, [*values, None, ""], None if who is None else [*who, "", ""])
    assert made[len(values) :] == [None, ""]
    one_to_one = Promise.REVERSIBLE in definition.promises
    for place, (before, after) in enumerate(zip(values, made[: len(values)], strict=True)):
        beside = None if who is None else who[place]
        expected = case.reference(told(case, definition, before, beside))
        assert after == expected
        back = case.reference(told(case, definition, after, beside, step=-1)) if one_to_one else None
        if back is not None and case.reference(told(case, definition, before, beside, step=-1)) is not None:
            assert back == before


def test_every_mask_has_a_reference_or_is_its_own():
    """One that is added tomorrow fails here until somebody says which of the two it is."""
    referred = {case.mask for case in CASES}
    assert referred | ONE_BY_ONE == set(REGISTRY.names())
    assert not referred & ONE_BY_ONE


def test_what_is_said_to_be_reversible_has_a_reference_that_goes_back():
    reversible = {name for name in REGISTRY.names() if Promise.REVERSIBLE in REGISTRY.get(name).promises}
    assert reversible <= {case.mask for case in CASES}
