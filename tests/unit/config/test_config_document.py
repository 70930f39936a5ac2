"""YAML 1.2's core scalars, and places."""

import math

import pytest

from dbmimic.config.document import Blank, read
from dbmimic.errors import Problem


def parsed(text: str) -> object:
    problems: list[Problem] = []
    document = read(text.encode(), "f", {}, problems=problems)
    assert problems == []
    return document.content


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("tRUE", "tRUE"),
        ("'true'", "true"),
        ("null", None),
        ("~", None),
        ("'null'", "null"),
        ("012", 12),
        ("-7", -7),
        ("+7", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("12:30:45", "12:30:45"),
        ("2024-01-31", "2024-01-31"),
        ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", -math.inf),
        (".", "."),
        ("!!str 12", "12"),
        ("=", "="),
        ("1.2.3", "1.2.3"),
    ],
)
def test_scalars_are_those_of_the_core_schema(text, value):
    content = parsed(f"a: {text}\n")
    assert content == {"a": value}
    assert type(content["a"]) is type(value)


def test_nan_is_a_number():
    assert math.isnan(parsed("a: .NaN")["a"])


def test_nothing_is_not_null():
    assert parsed("a:\nb: ~\nc: ''\n") == {"a": Blank.BLANK, "b": None, "c": ""}
    assert parsed("") is Blank.BLANK


def test_keys_are_text_and_merge_keys_mean_nothing():
    assert parsed("1: a\non: b\nnull: c\n<<: {d: e}\n") == {"1": "a", "on": "b", "null": "c", "<<": {"d": "e"}}


def test_a_byte_order_mark_and_other_line_ends_move_no_place():
    document = read(b"\xef\xbb\xbfa: 1\r\nb:\r\n  c: 2\r\n", "f", {}, problems=[])
    assert (document.key_place(("a",)), document.value_place(("b", "c"))) == ("f:1:1", "f:3:6")


def test_places_count_characters():
    document = read("é: {ü: 🙂, b: 1}\n".encode(), "f", {}, problems=[])
    assert document.key_place(("é", "b")) == "f:1:11"


def test_a_place_that_is_not_in_the_file_is_that_of_what_is_around_it():
    document = read(b"a:\n  - {b: 1}\n", "f", {}, problems=[])
    assert document.value_place(("a", 0, "tag-of-a-union", "missing")) == "f:2:5"
