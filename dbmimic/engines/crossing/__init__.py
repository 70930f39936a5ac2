"""
From one engine into another: the source is presented as if it were a database of the target's engine.

In: a Source of one engine, a Target of another. Out: the same two ports, with schema, rows and names translated.
Never: a driver, another engine's room, a value changed without a word. Read first: `carriage`, then `forms`.
"""

from dbmimic.engines.crossing.source import CrossingSource
from dbmimic.engines.crossing.target import CrossingCopy, CrossingTarget

__all__ = ["CrossingCopy", "CrossingSource", "CrossingTarget"]
