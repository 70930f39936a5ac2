"""
Stage 5: is the copy what was promised? The answer decides the exit status.

In: the source, the new copy, the slice, the mask plan. Out: findings and a RunReport.
Never: a write; a row value in a finding. Read first: `judge`.
"""

from dbmimic.verdict.judge import Expectation, Verdict, judge, still_whole
from dbmimic.verdict.masking import MaskedColumn, MaskedTable
from dbmimic.verdict.stream import StreamCheck, together

__all__ = ["Expectation", "MaskedColumn", "MaskedTable", "StreamCheck", "Verdict", "judge", "still_whole", "together"]
