from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib import resources

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from dbmimic.masks import pools
from dbmimic.masks.definition import ColumnContext, OptionError, Parameter, Promise, left_by
from dbmimic.masks.pinned import pinned
from dbmimic.masks.registry import MaskRegistry, UnknownMaskError, builtin
from dbmimic.model.address import Secret
from dbmimic.model.types import Kind, LogicalType

NAMES = [
    "api_key",
    "array",
    "balanced_noise",
    "bic",
    "bucket",
    "city",
    "code",
    "company",
    "composite",
    "constant",
    "date_shift",
    "date_truncate",
    "email",
    "faker",
    "fictitious_phone",
    "file",
    "first_name",
    "free_text",
    "full_name",
    "gender",
    "hash",
    "host",
    "hstore",
    "iban",
    "integer_key",
    "ip",
    "job_title",
    "json",
    "last_name",
    "location",
    "mac",
    "national_id",
    "noise",
    "null",
    "ordered_noise",
    "password",
    "pattern",
    "payment_card",
    "phone",
    "place",
    "postal_code",
    "prefix",
    "python",
    "redact",
    "resample",
    "round",
    "scramble",
    "sealed",
    "shuffle",
    "ssn",
    "street_address",
    "template",
    "token",
    "ulid",
    "url",
    "user_agent",
    "username",
    "xml",
]


REQUIRED = {
    "json": {"keys": {"email": "email"}},
    "array": {"each": "email"},
    "place": {"part": "latitude", "entity": "id"},
    "composite": {"fields": {1: "email"}},
    "hstore": {"keys": {"a": "email"}},
    "xml": {"rest": "scramble"},
    "bucket": {"size": 10},
    "ordered_noise": {"step": 100},
    "round": {"to": 100},
    "constant": {"value": "x"},
    "faker": {"provider": "name"},
    "fictitious_phone": {"country": "US"},
    "gender": {"scope": "row"},
    "national_id": {"country": "ES"},
    "pattern": {"pattern": r"\w{16}"},
    "python": {"function": "tests.python_masks:backwards"},
    "template": {"template": "{a|lower}-{#}"},
}  # options that a mask needs


class TestRegistry:
    def test_holds_the_promised_masks(self):
        assert builtin().names() == tuple(NAMES)

    def test_an_unknown_name_gets_the_nearest(self):
        with pytest.raises(UnknownMaskError, match="did you mean 'email'") as caught:
            builtin().get("emial")
        assert caught.value.nearest == "email"
        with pytest.raises(UnknownMaskError) as caught:
            builtin().get("qqqqqq")
        assert caught.value.nearest is None

    def test_a_name_stands_once(self):
        registry = builtin()
        with pytest.raises(ValueError, match="two masks are named 'email'"):
            registry.with_([registry.get("email")])

    def test_with_more_masks_the_first_registry_stays_as_it_is(self):
        registry = builtin()
        more = registry.with_([replace(registry.get("token"), name="ticket")])
        assert "ticket" in more.names()
        assert "ticket" not in registry.names()
        assert MaskRegistry([]).names() == ()

    @pytest.mark.parametrize("name", NAMES)
    def test_every_mask_explains_itself(self, name):
        definition = builtin().get(name)
        assert definition.summary.endswith(".")
        assert all(parameter.summary for parameter in definition.parameters)
        assert definition.domain

    @pytest.mark.parametrize("name", NAMES)
    def test_promises_do_not_contradict_each_other(self, name):
        promises = builtin().get(name).promises
        if Promise.KEY_SAFE in promises:
            assert Promise.UNIQUE in promises
            assert Promise.KEEPS_NULL in promises
        if Promise.REVERSIBLE in promises:
            assert Promise.LOSSY not in promises

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("kind", list(Kind))
    def test_every_kind_is_taken_or_refused_with_a_sentence(self, name, kind):
        definition = builtin().get(name)
        options = REQUIRED.get(name, {})
        answer = definition.check(definition.parse(options), ColumnContext(LogicalType(kind), True, False))
        assert answer is None or len(answer) > 20
        if kind not in definition.kinds:
            assert answer is not None

    @pytest.mark.parametrize("name", NAMES)
    def test_a_mask_that_is_not_unique_refuses_a_unique_column(self, name):
        definition = builtin().get(name)
        options = REQUIRED.get(name, {})
        answer = definition.check(definition.parse(options), ColumnContext(LogicalType(Kind.TEXT), True, True))
        assert (answer is None) == (Promise.UNIQUE in definition.promises)

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("values", [[], [None], [None, None, ""]])
    def test_nothing_to_mask(self, name, values):
        definition = builtin().get(name)
        options = REQUIRED.get(name, {})
        kind = Kind.TEXT if Kind.TEXT in definition.kinds else min(definition.kinds)
        context = ColumnContext(LogicalType(kind), True, False)
        mask = builtin().build(name, definition.parse(options), context, Secret(bytes(range(32))), definition.domain)
        masked = mask(pa.array(values, pa.string()), None)
        assert masked.type == pa.string()
        assert masked.to_pylist() == ([None] * len(values) if name == "null" else values)


