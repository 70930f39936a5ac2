"""Masked batches into one table: LOAD DATA from memory, or INSERT where the server does not allow that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pymysql

from dbmimic.engines.mysql import errors, quoting, wire
from dbmimic.engines.mysql.connect import WRITING_MODE
from dbmimic.engines.mysql.places import ENGINE
from dbmimic.engines.mysql.session import Outcome, Session
from dbmimic.engines.mysql.types import Family, Form
from dbmimic.errors import InternalError, TargetError
from dbmimic.model.amount import amount
from dbmimic.model.batch import NO_TAIL, Layout, MaskedBatch
from dbmimic.model.names import TableId
from dbmimic.model.schema import Identity

_NAMED_COLUMN = re.compile(r"column (?:'([^']*)'|(?:`(?:[^`]|``)*`\.)*`((?:[^`]|``)*)`)")
_INSERT_BYTES = 1 << 20
_MOST_WARNINGS = 0xFFFF


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
        self.session.run(f"SET SESSION unique_checks = {0 if self._sorts(layout.leaf, place) else 1}", place)
        self.session.run("START TRANSACTION", place)
        try:
            with errors.speaking_of(self.session.side, place):
                total = self._put(layout, forms, iter(batches))
            self.session.run("COMMIT", place)
        except BaseException:
            self._undo()
            raise
        return total

    def _sorts(self, table: TableId, place: str) -> bool:
        """
        Tell whether the server may take rows in bulk: MariaDB sorts them and builds each index page by page where the
        table is empty and keys are not checked row by row. Rows with equal keys then come to light at the end.

        Where a server buffers changes of indexes, a table that it does not take in bulk after all (with a full-text
        index, say) could get equal keys; so there each row is checked.
        """
        if not self.session.is_mariadb or self._buffered:
            return False
        return not self.session.rows(f"SELECT 1 FROM {quoting.name(table.name)} LIMIT 1", place)  # noqa: S608 -- names are quoted

    @cached_property
    def _buffered(self) -> bool:
        buffering = self.session.rows("SHOW GLOBAL VARIABLES LIKE 'innodb_change_buffering'")
        return bool(buffering) and buffering[0][1] != "none"  # newer servers do not have it

    def _undo(self) -> None:
        try:
            self.session.attempt("ROLLBACK")
        except (pymysql.MySQLError, OSError):
            return  # the connection is gone, and the transaction with it

    def _put(self, layout: Layout, forms: Mapping[str, Form], batches: Iterator[MaskedBatch]) -> int:
        columns = _columns(layout, forms)
        sent = _Sent()
        if columns and not self._inserts:
            try:
                outcome = self.session.upload(_load_statement(layout.leaf, columns), sent.lines(columns, batches))
            except pymysql.MySQLError as error:
                if errors.number(error) not in errors.NO_LOCAL:
                    raise
                self._inserts = True
            else:
                self._check(layout.table, forms, outcome, sent)
                return sent.row_count
        for batch in batches:
            outcome = self._inserted(layout, columns, batch)
            before = sent.row_count
            sent.count(columns, _values(columns, batch), batch.row_count)
            self._check(layout.table, forms, outcome, _Sent(sent.row_count - before, sent.error_values))
            sent.error_values = 0
        return sent.row_count

    def _inserted(self, layout: Layout, columns: Sequence[_Column], batch: MaskedBatch) -> Outcome:
        rows = warnings = 0
        longest = int(self.session.value("SELECT @@max_allowed_packet"))
        values = _values(columns, batch)
        statements = _insert_statements(layout.leaf, columns, values, batch.row_count, min(_INSERT_BYTES, longest // 2))
        for statement in statements:
            if len(statement) >= longest:
                reason = "a row is larger than the server's max_allowed_packet lets through"
                hint = "set local_infile = ON on the target's server, or raise its max_allowed_packet"
                raise TargetError("DM504", reason, place=str(layout.table), hint=hint)
            outcome = self.session.attempt(statement)
            rows += outcome.rows
            warnings += outcome.warnings
        return Outcome(rows, warnings)

    def _check(self, table: TableId, forms: Mapping[str, Form], outcome: Outcome, sent: _Sent) -> None:
        warnings = outcome.warnings
        if warnings == _MOST_WARNINGS:  # more than that do not fit the server's answer
            warnings = int(self.session.fetch("SELECT @@warning_count")[0][0])
        if warnings != sent.error_values or outcome.rows != sent.row_count:
            raise self._lossy(table, forms, outcome, sent.row_count)

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
            reason = f"{amount(wanted, 'row was', 'rows were')} sent and {outcome.rows:,} arrived"
        else:
            reason = "a value does not fit its column"
        return TargetError("DM504", f"{reason} (warning {code})", place=place, hint=errors.FITTING_MASK)


@dataclass(frozen=True, slots=True)
class _Column:
    """One column as its values are sent, and the expression that stores them."""

    form: Form
    is_text: bool

    @property
    def stored(self) -> Callable[[str], str | None]:
        return self.form.from_text if self.is_text else self.form.from_exact

    def error_values(self, values: pa.Array) -> int:
        """
        Count the values that an ENUM holds where it was given a wrong one: number 0, shown as the empty string.

        Storing one is exact and yet gives one warning; any other warning means that something was lost.
        """
        if self.form.family is not Family.ENUM or (self.is_text and "" in self.form.column.logical.members):
            return 0
        wrong = pa.scalar(b"" if self.is_text else b"0", pa.binary())
        return pc.sum(pc.equal(values, wrong)).as_py() or 0


@dataclass
class _Sent:
    """What was sent so far: rows, and values that give a warning each."""

    row_count: int = 0
    error_values: int = 0

    def count(self, columns: Sequence[_Column], values: Sequence[pa.Array], row_count: int) -> None:
        self.row_count += row_count
        self.error_values += sum(map(_Column.error_values, columns, values))

    def lines(self, columns: Sequence[_Column], batches: Iterable[MaskedBatch]) -> Iterator[bytes | memoryview]:
        for batch in batches:
            values = _values(columns, batch)
            self.count(columns, values, batch.row_count)
            yield from wire.lines(values)


def _columns(layout: Layout, forms: Mapping[str, Form]) -> list[_Column]:
    heads = [_Column(forms[name], is_text=True) for name in layout.head]
    return heads + [_Column(forms[name], is_text=False) for name in layout.tail]


def _values(columns: Sequence[_Column], batch: MaskedBatch) -> list[pa.Array]:
    body = () if batch.tail == NO_TAIL and not batch.layout.tail else batch.tail.body
    if batch.tail.engine not in {ENGINE, NO_TAIL.engine} or not isinstance(body, tuple):
        raise InternalError("DM901", "a payload of another engine cannot be loaded", place=str(batch.layout.table))
    heads = [batch.head[each.form.column.name].cast(pa.binary()) for each in columns if each.is_text]
    return [*heads, *body]


def _load_statement(table: TableId, columns: Sequence[_Column]) -> str:
    stored = {f"@v{index}": each.stored(f"@v{index}") for index, each in enumerate(columns)}
    plain = not any(stored.values())
    targets, settings = [], []
    for each, (variable, given) in zip(columns, stored.items(), strict=True):
        # MariaDB counts up from 0 in a LOAD DATA with a SET clause, unless the clause sets the counter's column too.
        counts = each.form.column.identity is not Identity.NO and not plain
        expression = given or (variable if counts else None)
        targets.append(each.form.name if expression is None else variable)
        if expression is not None:
            settings.append(f"{each.form.name} = {expression}")
    setting = f" SET {', '.join(settings)}" if settings else ""
    return (
        f"LOAD DATA LOCAL INFILE 'dbmimic' INTO TABLE {quoting.name(table.name)} CHARACTER SET binary "
        r"FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' "
        f"({', '.join(targets)}){setting}"
    )


def _insert_statements(
    table: TableId, columns: Sequence[_Column], values: Sequence[pa.Array], row_count: int, limit: int
) -> Iterator[str]:
    """Give INSERTs of at most `limit` bytes where their rows allow it, every value in hexadecimal."""
    prefix = (
        f"INSERT INTO {quoting.name(table.name)} ({quoting.names(each.form.column.name for each in columns)}) VALUES "  # noqa: S608 -- names are quoted
    )
    rows = zip(*(each.to_pylist() for each in values), strict=True) if columns else iter([()] * row_count)
    part: list[str] = []
    size = 0
    for row in rows:
        literals = (_value(each, value) for each, value in zip(columns, row, strict=True))
        literal = f"({', '.join(literals)})"
        if part and len(prefix) + size + len(literal) > limit:
            yield prefix + ",".join(part)
            part, size = [], 0
        part.append(literal)
        size += len(literal) + 1
    if part:
        yield prefix + ",".join(part)


def _value(each: _Column, value: bytes | None) -> str:
    if value is None:
        return "NULL"
    literal = f"CAST(x'{value.hex()}' AS BINARY)"
    return each.stored(literal) or literal
