"""A small set of rows that holds what the source holds: every value, and every pair of values, that is not too rare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from dbmimic.errors import ConfigError, InternalError
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.address import Secret
from dbmimic.model.coverage import TableCoverage
from dbmimic.model.keys import KeySet, TableSlice
from dbmimic.model.request import Cover
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.ports.source import Walker
from dbmimic.subset.families import MOST, Families
from dbmimic.subset.features import Coding, Feature, Profile, style_of
from dbmimic.subset.joined import Joined, JoinedRows
from dbmimic.subset.tuples import Candidates, Codes, Flags, TupleSpace

_MOST_VALUES = 1_000  # of a column; with more, its values are not told apart
_MOST_NAMED = 10_000  # of a column that somebody named
_MOST_REFERENCES = 200  # of a foreign key
_MOST_TUPLES = 2_000_000


class Covering:
    """
    The tuples of one table, counted; then asked which of them some rows hold, and for rows that hold the others.

    Cost: two reads of the covered columns here, a third for the rows; one for all where that is less than 64 MB. A
    read of all links of each edge whose children are counted.

    Raises:
        ConfigError: DM212, there would be too many pairs.
    """

    def __init__(
        self, cover: Cover, edges: Iterable[ForeignKey], schema: Schema, source: Walker, secret: Secret | None
    ) -> None:
        if secret is None:
            raise InternalError("DM901", "rows were to be chosen by hash without a secret", place=str(cover.table))
        self.cover = cover
        self._joined = Joined(cover, schema, source, secret)
        self._families = [Families(edge, cover.min_count, source) for edge in cover.children]
        keyed = KeyedFunction.derive(secret, "cover")
        self._codings = self._profiled(list(_profiles(cover, edges, schema, keyed)))
        features: list[Feature] = []
        origins: list[int] = []
        for number, coding in enumerate(self._codings):
            features += coding.features
            origins += [number] * len(coding.features)
        for number, _ in enumerate(self._families, len(self._codings)):
            features.append(Feature(np.arange(MOST + 1, dtype=np.uint64), alone=True, paired=cover.pairs))
            origins.append(number)
        self._space = TupleSpace(features, origins)
        if self._space.size > _MOST_TUPLES:
            reason = f"table {cover.table} may hold {self._space.size:,} values and pairs, more than {_MOST_TUPLES:,}"
            raise ConfigError("DM212", reason, place=cover.place, hint="name fewer columns, or cover `values` only")
        self._counts = np.zeros(self._space.size, dtype=np.int64)
        for rows in self._joined.everything():
            self._space.count(self._codes(rows), self._counts)
        self._wanted: Flags = self._counts >= cover.min_count

    def _profiled(self, profiles: list[Profile]) -> list[Coding]:
        for rows in self._joined.everything():
            for profile, values in zip(profiles, rows.columns, strict=True):
                profile.add(values, rows.hashes)
        return [profile.coding(pairs=self.cover.pairs) for profile in profiles]

    def _codes(self, rows: JoinedRows, own: KeySet | None = None) -> Codes:
        """Give the codes of rows; of those that are not `own` the children need not be there, and have no class."""
        found = [
            codes for coding, values in zip(self._codings, rows.columns, strict=True) for codes in coding.codes(values)
        ]
        for families in self._families:
            classes = families.classes(rows.leaf, rows.ids)
            if own is not None:
                classes[~own.holds(rows.leaf, rows.ids)] = -1
            found.append(classes)
        return np.stack(found)

    def held(self, chosen: TableSlice) -> Flags:
        """Give which wanted tuples a slice of the table holds. Cost: one read of the slice's rows."""
        if chosen.whole:
            return self._wanted
        held = np.zeros(self._space.size, dtype=np.bool_)
        rows = chosen.rows
        if rows:
            for some in self._joined.batches(rows):
                self._space.mark(self._codes(some, chosen.own), held)
        return held & self._wanted

    def fewest(self, held: Flags) -> KeySet:
        """Give rows that hold every wanted tuple which is not held yet. Cost: one read of the table."""
        missing: Flags = self._wanted & ~held
        if not missing.any():
            return KeySet()
        candidates = Candidates(self._space, self._counts, missing)
        for rows in self._joined.everything():
            candidates.add(rows.leaf, rows.ids, rows.hashes, self._codes(rows))
        return candidates.fewest()

    def told(self, before: Flags, after: Flags, rows: int) -> TableCoverage:
        """Give the counts."""
        return TableCoverage(
            table=str(self.cover.table),
            tuples=int(self._wanted.sum()),
            covered=int(after.sum()),
            covered_without=int(before.sum()),
            too_rare=int(((self._counts > 0) & ~self._wanted).sum()),
            rows=rows,
            kind="pairs" if self.cover.pairs else "values",
            min_count=self.cover.min_count,
        )


def _profiles(cover: Cover, edges: Iterable[ForeignKey], schema: Schema, keyed: KeyedFunction) -> Iterator[Profile]:
    """Give a profile of each column, still empty, in the order of `JoinedRows.columns`."""
    references = {edge.child.column(name) for edge in edges for name in edge.child_columns}
    sides = [(cover.table, cover.columns), *((edge.parent, names) for edge, names in cover.parents)]
    for number, (table, names) in enumerate(sides):
        for name in names:
            column = schema.table(table).column(name)
            if column is None:
                raise InternalError("DM901", "a column that is covered is not there", place=str(table.column(name)))
            refers = table.column(name) in references
            unnamed = _MOST_REFERENCES if refers else _MOST_VALUES
            most = _MOST_NAMED if cover.named or number else unnamed
            yield Profile(column, style_of(column, refers=refers), most, cover.min_count, keyed)
