"""`sealed`: a value encrypted, for who has the secret to read again, and nobody else."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import pyarrow as pa

from dbmimic.masks import canonical
from dbmimic.masks.definition import ONE_TO_ONE, SCOPE, ColumnContext, MaskDefinition, MaskFunction, Options
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import keep_blank
from dbmimic.model.address import Secret
from dbmimic.model.types import Kind

DOMAIN = "sealed"
_OVERHEAD = 16  # bytes
_FEWEST = 28  # characters that one byte takes


def _spelt(sealed: bytes) -> str:
    return base64.b32encode(sealed).decode().rstrip("=").lower()


def _build(keyed: KeyedFunction, _options: Options, _context: ColumnContext) -> MaskFunction:
    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        plain = canonical.text(values).cast(pa.binary()).to_pylist()
        sealed = iter(keyed.seal([value for value in plain if value]))
        made = [value if value is None else _spelt(next(sealed)) if value else "" for value in plain]
        return keep_blank(values, pa.array(made, pa.string()))

    return mask


def opened(secret: Secret, domain: str, tokens: Sequence[str]) -> list[str | None]:
    """Give the values that `sealed` made tokens of in a domain, and blanks as they are; None for what is neither."""
    keyed = KeyedFunction.derive(secret, domain)
    plain = [keyed.unseal(_read(token)) if token.strip() else token.encode() for token in tokens]
    return [None if value is None else value.decode() for value in plain]


def _read(token: str) -> bytes:
    plain = token.strip().upper()
    try:
        return base64.b32decode(plain + "=" * (-len(plain) % 8))
    except (binascii.Error, ValueError):
        return b""


def _fits(options: Options, context: ColumnContext) -> str | None:
    if options.get(SCOPE.name) == "run":
        return "what is sealed with a run's own secret nobody reads again: leave `scope` out, or use token"
    limit = context.type.length
    if limit is not None and limit < _FEWEST:
        return f"a sealed value has {_FEWEST} characters or more, and the column holds {limit}; use token"
    return None


DEFINITIONS = (
    MaskDefinition(
        name="sealed",
        summary="The value encrypted (AES-SIV), some 26 characters longer and more; `dbmimic key open` reads it again.",
        kinds=frozenset({Kind.TEXT}),
        promises=ONE_TO_ONE,
        parameters=(),
        domain=DOMAIN,
        build=_build,
        fits=_fits,
        outgrows=True,
        advice=dict.fromkeys((Kind.INTEGER, Kind.DECIMAL), "use integer_key") | {Kind.UUID: "use token"},
    ),
)
