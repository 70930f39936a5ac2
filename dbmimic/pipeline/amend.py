"""SQL of the user's own, run in the new copy between its verification and its swap."""

from __future__ import annotations

from dbmimic import load, verdict
from dbmimic.errors import Problem, TargetError, VerificationFailed
from dbmimic.load import ClearedTarget
from dbmimic.model.events import Stage
from dbmimic.model.findings import Severity
from dbmimic.model.target import Amendment
from dbmimic.pipeline.job import Chapters, Request
from dbmimic.ports.source import Source
from dbmimic.verdict import Expectation

_LOST = frozenset({"DM501", "DM503"})  # not the SQL's fault


def amend(request: Request, source: Source, cleared: ClearedTarget, expected: Expectation, chapters: Chapters) -> None:
    """
    Run what was asked for, and see that the copy is still whole: that no key dangles and its structure is as it was.

    Raises:
        VerificationFailed: DM611, some SQL failed; DM612, it left the copy less than whole. It is not swapped in.
    """
    if not request.amendments:
        return
    with chapters.chapter(Stage.AMEND):
        for each in request.amendments:
            _run(cleared, each)
        with cleared.reader() as copy:
            found = verdict.still_whole(source, copy, expected)
    broken = [each for each in found if each.severity is Severity.ERROR]
    if broken:
        place = request.amendments[-1].place
        hint = f"a hook's SQL may change rows, not structure, and leave no key dangling: look at what stands at {place}"
        raise VerificationFailed.of(
            [Problem("DM612", f"after the hooks' SQL {each.message}", each.place, hint) for each in broken]
        )


def _run(cleared: ClearedTarget, amendment: Amendment) -> None:
    try:
        load.amend(cleared, amendment)
    except TargetError as error:
        if error.code in _LOST:
            raise
        about = "" if error.place in {"", amendment.place} else f", at {error.place}"
        message = f"a hook's SQL failed, so the copy is not put in place: {error.message}{about}"
        hint = "try the SQL by hand in a transaction on a copy that stands; the target's own log tells what it minded"
        raise VerificationFailed("DM611", message, place=amendment.place, hint=hint) from None
