from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmimic.masks.definition import ColumnContext, MaskError, OptionError
from dbmimic.masks.registry import builtin
from dbmimic.model.address import Secret
from dbmimic.model.types import Kind, LogicalType
from tests.golden.mask_vectors import masked

DOCUMENT = LogicalType(Kind.JSON)
REGISTRY = builtin()

texts = st.text('ab"\\/é@.1 {}[],:', max_size=8)
scalars = st.none() | st.integers(-99, 99) | st.floats(allow_nan=False, allow_infinity=False) | texts
keys = st.sampled_from(["a", "ab", "Abc", "b", "c", 'q"uo\\te'])
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


def expected(value: object, part: str | None) -> object:
    """Give what becomes of a document, value by value: the reference. Keys are {"a*": scramble, "b": email}."""
    if isinstance(value, dict):
        return {key: expected(inner, chosen(key, part)) for key, inner in value.items()}
    if isinstance(value, list):
        return [expected(inner, part) for inner in value]
    if part is None or value is None:
        return value
    made = masked(part, {}, {}, [value if isinstance(value, str) else json.dumps(value)])[0]
    if isinstance(value, str):
        return made
    try:
        return json.loads(made)
    except ValueError:
        return made


def chosen(key: str, above: str | None) -> str | None:
    return "scramble" if fnmatchcase(key.casefold(), "a*") else "email" if key == "b" else above


@given(st.lists(documents, max_size=4), st.booleans())
@settings(max_examples=100, deadline=None)
def test_json_is_what_the_reference_gives(values, ascii_only):
    before = [json.dumps(value, ensure_ascii=ascii_only) for value in values]
    after = masked("json", {"keys": {"a*": "scramble", "b": "email"}}, {"kind": "json"}, before)
    assert list(map(json.loads, after)) == [expected(value, None) for value in values]


