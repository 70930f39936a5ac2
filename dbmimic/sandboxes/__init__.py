"""
Sandboxes: a database for every branch, made from the golden copy in seconds and gone when its time is over.

In: a host that can make and drop databases. Out: sandboxes and their addresses. Never: an engine.
Read first: `keeping`.
"""

from dbmimic.sandboxes.keeping import Sandboxes

__all__ = ["Sandboxes"]
