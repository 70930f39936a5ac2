"""What rules leave to be recognised is told before a row is read."""

from __future__ import annotations

from dataclasses import replace

from dbmimic.introspect import link
from dbmimic.masks.registry import builtin
from dbmimic.model.ruleset import ColumnRule, KeepRule, MaskRule, RuleLayer, Ruleset
from dbmimic.model.schema import Check, Schema
from dbmimic.model.types import Kind, LogicalType
from dbmimic.rules import resolve, risks
from tests.unit.schemas import BOOLEAN, DATE, INT, TEXT, edge, schema, table, varchar

KEEP = KeepRule("nobody's")
MONEY = LogicalType(Kind.DECIMAL, precision=10, scale=2)
JSON = LogicalType(Kind.JSON)


def told(found: Schema, **rules: KeepRule | MaskRule) -> list[tuple[str, str]]:
    graph = link(found)
    written = [ColumnRule((name,), rule, "dbmimic.yaml:1:1") for name, rule in rules.items()]
    layers = (RuleLayer("own", tuple(written), own=True), RuleLayer("rest", (ColumnRule(("*",), KEEP, "rest:1:1"),)))
    plan = resolve(Ruleset(layers), found, graph, builtin()).settled()
    findings = list(risks(found, graph, plan))
    assert all(finding.hint and finding.severity == "warning" for finding in findings)
    return [(finding.code, finding.place.removeprefix("public.")) for finding in findings]


def people(**columns: LogicalType) -> Schema:
    return schema([table("people", {"id": INT, **columns}, ("id",))])


def test_a_masked_column_of_few_values() -> None:
    found = people(grade=varchar(2), yes=BOOLEAN, country=TEXT, code=varchar(20))
    rules = {name: MaskRule("scramble") for name in ("grade", "country", "code")}
    assert told(found, **rules) == [("DM217", "people.grade"), ("DM217", "people.country")]
    assert told(found, yes=MaskRule("constant", {"value": 1}), grade=MaskRule("redact")) == []
    assert told(found, country=MaskRule("pattern", {"pattern": r"\w{2}", "scope": "row"})) == []


def test_few_values_are_known_by_name_and_by_check_and_are_said_of_the_key_alone() -> None:
    shops = people(BillingCountry=TEXT, ship_state=TEXT, estate=TEXT, stage=TEXT, kind=INT)
    checks = (Check("stages", "stage IN ('new', 'done')", ("stage",), "postgres"),)
    shops = replace(shops, tables=(replace(shops.tables[0], checks=checks),))
    rules = {name: MaskRule("scramble") for name in ("BillingCountry", "ship_state", "estate")}
    rules["stage"] = MaskRule("pattern", {"pattern": "new"})
    assert told(shops, **rules) == [
        ("DM217", "people.BillingCountry"),
        ("DM217", "people.ship_state"),
        ("DM217", "people.stage"),
    ]
    small = LogicalType(Kind.INTEGER, bits=8, signed=False)
    found = schema(
        [table("people", {"id": INT, "kind": small}, ("id",)), table("kinds", {"code": small}, ("code",))],
        edge("people", ("kind",), "kinds", ("code",)),
    )
    assert told(found, code=MaskRule("integer_key")) == []


def test_a_number_under_noise() -> None:
    found = people(salary=MONEY)
    assert told(found, salary=MaskRule("noise")) == [("DM218", "people.salary")]
    assert told(found, salary=MaskRule("ordered_noise", {"step": 10})) == [("DM218", "people.salary")]
    assert told(found, salary=MaskRule("bucket", {"size": 1000, "top": 9000})) == []
    assert told(found, salary=MaskRule("bucket", {"size": 1000})) == [("DM218", "people.salary")]
    assert told(found, salary=MaskRule("round", {"to": 10})) == [("DM218", "people.salary")]


def test_an_amount_that_is_kept_beside_a_name() -> None:
    found = people(name=TEXT, base_salary=MONEY, shoe_size=MONEY)
    assert told(found, name=MaskRule("full_name")) == [("DM218", "people.base_salary")]
    assert told(found) == []


def test_a_function_of_ones_own() -> None:
    function = MaskRule("python", {"function": "tests.python_masks:backwards"})
    assert told(people(name=TEXT), name=function) == [("DM221", "people.name")]


def test_attributes_that_are_kept_beside_a_masked_name() -> None:
    found = people(name=TEXT, birth_date=DATE, zip_code=varchar(9), sex=varchar(1), shoe=INT)
    assert told(found, name=MaskRule("full_name")) == [("DM219", "people")]
    assert told(found) == []  # nobody is hidden here
    generalised = {"birth_date": MaskRule("date_truncate"), "zip_code": MaskRule("prefix")}
    assert told(found, name=MaskRule("full_name"), **generalised) == []


def test_attributes_are_known_however_they_are_spelt_and_a_name_however_it_is_masked() -> None:
    found = people(FirstName=TEXT, BirthDate=DATE, HomePostalCode=TEXT, Country=TEXT)
    assert told(found, FirstName=MaskRule("redact")) == [("DM219", "people")]
    regions = people(first_name=TEXT, state=TEXT, country=TEXT)
    assert told(regions, first_name=MaskRule("first_name")) == []  # no more than where


def test_documents_that_are_kept_beside_masked_columns_and_one_key_away() -> None:
    found = schema(
        [
            table("events", {"id": INT, "who": INT, "payload": JSON, "kind": varchar(20)}, ("id",)),
            table("far", {"id": INT, "event": INT, "notes": TEXT}, ("id",)),
            table("people", {"id": INT, "email": TEXT, "bio": TEXT}, ("id",)),
        ],
        edge("events", ("who",), "people", ("id",)),
        edge("far", ("event",), "events", ("id",)),
    )
    assert told(found, email=MaskRule("email")) == [("DM220", "events.payload"), ("DM220", "people.bio")]
    assert told(found, email=MaskRule("email"), bio=MaskRule("redact"), payload=MaskRule("redact")) == []


def test_what_tells_again_what_stood_elsewhere_is_seen_wherever_it_is() -> None:
    found = schema(
        [
            table("AuditLog", {"id": INT, "row_data": JSON, "path": varchar(255), "notes": varchar(255)}, ("id",)),
            table("prefs", {"id": INT, "settings": JSON}, ("id",)),
            table("people", {"id": INT, "email": TEXT}, ("id",)),
        ]
    )
    assert told(found, email=MaskRule("email")) == [("DM220", "AuditLog.row_data"), ("DM220", "AuditLog.notes")]


def test_a_kept_text_of_which_a_check_lists_the_words_repeats_nothing() -> None:
    found = people(email=TEXT, stage=TEXT, brief=TEXT, bio=TEXT)
    checks = (
        Check("stages", "stage IN ('new', 'done')", ("stage",), "postgres"),
        Check("short", "length(brief) <= 40", ("brief",), "postgres"),
        Check("long", "length(bio) <= 4000", ("bio",), "postgres"),
    )
    found = replace(found, tables=(replace(found.tables[0], checks=checks),))
    assert told(found, email=MaskRule("email")) == [("DM220", "people.bio")]
