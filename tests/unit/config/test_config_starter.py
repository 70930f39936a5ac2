"""The first configuration and the JSON Schema: both describe what `load` takes."""

import json
from pathlib import Path

import pytest
import yaml

from dbmimic.config import Overrides, load
from dbmimic.config.models import ConfigForm
from dbmimic.config.schema import json_schema
from dbmimic.config.starter import starter
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.ruleset import MaskRule
from dbmimic.model.schema import Column, Key, Schema, Table
from dbmimic.model.settings import Settings
from dbmimic.model.types import Kind, LogicalType

HOSTILE = ["a b", "a.b", 'a"b', "a'b", "a: b # c", "- a", "null", "a\nb: [", "\x85\u2028\x7f", "🙂", "*", "${X}", "on"]


def table(schema: str, name: str, columns: list[str], rows: int = 0) -> Table:
    made = tuple(Column(column, "enum('x',\n'y')", LogicalType(Kind.TEXT), nullable=True) for column in columns)
    return Table(TableId(schema, name), made, keys=(Key("pk", tuple(columns[:1]), primary=True),), estimated_rows=rows)


def loaded(tmp_path: Path, text: str, **environ: str) -> Settings:
    path = tmp_path / "dbmimic.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, overrides=Overrides(), environ=environ)


def decided(text: str) -> str:
    """Take the comment signs away from the lines of the columns and decide each of them."""
    lines = text.split("\n")
    return "\n".join(
        line.replace("    # ", "    ", 1).partition(" | {keep:")[0] if " | {keep:" in line else line for line in lines
    )


def test_it_loads_as_it_is_and_holds_references_only(tmp_path):
    schema = Schema("postgresql", (table("public", "customers", ["id", "notes"]),))
    text = starter(schema, [ColumnId(TableId("public", "customers"), "notes")])
    settings = loaded(tmp_path, text)

    references = [settings.source, settings.target, settings.secret]
    assert [named.text for named in references if named] == [
        "${DBMIMIC_SOURCE}",
        "${DBMIMIC_TARGET}",
        "${DBMIMIC_SECRET}",
    ]
    assert [Path(layer.name).stem for layer in settings.rules.layers] == ["dbmimic", "people", "structure"]
    assert settings.slice.seeds == ()
    assert "    # public.customers\n" in text
    assert """    # public.customers.notes: redact | {keep: "..."}   # enum('x', 'y'), nullable\n""" in text


def test_the_example_is_the_largest_table_with_a_key_and_loads(tmp_path):
    keyless = Table(TableId("public", "log"), (), estimated_rows=10**6)
    tables = (table("public", "a", ["id"], 5), table("public", "big one", ["id"], 50), keyless)
    text = starter(Schema("postgresql", tables), [])
    start = text.index("# slice:")
    example = "\n".join(line.removeprefix("# ") for line in text[start : text.index("\nrules:")].split("\n"))
    settings = loaded(tmp_path, text.replace(text[start : text.index("\nrules:")], example))
    assert [(seed.table.text, seed.percent) for seed in settings.slice.seeds] == [('public."big one"', 5.0)]


def test_without_tables_or_undecided_columns_it_loads(tmp_path):
    assert loaded(tmp_path, starter(Schema("sqlite", ()), [])).rules.layers[0].columns == ()


@pytest.mark.parametrize("schema_name", ["", "public", "S'\"chema"])
def test_hostile_names_stay_commented_out_and_load_when_decided(tmp_path, schema_name):
    tables = tuple(table(schema_name, name, HOSTILE) for name in HOSTILE)
    undecided = [table_.id.column(column.name) for table_ in tables for column in table_.columns]
    text = starter(Schema("postgresql", tables), undecided)
    assert loaded(tmp_path, text).rules.layers[0].columns == ()

    rules = loaded(tmp_path, decided(text), X="").rules.layers[0].columns
    assert [rule.decision for rule in rules] == [MaskRule("redact")] * len(undecided)
    parts = [(*([schema_name] if schema_name else []), column.table.name, column.name) for column in undecided]
    assert [rule.pattern for rule in rules] == parts


def test_the_schema_describes_every_key_and_is_json():
    schema = json.loads(json.dumps(json_schema()))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(schema["properties"]) == set(ConfigForm.model_fields)
    forms = [
        schema,
        *(
            schema["$defs"][name]
            for name in (
                "SliceForm",
                "SeedForm",
                "CoverForm",
                "CoverTableForm",
                "CoverParentForm",
                "RulesForm",
                "KeepForm",
                "MaskForm",
            )
        ),
    ]
    for form in forms:
        assert form["additionalProperties"] is (form is schema["$defs"]["MaskForm"])
        for name, node in form["properties"].items():
            described = "description" in node or "$ref" in node or "description" in json.dumps(node)
            assert described, name
    assert schema["$defs"]["BudgetForm"]["properties"]["size"]["anyOf"][0]["type"] == ["integer", "string"]


def test_the_schema_takes_a_decision_and_a_default_of_plain_null():
    rules = json_schema()["$defs"]["RulesForm"]["properties"]
    assert {"type": "null"} in rules["default"]["anyOf"]
    assert {"type": "null"} in rules["columns"]["additionalProperties"]["anyOf"]


def test_the_head_is_yaml_to_everybody():
    text = starter(Schema("postgresql", (table("public", "t", ["id"]),)), [])
    assert set(yaml.safe_load(text)) == {"source", "target", "secret", "rules"}
