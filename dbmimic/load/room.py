"""Whether the new copy has room beside the old one, asked before it is built."""

from __future__ import annotations

from dbmimic.errors import TargetError
from dbmimic.load.guard import ClearedTarget
from dbmimic.model.findings import Finding, Severity

_MEGABYTE = 1 << 20
_HINT = "free some space, or copy a smaller slice: the new copy stands beside the old one until it is verified"


def make_sure_of_room(target: ClearedTarget, unmasked: int, masked: int) -> tuple[Finding, ...]:
    """
    Give a warning where rows and their indexes may not fit on the target's disk.

    `unmasked` and `masked` are about how many bytes tables take in the source of which nothing, or something, is
    masked. There may be gaps between them, and a mask may leave little of a long text: so it is refused only where
    half of what is not masked does not fit. Where the target's disk cannot be seen from here nothing is said.

    Raises:
        TargetError: DM503, they plainly do not fit.
    """
    free = target.target.room()
    likely = (unmasked + masked) * 3 // 2
    if free is None or likely <= free:
        return ()
    rows = f"about {(unmasked + masked) / _MEGABYTE:,.1f} MB of rows are to be copied"
    sizes = f"{rows}, {free / _MEGABYTE:,.1f} MB are free"
    name = target.state.name
    if unmasked // 2 > free:
        raise TargetError("DM503", f"the new copy does not fit on the target's disk: {sizes}", place=name, hint=_HINT)
    return (Finding("DM503", Severity.WARNING, name, f"the target's disk may become full: {sizes}", _HINT),)
