"""What a moment came to: which copy is served, and everything about it that should have been otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from tests.command_line import Ended
from tests.drill.lane import Look

_FAMILIES = {"DM3": 4, "DM4": 5, "DM5": 6, "DM6": 7, "DM7": 75}
_WORDS = {143: "terminated:", 130: "interrupted:"}
_CANARIES = ("@mail.test", "call me", "+49 30")


@dataclass(frozen=True)
class Outcome:
    """
    One moment: `part` of an undisturbed run's length had passed when the fault struck, `served` is `old`, `new` or
    `neither`, `unfinished` says that triggers or views came only with the next run.
    """

    number: int
    part: float
    ended: Ended
    others: tuple[Ended, ...]
    served: str
    unfinished: bool
    wrong: tuple[str, ...]
    recovered: bool


def served(old: Look, found: Look, new: Look) -> str:
    """Give which copy stands at the target, by every row and by its stamp."""
    if found.rows == old.rows and found.stamp == old.stamp:
        return "old"
    if found.rows == new.rows and found.stamp not in {None, old.stamp}:
        return "new"
    return "neither"


def told(ended: Ended, statuses: frozenset[int]) -> Iterator[str]:
    """Give what is wrong with an exit status and the words that came with it."""
    if ended.status not in statuses:
        yield f"exit status {ended.status}"
    if "Traceback" in ended.err:
        yield "a traceback was shown"
    if any(canary in ended.err + ended.out for canary in _CANARIES):
        yield "a row's value was shown"
    if ended.status < 0:
        return
    if ended.status in _WORDS:
        if not ended.err.splitlines()[-1].startswith(_WORDS[ended.status]):
            yield "the signal is not told"
        return
    try:
        document = json.loads(ended.out)
    except ValueError:
        yield "standard output is no JSON document"
        return
    if ended.status == 0:
        if document.get("status") != "verified":
            yield f"status 0 says {document.get('status')}"
    else:
        yield from _error(ended.status, document)


def code(ended: Ended) -> str:
    """Give the code of the error that a run told as JSON, or nothing."""
    try:
        return str(json.loads(ended.out)["error"]["code"])
    except (ValueError, KeyError):
        return ""


def _error(status: int, document: dict[str, dict[str, object]]) -> Iterator[str]:
    error = document.get("error")
    if error is None:  # a report that is not verified
        if status != 7:
            yield "there is no error"
        return
    code = str(error["code"])
    if _FAMILIES.get(code[:3]) != status or error["exit"] != status:
        yield f"{code} goes with status {status}"
    yield from (f"{code} has no {word}" for word in ("message", "hint", "place") if not error[word])
