"""The keys that somebody wrote, as conditions."""

from __future__ import annotations

import re

from dbmimic.engines.mysql import quoting
from dbmimic.engines.mysql.types import Family, Form
from dbmimic.errors import ConfigError
from dbmimic.model.amount import amount
from dbmimic.model.names import TableId
from dbmimic.model.request import IdsSeed
from dbmimic.model.schema import Table
from dbmimic.model.types import Kind

_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def unfit(table: TableId, reason: str, hint: str = "") -> ConfigError:
    """Give the error for a seed that cannot be asked."""
    return ConfigError("DM212", reason, place=str(table), hint=hint)


def conditions(table: Table, seed: IdsSeed, forms: dict[str, Form]) -> list[str]:
    """
    Give conditions that hold for the rows with these keys: primary keys, or the unique key that stands in for one.

    Raises:
        ConfigError: DM212, there is no key, or an id does not fit it.
    """
    key = table.stable_key
    if key is None:
        raise unfit(table.id, "ids are asked for, but the table has no key", "use `where`")
    columns = [forms[name] for name in key.columns]
    conditions = []
    for item in seed.ids:
        if len(item) != len(columns):
            reason = f"an id has {amount(len(item), 'value')}, the key has {len(columns)}"
            raise unfit(table.id, reason, f"give {', '.join(key.columns)}")
        parts = [f"{form.name} = {_literal(table.id, form, value)}" for form, value in zip(columns, item, strict=True)]
        conditions.append(f"({' AND '.join(parts)})")
    return conditions


def _literal(table: TableId, form: Form, value: int | str) -> str:
    if form.family in {Family.NUMBER, Family.BIT, Family.FLOAT, Family.DOUBLE}:
        return _number(table, form, value)
    if form.family is Family.BINARY:
        try:
            return quoting.binary(bytes.fromhex(str(value).removeprefix("0x")))
        except ValueError:
            raise unfit(table, f"an id for {form.column.name} is not hexadecimal", "binary keys are given so") from None
    return quoting.text(str(value))


def _number(table: TableId, form: Form, value: int | str) -> str:
    text = str(value).strip()
    hint = "give the key as it stands in the table"
    if not _NUMBER.fullmatch(text):
        raise unfit(table, f"an id for {form.column.name} is not a number", hint)
    bits = form.column.logical.bits
    if form.column.logical.kind is Kind.INTEGER and bits is not None:
        # The server would round 1.5 or cut a number that is too large, and find another row or none.
        lowest = -(2**bits) if form.column.logical.signed else 0
        if not _WHOLE.fullmatch(text) or not lowest <= int(text) < 2**bits:
            raise unfit(table, f"an id for {form.column.name} is not a whole number that the column can hold", hint)
    return text
