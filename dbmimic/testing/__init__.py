"""
What tests stand on, shipped for our own and for those of plug-in authors: throwaway servers and random worlds.

In: the system's database servers, integer seeds. Out: running servers, databases to copy, and the rows of their slices.
Never: a part of a copy; nothing below imports this room.
Read first: `worlds`, then `oracle`, which says what is right.
"""
