"""How fast the masks are on one core, and whether the unique ones ever give one value twice."""

from __future__ import annotations

import json
import os
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import faker

try:
    import mimesis
except ModuleNotFoundError:  # the extra `bench`
    mimesis = None
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks.definition import ColumnContext, MaskFunction, Promise
from dbmimic.masks.keyed import parse_secret
from dbmimic.masks.registry import builtin
from dbmimic.model.types import Kind, LogicalType
from tests.bench.masks import SECRET

BATCH = 32_768  # rows, about what a reader gives at once
FAKED = 20_000  # values are enough to tell a generator's speed
ROUNDS = 3
DOCUMENT = '{"id": %d, "customer": {"name": "Name %d", "email": "u%d@x.org", "phone": "+4930%08d"}, "sum": 12.50}'
NOTE = "Customer %d called from +4930%08d about order 17 and asked to write to user%d@example.org instead; "
THREE_PATHS = {"$.customer.name": "full_name", "$.customer.email": "email", "$.customer.phone": "phone"}
TEXT = LogicalType(Kind.TEXT)
INTEGER = LogicalType(Kind.INTEGER, bits=63)


MIMESIS: Mapping[str, Callable[[Any], Callable[[], object]]] = {
    "first_name": lambda generic: generic.person.first_name,
    "last_name": lambda generic: generic.person.last_name,
    "full_name": lambda generic: generic.person.full_name,
    "email": lambda generic: generic.person.email,
    "phone": lambda generic: generic.person.phone_number,
    "street_address": lambda generic: generic.address.address,
    "city": lambda generic: generic.address.city,
    "payment_card": lambda generic: generic.payment.credit_card_number,
    "date_shift": lambda generic: generic.datetime.date,
    "integer_key": lambda generic: generic.numeric.integer_number,
    "token": lambda generic: generic.cryptographic.uuid,
}


@dataclass(frozen=True)
class Case:
    """One mask on distinct values; `bar` is what was asked for, in millions of values a second."""

    mask: str
    values: Callable[[int], pa.Array]
    bar: float | None = None
    provider: str | None = None  # of Faker
    options: Mapping[str, object] = field(default_factory=dict)
    type: LogicalType = TEXT


def numbered(pattern: str) -> Callable[[int], pa.Array]:
    """Give distinct texts: the pattern with the row's number in it."""
    return lambda count: pa.array([pattern % number for number in range(count)], pa.string())


def spread(pattern: str, most: int) -> Callable[[int], pa.Array]:
    """Give distinct texts whose numbers use all of their digits; `most` is no multiple of 7919."""
    return lambda count: pa.array([pattern % (number * 7919 % most) for number in range(count)], pa.string())


def repeated(pattern: str) -> Callable[[int], pa.Array]:
    """Give distinct texts: the pattern with the row's number wherever there is room for one."""
    return lambda count: pa.array([pattern % ((number,) * pattern.count("%")) for number in range(count)], pa.string())


def cards(count: int) -> pa.Array:
    """Give valid card numbers."""
    numbers = [f"{411111_000000000 + number * 977:015}" for number in range(count)]
    sums = [sum(int(n[i]) if i % 2 else int("0246813579"[int(n[i])]) for i in range(15)) for n in numbers]
    return pa.array([number + str(-total % 10) for number, total in zip(numbers, sums, strict=True)], pa.string())


def dates(count: int) -> pa.Array:
    """Give days of the last century."""
    return pa.array((np.arange(count) * 7919 % 36_000 - 18_000).astype("M8[D]").astype(str))


def uuids(count: int) -> pa.Array:
    """Give UUIDs of version 4."""
    raw = np.random.default_rng(1).bytes(16 * count).hex()
    texts = (raw[start : start + 32] for start in range(0, len(raw), 32))
    return pa.array([f"{t[:8]}-{t[8:12]}-4{t[13:16]}-a{t[17:20]}-{t[20:]}" for t in texts], pa.string())


CASES = (
    Case("first_name", numbered("Firstname%015d"), 8, "first_name"),
    Case("last_name", numbered("Lastname%016d"), 8, "last_name"),
    Case("full_name", numbered("Firstname %014d"), 8, "name"),
    Case("email", numbered("user%08d@example.org"), 3, "email"),
    Case("phone", spread("+1 (212) %010d ext 12", 10**10), 3, "phone_number"),
    Case("street_address", numbered("%06d Long Street Avenue"), None, "street_address"),
    Case("city", numbered("City%020d"), None, "city"),
    Case("payment_card", cards, 2, "credit_card_number"),
    Case("iban", spread("GB82WEST%014d", 10**14), None, "iban"),
    Case("national_id", spread("%08dX", 10**8), None, None, {"country": "ES"}),
    Case("code", spread("ORD-%020d", 10**15)),
    Case("date_shift", dates, 50, "date", {}, LogicalType(Kind.DATE)),
    Case("noise", spread("%d", 10**9), 50, None, {}, INTEGER),
    Case("bucket", spread("%d", 10**9), None, None, {"size": 100}, INTEGER),
    Case("integer_key", numbered("%d"), 4, "random_int", {}, INTEGER),
    Case("token", uuids, 20, "uuid4", {}, LogicalType(Kind.UUID)),
    Case("token", numbered("user%020d"), None),
    Case("scramble", numbered("Some text of 24: %06d."), 2),
    Case("pattern", numbered("user%020d"), None, None, {"pattern": r"INV-\d{8}"}),
    Case("json", repeated(DOCUMENT), 0.3, None, {"paths": THREE_PATHS}, LogicalType(Kind.JSON)),
    Case(
        "free_text",
        repeated(NOTE + "it was raining, and nobody was at home when the parcel came. Leave it at the door."),
        0.1,
    ),
)


