"""The options that every mask takes: what becomes of NULL, of nothing, of what cannot be read; for which rows."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmimic.masks.definition import ColumnContext, MaskError, OptionError
from dbmimic.masks.registry import builtin
from dbmimic.model.address import Secret
from dbmimic.model.types import Kind, LogicalType

SECRET = Secret(bytes(range(32)))
TEXT = LogicalType(Kind.TEXT)
DATE = LogicalType(Kind.DATE)
MONEY = LogicalType(Kind.DECIMAL, precision=30, scale=2)
REGISTRY = builtin()
READERS = [name for name in REGISTRY.names() if REGISTRY.get(name).gaps or REGISTRY.get(name).reads]
NEEDED = {"national_id": {"country": "ES"}, "bucket": {"size": 10}, "fictitious_phone": {"country": "US"}}


def bound(name, values, column=TEXT, *, entity=None, nullable=True, **options):
    """Give what a bound mask makes of the values, and how many of them it could not read."""
    counts: list[int] = []
    definition = REGISTRY.get(name)
    parsed = definition.parse({**NEEDED.get(name, {}), **options})
    context = ColumnContext(column, nullable, unique=False)
    assert REGISTRY.misfit(name, parsed, context) is None
    mask = REGISTRY.bind(name, parsed, context, SECRET, definition.domain, counts.append)
    beside = None if entity is None else pa.array(entity, pa.string())
    made = mask(pa.array(values, pa.string()), beside)
    made.validate(full=True)
    assert made.type == pa.string()
    return made.to_pylist(), sum(counts)


class TestInvalid:
    def test_by_default_it_is_scrambled_and_counted(self):
        (first, other), count = bound("date_shift", ["soon", "2024-05-05"])
        assert first != "soon"
        assert len(first) == 4
        assert other.startswith("2024-0")
        assert count == 1

    def test_what_scrambling_would_leave_is_redacted(self):
        assert bound("date_shift", ["-", "--"], LogicalType(Kind.TEXT, length=4)) == (["reda", "reda"], 2)

    def test_in_a_column_of_another_type_a_neutral_value_stands_for_it(self):
        assert bound("date_shift", ["2024-00-00", None], DATE, nullable=False) == (["2000-01-01", None], 1)
        assert bound("noise", ["9" * 30 + ".00", "5.00"], MONEY)[0][0] == "0"

    @pytest.mark.parametrize(
        ("name", "bad"),
        [
            ("iban", "no account"), ("iban", "DE00"), ("bic", "deut"), ("ssn", "unknown"), ("ip", "localhost"),
            ("payment_card", "n/a"), ("email", "nobody"), ("phone", "n/a"), ("national_id", "12"),
            ("mac", "n/a"), ("url", "mailto:a@b.test"), ("location", "at home"),
            ("date_shift", "soon"), ("date_truncate", "2024-13-01"), ("date_shift", "x" * 10_000_000),
        ],
    )  # fmt: skip
    def test_each_policy(self, name, bad):
        (made,), count = bound(name, [bad])
        assert made not in {bad, None}
        assert count == 1
        assert bound(name, [bad, None, ""], invalid="null") == ([None, None, ""], 1)
        with pytest.raises(MaskError) as caught:
            bound(name, [bad], invalid="fail")
        assert bad not in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "good"),
        [
            ("iban", "GB82 WEST 1234 5698 7654 32"), ("bic", "DEUTDEFF500"), ("ssn", "123-45-6789"),
            ("ip", "2001:db8::2/64"), ("ip", "10.0.0.1"), ("payment_card", "4111 1111 1111 1112"), ("email", "a@b"),
            ("phone", "555"), ("national_id", "12345678Z"), ("national_id", "X-1234567-L"), ("date_shift", "2024-01-01"),
            ("mac", "00-1A-2B-3C-4D-5E"), ("url", "https://a@b.test:80/c?d\ne"), ("location", "(52.5, 13.4)"),
        ],
    )  # fmt: skip
    def test_what_can_be_read_is_not_counted_and_masked_as_ever(self, apply, name, good):
        for policy in ("scramble", "null", "fail"):
            assert bound(name, [good, None, ""], invalid=policy) == (
                apply(name, [good, None, ""], **NEEDED.get(name, {})),
                0,
            )

    def test_a_document_that_is_none_is_counted(self):
        options = {"keys": {"born": "date_shift"}}
        made, count = bound("json", ['{"born": "2024-01-01"}', '{"born": "soon"}', "{"], **options)
        assert count == 1
        assert "soon" not in made[1]
        assert "null" not in made[1]
        assert bound("json", ["{"], invalid="null", **options) == ([None], 1)
        assert bound("xml", ["<a>", "", None, "<a>1</a>"], rest="scramble")[1] == 1

    def test_what_is_kept_is_not_counted(self):
        assert bound("date_shift", ["soon"], **{"except": ["soon"]}) == (["soon"], 0)

    @pytest.mark.parametrize("name", READERS)
    @given(
        values=st.lists(st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=30)),
        cut=st.integers(0, 9),
    )
    @settings(max_examples=40, deadline=None)
    def test_nothing_that_a_text_holds_stops_a_run_and_a_batch_is_as_its_parts(self, name, values, cut):
        if Kind.TEXT not in REGISTRY.get(name).kinds:
            return
        whole, count = bound(name, values)
        parts = [bound(name, values[:cut]), bound(name, values[cut:])]
        assert parts[0][0] + parts[1][0] == whole
        assert parts[0][1] + parts[1][1] == count
        assert all(made is not None for value, made in zip(values, whole, strict=True) if value is not None)

    def test_a_mask_that_takes_everything_has_no_use_for_it(self, refusal):
        assert "no meaning" in refusal("token", invalid="null")
        assert "may not be NULL" in refusal("iban", nullable=False, invalid="null")
        with pytest.raises(OptionError, match="one of"):
            REGISTRY.get("iban").parse({"invalid": "keep"})


class TestNullAndEmpty:
    def test_they_stay_unless_told_otherwise(self):
        assert bound("first_name", [None, ""])[0] == [None, ""]

    def test_they_can_be_masked(self):
        made, _ = bound("first_name", [None, "", "Ann"], nulls="mask", empty="mask")
        assert made[0] == made[1]
        assert made[0].isalpha()
        assert made[2] == bound("first_name", ["Ann"])[0][0]
        assert bound("date_shift", [None], DATE, nulls="mask")[0][0][:4] in {"1999", "2000"}
        year = LogicalType(Kind.INTEGER, bits=11, signed=False, years=True)
        assert 1901 <= int(bound("noise", [None], year, nulls="mask")[0][0]) <= 2155
        assert bound("email", ["", None], empty="null") == ([None, None], 0)

    def test_where_nothing_can_stand_in_for_null_it_is_told_before_a_row_is_read(self, refusal):
        assert bound("array", [None], LogicalType(Kind.ARRAY), nulls="mask", each="scramble")[0] == ["{}"]
        said = refusal("composite", LogicalType(Kind.OTHER), nulls="mask", fields={"1": "scramble"})
        assert "stand in for NULL" in said

    @pytest.mark.parametrize("invalid", ["scramble", "null", "fail"])
    def test_what_stands_in_for_them_need_have_no_form(self, invalid):
        (first, second), count = bound("email", [None, ""], nulls="mask", empty="mask", invalid=invalid)
        assert first == second
        assert first.endswith("@example.com")
        assert count == 0

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("ip", {"invalid": "null"}), ("ip", {"except": ["10.0.0.1"]}), ("scramble", {"empty": "mask"}),
            ("city", {"empty": "null"}), ("city", {"scope": "row"}), ("city", {"persona": "id"}),
            ("first_name", {"nulls": "mask"}), ("first_name", {"persona": "id"}), ("date_shift", {}),
        ],
    )  # fmt: skip
    def test_an_engine_that_pads_masks_as_one_that_does_not(self, name, options):
        column = LogicalType(Kind.TEXT, length=44, padded=True)
        values = ["", "10.0.0.1", "Bob", None, "2001:db8::1"]
        padded = [None if value is None else value.ljust(44) for value in values]
        key = list("abcde") if options.keys() & {"scope", "persona"} else None
        plain, count = bound(name, values, column, entity=key, **options)
        filled, as_many = bound(name, padded, column, entity=key, **options)
        assert [value and value.rstrip(" ") for value in filled] == plain
        assert count == as_many

    def test_an_option_of_the_masks_own_goes_first(self):
        assert bound("constant", [None, "a"], value="x", nulls=True)[0] == ["x", "x"]

    def test_where_values_must_differ_nothing_stands_for_nothing(self, refusal):
        assert "unique" in refusal("email", unique=True, nulls="mask")
        assert "unique" in refusal("email", unique=True, empty="mask")
        assert "may not be NULL" in refusal("email", nullable=False, empty="null")


class TestRow:
    def test_equal_values_of_two_rows_differ_and_a_row_stays_as_it_was(self):
        made, _ = bound("last_name", ["Smith"] * 200, entity=map(str, range(200)), scope="row")
        assert len(set(made)) > 150
        assert bound("last_name", ["Smith"], entity=["7"], scope="row")[0] == made[7:8]

    def test_what_a_mask_promises_to_change_is_changed(self):
        names = bound(
            "last_name", ["S"] * 5000, LogicalType(Kind.TEXT, length=1), entity=map(str, range(5000)), scope="row"
        )
        assert len(set(names[0])) > 10
        assert "S" not in names[0]

    def test_a_date_is_its_rows(self):
        made, _ = bound("date_shift", ["2024-05-05"] * 50, DATE, entity=map(str, range(50)), scope="row")
        assert len(set(made)) > 20

    def test_what_hangs_on_the_value_alone_is_refused(self, refusal):
        assert "scope `row`" in refusal("phone", scope="row")
        assert "its row" in refusal("date_shift", DATE, scope="row", entity="id")


def told(name, column, *, key=False, **options):
    """Give what a mask has against a column."""
    parsed = REGISTRY.get(name).parse(options)
    return REGISTRY.misfit(name, parsed, ColumnContext(column, nullable=True, unique=key))


class TestUnique:
    def test_it_can_be_asked_for_and_waived(self):
        assert "unique" in told("first_name", TEXT, unique="require")
        assert "cannot collide" in told("email", LogicalType(Kind.TEXT, length=12), unique="require")
        assert told("email", LogicalType(Kind.TEXT, length=12)) is None
        assert told("first_name", TEXT, key=True, unique="off") is None
        assert "unique" in told("first_name", TEXT, key=True)
