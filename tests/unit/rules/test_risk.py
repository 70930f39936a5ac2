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


def test_a_number_under_noise() -> None:
    found = people(salary=MONEY)
    assert told(found, salary=MaskRule("noise")) == [("DM218", "people.salary")]
    assert told(found, salary=MaskRule("ordered_noise", {"step": 10})) == [("DM218", "people.salary")]
    assert told(found, salary=MaskRule("bucket", {"size": 1000, "top": 9000})) == []


def test_a_function_of_ones_own() -> None:
    function = MaskRule("python", {"function": "tests.python_masks:backwards"})
    assert told(people(name=TEXT), name=function) == [("DM221", "people.name")]


def test_attributes_that_are_kept_beside_a_masked_name() -> None:
    found = people(name=TEXT, birth_date=DATE, zip_code=varchar(9), sex=varchar(1), shoe=INT)
    assert told(found, name=MaskRule("full_name")) == [("DM219", "people")]
    assert told(found) == []  # nobody is hidden here
    generalised = {"birth_date": MaskRule("date_truncate"), "zip_code": MaskRule("prefix")}
    assert told(found, name=MaskRule("full_name"), **generalised) == []


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


def test_a_kept_text_of_which_a_check_lists_the_words_repeats_nothing() -> None:
    found = people(email=TEXT, stage=TEXT, brief=TEXT, bio=TEXT)
    checks = (
        Check("stages", "stage IN ('new', 'done')", ("stage",), "postgres"),
        Check("short", "length(brief) <= 40", ("brief",), "postgres"),
        Check("long", "length(bio) <= 4000", ("bio",), "postgres"),
    )
    found = replace(found, tables=(replace(found.tables[0], checks=checks),))
    assert told(found, email=MaskRule("email")) == [("DM220", "people.bio")]
