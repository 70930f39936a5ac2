"""The JSON Schema of the configuration file, for editors."""

from __future__ import annotations

from dbmimic.config.models import ConfigForm

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, object]:
    """
    Give the JSON Schema (draft 2020-12) of the configuration file, with a description of every key.

    It is made from the models that check the file. It allows what `load` allows and a little more: which keys of a
    seed exclude each other is for `load` to say.
    """
    schema = ConfigForm.model_json_schema()
    rules = schema["$defs"]["RulesForm"]["properties"]
    rules["default"] = _or_null(rules["default"])
    rules["columns"]["additionalProperties"] = _or_null(rules["columns"]["additionalProperties"])
    cleaned = {key: _cleaned(value) for key, value in schema.items() if key != "title"}
    return {"$schema": _DIALECT, "title": "dbmimic configuration", **cleaned}


def _or_null(node: object) -> dict[str, object]:
    """Allow the word `null` without quotes, which names a mask here and is no text to YAML."""
    return {"anyOf": [node, {"type": "null"}]}


def _cleaned(node: object) -> object:
    """Take out the titles, which pydantic makes from names, and the defaults that are objects."""
    if isinstance(node, list):
        return [_cleaned(item) for item in node]
    if not isinstance(node, dict):
        return node
    named = "properties" in node
    return {
        key: {name: _cleaned(value) for name, value in item.items()}
        if named and key == "properties"
        else _cleaned(item)
        for key, item in node.items()
        if not (key == "title" and isinstance(item, str)) and not (key == "default" and isinstance(item, dict))
    }
