"""What reading costs the others at the server: how many of their statements run while we read, and while we rest."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

CAUTIOUS_RATIO = 30.0
_REMEMBERED = 200
_FEW = 20
_LEAST_CROWD = 0.05  # below, a server has nothing to do, and a quotient says nothing


class Crowding:
    """
    Gives how long to rest for each second of reading so that the others' statements take longer by `max_rise` at most.

    How many statements run at a time is how many come, times how long each takes. As many come whether we read or not,
    so the quotient of the two counts is that of the times (Little, A Proof for the Queuing Formula L = λW, 1961). What
    is measured while we read counts for the part of the time in which we do.
    """

    def __init__(self, max_rise: float) -> None:
        self._max_rise = max_rise
        self._reading: deque[int] = deque(maxlen=_REMEMBERED)
        self._resting: deque[int] = deque(maxlen=_REMEMBERED)

    def take(self, crowd: int, *, reading: bool) -> None:
        """Note how many statements of others ran at a moment at which we read, or rested."""
        (self._reading if reading else self._resting).append(crowd)

    def ratio(self, least: float) -> float:
        """Give the seconds of rest for each second of reading: many before enough was seen, then what it takes."""
        if min(len(self._reading), len(self._resting)) < _FEW:
            return max(least, CAUTIOUS_RATIO)
        calm = max(_mean(self._resting), _LEAST_CROWD)
        rise = (_mean(self._reading) + _error(self._reading)) / calm - 1
        return max(least, min(rise / self._max_rise - 1, CAUTIOUS_RATIO))


def _mean(crowds: Sequence[int]) -> float:
    return sum(crowds) / len(crowds)


def _error(crowds: Sequence[int]) -> float:
    """Give the standard error of the mean; that of a count of one where all are equal."""
    mean = _mean(crowds)
    variance = sum((each - mean) ** 2 for each in crowds) / len(crowds)
    return math.sqrt(max(variance, 1 / len(crowds)) / len(crowds))
