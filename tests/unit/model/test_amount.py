"""How many of something, in words."""

from dbmimic.model.amount import amount


def test_one_is_one() -> None:
    assert [amount(number, "row") for number in (0, 1, 2, 1000)] == ["0 rows", "1 row", "2 rows", "1,000 rows"]
    assert [amount(number, "sandbox", "sandboxes") for number in (1, 2)] == ["1 sandbox", "2 sandboxes"]
