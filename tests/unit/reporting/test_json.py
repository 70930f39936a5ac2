"""The JSON that scripts hold on to: the contract's keys, and a report that comes back as it went out."""

import json
from dataclasses import replace

from dbmimic.errors import ConfigError, Problem
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.preview import ColumnPreview, EdgePreview, Preview, TablePreview
from dbmimic.model.report import (
    ForeignKeyReport,
    LeakReport,
    MaskReport,
    OrphanReport,
    RunReport,
    TableReport,
)
from dbmimic.reporting.json import error_document, preview_document, read_report, report_document, text

REPORT = RunReport(
    status="verified",
    engine={"source": "postgresql", "target": "postgresql"},
    tables=(TableReport("public.rental", 10, 16044, 912, 10, 0, 0.01),),
    foreign_keys=ForeignKeyReport(18, 0, 1, (OrphanReport("a(b) -> c(d)", 0, 1),)),
    masks=MaskReport(12, 75),
    leaks=LeakReport(120000, 0),
    findings=(Finding("DM405", Severity.WARNING, "public.staff.picture", "it is large", "mask it"),),
    seconds={"walk": 0.2, "total": 2.0},
    versions={"dbmimic": "0.1.0", "pools": "1", "rules": "sha256:00"},
)


def test_a_report_comes_back_as_it_went_out() -> None:
    assert read_report(text(report_document(REPORT))) == REPORT


def test_the_report_has_the_keys_of_the_contract() -> None:
    document = json.loads(text(report_document(REPORT)))
    assert next(iter(document)) == "schema"
    assert document["schema"] == "dbmimic/report/1"
    assert set(document) == {
        "schema", "status", "engine", "tables", "foreign_keys", "masks", "leaks", "findings", "seconds", "versions",
    }  # fmt: skip
    assert set(document["tables"][0]) == {"table", "rows", "source_rows", "bytes", "own", "need", "seconds"}
    assert set(document["foreign_keys"]) == {"checked", "orphans", "source_orphans", "details"}
    assert set(document["masks"]) == {"columns_masked", "columns_kept", "columns_dropped", "invalid"}
    assert document["leaks"] == {"values_checked": 120000, "found": 0}
    assert set(document["findings"][0]) == {"code", "severity", "place", "message", "hint", "fingerprint"}


def test_an_error_has_the_keys_of_the_contract_and_all_problems() -> None:
    error = ConfigError.of([Problem("DM201", "one", "f.yaml:8:14", "do this"), Problem("DM203", "two")])
    document = json.loads(text(error_document(error)))
    first = document["error"]
    assert (first["code"], first["exit"], first["place"], first["message"], first["hint"]) == (
        "DM201", 3, "f.yaml:8:14", "one", "do this",
    )  # fmt: skip
    assert [problem["code"] for problem in first["problems"]] == ["DM201", "DM203"]


def test_a_plan_tells_what_is_undecided() -> None:
    preview = Preview(
        engine="sqlite",
        mode="full",
        tables=(TablePreview("t", "full", 3, 3, 0, 0, 0, 1, 1),),
        columns=(ColumnPreview("t", "a", "text", "undecided", "nothing decides it"),),
        edges=(EdgePreview("t(a) -> t(b)", nullable=True, cycle=True),),
    )
    document = json.loads(text(preview_document(preview)))
    assert (document["schema"], document["rows"], document["undecided"]) == ("dbmimic/plan/1", 3, 1)
    assert document["exit"] == 4
    decided = replace(preview, columns=())
    warned = replace(decided, findings=(Finding("DM314", Severity.WARNING, "t.a", "untried"),))
    failed = replace(warned, findings=(*warned.findings, Finding("DM313", Severity.ERROR, "t.a", "refused")))
    assert [each.exit for each in (decided, warned, failed)] == [0, 0, 4]


def test_a_finding_keeps_its_fingerprint_while_code_and_place_stay() -> None:
    one, other = (
        Finding("DM405", severity, "t", message) for severity, message in ((Severity.INFO, "x"), (Severity.ERROR, "y"))
    )
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != Finding("DM405", Severity.INFO, "u", "x").fingerprint