class TestOptions:
    def test_defaults_are_filled_in(self):
        kept = {"keep_weekday": False, "keep_year": False}
        assert builtin().get("date_shift").parse({}) == {"days": 30, "entity": None, **kept}
        assert builtin().get("date_shift").parse({"days": 7}) == {"days": 7, "entity": None, **kept}

    @pytest.mark.parametrize(
        ("name", "options", "option", "message"),
        [
            ("token", {"prefx": "a"}, "prefx", "has no option 'prefx'; did you mean 'prefix'"),
            ("token", {"zzz": 1}, "zzz", "it takes: prefix, length, fold"),
            ("postal_code", {"locale": "de"}, "locale", "takes no options of its own"),
            ("constant", {}, "value", "needs option 'value'"),
            ("constant", {"value": None}, "value", "needs option 'value'"),
            ("date_shift", {"days": "30"}, "days", "must be a whole number"),
            ("date_shift", {"days": True}, "days", "must be a whole number"),
            ("date_shift", {"days": 1.5}, "days", "must be a whole number"),
            ("date_shift", {"days": 0}, "days", "at least 1"),
            ("date_shift", {"days": 99_999}, "days", "at most 36500"),
            ("date_shift", {"entity": 5}, "entity", "must be the name of a column"),
            ("email", {"keep_domain": "yes"}, "keep_domain", "must be true or false"),
            ("token", {"prefix": "x" * 65}, "prefix", "at most 64 characters"),
            ("faker", {"locale": "de_DE"}, "provider", "needs option 'provider'"),
        ],
    )
    def test_unfit_options_are_refused(self, name, options, option, message):
        with pytest.raises(OptionError, match=message) as caught:
            builtin().get(name).parse(options)
        assert caught.value.option == option

    def test_choices_and_numbers(self):
        assert Parameter("ratio", "number", minimum=0, maximum=1).read(0.5) == 0.5
        with pytest.raises(OptionError, match="one of: a, b"):
            Parameter("form", "text", choices=("a", "b")).read("c")
        assert Parameter("items", "list").read([1]) == [1]


class TestExcept:
    """`except` is an option of every mask."""

    def test_values_stay_as_they_are(self, apply):
        values = ["admin@shop.test", "Admin@shop.test", "ann@x.org", None, ""]
        kept, other, ann, *blank = apply("email", values, **{"except": ["admin@shop.test"]})
        assert (kept, blank) == ("admin@shop.test", [None, ""])
        assert other != "Admin@shop.test"
        assert [ann] == apply("email", ["ann@x.org"])

    def test_numbers_and_padded_text(self, apply):
        column = LogicalType(Kind.INTEGER, bits=31)
        assert apply("integer_key", ["7", "8"], column, **{"except": [7]})[0] == "7"
        assert apply("code", ["AB  "], LogicalType(Kind.TEXT, length=4, padded=True), **{"except": ["AB"]}) == ["AB  "]

    @pytest.mark.parametrize("name", NAMES)
    def test_every_mask_takes_it(self, name):
        definition = builtin().get(name)
        assert definition.parse({**REQUIRED.get(name, {}), "except": ["a", 1]})["except"] == ("a", "1")

    @pytest.mark.parametrize("values", [[], [True], [1.5], [None], "admin", {"a": 1}])
    def test_other_lists_are_refused(self, values):
        with pytest.raises(OptionError, match="'except'"):
            builtin().get("email").parse({"except": values})

    def test_a_unique_column_refuses_it(self, refusal):
        assert "'except'" in refusal("email", unique=True, **{"except": ["a"]})

    @pytest.mark.parametrize("value", ["a.b c-d#\\", "é+*", "(x)[y]{z}^$|"])
    def test_what_it_leaves_is_told_as_an_expression(self, value):
        definition = builtin().get("date_shift")
        expression = f"^(?:{left_by(definition, definition.parse({'except': [value]}))})?$"
        values = pa.array([value, value + " ", value + "x", "infinity", ""])
        assert pc.match_substring_regex(values, expression).to_pylist() == [True, True, False, True, True]


class TestPools:
    @pytest.mark.parametrize("file", sorted(pools.DIGESTS))
    def test_files_are_the_pinned_ones(self, file):
        body = resources.files("dbmimic.masks").joinpath("pools", file).read_bytes()
        assert hashlib.sha256(body).hexdigest() == pools.DIGESTS[file]

    @pytest.mark.parametrize("file", sorted(pools.DIGESTS))
    def test_entries_are_ascii_ordered_and_different(self, file):
        entries = pools.load(file.split(".")[0]).entries.to_pylist()
        assert len(entries) >= (6700 if "male." in file else 10_000)
        assert len({entry.lower() for entry in entries}) == len(entries)
        assert all(entry.isascii() and entry == entry.strip() and entry for entry in entries)

    def test_every_file_is_pinned(self):
        folders = [resources.files("dbmimic.masks").joinpath(name) for name in ("pools", "tables")]
        assert {item.name for folder in folders for item in folder.iterdir()} == set(pinned(builtin(), None).pools)

    @pytest.mark.parametrize("limit", range(1, 26))
    def test_what_fits_a_column_fits(self, limit):
        for file in pools.DIGESTS:
            fitting = pools.load(file.split(".")[0]).fitting(limit)
            assert len(fitting) >= 20
            assert fitting.longest <= limit
            assert len(set(fitting.lower.to_pylist())) == len(fitting)

    def test_the_next_entry_of_the_last_is_the_first(self):
        pool = pools.Pool(pa.array(["Anna", "Bert"]))
        assert pool.next(pa.array([0, 1], pa.uint64()).to_numpy()).tolist() == [1, 0]
