"""
Stage 4: into staging. A target is cleared, the new copy is built beside the old one, loaded and finished.

In: a Target, Structure, MaskedBatches. Out: ClearedTarget, and a new copy that waits to be swapped in.
Never: a write to what was not cleared, a batch that was not masked. Read first: `guard`, then `write`.
"""

from dbmimic.load.guard import ClearedCopy, ClearedTarget, clear, rejoin
from dbmimic.load.room import make_sure_of_room
from dbmimic.load.write import amend, build, finish, hold, swap, write

__all__ = [
    "ClearedCopy",
    "ClearedTarget",
    "amend",
    "build",
    "clear",
    "finish",
    "hold",
    "make_sure_of_room",
    "rejoin",
    "swap",
    "write",
]
