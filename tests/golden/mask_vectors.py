"""
The frozen test vectors of the masks: `masks.json`, beside this file.

    python -m tests.golden.mask_vectors

writes them anew. Do that only for a change that is meant to mask differently, and say so in the changelog: copies made
before and after no longer agree. Faker's fakes are not frozen, since they follow the installed release.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dbmimic.masks.definition import AFTER, BEFORE, ColumnContext, MaskDefinition, Options
from dbmimic.masks.hand import Gathering
from dbmimic.masks.keyed import KeyedFunction, parse_secret
from dbmimic.masks.registry import builtin
from dbmimic.model.address import Secret
from dbmimic.model.summary import Dealt, Summary
from dbmimic.model.types import Kind, LogicalType
from tests.unit.masks.known_ids import KNOWN

FILE = Path(__file__).with_name("masks.json")
SECRET = "8f0c3a915be2d7467c1fa8e09b3d52f41e6a7c80d95b2e4f6a13c7d8e9f0b125"

NAMES = ["Anna", " anna ", "MÜLLER", "Smith, John", "Ann Smith", "", None]
EMAILS = ["bob@example.org", "Bob@Example.ORG ", "ü@bücher.de", "no domain", "", None]
PHONES = ["+1 (212) 555-0100", "+442079460000", "030 1234567", "555-1234", "n/a", "---", "٣٤٥", "", None]
CODES = ["90210", "SW1A 1AA", "sw1a 1aa", "ALFKI", "-", "", None]
KEYS = ["1", "2", "0", "-1", "-2", "1073741823", "1073741824", "2147483647", "-2147483648", None]
BIG_KEYS = [*KEYS, "9223372036854775807", "-9223372036854775808"]
UNSIGNED_KEYS = ["1", "9223372036854775808", "18446744073709551615", None]
DATES = ["2024-02-29", "1970-01-01", "0001-01-01", "9999-12-31", "infinity", "0044-03-15 BC", "0000-00-00", "", None]
STAMPS = ["2024-02-29 10:20:30.5+02", "2024-02-29T10:20:30Z", "1970-01-02 00:00:00", "2038-01-18 23:59:59", None]
UUIDS = ["0b6a3b1e-1111-4222-8333-123456789abc", "0B6A3B1E-1111-4222-8333-123456789ABC", None]
CARDS = ["4111111111111111", "4111 1111 1111 1112", "378282246310005", "n/a", "", None]
IBANS = ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "MT84MALT011000012345MTLCAST001S", "DE00", "", None]
DOCUMENTS = [
    '{"id": 12345678901234567890, "email": "Bob@Example.org", "to": [{"name": "Ann Lee", "phone": 2125550100}], "x": 1.0e5}',
    '{"customer": {"email": null, "name": "\\u00fc", "ok": true}, "items": [1, "two", {"name": "three"}]}',
    "[]",
    "no document",
    "",
    None,
]
NOTES = [
    "Anna Miller, anna@example.org, called +1 212 555 0100",
    "4111 1111 1111 1111; DE89 3704 0044 0532 0130 00",
    "",
    None,
]
TEXTS = ["Bob", "bob", "caf\u00e9", "cafe\u0301", "x" * 1500, "0b6a3b1e-1111-4222-8333-123456789abc", "", None]

Case = tuple[str, dict[str, Any], dict[str, Any], list[str | None]]

CASES: list[Case] = [
    ("null", {}, {}, ["a", None]),
    ("constant", {"value": "x"}, {}, ["a", "", None]),
    ("redact", {}, {}, ["a", "", None]),
    ("redact", {}, {"kind": "date"}, ["2024-01-01", None]),
    ("first_name", {}, {}, NAMES),
    ("first_name", {}, {"length": 4}, NAMES),
    ("last_name", {}, {}, NAMES),
    ("full_name", {}, {}, NAMES),
    ("full_name", {}, {"length": 14}, NAMES),
    ("email", {}, {}, EMAILS),
    ("email", {"keep_domain": True}, {}, EMAILS),
    ("email", {"fold": False}, {"length": 40}, EMAILS),
    ("email", {}, {"length": 23}, EMAILS),
    ("email", {}, {"length": 12}, EMAILS),
    ("phone", {}, {}, PHONES),
    ("sealed", {}, {}, TEXTS[:4] + TEXTS[5:]),
    ("phone", {"keep_area": True}, {}, [*PHONES, "0049 171 1234567", "+3531234", "12345"]),
    ("fictitious_phone", {"country": "GB"}, {}, [*PHONES, "+34 912 345 678", "07911 123456", "0041 44 668 18 00"]),
    ("fictitious_phone", {"country": "US"}, {}, [*PHONES, "1-800-555-0199", "+49 (0)171 1234567", "+46 70 123 45 67"]),
    ("street_address", {}, {}, NAMES),
    ("street_address", {}, {"length": 15}, NAMES),
    ("city", {}, {}, NAMES),
    ("postal_code", {}, {}, CODES),
    ("code", {}, {}, CODES),
    ("date_shift", {}, {"kind": "date"}, DATES),
    ("date_shift", {"days": 365}, {"kind": "timestamp"}, STAMPS),
    ("date_shift", {}, {"kind": "timestamptz"}, STAMPS),
    ("date_shift", {}, {}, [*STAMPS, "2024-02-29", "soon"]),
    ("date_shift", {"entity": "customer_id"}, {"kind": "date"}, DATES),
    ("date_shift", {"keep_weekday": True}, {"kind": "timestamp"}, STAMPS),
    ("date_shift", {"keep_year": True, "days": 182}, {"kind": "date"}, DATES),
    ("integer_key", {}, {"kind": "integer", "bits": 31}, KEYS),
    ("integer_key", {}, {"kind": "integer", "bits": 63, "low_bits": 15}, BIG_KEYS),
    ("integer_key", {}, {"kind": "integer", "bits": 64, "signed": False}, UNSIGNED_KEYS),
    ("integer_key", {}, {"kind": "decimal", "precision": 10, "scale": 0}, ["1", "9999999999", "-9999999999", None]),
    ("integer_key", {}, {"length": 10}, ["1", "42", "-3", None]),
    ("token", {}, {}, TEXTS),
    ("token", {"prefix": "cus_", "length": 20}, {}, TEXTS),
    ("token", {"fold": True}, {"length": 16}, TEXTS),
    ("token", {}, {"kind": "uuid"}, UUIDS),
]
CASES += [
    ("payment_card", {}, {}, CARDS),
    ("payment_card", {"bin": 0}, {}, CARDS),
    ("iban", {}, {}, IBANS),
    ("bic", {}, {}, ["DEUTDEFF", "DEUTDEFF500", "deut", "", None]),
    ("ssn", {}, {}, ["123-45-6789", "123456789", "unknown", "", None]),
    ("noise", {}, {"kind": "integer", "bits": 31}, [*KEYS, "100", "-250"]),
    (
        "noise",
        {"ratio": 0.5},
        {"kind": "decimal", "precision": 10, "scale": 2},
        ["10.25", "0.00", "-99999999.99", None],
    ),
    ("noise", {"amount": 5, "entity": "id"}, {"kind": "float"}, ["10.25", "1", "-3.5", "NaN", None]),
    ("bucket", {"size": 10, "top": 90}, {"kind": "integer", "bits": 15}, ["7", "42", "-3", "95", None]),
    ("bucket", {"size": 5}, {"kind": "decimal", "precision": 8, "scale": 2}, ["7.50", "-0.01", None]),
    ("date_truncate", {}, {"kind": "date"}, DATES),
    ("date_truncate", {"to": "year"}, {"kind": "timestamptz"}, STAMPS),
    ("scramble", {}, {}, TEXTS),
    ("pattern", {"pattern": r"INV-\d{8}-[A-F0-9]{2}"}, {}, TEXTS),
    ("prefix", {"keep": 3}, {}, [*CODES, "Ünïcode 12"]),
    ("json", {"keys": {"email": "email", "*name": "full_name", "phone": "phone"}}, {"kind": "json"}, DOCUMENTS),
    ("json", {"paths": {"$.items[*]": "scramble"}, "rest": "scramble"}, {}, DOCUMENTS),
    ("free_text", {}, {}, NOTES),
    ("company", {}, {}, NAMES),
    ("company", {}, {"length": 20}, NAMES),
    ("job_title", {}, {}, NAMES),
    ("job_title", {}, {"length": 12}, NAMES),
    (
        "array",
        {"each": "email"},
        {"kind": "array"},
        ['{a@b.de,"x, y",NULL,"NULL"}', "{{1,2},{3,4}}", "[0:1]={a,b}", "{}", None],
    ),
    (
        "composite",
        {"fields": {"1": "full_name", "3": "scramble"}},
        {"kind": "other"},
        ['("Ann Lee",17,"a ""b""")', "(,,)", None],
    ),
    ("hstore", {"keys": {"*mail": "email"}}, {"kind": "other"}, ['"Mail"=>"a@b.de", "b"=>NULL', "", None]),
    (
        "xml",
        {"elements": {"name": "full_name"}, "attributes": {"mail": "email"}},
        {},
        ['<?xml version="1.0"?><o mail="a@b.de"><name>Ann &amp; Lee<!-- Ann --></name>x</o>', "<o>", "", None],
    ),
    ("xml", {"rest": "scramble"}, {"kind": "other"}, ["<a b='Ann'>Lee<![CDATA[<17>]]><c/></a>", None]),
    (
        "file",
        {},
        {"kind": "binary"},
        ["\\x89504e470d0a1a0a00", "FFD8FFE0", "255044462d312e34", "00ff", "\\x", "", None],
    ),
    ("ordered_noise", {"step": 100}, {"kind": "integer", "bits": 31}, [*KEYS, "100", "101", "-250"]),
    (
        "ordered_noise",
        {"step": 5},
        {"kind": "decimal", "precision": 10, "scale": 2},
        ["10.25", "10.26", "0.00", "-99999999.99", None],
    ),
    ("round", {"to": 100}, {"kind": "integer", "bits": 31}, [*KEYS, "149", "150", "-150"]),
    ("round", {"to": 5}, {"kind": "float"}, ["12.5", "7.49", "-2.5", "NaN", None]),
    ("location", {}, {}, ["52.520008, 13.404954", "(-89.9999;179.99999)", "Main Street 1", "", None]),
    ("location", {"meters": 5000, "axis": "longitude"}, {"kind": "float"}, ["13.404954", "-180", None]),
    ("location", {"entity": "id"}, {"kind": "decimal", "precision": 9, "scale": 6}, ["52.520008", "-90.000000", None]),
    *(
        ("place", {"part": part, "entity": "id"}, {}, ["x", "y", "", None])
        for part in ("city", "country", "time_zone", "coordinates")
    ),
    (
        "place",
        {"part": "latitude", "entity": "id"},
        {"kind": "decimal", "precision": 7, "scale": 4},
        ["1.0000", "2.0000"],
    ),
    ("place", {"part": "longitude", "entity": "id"}, {"kind": "float"}, ["1", "2", None]),
    ("password", {}, {}, ["secret", "", None]),
    ("password", {"scheme": "passlib", "plain": "letmein"}, {}, ["secret"]),
    ("password", {"scheme": "bcrypt"}, {}, ["secret"]),
    ("password", {"scheme": "django-argon2"}, {}, ["secret"]),
    ("hash", {}, {}, TEXTS),
    ("hash", {"length": 40}, {"length": 40}, TEXTS),
    ("api_key", {}, {}, ["sk_live_51H8xyz", "ghp_16C7e42F", "plain", "", None]),
    ("api_key", {}, {"length": 24}, ["sk_live_51H8xyz"]),
    ("ulid", {}, {}, ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW", "none", "", None]),
    ("ulid", {"time": "change"}, {}, ["01ARZ3NDEKTSV4RRFFQ69G5FAV"]),
    ("mac", {}, {}, ["00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7", "001b.4411.3ab7", "001b44113ab7", "none 12", "", None]),
    ("mac", {"vendor": "drop"}, {}, ["00:1b:44:11:3a:b7"]),
    ("host", {}, {}, ["db1.corp.example.net", "DB1.corp.example.net", "", None]),
    ("url", {}, {}, ["https://u:p@Shop.example.net:8443/a/B1?x=1#t", "http://[::1]/", "no url 1", "", None]),
    ("user_agent", {}, {}, ["Mozilla/5.0", "curl/8.0", "", None]),
    ("ip", {}, {}, ["192.168.1.1", "192.168.1.2/24", "2001:db8::1", "2001:db8::2/64", "localhost", "", None]),
    *(("national_id", {"country": country}, {}, values) for country, values in sorted(KNOWN.items())),
]
CASES += [
    ("username", {}, {}, NAMES),
    ("username", {}, {"length": 20}, NAMES),
    ("gender", {"scope": "row"}, {}, ["F", "M", "F", "", None]),
    *((name, {"persona": "id"}, {}, NAMES) for name in ("first_name", "last_name", "full_name", "username", "city")),
    ("gender", {"persona": "id", "female": "Ms.", "male": "Mr."}, {}, NAMES),
    ("first_name", {"locale": "de_DE"}, {}, NAMES),
    ("last_name", {"locale": "ru_RU"}, {"length": 12}, NAMES),
    ("full_name", {"locale": "ja_JP"}, {}, NAMES),
    ("full_name", {"locale": "cs_CZ"}, {"length": 22, "charset": "iso8859-2"}, NAMES),
    ("street_address", {"locale": "el_GR"}, {}, NAMES),
    ("city", {"locale": "fr_FR"}, {"length": 12, "charset": "cp1252"}, NAMES),
    ("resample", {"entity": "id"}, {"summary": {"Berlin": 600, "Oslo": 300, "Rome": 100, "rare": 4}}, NAMES),
    ("email", {"persona": "id"}, {}, EMAILS),
    ("email", {"persona": "id"}, {"length": 40}, EMAILS),
    ("last_name", {"scope": "row"}, {}, NAMES),
    ("place", {"part": "street", "entity": "id"}, {}, NAMES),
    *(("place", {"part": part, "persona": "id"}, {}, NAMES) for part in ("city", "country", "street")),
    ("place", {"part": "street", "entity": "id"}, {"length": 10}, NAMES),
    ("shuffle", {"min_count": 2}, {}, NAMES),
    ("balanced_noise", {"ratio": 0.5}, {"kind": "decimal"}, ["10.25", "20", "-7.5", "0", "NaN", "", None, "1000000"]),
    ("template", {"template": "{{{id}}}.{name|slug}.{#}@example.com"}, {}, NAMES),
    (
        "free_text",
        {"known": ["name", "mail"]},
        {},
        ["Wxyz 0 is not wxyz 10; (WXYZ 1)", "Dear Wxyz, Anna Miller", "a wxyz", "\0", "", None],
    ),
    ("template", {"template": "{name|upper}{name|initial}-{name|lower}"}, {"length": 11}, NAMES),
]


