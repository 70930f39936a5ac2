"""Keys that the engine compares without case, by their type or by their collation, and masks that do not."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskError, Options, Promise
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.address import Secret
from dbmimic.model.types import LogicalType

_NOBODYS = Secret(bytes(32))
_ONE_TEXT = pa.array(["Ab1.Cd2@Example.org", "aB1.cD2@eXAMPLE.ORG"])  # to an engine that compares without case
REASON = "the engine compares these keys without case, and the mask does not; `token` with `fold: true` does"


def parts_cases(
    registry: MaskRegistry,
    definition: MaskDefinition,
    options: Options,
    context: ColumnContext,
    joined: Collection[LogicalType],
) -> bool:
    """
    Tell whether a mask makes two keys of what the engine takes for one, of columns that foreign keys join.

    It is asked for two such texts.
    """
    keeps_keys = Promise.UNIQUE in definition.promises  # no other is for keys at all
    if len(joined) == 1 or not keeps_keys or not all(logical.caseless or logical.folds for logical in joined):
        return False
    try:
        mask = registry.bind(definition.name, options, context, _NOBODYS, definition.domain)
        one, other = pc.utf8_lower(mask(_ONE_TEXT, None)).to_pylist()
    except MaskError:
        return False  # it takes texts of a form of its own, and tells of others when it meets them
    return bool(one != other)
