"""
Stage 3: who gets which mask. Rules become a decision for every column, and batches are masked under them.

In: Ruleset, Schema, a MaskRegistry, RawBatches. Out: MaskPlan, MaskedBatches, Findings of what rules leave to tell.
Never: an undecided column that is read; a batch that is called masked and is not.
Read first: `resolve`, then `apply`. The rules themselves are the packs beside this package's code.
"""

from dbmimic.rules.apply import Masker
from dbmimic.rules.context import grouped
from dbmimic.rules.dealing import columns_dealt, deal
from dbmimic.rules.reaching import reached
from dbmimic.rules.resolve import Resolution, resolve
from dbmimic.rules.risk import risks

__all__ = ["Masker", "Resolution", "columns_dealt", "deal", "grouped", "reached", "resolve", "risks"]