def masked(
    name: str,
    options: dict[str, Any],
    column: dict[str, Any],
    values: list[str | None],
    secret: Secret | None = None,
) -> list[str | None]:
    """Mask the values; where the options name an entity, its column holds the numbers 0, 1, 2, ..."""
    facts = {key: value for key, value in column.items() if key not in {"kind", "low_bits", "summary"}}
    summary = column.get("summary")
    context = ColumnContext(
        type=LogicalType(Kind(column.get("kind", "text")), **facts),
        nullable=True,
        unique=False,
        low_bits=column.get("low_bits"),
        summary=None if summary is None else Summary(tuple(summary), tuple(summary.values())),
    )
    definition = builtin().get(name)
    parsed = definition.parse(options)
    if definition.deal is not None:
        context = replace(context, dealt=dealt(definition, parsed, context, values, secret or parse_secret(SECRET)))
    assert builtin().misfit(name, parsed, context) is None
    make = builtin().bind if options.keys() & {"persona", "scope"} else builtin().build
    mask = make(name, parsed, context, secret or parse_secret(SECRET), definition.domain)
    beside = options.keys() & {"entity", "persona", "scope"} or definition.deal is not None
    numbers = pa.array([str(number) for number in range(len(values))])
    entity = numbers if beside else None
    if definition.row(parsed):
        entity = pa.StructArray.from_arrays([numbers, pa.array(values, pa.string())], names=["id", "name"])
    if definition.row(parsed) and definition.row_before:
        entity = known_row(definition.row(parsed), len(values))
    return mask(pa.array(values, pa.string()), entity).to_pylist()


