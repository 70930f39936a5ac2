"""What machines are called: `ip`, `mac`, `host`, `url` and `user_agent`."""

from __future__ import annotations

import ipaddress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import base32, canonical
from dbmimic.masks.builtin.person import has_room
from dbmimic.masks.definition import (
    Check,
    ColumnContext,
    MaskDefinition,
    MaskError,
    MaskFunction,
    Options,
    Parameter,
    Part,
    PartBuild,
    Promise,
    matching,
    needs_parts,
)
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import Bytes, fixed_width, keep_blank, rows_of
from dbmimic.masks.permutation import Permutation
from dbmimic.masks.pools import Pool
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
        address = np.where(plain, address, np.uint64(0))
        moved = _networks(address, _prefix_preserving(four, address), fields.field("net"))
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
        moved = iter(_moved(six, [int(one.ip) for one in parsed if one is not None]))
        made = [
            text if one is None else _spelt(one, next(moved))
            for text, one in zip(other(encoded.dictionary, entity).to_pylist(), parsed, strict=True)
        ]
        return pc.replace_with_mask(values, which, pa.array(made, pa.string()).take(encoded.indices))

    return mask


def _networks(addresses: Words, moved: Words, nets: pa.Array) -> Words:
    """Give no host to an address that had none beside its `/24`, so that a network stays one."""
    if not pc.any(pc.not_equal(nets, ""), min_count=0).as_py():
        return moved
    length = pc.utf8_slice_codeunits(nets, 1).cast(pa.string())
    bits = pc.cast(pc.if_else(pc.equal(length, ""), str(_V4_BITS), length).fill_null(str(_V4_BITS)), pa.int64())
    free = np.uint64(_V4_BITS) - np.minimum(bits.to_numpy(zero_copy_only=False), _V4_BITS).astype(np.uint64)
    hosts = (np.uint64(1) << free) - np.uint64(1)
    return np.where(addresses & hosts, moved, moved & ~hosts)


def _parsed(text: str | None) -> ipaddress.IPv6Interface | None:
    try:
        return ipaddress.IPv6Interface(text or "-")
    except ValueError:
        return None


def _spelt(before: ipaddress.IPv6Interface, number: int) -> str:
    if before.network.prefixlen == before.max_prefixlen:
        return str(ipaddress.IPv6Address(number))
    if before.ip == before.network.network_address:
        number &= int(before.netmask)
    return f"{ipaddress.IPv6Address(number)}/{before.network.prefixlen}"


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
        distinct = list(set(prefixes))  # few, where addresses are of few networks
        texts = pa.array([f"{length}:{prefix:x}" for prefix in distinct], pa.string())
        turned = (keyed.uniform(texts) & np.uint64(1)).tolist()
        bits = {prefix: bit << (2 * _HALF - 1 - length) for prefix, bit in zip(distinct, turned, strict=True)}
        result = [one ^ bits[prefix] for one, prefix in zip(result, prefixes, strict=True)]
    return result


_PAIR, _FOUR = "[0-9A-Fa-f]{2}", "[0-9A-Fa-f]{4}"
# The forms of a hardware address, and where its twelve digits stand.
_MACS = (
    (rf"^{_PAIR}(?:[:-]{_PAIR}){{5}}$", [at for at in range(17) if at % 3 < 2]),  # noqa: PLR2004  two digits and a sign
    (rf"^{_FOUR}(?:\.{_FOUR}){{2}}$", [at for at in range(14) if at % 5 < 4]),  # noqa: PLR2004  four and a dot
    (rf"^(?:{_PAIR}){{6}}$", list(range(12))),
)
_VENDOR_DIGITS = 6
_NO_VENDOR = b"02"  # the first byte of addresses that no vendor gave out: IEEE 802, section 8.4
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_OF_HEX = np.zeros(256, dtype=np.uint64)
_OF_HEX[list(b"0123456789abcdef")] = _OF_HEX[list(b"0123456789ABCDEF")] = np.arange(16)
_SMALL = np.uint8(0x20)


