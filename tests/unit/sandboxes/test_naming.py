"""Names of databases from names of branches: what every engine takes, and never one for two."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmimic.errors import UsageError
from dbmimic.sandboxes.naming import account_name, checked, database_name

BRANCHES = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=120).filter(str.strip)


@given(BRANCHES, BRANCHES, st.sampled_from([32, 63, 64, 100]))
def test_every_branch_has_a_name_of_its_own(one: str, other: str, longest: int) -> None:
    for give in (database_name, account_name):
        names = {give("Shop Ünit", branch, longest) for branch in (one, other)}
        assert len(names) == len({one, other})
        for name in names:
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
            assert len(name.encode()) <= longest


def test_names_that_fold_or_shorten_alike_are_two() -> None:
    long = "feature/" + "x" * 100
    alike = [("a/b", "a-b"), ("Main", "main"), (long + "1", long + "2"), ("ü", "u"), ("日本", "中国")]
    for one, other in alike:
        assert database_name("shop", one, 63) != database_name("shop", other, 63)
    assert account_name("shop", "main", 32) != account_name("other_shop", "main", 32)


def test_the_branch_can_be_read_in_the_name() -> None:
    assert database_name("shop", "feature/Log-in", 63).startswith("shop_dbmimic_feature_log_in_")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0", "x" * 256])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="a sandbox's name has"):
        checked(name)
