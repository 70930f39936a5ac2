"""What somebody without the secret learns from masked values: nothing beyond what the mask says that it keeps."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import random

import numpy as np
import pytest

from dbmimic.masks.registry import builtin
from dbmimic.model.address import Secret
from dbmimic.model.types import Kind, LogicalType

OTHER = Secret(hashlib.sha256(b"somebody else's").digest())
COUNT = 4000
TEXT = LogicalType(Kind.TEXT)
INTEGER = LogicalType(Kind.INTEGER, bits=31)
DATE = LogicalType(Kind.DATE)


def card(number):
    """Give a valid card: the sum of its digits, every other one doubled from the right, ends with 0."""
    body = f"411111{number:09}"
    total = sum(int(digit) if place % 2 else int("0246813579"[int(digit)]) for place, digit in enumerate(body))
    return f"{body}{-total % 10}"


def iban(number):
    return f"DE{98 - int(f'{number:018}131400') % 97:02}{number:018}"


def cpf(number):
    """Give a valid number of Brazil's tax register."""
    digits = list(map(int, f"{number:09}"))
    for _ in range(2):
        rest = sum(digit * weight for digit, weight in zip(reversed(digits), range(2, 12), strict=False)) * 10 % 11
        digits.append(rest % 10)
    return "".join(map(str, digits))


# What is not valid stays so, as far off as it was: ten numbers that differ in the check digit alone stay together.
VALID = {"iban": iban, "national_id": cpf, "payment_card": card}

# Each mask that says nothing of its value but its form, and how it is given the numbers 0, 1, 2, ...
NUMBERED = {
    "bic": ("DEUTDE{:05}", TEXT, {}),
    "city": ("{}", TEXT, {}),
    "code": ("K-{:07}", TEXT, {}),
    "company": ("{}", TEXT, {}),
    "email": ("user{}@example.org", TEXT, {}),
    "fictitious_phone": ("+4420{:08}", TEXT, {"country": "GB"}),
    "first_name": ("{}", TEXT, {}),
    "full_name": ("{}", TEXT, {}),
    "hash": ("{}", TEXT, {}),
    "host": ("db{}.corp.test", TEXT, {}),
    "api_key": ("sk_{:08}", TEXT, {}),
    "mac": ("001b44{:06x}", TEXT, {}),
    "ulid": ("01ARZ3NDEK{:016}", TEXT, {}),
    "url": ("https://www.shop.test/{:09}", TEXT, {}),
    "iban": ("", TEXT, {}),
    "integer_key": ("{}", INTEGER, {}),
    "job_title": ("{}", TEXT, {}),
    "last_name": ("{}", TEXT, {}),
    "national_id": ("", TEXT, {"country": "BR"}),
    "pattern": ("{}", TEXT, {"pattern": r"\d{9}"}),
    "payment_card": ("", TEXT, {}),
    "phone": ("+1212{:07}", TEXT, {}),
    "postal_code": ("{:07}", TEXT, {}),
    "scramble": ("{:09}", TEXT, {}),
    "sealed": ("{:09}", TEXT, {}),
    "ssn": ("{:09}", TEXT, {}),
    "street_address": ("{}", TEXT, {}),
    "token": ("{}", TEXT, {}),
    "username": ("user{}", TEXT, {}),
}
NEAR = {"date_shift": ("{}", DATE, {"days": 30}), "noise": ("{}", INTEGER, {"amount": 1000})}
# What is drawn from a few pieces is the same under another secret now and then.
FEW = {"city", "company", "fictitious_phone", "first_name", "job_title", "last_name", *NEAR}


def values(name, pattern, column):
    if name in VALID:
        return [VALID[name](number) for number in range(COUNT)]
    if column is DATE:
        return [str(dt.date(1950, 1, 1) + dt.timedelta(number * 5)) for number in range(COUNT)]
    return [pattern.format(number + 10_000 * (column is INTEGER)) for number in range(COUNT)]


def ranks(found):
    return np.argsort(np.argsort(np.array(found), kind="stable"), kind="stable")


def correlation(one, other):
    return abs(float(np.corrcoef(one, other)[0, 1]))


def dependence(digits, characters):
    """Give Pearson's chi-square of two columns of small numbers, less what independent ones have at most."""
    table = np.zeros((10, 4))
    np.add.at(table, (digits, characters % 4), 1)
    table = table[:, table.sum(axis=0) > 0]
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    freedom = 9 * (table.shape[1] - 1)
    return float(((table - expected) ** 2 / expected).sum()) - freedom - 5 * (2 * freedom) ** 0.5


