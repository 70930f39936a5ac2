"""What reading costs the others at the server: how many of their statements run while we read, and while we rest."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

FELT_RATIO = 30.0
_REMEMBERED = 200
_FEW = 20
_LEAST_CROWD = 0.05  # below, a server has nothing to do, and a quotient says nothing


class Crowding:
    """
    Tells how long to rest for each second of reading, so that of twenty statements of others nineteen do not feel it.

    How many statements run at a time is how many come, times how long each takes. As many come whether we read or not,
    so the quotient of the two counts is that of the times (Little, A Proof for the Queuing Formula L = λW, 1961). Where
    they take longer by more than `max_rise` while we read, we read in a thirtieth of the time: then those that meet us
    are fewer than one of twenty, and the 95th percentile is of those that do not.

    One thread notes, and any may ask for the ratio meanwhile.
    """

    def __init__(self, max_rise: float) -> None:
        self._max_rise = max_rise
        self._reading: deque[int] = deque(maxlen=_REMEMBERED)
        self._resting: deque[int] = deque(maxlen=_REMEMBERED)

    def take(self, crowd: int, *, reading: bool) -> None:
        """Note how many statements of others ran at a moment at which we read, or rested."""
        (self._reading if reading else self._resting).append(crowd)

    def ratio(self, least: float) -> float:
        """Give the seconds of rest for each second of reading: many unless it is known that nobody feels it."""
        return least if self._is_unfelt() else max(least, FELT_RATIO)

    def _is_unfelt(self) -> bool:
        reading, resting = tuple(self._reading), tuple(self._resting)  # the other thread goes on noting
        if min(len(reading), len(resting)) < _FEW:
            return False
        calm = max(_mean(resting), _LEAST_CROWD)
        return _mean(reading) + _error(reading) <= calm * (1 + self._max_rise)


def _mean(crowds: Sequence[int]) -> float:
    return sum(crowds) / len(crowds)


def _error(crowds: Sequence[int]) -> float:
    """Give the standard error of the mean; that of a count of one where all are equal."""
    mean = _mean(crowds)
    variance = sum((each - mean) ** 2 for each in crowds) / len(crowds)
    return math.sqrt(max(variance, 1 / len(crowds)) / len(crowds))