def speed(options: Namespace) -> int:
    """Print a table of values a second for each mask, Faker's beside it, and write JSON where that is asked for."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    rows = []
    print(f"{'mask':16} {'M values/s':>10} {'asked for':>10} {'Faker':>8} {'times':>8} {'mimesis':>8} {'times':>8}")
    for case in CASES:
        if options.only and case.mask not in options.only:
            continue
        rate = _rate(case, options.count)
        faked = _drawn(getattr(faker.Faker("en_US"), case.provider)) if case.provider else None
        mimicked = _drawn(MIMESIS[case.mask](mimesis.Generic())) if mimesis and case.mask in MIMESIS else None
        beside = " ".join(
            f"{f'{one / 1e6:.3f}' if one else '':>8} {f'{rate / one:,.0f}' if one else '':>8}"
            for one in (faked, mimicked)
        )
        print(f"{case.mask:16} {rate / 1e6:10.2f} {f'{case.bar:g}' if case.bar else '':>10} {beside}")
        beside_it = {"faker": faked, "mimesis": mimicked}
        rows.append({"mask": case.mask, "values_per_second": rate, "asked_for": case.bar, **beside_it})
    if options.json:
        versions = {"faker": faker.VERSION, "mimesis": mimesis.__version__ if mimesis else None}
        document = {"count": options.count, "batch": BATCH, **versions, "masks": rows}
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return 0


def _built(case: Case, *, unique: bool = False) -> MaskFunction:
    definition = builtin().get(case.mask)
    parsed = definition.parse(case.options)
    context = ColumnContext(case.type, nullable=True, unique=unique)
    assert builtin().misfit(case.mask, parsed, context) is None
    return builtin().build(case.mask, parsed, context, parse_secret(SECRET), definition.domain)


def _rate(case: Case, count: int) -> float:
    """Give values a second of this process's time, the best of some rounds."""
    values = case.values(count)
    mask = _built(case)
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for start in range(0, count, BATCH):
            mask(values.slice(start, BATCH), None)
        best = min(best, time.process_time() - began)
    return count / best


def _drawn(draw: Callable[[], object]) -> float:
    """Give how many values a second a generator draws, one by one."""
    began = time.process_time()
    for _ in range(FAKED):
        draw()
    return FAKED / (time.process_time() - began)


UNIQUE = (
    Case("email", numbered("user%d@example.org")),
    Case("phone", numbered("+49%010d")),
    Case("code", numbered("C%09d")),
    Case("postal_code", numbered("%08d")),
    Case("payment_card", numbered("411111%010d")),
    Case("iban", numbered("DE89%018d")),
    Case("bic", numbered("DEUTDE%05d")),
    Case("national_id", numbered("%011d"), None, None, {"country": "BR"}),
    Case("integer_key", numbered("%d"), None, None, {}, INTEGER),
    Case("token", numbered("%d")),
    Case("token", numbered("00000000-0000-4000-8000-%012d"), None, None, {}, LogicalType(Kind.UUID)),
    Case("pattern", numbered("%d"), None, None, {"pattern": r"\w{16}"}),
    Case("username", numbered("person%d")),
    Case("template", numbered("%d"), None, None, {"template": "a{#}"}),
    Case("hash", numbered("%d"), None, None, {"length": 20}),
    Case("sealed", numbered("%d")),
    Case("api_key", numbered("sk_%d")),
    Case("ulid", numbered("01ARZ3NDEK%016d")),
)


def collisions(options: Namespace) -> int:
    """Print how many of so many distinct values each unique mask makes equal: the exit status is 1 if it is any."""
    assert {case.mask for case in UNIQUE} == {
        name for name in builtin().names() if Promise.UNIQUE in builtin().get(name).promises
    } - {"null"}
    worst = 0
    for case in UNIQUE:
        if options.only and case.mask not in options.only:
            continue
        count = min(options.count, 10**5) if case.mask == "bic" else options.count
        found = colliding(case, count)
        worst = max(worst, found)
        print(f"{case.mask:16} {count:>12,} values {found:>6} collisions", flush=True)
    return 1 if worst else 0


def colliding(case: Case, count: int) -> int:
    """Give how many of a mask's values occur a second time, without regard to case."""
    mask = _built(case, unique=True)
    values = case.values(count)
    made = [pc.ascii_lower(mask(values.slice(start, BATCH), None)) for start in range(0, count, BATCH)]
    return count - pc.count_distinct(pa.chunked_array(made)).as_py()
