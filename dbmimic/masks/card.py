"""What can be said of a mask to somebody who is to choose one: what it promises, takes and does, with examples."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from dbmimic.masks.definition import ColumnContext, MaskDefinition, Parameter, Promise
from dbmimic.masks.hand import Gathering
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.address import Secret
from dbmimic.model.summary import Summary
from dbmimic.model.types import Kind, LogicalType

# Examples are made with a secret that everybody knows, so that they are the same everywhere.
_EXAMPLE_SECRET = Secret(hashlib.sha256(b"dbmimic examples").digest())

PROMISES: Mapping[Promise, str] = {
    Promise.UNIQUE: "unique: different values stay different",
    Promise.REVERSIBLE: "reversible: who has the secret can compute the value back",
    Promise.CHANGES: "changes: never gives its input back",
    Promise.LOSSY: "lossy: different values may become equal",
    Promise.KEY_SAFE: "key-safe: fit for keys and what references them",
    Promise.KEEPS_NULL: "keeps-null: NULL stays NULL",
    Promise.KEEPS_LENGTH: "keeps-length: as many characters as before",
    Promise.KEEPS_ORDER: "keeps-order: what was lower is not higher",
}

_NAMES = ("Ann", "O'Neill")
_EXAMPLES: Mapping[str, tuple[Mapping[str, object], tuple[str, ...]]] = {
    "api_key": ({}, ("sk_live_51H8xyz", "ghp_16C7e42F")),
    "array": ({"each": "email"}, ('{ann@example.net,"bob, jr@example.net",NULL}',)),
    "balanced_noise": ({}, ("1000", "250", "400")),
    "bic": ({}, ("DEUTDEFF500",)),
    "bucket": ({"size": 10}, ("47", "50")),
    "city": ({}, ("Paris", "Lyon")),
    "code": ({}, ("SKU-0042-xy", "ALFKI")),
    "company": ({}, ("Acme Inc.",)),
    "composite": ({"fields": {1: "full_name"}}, ('("Ann Lee",17)',)),
    "constant": ({"value": "n/a"}, ("anything",)),
    "date_shift": ({}, ("2024-02-29", "1981-07-14")),
    "date_truncate": ({}, ("2024-02-29", "1981-07-14")),
    "email": ({}, ("Ann@Example.org", "bob@example.net")),
    "faker": ({"provider": "company"}, ("Acme Inc.",)),
    "fictitious_phone": ({"country": "GB"}, ("020 7123 4567", "+1 (212) 936-4321")),
    "first_name": ({}, _NAMES),
    "free_text": ({}, ("Call Anna Miller, +1 212 555 0100 or anna@example.net",)),
    "full_name": ({}, ("Ann O'Neill", "O'Neill, Ann")),
    "gender": ({"scope": "row"}, ("F", "M")),
    "hash": ({"length": 32}, ("5f4dcc3b5aa765d61d8327deb882cf99",)),
    "file": ({}, ("89504e470d0a1a0a0000000d49484452",)),
    "hstore": ({"keys": {"*mail": "email"}}, ('"mail"=>"ann@example.net", "size"=>"XL"',)),
    "host": ({}, ("db1.corp.example.net",)),
    "iban": ({}, ("DE89 3704 0044 0532 0130 00",)),
    "integer_key": ({}, ("1", "2", "3")),
    "json": (
        {"keys": {"email": "email", "name": "full_name"}},
        ('{"id": 7, "name": "Ann Lee", "to": [{"email": "a@b.org"}]}',),
    ),
    "last_name": ({}, _NAMES),
    "location": ({"meters": 500}, ("52.520008, 13.404954",)),
    "mac": ({}, ("00:1B:44:11:3A:B7", "001b.4411.3ab7")),
    "national_id": ({"country": "ES"}, ("12345678Z", "X1234567L")),
    "noise": ({}, ("1000", "-250")),
    "ordered_noise": ({"step": 100}, ("1000", "1010", "1020")),
    "null": ({}, ("anything",)),
    "pattern": ({"pattern": r"INV-\d{8}"}, ("2024/17",)),
    "payment_card": ({}, ("4111 1111 1111 1111",)),
    "phone": ({}, ("+1 212 555 0100", "030 1234567")),
    "place": ({"part": "city", "entity": "id"}, ("Paris", "Lyon")),
    "postal_code": ({}, ("90210", "SW1A 1AA")),
    "prefix": ({}, ("90210", "SW1A 1AA")),
    "redact": ({}, ("anything",)),
    "resample": ({}, ("Berlin", "Rome", "Oslo")),
    "round": ({"to": 100}, ("1249", "1250")),
    "scramble": ({}, ("Room 12b, Mr. Smith",)),
    "shuffle": ({"min_count": 2}, ("1000", "250", "400")),
    "ssn": ({}, ("123-45-6789",)),
    "street_address": ({}, ("12 Elm Street",)),
    "template": ({"template": "user-{#}@example.com"}, ("ann@example.org",)),
    "token": ({}, ("ann1981",)),
    "username": ({}, ("ann1981",)),
    "ulid": ({}, ("01ARZ3NDEKTSV4RRFFQ69G5FAV",)),
    "url": ({}, ("https://ann:secret@shop.example.net/orders/17?token=aB3",)),
    "user_agent": ({}, ("Mozilla/5.0 (X11; Linux x86_64)",)),
    "xml": ({"elements": {"name": "full_name"}}, ('<order id="7"><name>Ann Lee</name></order>',)),
}
_ENOUGH = 100  # rows that hold each of the examples
_ANY: tuple[Mapping[str, object], tuple[str, ...]] = ({}, ("Ann O'Neill",))


@dataclass(frozen=True, slots=True)
class Card:
    """A mask in words: `examples` are pairs of a value and what becomes of it with `example_options`."""

    name: str
    summary: str
    kinds: tuple[str, ...]
    promises: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    domain: str
    example_options: Mapping[str, object]
    examples: tuple[tuple[str, str | None], ...]


def card(name: str, registry: MaskRegistry) -> Card:
    """Give a mask's card; raises UnknownMaskError."""
    definition = registry.get(name)
    options, values = _EXAMPLES.get(definition.name, _ANY)
    return Card(
        name=definition.name,
        summary=definition.summary,
        kinds=tuple(sorted(definition.kinds)),
        promises=tuple(words for promise, words in PROMISES.items() if promise in definition.promises),
        parameters=definition.parameters,
        domain=definition.domain,
        example_options=options,
        examples=_examples(definition, registry, options, values),
    )


