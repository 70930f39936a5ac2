"""A first configuration for a schema, as YAML text that is ready to be filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

import yaml

from dbmimic.config.load import STARTING_PACKS
from dbmimic.model.names import ColumnId
from dbmimic.model.schema import Column, Schema, Table

_PLAIN_KEY = re.compile(r"[A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)*\Z", re.ASCII)
_WORDS = {"null", "true", "false"}  # no text to YAML without quotes

_HEAD = """\
# What dbmimic copies, from where to where, and what happens to each column.

# ${NAME} is taken from the environment; file:PATH and cmd:COMMAND are followed, too. Passwords do not belong here.
source: ${DBMIMIC_SOURCE}
target: ${DBMIMIC_TARGET}     # is replaced by the copy
secret: ${DBMIMIC_SECRET}     # `dbmimic key new` prints one
"""

_RULES = f"""\
rules:
  # structure keeps what the schema alone explains, people masks what its name alone gives away.
  extends: [{", ".join(STARTING_PACKS)}]
  # A column that nothing decides stops the run before a row is read.
  default: fail
"""


def starter(schema: Schema, undecided: Sequence[ColumnId]) -> str:
    """
    Give a first configuration: references to the environment, an example of a slice, and a line for each undecided
    column, commented out and ready to be decided.

    The text loads as it is. Each id in `undecided` names a column of `schema`.
    """
    return "\n".join([_HEAD, *_slice(schema), _RULES.rstrip("\n"), *_columns(schema, undecided), ""])


def _slice(schema: Schema) -> Iterator[str]:
    yield "# Which rows to copy. Without this section every row is copied."
    example = _example(schema)
    if example is not None:
        yield "# slice:"
        yield "#   seeds:"
        yield f"#     - {{table: {_scalar(str(example.id))}, percent: 5}}"
        yield "#   children: follow     # stop: only what the seeds need"
    yield ""


def _example(schema: Schema) -> Table | None:
    """Give the largest table that has a primary key, the first by name among equals."""
    fit = [table for table in schema.tables if table.holds_rows and table.primary_key is not None]
    return min(fit, key=lambda table: (-table.estimated_rows, table.id), default=None)


def _columns(schema: Schema, undecided: Sequence[ColumnId]) -> Iterator[str]:
    if not undecided:
        yield "  columns: {}"
        return
    yield f"  # Still to be decided: {len(undecided)}. Take the '# ' away and choose a mask, or keep and say why."
    yield "  columns:"
    for table, columns in groupby(undecided, key=lambda column: column.table):
        yield ""
        yield f"    # {_scalar(str(table))}"
        for column in columns:
            yield f"    # {_line(column, schema.table(table))}"


def _line(id_: ColumnId, table: Table) -> str:
    column = table.column(id_.name)
    shown = "" if column is None else f"   # {_described(column)}"
    return f'{_scalar(str(id_))}: redact | {{keep: "..."}}{shown}'


def _described(column: Column) -> str:
    words = " ".join("".join(char if char.isprintable() else " " for char in column.type).split())
    return f"{words}, {'nullable' if column.nullable else 'not null'}"


def _scalar(text: str) -> str:
    """Give the name as a YAML scalar on one line, in quotes unless it is plainly safe without."""
    if _PLAIN_KEY.match(text) and text.lower() not in _WORDS:
        return text
    return str(yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf"))).rstrip("\n")