def known_row(names: Sequence[str], count: int) -> pa.Array:
    """Give a row of columns as they were and as they are in the copy: the n-th holds `Wxyz n`, and then `Kept n`."""
    sides = (
        pa.StructArray.from_arrays(
            [pa.array([f"{word} {number}"] * count) for number in range(len(names))], names=list(names)
        )
        for word in ("Wxyz", "Kept")
    )
    return pa.StructArray.from_arrays(list(sides), names=[BEFORE, AFTER])


def dealt(
    definition: MaskDefinition, parsed: Options, context: ColumnContext, values: list[str | None], secret: Secret
) -> Dealt:
    """Give what becomes of a column whose rows have the keys 0, 1, 2, ..."""
    gathering = Gathering(KeyedFunction.derive(secret, definition.domain))
    told = [(value, str(number)) for number, value in enumerate(values) if value]
    held, keys = (pa.array(each, pa.string()) for each in zip(*told, strict=True))
    gathering.add(held, keys, None, np.ones(len(told), dtype=np.bool_))
    return builtin().deal(definition.name, parsed, context, secret, definition.domain, gathering)


def vectors() -> list[dict[str, Any]]:
    """Give every case with what it gives now."""
    return [
        {
            "mask": name,
            "options": options,
            "column": column,
            "values": values,
            "masked": masked(name, options, column, values),
        }
        for name, options, column, values in CASES
    ]


if __name__ == "__main__":
    FILE.write_text(json.dumps({"secret": SECRET, "vectors": vectors()}, indent=1, ensure_ascii=True) + "\n")
    print(f"{len(CASES)} vectors written to {FILE.name}")
