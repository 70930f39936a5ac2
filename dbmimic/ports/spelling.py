"""What an engine can be asked beside a source's questions; one that cannot does not have it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import pyarrow as pa

from dbmimic.model.names import ColumnId


@runtime_checkable
class Spelling(Protocol):
    """A copy whose engine says how it spells what it was given."""

    def spelled(self, column: ColumnId, values: pa.Array) -> pa.Array:
        """
        Give texts as the engine spells them as values of a column's type; NULL stays NULL.

        Length and precision of the column change nothing, so what does not fit it stands out. Cost: a question for
        each call, with every different value.
        """
        ...
