"""An error as words on standard error, and as JSON on standard output where that was asked for."""

from __future__ import annotations

from contextlib import suppress

from dbmimic.cli.render.streams import NobodyReads, Unwritten
from dbmimic.cli.render.voice import voice
from dbmimic.errors import DbmimicError, HookError, VerificationFailed
from dbmimic.model.report import RunReport
from dbmimic.reporting import json


def show(error: DbmimicError, *, as_json: bool) -> int:
    """Tell the error and give the exit status that goes with it."""
    voice.fail(error)
    if as_json:
        document = _document(error)
        with suppress(NobodyReads, Unwritten):  # the error's own status tells more
            print(json.text(document), flush=True)
    return error.exit_status


def _document(error: DbmimicError) -> dict[str, object]:
    """Give the report of a run that has one; that of a swap in doubt, which says `verified`, says too much."""
    report = error.report if isinstance(error, VerificationFailed | HookError) else None
    return json.report_document(report) if isinstance(report, RunReport) else json.error_document(error)
