"""Rights as SQL to paste, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

from dbmimic.model.grants import SCHEMA, Grants


def grants_sql(sides: Sequence[Grants]) -> str:
    """Give the statements, each group under what it is for; those that not everybody needs stand as comments."""
    return "\n\n".join(_side(each) for each in sides)


def _side(side: Grants) -> str:
    lines = [f"-- the {side.side}, {_plain(side.address)}: what {_plain(side.role or 'a role')} needs"]
    lines += [f"-- {_plain(note)}" for note in side.notes]
    for (why, needed), grants in groupby(side.grants, key=lambda grant: (grant.why, grant.needed)):
        lines += ["", f"-- {'' if needed else 'if wanted: '}{why}"]
        lines += [grant.sql if needed else f"-- {_plain(grant.sql)}" for grant in grants]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Give a text on one line: a name may hold a line's end, and what follows it would be run."""
    return " ".join(text.splitlines())


def grants_document(sides: Sequence[Grants]) -> dict[str, object]:
    """Give the JSON document: the statements of each side."""
    return {"schema": SCHEMA, "sides": [asdict(each) for each in sides]}
