"""The copy's structure is the source's, object by object."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from dbmimic.model.amount import amount
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.target import Structure

_SHOWN = 120


def differences(wanted: Structure, held: Structure) -> Iterator[Finding]:
    """Give one error that tells the first line in which two structures differ, if they do."""
    apart = wanted.version and held.version and wanted.version != held.version
    before, after = (wanted.portable, held.portable) if apart else (wanted.text, held.text)
    if before == after:
        return
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
    changed = [line for line in lines if line.startswith(("+", "-"))]
    first = changed[0] if changed else ""
    lines_told = amount(len(changed), "line")
    reason = f"the copy's structure differs from the source's in {lines_told}, first: {first[:_SHOWN]}"
    yield Finding(
        "DM604", Severity.ERROR, "structure", reason, "compare the two schemas; report this if both are right"
    )
