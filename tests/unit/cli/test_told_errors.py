"""What a script reads on standard output where a run ended with an error that knows its report."""

import json

import pytest

from dbmimic.cli.render import errors
from dbmimic.errors import DbmimicError, HookError, SwapInDoubt, VerificationFailed
from dbmimic.model.report import ForeignKeyReport, LeakReport, MaskReport, RunReport

REPORT = RunReport(
    status="verified",
    engine={"source": "postgresql", "target": "postgresql"},
    tables=(),
    foreign_keys=ForeignKeyReport(0, 0, 0, ()),
    masks=MaskReport(0, 0),
    leaks=LeakReport(0, 0),
    findings=(),
    seconds={},
    versions={},
)


@pytest.mark.parametrize(
    ("kind", "tells"), [(VerificationFailed, "schema"), (HookError, "schema"), (SwapInDoubt, "error")]
)
def test_nobody_reads_of_a_verified_copy_whose_swap_is_in_doubt(
    kind: type[DbmimicError], tells: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = kind("DM501", "something happened")
    error.report = REPORT  # type: ignore[attr-defined]
    assert errors.show(error, as_json=True) == error.exit_status
    assert next(iter(json.loads(capsys.readouterr().out))) == tells