def _build_mac(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    keeps_vendor = options["vendor"] == "keep"
    other, permuted = shape_mask(keyed.sub("other"), context, Shape.CODE), keyed.sub("mac")

    def mask(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        made, done = values, pc.fill_null(pc.equal(values, ""), True)
        for form, places in _MACS:
            is_mac = pc.fill_null(pc.match_substring_regex(values, form), False)
            found = rows_of(values.filter(is_mac))
            if found is not None:
                made = pc.replace_with_mask(
                    made, is_mac, fixed_width(_moved_mac(permuted, found, places, keeps_vendor))
                )
                done = pc.or_(done, is_mac)
        if pc.all(done, min_count=0).as_py():
            return made
        if context.type.kind is not Kind.TEXT:
            raise MaskError("a value is no hardware address")
        return pc.if_else(done, made, other(values, entity))

    return mask


def _moved_mac(keyed: KeyedFunction, found: Bytes, places: list[int], keeps_vendor: bool) -> Bytes:
    """Give addresses of one form with other digits, in capitals where there were some; all signs stay."""
    result = found.copy()
    varying = places[_VENDOR_DIGITS:] if keeps_vendor else places[len(_NO_VENDOR) :]
    number = np.zeros(len(found), dtype=np.uint64)
    for place in varying:
        number = number << np.uint64(4) | _OF_HEX.take(found[:, place])
    moved = Permutation(keyed, 1 << 4 * len(varying)).move(number)
    small = np.where(((found >= ord("A")) & (found <= ord("F"))).any(axis=1), np.uint8(0), _SMALL)
    for place in reversed(varying):
        digit = _HEX.take((moved & np.uint64(15)).view(np.int64))
        result[:, place] = np.where(digit > ord("9"), digit & ~_SMALL | small, digit)
        moved >>= np.uint64(4)
    if not keeps_vendor:
        result[:, places[: len(_NO_VENDOR)]] = np.frombuffer(_NO_VENDOR, dtype=np.uint8)
    return result


_DOMAIN = ".example.com"  # reserved for documentation: RFC 2606, section 3
_HOST_WIDTH = 16


def _hosts(keyed: KeyedFunction, hosts: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(
        fixed_width(base32.spell(keyed.prf(canonical.folded(hosts)), _HOST_WIDTH)), _DOMAIN, ""
    )


def _build_host(keyed: KeyedFunction, _options: Options, _context: ColumnContext) -> MaskFunction:
    return lambda values, _entity: keep_blank(values, _hosts(keyed, values))


def _room_for(width: int, what: str) -> Check:
    def fits(_options: Options, context: ColumnContext) -> str | None:
        limit = context.type.length
        return f"{what} needs {width} characters, and the column holds {limit}" if limit and limit < width else None

    return fits


_URL = r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?:[^/?#@]*@)?(?P<host>[^/?#:@\[\]]+|\[[0-9A-Fa-f:.]+\])(?P<port>:[0-9]+)?(?P<rest>(?s:.*))$"


def _compose_url(keyed: KeyedFunction, _options: Options, context: ColumnContext, build: PartBuild) -> MaskFunction:
    host, scrambled = build(_URL_PARTS["host"]), build(_URL_PARTS["rest"])
    limit = context.type.length
    del keyed

    def mask(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        fields = pc.extract_regex(values, _URL)
        scheme, port, rest = (fields.field(name) for name in ("scheme", "port", "rest"))
        made = pc.binary_join_element_wise(
            scheme, host(fields.field("host"), entity), port, scrambled(rest, entity), ""
        )
        made = pc.if_else(pc.is_valid(fields), made, scrambled(values, entity))
        return keep_blank(values, made if limit is None else pc.utf8_slice_codeunits(made, 0, limit))

    return mask


_URL_PARTS = {"host": Part("host", {}), "rest": Part("scramble", {})}

_USER_AGENTS = Pool(pa.array([
    f"Mozilla/5.0 ({system}) {browser}"
    for system in (
        "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64",
        "Linux; Android 10; K", "iPhone; CPU iPhone OS 17_5 like Mac OS X", "iPad; CPU OS 17_5 like Mac OS X",
    )
    for browser in (
        "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
        "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
        "Gecko/20100101 Firefox/127.0",
    )
]))  # fmt: skip


def _build_user_agent(keyed: KeyedFunction, _options: Options, context: ColumnContext) -> MaskFunction:
    pool = _USER_AGENTS.fitting(context.type.length)

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        seen = canonical.folded(values)
        return keep_blank(values, pool.drawn(pool.index(keyed.uniform(seen), 0, _V4_BITS), seen))

    return mask


_LONGEST_V4 = 15

DEFINITIONS = (
    MaskDefinition(
        name="host",
        summary="The name of a host that is nowhere, in a domain reserved for examples.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(),
        domain="host",
        build=_build_host,
        fits=_room_for(_HOST_WIDTH + len(_DOMAIN), "the name of a host"),
    ),
    MaskDefinition(
        name="ip",
        summary="Another IP address; those of one network stay in one, whatever its size.",
        kinds=frozenset({Kind.TEXT, Kind.NETWORK}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(),
        domain="ip",
        version=2,
        build=_build,
        fits=_room_for(_LONGEST_V4, "an address"),
        outgrows=True,
        reads=matching(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:/[0-9]{1,3})?"),
    ),
    MaskDefinition(
        name="mac",
        summary="Another hardware address in the same form, of the same vendor.",
        kinds=frozenset({Kind.TEXT, Kind.NETWORK}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL | Promise.KEEPS_LENGTH,
        parameters=(
            Parameter("vendor", "text", default="keep", choices=("keep", "drop"), summary="the first half of it"),
        ),
        domain="mac",
        build=_build_mac,
        reads=matching("|".join(form for form, _ in _MACS)),
    ),
    MaskDefinition(
        name="url",
        summary="The scheme, another host, and other letters and digits after it; no user and no password.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(),
        domain="url",
        build=needs_parts,
        compose=_compose_url,
        parts=lambda _options: _URL_PARTS,
        reads=matching(_URL),
    ),
    MaskDefinition(
        name="user_agent",
        summary="What some browser says of itself.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(),
        domain="user_agent",
        build=_build_user_agent,
        fits=has_room,
    ),
)
