"""The rows that a slice starts from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from dbmimic.errors import ConfigError
from dbmimic.model.address import Secret
from dbmimic.model.keys import KeySet
from dbmimic.model.request import PercentSeed, Seed, WhereSeed
from dbmimic.model.schema import Schema, Table
from dbmimic.ports.source import Walker
from dbmimic.subset.choice import share


def choose(seed: Seed, schema: Schema, source: Walker, secret: Secret | None) -> KeySet:
    """Give the rows that a seed names; only a percent needs the secret."""
    table = schema.table(seed.table)
    if isinstance(seed, PercentSeed):
        return share(table, seed.percent / 100, source, secret)
    with placed(seed):
        return source.seed(table, seed)


@contextmanager
def placed(seed: Seed) -> Iterator[None]:
    """Tell what an engine has against a seed or condition with the place where it was written."""
    try:
        yield
    except ConfigError as error:
        place = f"{seed.place} ({seed.table})" if seed.place else str(seed.table)
        raise ConfigError.of([replace(problem, place=place) for problem in error.problems]) from None


def every(table: Table, source: Walker) -> KeySet:
    """Give all rows of a table, by name: a row of it may leave, or be changed."""
    return source.seed(table, WhereSeed(table.id, "1 = 1"))
