"""
Stage 1: the catalogue becomes a Schema, and the Schema a graph of foreign keys.

In: a Source. Out: Schema, FkGraph, keys that nobody declared, what drifted. Rows are read for `suggest` alone. Read
first: `link`.
"""

from dbmimic.introspect.drift import Drifted, drift
from dbmimic.introspect.link import link
from dbmimic.introspect.read import read
from dbmimic.introspect.suggest import suggest

__all__ = ["Drifted", "drift", "link", "read", "suggest"]
