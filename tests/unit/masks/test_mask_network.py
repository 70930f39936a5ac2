from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmimic.masks.definition import MaskError
from dbmimic.model.types import Kind, LogicalType
from tests.golden.mask_vectors import masked


def shared(one: str, other: str) -> int:
    """Give how many first bits two addresses of one version share."""
    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    return first.max_prefixlen - (int(first) ^ int(second)).bit_length()


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.booleans())
@settings(max_examples=100, deadline=None)
def test_addresses_share_as_many_first_bits_as_before(number, bits, six):
    """Two addresses that differ from some bit on, of version 4 or 6."""
    width = 128 if six else 32
    make = ipaddress.IPv6Address if six else ipaddress.IPv4Address
    number <<= width - 32
    other = number ^ (((1 << (width - bits)) - 1) // 3 | (1 << (width - bits) >> 1))
    before = [str(make(number)), str(make(other))]
    after = masked("ip", {}, {"kind": "network"}, before)
    assert shared(*after) == shared(*before)
    assert len(set(after)) == len(set(before))
    assert ipaddress.ip_address(after[0]).version == (6 if six else 4)


def test_the_length_of_a_network_stays(apply):
    four, six = apply("ip", ["10.0.0.1/24", "2001:db8::1/64"], LogicalType(Kind.NETWORK))
    assert four.endswith("/24")
    assert six.endswith("/64")
    ipaddress.ip_interface(four)
    ipaddress.ip_interface(six)


def test_a_text_that_is_no_address_keeps_its_shape(apply):
    host, much = apply("ip", ["host-12", "999.1.1.1"])
    assert host != "host-12"
    assert len(host) == 7
    assert much != "999.1.1.1"


def test_an_address_column_holds_addresses(apply):
    assert apply("ip", [None, ""], LogicalType(Kind.NETWORK)) == [None, ""]
    with pytest.raises(MaskError):
        apply("ip", ["nonsense"], LogicalType(Kind.NETWORK))
