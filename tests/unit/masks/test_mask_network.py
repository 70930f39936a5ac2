from __future__ import annotations

import ipaddress
import re

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


def test_a_network_without_a_host_stays_one(apply):
    """As PostgreSQL's `cidr` wants it."""
    nets = ["10.1.2.0/24", "10.0.0.0/8", "0.0.0.0/0", "10.1.2.3/32", "10.1.2.3", "2001:db8::/32", "2001:db8::1/128"]
    made = apply("ip", nets, LogicalType(Kind.NETWORK))
    networks = list(map(ipaddress.ip_network, made))
    assert [network.prefixlen for network in networks] == [24, 8, 0, 32, 32, 32, 128]
    assert networks[0].subnet_of(networks[1])
    assert not set(made) & set(nets[:2] + nets[3:])
    (host,) = apply("ip", ["10.1.2.7/24"], LogicalType(Kind.NETWORK))
    assert ipaddress.ip_interface(host).network == networks[0]


def test_a_text_that_is_no_address_keeps_its_shape(apply):
    host, much = apply("ip", ["host-12", "999.1.1.1"])
    assert host != "host-12"
    assert len(host) == 7
    assert much != "999.1.1.1"


def test_an_address_column_holds_addresses(apply):
    assert apply("ip", [None, ""], LogicalType(Kind.NETWORK)) == [None, ""]
    with pytest.raises(MaskError):
        apply("ip", ["nonsense"], LogicalType(Kind.NETWORK))


class TestMac:
    @pytest.mark.parametrize(
        "value", ["00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7", "001b.4411.3ab7", "001b44113ab7", "00:1b-44:11:3a:b7"]
    )
    def test_form_and_vendor_stay(self, apply, value):
        (made,) = apply("mac", [value])
        assert re.sub("[0-9a-fA-F]", "", made) == re.sub("[0-9a-fA-F]", "", value)
        assert re.sub("[^0-9a-fA-F]", "", made)[:6] == re.sub("[^0-9a-fA-F]", "", value)[:6]
        assert made != value
        assert made in {made.lower(), made.upper()}

    def test_one_address_in_all_its_forms_becomes_one(self, apply):
        forms = ["00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7", "001b.4411.3ab7", "001B44113AB7"]
        assert len({re.sub("[^0-9a-f]", "", made.lower()) for made in apply("mac", forms)}) == 1

    def test_different_ones_stay_different(self, apply):
        assert len(set(apply("mac", [f"001b44{number:06x}" for number in range(5000)]))) == 5000

    def test_without_its_vendor_nobody_gave_it_out(self, apply):
        assert apply("mac", ["00:1b:44:11:3a:b7"], vendor="drop")[0].startswith("02:")

    def test_what_is_none(self, apply):
        made, empty, none = apply("mac", ["Port 12", "", None])
        assert re.fullmatch("[A-Z][a-z]{3} [0-9]{2}", made)
        assert (empty, none) == ("", None)
        with pytest.raises(MaskError, match="no hardware address"):
            apply("mac", ["Port 12"], LogicalType(Kind.NETWORK))


class TestHostAndUrl:
    def test_a_host_is_one_in_whatever_case(self, apply):
        one, other, third = apply("host", ["db1.Corp.net", "DB1.corp.net", "db2.corp.net"])
        assert one == other != third
        assert one.endswith(".example.com")

    def test_a_url_keeps_its_form_and_loses_its_user(self, apply):
        (made,) = apply("url", ["https://ann:pw@Shop.net:8443/orders/17?token=aB3#top"])
        (host,) = apply("host", ["shop.net"])
        assert re.fullmatch(rf"https://{host}:8443/[a-z]{{6}}/[0-9]{{2}}\?[a-z]{{5}}=[a-z][A-Z][0-9]#[a-z]{{3}}", made)

    def test_what_is_no_url_is_scrambled(self, apply):
        values = ["see page 12", "", None, "mailto:ann@x.org"]
        assert apply("url", values)[0] == apply("scramble", values)[0]
        assert apply("url", values)[1:3] == ["", None]
        assert "ann" not in apply("url", values)[3]

    def test_fits_the_column(self, apply, refusal):
        column = LogicalType(Kind.TEXT, length=20)
        assert len(apply("url", ["http://a.b/"], column)[0]) == 20
        assert "28 characters" in refusal("host", column)