class TestJson:
    def test_a_value_is_masked_as_in_its_column(self, apply):
        (column,) = apply("email", ["Bob@Example.org"])
        (text,) = apply("json", ['{"to": [{"e": "bob@example.org"}]}'], DOCUMENT, paths={"$.to[*].e": "email"})
        assert json.loads(text)["to"][0]["e"] == column

    def test_what_is_not_masked_stays_letter_by_letter(self, apply):
        text = '{ "n":1.00e+02 ,"big" : 123456789012345678901234567890,  "u":"\\u00e9", "e": "x@y.org" , "e2":[ ] }'
        (after,) = apply("json", [text], DOCUMENT, keys={"e": "redact"})
        assert after == text.replace("x@y.org", "redacted")

    @pytest.mark.parametrize(
        ("path", "after"),
        [
            ("$.a.b", {"a": {"b": "?", "c": "x"}, "l": [["x"], "x"]}),
            ("$.a", {"a": {"b": "?", "c": "?"}, "l": [["x"], "x"]}),
            ("$.*.c", {"a": {"b": "x", "c": "?"}, "l": [["x"], "x"]}),
            ("$['a']['c']", {"a": {"b": "x", "c": "?"}, "l": [["x"], "x"]}),
            ("l[*]", {"a": {"b": "x", "c": "x"}, "l": [["?"], "?"]}),
            ("l[1]", {"a": {"b": "x", "c": "x"}, "l": [["x"], "?"]}),
        ],
    )
    def test_paths(self, apply, path, after):
        document = json.dumps({"a": {"b": "x", "c": "x"}, "l": [["x"], "x"]})
        made = apply("json", [document], DOCUMENT, paths={path: {"mask": "constant", "value": "?"}})
        assert json.loads(made[0]) == after

    def test_a_path_wins_over_a_key_and_a_key_over_what_is_above(self, apply):
        document = '{"p": {"k": "x", "o": "x"}}'
        named = {"keys": {"k": {"mask": "constant", "value": "key"}, "p": {"mask": "constant", "value": "above"}}}
        assert json.loads(apply("json", [document], DOCUMENT, **named)[0]) == {"p": {"k": "key", "o": "above"}}
        named["paths"] = {"$.p.k": {"mask": "constant", "value": "path"}}
        assert json.loads(apply("json", [document], DOCUMENT, **named)[0]) == {"p": {"k": "path", "o": "above"}}

    def test_numbers_stay_numbers_and_truths_become_false(self, apply):
        (after,) = apply("json", ['{"a": [12345, true, null, "7"]}'], DOCUMENT, keys={"a": "code"})
        number, truth, nothing, text = json.loads(after)["a"]
        assert isinstance(number, int)
        assert number != 12345
        assert (truth, nothing) == (False, None)
        assert isinstance(text, str)

    def test_what_is_no_json(self, apply):
        values = ["{not json", '{"a": 1}', None, "", '{"a": 1']
        rules = {"keys": {"b": "email"}}
        scrambled = apply("json", values, **rules)
        assert scrambled[1:4] == values[1:4]
        assert scrambled[0] != values[0]
        assert len(scrambled[0]) == len(values[0])
        assert apply("json", values, invalid="null", **rules) == [None, '{"a": 1}', None, "", None]
        with pytest.raises(MaskError) as caught:
            apply("json", values, invalid="fail", **rules)
        assert "not json" not in str(caught.value)
        with pytest.raises(MaskError):
            apply("json", values, nullable=False, invalid="null", **rules)

    def test_the_rest_may_be_scrambled(self, apply):
        (after,) = apply("json", ['{"note": "Call Bob", "n": 5}'], DOCUMENT, rest="scramble")
        assert json.loads(after)["note"] != "Call Bob"
        assert json.loads(after)["n"] == 5

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({}, "needs `paths` or `keys`"),
            ({"keys": {"e": "emial"}}, "keys: e: there is no mask 'emial'; did you mean 'email'"),
            ({"paths": {"$..e": "email"}}, "is no path"),
            ({"paths": "email"}, "must name a mask for each"),
            ({"keys": {"e": {"mask": "email", "bad": 1}}}, "has no option 'bad'"),
            ({"keys": {"e": {"mask": "email", "length": 3}}}, "an e-mail address needs 8 characters"),
            ({"keys": {"e": ["email"]}}, "must name a mask for 'e'"),
            ({"keys": {"d": {"mask": "json", "keys": {"x": "nothing_at_all"}}}}, "there is no mask"),
        ],
    )
    def test_unfit_options_are_told_of(self, refusal, options, sentence):
        assert sentence in refusal("json", DOCUMENT, **options)

    def test_half_a_character_does_not_stop_a_run(self, apply):
        half, whole = apply(
            "json", ['{"a": "\\ud800Zaphod", "b": "\\ud800"}', '{"a": "\\ud83d\\ude00"}'], paths={"a": "hash"}
        )
        assert "Zaphod" not in half
        assert json.loads(half)["b"] == "\ud800"
        assert json.loads(whole)["a"] == apply("hash", ["\U0001f600"])[0]

    def test_a_deep_document_does_not_break_it(self, apply):
        deep = "[" * 100_000 + "]" * 100_000
        assert apply("json", [deep], keys={"a": "email"})[0] in (deep, "[" * 100_000 + "]" * 100_000)

    def test_a_part_has_its_own_domain_unless_told(self, apply):
        document = '{"e": "a@b.org"}'
        one, other = (
            apply("json", [document], DOCUMENT, keys={"e": spec})
            for spec in ("email", {"mask": "email", "domain": "x"})
        )
        assert one != other

    def test_only_a_registry_builds_it(self):
        with pytest.raises(TypeError):
            builtin().get("json").build(None, {}, None)
        with pytest.raises(OptionError):
            builtin().get("json").parts({"keys": {"e": 1}, "paths": None, "rest": "keep"})


class TestFreeText:
    def test_finds_and_masks_as_columns_do(self, apply):
        text = "Dear Anna Miller, write to anna@example.org or call +1 212 555 0100. IBAN DE89370400440532013000, card 4111-1111-1111-1111."
        (after,) = apply("free_text", [text])
        for name, value in {
            "first_name": "Anna",
            "last_name": "Miller",
            "email": "anna@example.org",
            "phone": "+1 212 555 0100",
            "iban": "DE89370400440532013000",
            "payment_card": "4111-1111-1111-1111",
        }.items():
            assert value not in after
            assert apply(name, [value])[0] in after
        assert after.startswith("Dear ")

    def test_other_text_stays(self, apply):
        text = "Delivered on 2024-05-06 at 10:20, 3 items, v1.2.3, ref AB-12."
        assert apply("free_text", [text]) == [text]

    def test_a_long_number_with_a_plus_is_a_telephone_number_and_no_card(self, apply):
        assert apply("free_text", ["call +493012345678"]) == [f"call {apply('phone', ['+493012345678'])[0]}"]

    def test_one_text_knows_nothing_of_the_next(self, apply):
        """They are looked through as one: what ends one text and what begins the next must not be taken together."""
        texts = [
            "ask Anna",
            "Quayside street",
            "411 11",
            "11 1111",
            "write a",
            "@example.org",
            "Anna\0Quayside 1",
            "+1",
        ]
        assert apply("free_text", texts) == [apply("free_text", [text])[0] for text in texts]
        assert apply("free_text", texts)[1:6] == texts[1:6]

    def test_only_what_is_wanted(self, apply):
        (after,) = apply("free_text", ["Anna anna@example.org"], find=["emails"])
        assert after.startswith("Anna ")
        assert "anna@example.org" not in after

    def test_fits_the_column(self, apply, refusal):
        assert len(apply("free_text", ["a@b.org"], LogicalType(Kind.TEXT, length=20))[0]) == 20
        assert "takes some of" in refusal("free_text", find=["colours"])

    def test_markup_stays(self, apply):
        (mail,) = apply("email", ["ann@x.org"])
        text = '<p class="Note">Write to <a href="mailto:ann@x.org">ann@x.org</a>&nbsp;soon</p>'
        assert apply("free_text", [text]) == [text.replace("ann@x.org", mail)]


