"""Masked batches into one table: LOAD DATA from memory, or INSERT where the server does not allow that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pymysql

from dbmimic.engines.mysql import errors, quoting, wire
from dbmimic.engines.mysql.connect import WRITING_MODE
from dbmimic.engines.mysql.rows import ENGINE
from dbmimic.engines.mysql.session import Outcome, Session
from dbmimic.engines.mysql.types import Family, Form
from dbmimic.errors import InternalError, TargetError
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.names import TableId

_NAMED_COLUMN = re.compile(r"column (?:'([^']*)'|(?:`(?:[^`]|``)*`\.)*`((?:[^`]|``)*)`)")
_INSERT_BYTES = 1 << 20
_TRUNCATED = 1265


@dataclass
class Loader:
    """
    Loads one session's current database.

    LOAD DATA LOCAL turns errors in the data into warnings and goes on, so each warning is counted and fails the load.
    """

    session: Session
    _inserts: bool = field(default=False)

    def load(self, layout: Layout, forms: Mapping[str, Form], batches: Iterable[MaskedBatch]) -> int:
        """Load the batches in one transaction and give the number of rows; all of them or none."""
        place = str(layout.table)
        self.session.run(f"SET SESSION sql_mode = '{WRITING_MODE}'", place)
        self.session.run("START TRANSACTION", place)
        total = 0
        try:
            for batch in batches:
                self._put(layout, forms, batch)
                total += batch.row_count
            self.session.run("COMMIT", place)
        except BaseException:
            self._undo()
            raise
        return total

    def _undo(self) -> None:
        try:
            self.session.attempt("ROLLBACK")
        except (pymysql.MySQLError, OSError):
            return  # the connection is gone, and the transaction with it

    def _put(self, layout: Layout, forms: Mapping[str, Form], batch: MaskedBatch) -> None:
        fields = _fields(layout, forms, batch)
        with errors.speaking_of(self.session.side, str(layout.table)):
            outcome = self._sent(layout, fields, batch.row_count)
            if outcome.warnings != _error_values(fields) or outcome.rows != batch.row_count:
                raise self._lossy(layout.table, forms, outcome, batch.row_count)

    def _sent(self, layout: Layout, fields: list[_Field], row_count: int) -> Outcome:
        if not self._inserts and fields:
            try:
                return self.session.upload(_load_statement(layout.leaf, fields), wire.lines([f.values for f in fields]))
            except pymysql.MySQLError as error:
                if errors.number(error) not in errors.NO_LOCAL:
                    raise
                self._inserts = True
        rows = warnings = 0
        longest = int(self.session.value("SELECT @@max_allowed_packet"))
        for statement in _insert_statements(layout.leaf, fields, row_count, min(_INSERT_BYTES, longest // 2)):
            if len(statement) >= longest:
                reason = "a row is larger than the server's max_allowed_packet lets through"
                hint = "set local_infile = ON on the target's server, or raise its max_allowed_packet"
                raise TargetError("DM504", reason, place=str(layout.table), hint=hint)
            outcome = self.session.attempt(statement)
            rows += outcome.rows
            warnings += outcome.warnings
        return Outcome(rows, warnings)

    def _lossy(self, table: TableId, forms: Mapping[str, Form], outcome: Outcome, wanted: int) -> TargetError:
        """Give the error for a load that the server altered, by the first warning's number and column."""
        warnings = self.session.fetch("SHOW WARNINGS LIMIT 1")
        code = int(warnings[0][1]) if warnings else 0
        match = _NAMED_COLUMN.search(str(warnings[0][2])) if warnings else None
        column = (match.group(1) or match.group(2)) if match else ""
        place = str(table.column(column)) if column in forms else str(table)
        if code in errors.DATA_REFUSED:
            reason = errors.DATA_REFUSED[code]
        elif outcome.rows != wanted:
            reason = f"{wanted} rows were sent and {outcome.rows} arrived"
        else:
            reason = "a value does not fit its column"
        return TargetError("DM504", f"{reason} (warning {code})", place=place, hint=errors.FITTING_MASK)


@dataclass(frozen=True, slots=True)
class _Field:
    """One column's values as they are sent, and the expression that stores them."""

    form: Form
    values: pa.Array
    is_text: bool

    def stored(self, variable: str) -> str | None:
        return self.form.from_text(variable) if self.is_text else self.form.from_exact(variable)


def _fields(layout: Layout, forms: Mapping[str, Form], batch: MaskedBatch) -> list[_Field]:
    if batch.tail.engine != ENGINE or not isinstance(batch.tail.body, tuple):
        raise InternalError("DM901", "a payload of another engine cannot be loaded", place=str(layout.table))
    head = [_Field(forms[name], batch.head[name].cast(pa.binary()), is_text=True) for name in layout.head]
    named = zip(layout.tail, batch.tail.body, strict=True)
    return head + [_Field(forms[name], values, is_text=False) for name, values in named]


def _error_values(fields: list[_Field]) -> int:
    """
    Count the values that an ENUM holds where it was given a wrong one: number 0, shown as the empty string.

    Storing one is exact and yet gives one warning; any other warning means that something was lost.
    """
    total = 0
    for each in fields:
        if each.form.family is not Family.ENUM:
            continue
        if each.is_text and "" in each.form.column.logical.members:
            continue
        wrong = pa.scalar(b"" if each.is_text else b"0", pa.binary())
        total += pc.sum(pc.equal(each.values, wrong)).as_py() or 0
    return total


def _load_statement(table: TableId, fields: list[_Field]) -> str:
    targets, settings = [], []
    for index, each in enumerate(fields):
        variable = f"@v{index}"
        expression = each.stored(variable)
        targets.append(each.form.name if expression is None else variable)
        if expression is not None:
            settings.append(f"{each.form.name} = {expression}")
    setting = f" SET {', '.join(settings)}" if settings else ""
    return (
        f"LOAD DATA LOCAL INFILE 'dbmimic' INTO TABLE {quoting.name(table.name)} CHARACTER SET binary "
        r"FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' "
        f"({', '.join(targets)}){setting}"
    )


def _insert_statements(table: TableId, fields: list[_Field], row_count: int, limit: int) -> Iterator[str]:
    """Give INSERTs of at most `limit` bytes where their rows allow it, every value in hexadecimal."""
    prefix = f"INSERT INTO {quoting.name(table.name)} ({quoting.names(f.form.column.name for f in fields)}) VALUES "  # noqa: S608 -- names are quoted
    rows = zip(*(each.values.to_pylist() for each in fields), strict=True) if fields else iter([()] * row_count)
    part: list[str] = []
    size = 0
    for row in rows:
        literals = (_value(each, value) for each, value in zip(fields, row, strict=True))
        literal = f"({', '.join(literals)})"
        if part and len(prefix) + size + len(literal) > limit:
            yield prefix + ",".join(part)
            part, size = [], 0
        part.append(literal)
        size += len(literal) + 1
    if part:
        yield prefix + ",".join(part)


def _value(each: _Field, value: bytes | None) -> str:
    if value is None:
        return "NULL"
    literal = f"CAST(x'{value.hex()}' AS BINARY)"
    return each.stored(literal) or literal