def _examples(
    definition: MaskDefinition, registry: MaskRegistry, options: Mapping[str, object], values: tuple[str, ...]
) -> tuple[tuple[str, str | None], ...]:
    kind = next((kind for kind in (Kind.TEXT, Kind.INTEGER) if kind in definition.kinds), min(definition.kinds))
    if definition.name == "integer_key":
        kind = Kind.INTEGER
    context = ColumnContext(LogicalType(kind), nullable=True, unique=False)
    keys = None
    if definition.deal is not None:
        keys = pa.array([str(number) for number in range(len(values))])
        gathering = Gathering(KeyedFunction.derive(_EXAMPLE_SECRET, definition.domain))
        gathering.add(pa.array(values), keys, None, np.ones(len(values), dtype=np.bool_))
        parsed = definition.parse(options)
        made = registry.deal(definition.name, parsed, context, _EXAMPLE_SECRET, definition.domain, gathering)
        context = replace(context, dealt=made)
    elif definition.counted:
        context = replace(context, summary=Summary(values, (_ENOUGH,) * len(values)))
    needed = {parameter.name for parameter in definition.parameters if parameter.required}
    if not needed <= options.keys() or registry.misfit(definition.name, definition.parse(options), context) is not None:
        return ()  # a mask from elsewhere that needs to be told more
    mask = registry.build(definition.name, definition.parse(options), context, _EXAMPLE_SECRET, definition.domain)
    return tuple(zip(values, mask(pa.array(values, pa.string()), keys).to_pylist(), strict=True))