@pytest.mark.parametrize("name", NUMBERED)
def test_what_comes_out_says_nothing_of_what_went_in(apply, name):
    pattern, column, options = NUMBERED[name]
    masked = apply(name, values(name, pattern, column), column, **options)
    order = ranks(masked if column is TEXT else list(map(int, masked)))
    enough = 4 / COUNT**0.5  # four standard deviations of what chance gives
    assert correlation(order, np.arange(COUNT)) < enough
    assert correlation(order[1:], order[:-1]) < enough  # neighbours do not stay near each other
    width = min(map(len, masked))
    ends = np.array([list(value[-width:].encode()) for value in masked])
    for place in range(width):
        for digit in (np.arange(COUNT) % 10, np.arange(COUNT) // 10 % 10, np.arange(COUNT) // 100 % 10):
            assert dependence(digit, ends[:, place]) <= 0, place


@pytest.mark.parametrize("name", NEAR)
def test_how_far_a_value_moved_says_nothing_of_it(apply, name):
    pattern, column, options = NEAR[name]
    before = values(name, pattern, column)
    after = apply(name, before, column, **options)
    if column is DATE:
        before, after = ([dt.date.fromisoformat(day).toordinal() for day in side] for side in (before, after))
    moved = np.array(list(map(int, after))) - np.array(list(map(int, before)))
    assert correlation(moved, np.arange(COUNT)) < 4 / COUNT**0.5
    assert correlation(moved[1:], moved[:-1]) < 4 / COUNT**0.5
    assert abs(float(np.mean(moved > 0)) - 0.5) < 4 / (2 * COUNT**0.5)
    assert dependence(np.arange(COUNT) % 10, moved) <= 0


@pytest.mark.parametrize("name", [*NUMBERED, *NEAR])
def test_with_another_secret_nothing_matches(apply, name):
    pattern, column, options = {**NUMBERED, **NEAR}[name]
    before = values(name, pattern, column)
    ours, theirs = (apply(name, before, column, secret=secret, **options) for secret in (Secret(bytes(32)), OTHER))
    same = sum(one == other for one, other in zip(ours, theirs, strict=True))
    assert same <= (COUNT * 0.03 if name in FEW else 5)


def test_every_mask_that_hides_its_value_is_tried():
    """The others say what they keep, are made of these, give nothing of the value, or are somebody else's."""
    told = {
        "array",
        "balanced_noise",
        "composite",
        "file",
        "hstore",
        "xml",
        "bucket",
        "constant",
        "date_truncate",
        "faker",
        "free_text",
        "gender",
        "ip",
        "json",
        "location",
        "ordered_noise",
        "place",
        "round",
        "null",
        "password",
        "prefix",
        "python",
        "redact",
        "resample",
        "shuffle",
        "template",
        "user_agent",
    }
    assert {*NUMBERED, *NEAR} | told == set(builtin().names())


def test_a_dictionary_of_all_numbers_of_an_area_recovers_nothing(apply):
    """The attacker has the program, all 200,000 numbers that there can be, and a secret, but not ours."""
    area = [f"+4930{number:06}" for number in range(200_000)]
    victims = random.Random(1).sample(area, 1000)
    masked = apply("phone", victims)
    assert not set(masked) & set(victims)
    table = dict(zip(apply("phone", area, secret=OTHER), area, strict=True))
    assert sum(table.get(after) == before for before, after in zip(victims, masked, strict=True)) == 0
    # who knows exactly whose numbers are there, but not which is whose, gains nothing from their order
    by_order = dict(zip(sorted(masked), sorted(victims), strict=True))
    assert sum(by_order[after] == before for before, after in zip(victims, masked, strict=True)) <= 5
    # and who knows half of the pairs does not find the others in the distance between two numbers
    distances = {int(after) - int(before) for before, after in zip(victims, masked, strict=True)}
    assert len(distances) > 990


@pytest.mark.parametrize("name", ["token", "email", "pattern"])
def test_no_mask_is_a_plain_hash(apply, name):
    """All digests of all values of a dictionary, in hex and base32: no masked value holds the beginning of any."""
    words = [f"user{number}@example.org" for number in range(500)]
    options = {"pattern": {"pattern": "[0-9a-f]{16}"}}.get(name, {})
    masked = [value.split("@")[0].rpartition(".")[2] for value in apply(name, words, **options)]
    told = set()
    for word in words:
        for algorithm in ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2s", "sha3_256"):
            digest = hashlib.new(algorithm, word.encode()).digest()
            told |= {digest.hex()[:10], base64.b32encode(digest).decode().lower()[:10]}
    assert not {value[:10] for value in masked} & told
