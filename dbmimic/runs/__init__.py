"""
What is remembered of runs: one small file for each and its report beside it, whole at any moment, and never more than
so many.

In: runs. Out: runs. Never: a row's value, a secret.
Read first: `history`.
"""

from dbmimic.runs.drift import drift
from dbmimic.runs.history import History, Recording

__all__ = ["History", "Recording", "drift"]
