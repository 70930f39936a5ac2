from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest

from dbmimic.masks.definition import GENERAL, ColumnContext
from dbmimic.masks.registry import builtin
from dbmimic.model.address import Secret
from dbmimic.model.types import Kind, LogicalType

SECRET = Secret(bytes(range(32)))

Apply = Callable[..., list[str | None]]


@pytest.fixture
def apply() -> Apply:
    """Mask some values as one column; a check that refuses fails the test."""

    def run(
        name: str,
        values: Sequence[str | None],
        column: LogicalType | None = None,
        *,
        entity: Sequence[str | None] | None = None,
        nullable: bool = True,
        unique: bool = False,
        low_bits: int | None = None,
        secret: Secret = SECRET,
        **options: object,
    ) -> list[str | None]:
        definition = builtin().get(name)
        context = ColumnContext(column or LogicalType(Kind.TEXT), nullable, unique, low_bits)
        parsed = definition.parse(options)
        assert builtin().misfit(name, parsed, context) is None
        general = {parameter.name for parameter in GENERAL} - {parameter.name for parameter in definition.parameters}
        make = builtin().bind if general & options.keys() else builtin().build
        mask = make(name, parsed, context, secret, definition.domain)
        beside = None if entity is None else pa.array(entity, pa.string())
        masked = mask(pa.array(values, pa.string()), beside)
        assert masked.type == pa.string()
        masked.validate(full=True)
        return masked.to_pylist()

    return run


@pytest.fixture
def refusal() -> Callable[..., str | None]:
    """Give the sentence that a mask has against a column, or None."""

    def run(
        name: str,
        column: LogicalType | None = None,
        *,
        nullable: bool = True,
        unique: bool = False,
        low_bits: int | None = None,
        **options: object,
    ) -> str | None:
        definition = builtin().get(name)
        context = ColumnContext(column or LogicalType(Kind.TEXT), nullable, unique, low_bits)
        return builtin().misfit(name, definition.parse(options), context)

    return run
