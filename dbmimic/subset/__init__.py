"""
Stage 2: which rows. The slice that was asked for becomes a plan, the plan a closed set of rows for each table.

In: Schema, FkGraph, SliceSpec, a Source to ask. Out: SliceRequest, SubsetPlan, TableSlices, findings.
Never: rows themselves, masks, a write. Read first: `planner`, then `walk`.
"""

from dbmimic.subset.budget import Afforded, afford
from dbmimic.subset.course import Arrow
from dbmimic.subset.cuts import Cut, cuts
from dbmimic.subset.notices import notices
from dbmimic.subset.planner import plan
from dbmimic.subset.request import find_table, resolve
from dbmimic.subset.virtual import virtual_keys
from dbmimic.subset.walk import Walked, walk
from dbmimic.subset.why import Reason, why
from dbmimic.subset.width import Width, width

__all__ = [
    "Afforded",
    "Arrow",
    "Cut",
    "Reason",
    "Walked",
    "Width",
    "afford",
    "cuts",
    "find_table",
    "notices",
    "plan",
    "resolve",
    "virtual_keys",
    "walk",
    "why",
    "width",
]
