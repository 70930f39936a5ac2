"""`ip`: another address; those that share the first bits of theirs go on sharing as many."""

from __future__ import annotations

import ipaddress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskError, MaskFunction, Options, Promise, matching
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import keep_blank
from dbmimic.masks.shape import Shape, shape_mask
from dbmimic.model.types import Kind

_V4 = r"^(?P<a>[0-9]{1,3})\.(?P<b>[0-9]{1,3})\.(?P<c>[0-9]{1,3})\.(?P<d>[0-9]{1,3})(?P<net>/[0-9]{1,2})?$"
_V4_BITS = 32
_HALF = 64


def _build(keyed: KeyedFunction, _options: Options, context: ColumnContext) -> MaskFunction:
    four, six = keyed.sub("ipv4"), keyed.sub("ipv6")
    other = shape_mask(keyed.sub("other"), context, Shape.CODE)
    is_text = context.type.kind is Kind.TEXT

    def mask(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        fields = pc.extract_regex(values, _V4)
        is_four = pc.fill_null(pc.match_substring_regex(values, _V4), False)
        numbers = [pc.cast(pc.if_else(is_four, fields.field(name), "256"), pa.int64()) for name in "abcd"]
        bytes_ = [number.to_numpy(zero_copy_only=False) for number in numbers]
        plain = (np.stack(bytes_) <= 255).all(axis=0)  # noqa: PLR2004  a byte
        address = sum((byte.view(np.uint64) << np.uint64(8 * (3 - at)) for at, byte in enumerate(bytes_)), np.uint64(0))
        moved = _prefix_preserving(four, np.where(plain, address, np.uint64(0)))
        parts = [pa.array((moved >> np.uint64(shift)) & np.uint64(255)).cast(pa.string()) for shift in (24, 16, 8, 0)]
        net = pc.if_else(is_four, fields.field("net"), "")
        made = pc.binary_join_element_wise(pc.binary_join_element_wise(*parts, "."), net, "")
        if not plain.all():
            made = pc.if_else(pa.array(plain), made, rest(values, pa.array(~plain), entity))
        return keep_blank(values, made)

    def rest(values: pa.Array, which: pa.Array, entity: pa.Array | None) -> pa.Array:
        """Give what becomes of addresses of version 6, and of what is no address."""
        encoded = values.filter(which).dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        parsed = [_parsed(text) for text in texts]
        if not is_text and not all(one is not None or not text for one, text in zip(parsed, texts, strict=True)):
            raise MaskError("a value is no address")
        sixes = [int(one.ip) if one is not None else 0 for one in parsed]
        made = [
            text if one is None else _spelt(one, number)
            for text, one, number in zip(
                other(encoded.dictionary, entity).to_pylist(), parsed, _moved(six, sixes), strict=True
            )
        ]
        return pc.replace_with_mask(values, which, pa.array(made, pa.string()).take(encoded.indices))

    return mask


def _parsed(text: str | None) -> ipaddress.IPv6Interface | None:
    try:
        return ipaddress.IPv6Interface(text or "-")
    except ValueError:
        return None


def _spelt(before: ipaddress.IPv6Interface, number: int) -> str:
    address = str(ipaddress.IPv6Address(number))
    return address if before.network.prefixlen == before.max_prefixlen else f"{address}/{before.network.prefixlen}"


def _prefix_preserving(keyed: KeyedFunction, addresses: Words) -> Words:
    """
    Turn each bit by a pseudo-random bit of all bits before it.

    J. Xu, J. Fan, M. Ammar, S. Moon, "Prefix-Preserving IP Address Anonymization", ICNP 2002.
    """
    result = addresses.copy()
    bit_of = keyed.pairs(np.uint64(_V4_BITS), max(len(addresses), 1))
    for length in range(_V4_BITS):
        shift = np.uint64(_V4_BITS - length)
        prefix = (addresses >> shift) << shift
        result ^= (bit_of(prefix, np.uint64(length << _V4_BITS)) & np.uint64(1)) << np.uint64(_V4_BITS - 1 - length)
    return result


def _moved(keyed: KeyedFunction, addresses: list[int]) -> list[int]:
    """Turn the bits of addresses of version 6 in the same way, 128 of them."""
    result = list(addresses)
    for length in range(2 * _HALF):
        prefixes = [address >> (2 * _HALF - length) for address in addresses]
        texts = pa.array([f"{length}:{prefix:x}" for prefix in prefixes], pa.string())
        bits = (keyed.uniform(texts) & np.uint64(1)).tolist()
        result = [one ^ (bit << (2 * _HALF - 1 - length)) for one, bit in zip(result, bits, strict=True)]
    return result


DEFINITIONS = (
    MaskDefinition(
        name="ip",
        summary="Another IP address; those of one network stay in one, whatever its size.",
        kinds=frozenset({Kind.TEXT, Kind.NETWORK}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(),
        domain="ip",
        build=_build,
        reads=matching(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:/[0-9]{1,3})?"),
    ),
)
