"""Storage engines: which tables the server keeps itself, and which only lead to rows that are elsewhere."""

from __future__ import annotations

_TRANSACTIONAL = frozenset({"innodb", "rocksdb", "tokudb", "ndbcluster"})
_OWN = _TRANSACTIONAL | {"myisam", "aria", "memory", "archive", "csv", "blackhole", "columnstore", "mroonga"}


def has_snapshots(engine: str | None) -> bool:
    """Tell whether a snapshot covers a table of this engine."""
    return (engine or "").lower() in _TRANSACTIONAL


def is_elsewhere(kind: str, engine: str | None) -> bool:
    """
    Tell whether a table's rows are not its own: those of another server, a file or other tables.

    What is written to such a table, in the copy as well, is written there: FEDERATED, CONNECT, SPIDER and MERGE, and
    every engine that is not known to keep its rows itself.
    """
    return kind == "BASE TABLE" and (engine or "").lower() not in _OWN
