"""
Stage 1: the catalogue becomes a Schema, and the Schema a graph of foreign keys.

In: a Source. Out: Schema, FkGraph. Never: rows. Read first: `link`.
"""

from dbmimic.introspect.link import link
from dbmimic.introspect.read import read

__all__ = ["link", "read"]
