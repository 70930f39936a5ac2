"""
Stage 5: is the copy what was promised? The answer decides the exit status.

In: the source, the new copy, the slice, the mask plan. Out: findings and a RunReport.
Never: a write; a row value in a finding. Read first: `judge`.
"""

from dbmimic.verdict.changes import Held, judge_changes
from dbmimic.verdict.judge import Expectation, Verdict, judge, still_whole
from dbmimic.verdict.masking import MaskedColumn, MaskedTable
from dbmimic.verdict.stream import StreamCheck, taken_back, together
from dbmimic.verdict.structure import differences

__all__ = [
    "Expectation",
    "Held",
    "MaskedColumn",
    "MaskedTable",
    "StreamCheck",
    "Verdict",
    "differences",
    "judge",
    "judge_changes",
    "still_whole",
    "taken_back",
    "together",
]
