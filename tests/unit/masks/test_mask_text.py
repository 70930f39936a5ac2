from __future__ import annotations

import re

import pytest

from dbmimic.model.types import Kind, LogicalType


class TestScramble:
    def test_keeps_classes_and_length(self, apply):
        (after,) = apply("scramble", ["Dear Mr. Smith, call 555-0100!"])
        assert re.fullmatch(r"[A-Z][a-z]{3} [A-Z][a-z]\. [A-Z][a-z]{4}, [a-z]{4} [0-9]{3}-[0-9]{4}!", after)

    def test_nothing_foreign_stays(self, apply):
        (after,) = apply("scramble", ["Łukasz 東京 🎉"])
        assert after.isascii()
        assert len(after) == 11


class TestPattern:
    @pytest.mark.parametrize("pattern", [r"INV-\d{8}", r"[A-Z]{3}[0-9a-f]{5}", r"\w{20}", r"a\.b\[\d", r"[\d\-x]{4}"])
    def test_gives_what_matches(self, apply, pattern):
        for after in apply("pattern", [str(number) for number in range(200)], pattern=pattern):
            assert re.fullmatch(pattern, after)

    def test_every_character_comes_up(self, apply):
        values = apply("pattern", [str(number) for number in range(500)], pattern="[a-e]")
        assert set(values) == set("abcde")

    @pytest.mark.parametrize("pattern", ["(a|b)", "a*", "[", "a{999}", "é", r"\d{65}", "a+"])
    def test_other_patterns_are_refused(self, refusal, pattern):
        assert "option 'pattern'" in refusal("pattern", pattern=pattern)

    def test_a_unique_column_needs_room(self, refusal):
        assert "80 bits, and this one has 26" in refusal("pattern", unique=True, pattern=r"INV-\d{8}")
        assert refusal("pattern", unique=True, pattern=r"\w{16}") is None
        assert "the column holds 5" in refusal("pattern", LogicalType(Kind.TEXT, length=5), pattern=r"\d{6}")


def test_a_prefix_stays_and_the_rest_is_filled(apply):
    assert apply("prefix", ["SW1A 1AA", "90210", "", None, "Ü2x"]) == ["SW10 000", "90200", "", None, "Ü2x"]
    assert apply("prefix", ["90210"], keep=2, fill="*") == ["90***"]