def known(texts, row, **options):
    """Give what `free_text` makes of texts, each in a row of these columns: (as it was, as it is in the copy)."""
    definition = REGISTRY.get("free_text")
    parsed = definition.parse({"known": list(row), **options})
    context = ColumnContext(LogicalType(Kind.TEXT), nullable=True, unique=False)
    sides = (
        pa.StructArray.from_arrays(
            [pa.array([pair[side] for pair in pairs], pa.string()) for pairs in row.values()], names=list(row)
        )
        for side in (0, 1)
    )
    beside = pa.StructArray.from_arrays(list(sides), names=["before", "after"])
    mask = REGISTRY.bind("free_text", parsed, context, Secret(bytes(range(32))), "free_text")
    return mask(pa.array(texts, pa.string()), beside).to_pylist()


ZED = ("Zedrick Quopple", "Kate Brown")  # no pool has these names


class TestWhatTheRowHolds:
    @pytest.mark.parametrize(
        ("text", "after"),
        [
            ("Zedrick Quopple called", "Kate Brown called"),
            ("ZEDRICK QUOPPLE's order", "Kate Brown's order"),
            ("Mr Quopple, or Zedrick", "Mr Brown, or Kate"),
            ("Quopples are birds, quopple too", "Quopples are birds, quopple too"),  # other words
            ("<b title='Quopple'>Zedrick</b>", "<b title='Brown'>Kate</b>"),
            ("İ Zedrick Quopple", "İ Kate Brown"),  # in lower case it is longer
        ],
    )
    def test_a_name_becomes_the_one_in_the_copy(self, text, after):
        assert known([text], {"name": [ZED]}) == [after]

    def test_a_column_that_is_named_twice_is_read_once(self):
        definition = REGISTRY.get("free_text")
        assert definition.row(definition.parse({"known": ["name", "mail", "name"]})) == ("name", "mail")

    def test_an_address_becomes_the_one_in_the_copy_and_a_name_in_another_one_goes_with_it(self):
        row = {"name": [("zed", "kate")] * 2, "mail": [("zed@shop.test", "m@example.com")] * 2}
        own, others = known(["to ZED@shop.test, zed", "to zed@home.test"], row)
        assert own == "to m@example.com, kate"
        assert "home.test" not in others
        assert "zed" not in others
        assert "kate" not in others

    def test_each_row_is_its_own_and_what_else_is_found_is_found_as_ever(self, apply):
        texts = ["Zedrick: a@b.org", "Zedrick: a@b.org", "Zed\0rick: a@b.org", None, "", "Quopple a@b.org"]
        names = [ZED, (None, None), ("rick", None), ZED, ZED, ("x", "y")]
        (mail,) = apply("email", ["a@b.org"])
        one, two, three, *rest = known(texts, {"name": [*names[:5], ZED]})
        assert (one, two) == (f"Kate: {mail}", f"Zedrick: {mail}")
        assert three == f"Zed\0redacted: {mail}"
        assert rest == [None, "", f"Brown {mail}"]

    @given(st.lists(st.tuples(st.text("aB 1", max_size=6), st.text("aB 1", max_size=4)), min_size=1, max_size=6))
    @settings(max_examples=60, deadline=None)
    def test_none_of_it_is_left_as_a_word(self, rows):
        texts, names = [text for text, _ in rows], [name for _, name in rows]
        made = known(texts, {"name": [(name, "zzz") for name in names]}, find=["emails"])
        for text, name in zip(made, names, strict=True):
            if len(name.strip()) >= 2:
                pattern = rf"(?<![aB1z]){re.escape(name.strip())}(?![aB1z])"
                assert re.search(pattern, text, re.IGNORECASE) is None
