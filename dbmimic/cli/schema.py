"""`dbmimic schema`"""

from __future__ import annotations


def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors."""
    from dbmimic.config.schema import json_schema
    from dbmimic.reporting.json import text

    print(text(json_schema()))
