"""What a slice came to, held against its budget."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BudgetOutcome:
    """
    The budget that was `asked` for and what the slice has, in `unit` (rows or bytes).

    `factor` is what each percent seed was multiplied by; bytes are estimated from samples of each table's rows.
    """

    unit: str
    asked: int
    reached: int
    factor: float
