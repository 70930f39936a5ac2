"""The outcome as JSON: stable, one document, the same keys whatever happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dbmimic.errors import DbmimicError
from dbmimic.model.budget import BudgetOutcome
from dbmimic.model.checkup import Checkup
from dbmimic.model.coverage import TableCoverage
from dbmimic.model.diagram import Diagram
from dbmimic.model.explanation import Explanation
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.preview import Preview, RulesCheck
from dbmimic.model.report import (
    ForeignKeyReport,
    LeakReport,
    MaskReport,
    OrphanReport,
    RunReport,
    TableReport,
)
from dbmimic.model.suggestion import Suggestions

_ASKED_FOR = ("coverage", "budget")


def report_document(report: RunReport) -> dict[str, object]:
    """Give the report's JSON document; `read_report` takes it back."""
    document = _without_nothing(asdict(report))
    return {"schema": document.pop("schema"), **document, "findings": _findings(report.findings)}


def preview_document(preview: Preview) -> dict[str, object]:
    """Give the plan's JSON document; `exit` is the status that a copy would be refused with, 0 if it would not be."""
    document = _without_nothing(asdict(preview))
    head = {
        "schema": document.pop("schema"),
        "exit": preview.exit,
        "rows": preview.rows,
        "bytes": preview.bytes,
        "undecided": len(preview.undecided),
    }
    return {**head, **document, "findings": _findings(preview.findings)}


def checkup_document(checkup: Checkup) -> dict[str, object]:
    """Give the JSON document of what was asked before a run; `exit` is the status that a copy would end with."""
    checks = [
        {**asdict(check), "severity": check.severity, "fingerprint": check.fingerprint} for check in checkup.checks
    ]
    return {"schema": checkup.schema, "exit": checkup.exit, "checks": checks}


def rules_document(checked: RulesCheck) -> dict[str, object]:
    """Give the JSON document of what the rules come to."""
    document = asdict(checked)
    return {"schema": document.pop("schema"), **document, "findings": _findings(checked.findings)}


def explanation_document(explanation: Explanation) -> dict[str, object]:
    """Give the JSON document of why a row is in the slice."""
    document = asdict(explanation)
    return {"schema": document.pop("schema"), "in_slice": explanation.in_slice, **document}


def diagram_document(diagram: Diagram) -> dict[str, object]:
    """Give the foreign-key graph's JSON document."""
    document = asdict(diagram)
    return {"schema": document.pop("schema"), **document}


def suggestions_document(suggestions: Suggestions) -> dict[str, object]:
    """Give the JSON document of the keys that seem to be meant."""
    keys = [{**asdict(key), "orphan_share": round(key.orphan_share, 6)} for key in suggestions.keys]
    return {"schema": suggestions.schema, "virtual_keys": keys}


def error_document(error: DbmimicError) -> dict[str, object]:
    """Give an error's JSON document: the first problem, and all of them."""
    problems = [asdict(problem) for problem in error.problems]
    first = problems[0]
    return {"error": {"code": first["code"], "exit": error.exit_status, **first, "problems": problems}}


def read_report(text: str) -> RunReport:
    """Give the report that a JSON document holds."""
    document = json.loads(text)
    keys = document["foreign_keys"]
    return RunReport(
        status=document["status"],
        engine=document["engine"],
        tables=tuple(TableReport(**table) for table in document["tables"]),
        foreign_keys=ForeignKeyReport(
            keys["checked"],
            keys["orphans"],
            keys["source_orphans"],
            tuple(OrphanReport(**detail) for detail in keys["details"]),
        ),
        masks=MaskReport(**document["masks"]),
        leaks=LeakReport(**document["leaks"]),
        findings=tuple(_finding(found) for found in document["findings"]),
        seconds=document["seconds"],
        versions=document["versions"],
        budget=BudgetOutcome(**document["budget"]) if "budget" in document else None,
        coverage=tuple(TableCoverage(**each) for each in document.get("coverage", ())),
        schema=document["schema"],
    )


def text(document: Mapping[str, object]) -> str:
    """Give a document as JSON text, one line less at the end than a file has."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def _without_nothing(document: dict[str, Any]) -> dict[str, Any]:
    """Give the document without what was not asked for."""
    return {key: value for key, value in document.items() if value or key not in _ASKED_FOR}


def _findings(findings: tuple[Finding, ...]) -> list[dict[str, object]]:
    return [{**asdict(finding), "fingerprint": finding.fingerprint} for finding in findings]


def _finding(found: Mapping[str, str]) -> Finding:
    return Finding(found["code"], Severity(found["severity"]), found["place"], found["message"], found["hint"])
