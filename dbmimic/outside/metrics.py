"""Numbers of a run for Prometheus: in a file that node_exporter reads, and at a push gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit, urlunsplit

from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway, write_to_textfile
from prometheus_client.exposition import basic_auth_handler, default_handler
from prometheus_client.parser import text_string_to_metric_families

from dbmimic.model.findings import Severity
from dbmimic.model.run import Run
from dbmimic.outside.reasons import told

JOB = "dbmimic"
_LAST_SUCCESS = "dbmimic_last_success_timestamp_seconds"


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is counted of a run: rows and bytes loaded, seconds by stage (with `total`), findings by severity."""

    rows: int = 0
    bytes: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    findings: Mapping[str, int] = field(default_factory=dict)


def write(path: str, run: Run, numbers: Numbers) -> None:
    """
    Write the run's numbers into a file, whole or not at all. What it said of the last success stays after a failure.

    Raises:
        OSError: the file cannot be written.
    """
    before = None if run.good else _last_success(path, run.target)
    write_to_textfile(path, _registry(run, numbers, before))


def push(url: str, run: Run, numbers: Numbers, seconds: float) -> str:
    """Send the run's numbers to a push gateway, and give why it did not take them, or nothing."""
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    user, password = unquote(parts.username or ""), unquote(parts.password or "")

    def handler(url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes):  # type: ignore[no-untyped-def]  # noqa: ANN202 -- prometheus_client's own
        if user or password:
            return basic_auth_handler(url, method, timeout, headers, data, user, password)
        return default_handler(url, method, timeout, headers, data)

    try:
        # what is not sent stays there: after a failure, the time of the last success
        pushadd_to_gateway(
            bare, JOB, _registry(run, numbers, None), {"target": run.target}, timeout=seconds, handler=handler
        )
    except HTTPError as error:
        return f"it answered {error.code}"
    except (OSError, ValueError, HTTPException) as error:
        return told(error)
    return ""


def _registry(run: Run, numbers: Numbers, success: float | None) -> CollectorRegistry:
    registry = CollectorRegistry()

    def gauge(name: str, words: str, *labels: str) -> Gauge:
        return Gauge(name, words, ("target", *labels), registry=registry)

    ended = datetime.fromisoformat(run.ended_at or run.started_at).timestamp()
    success = ended if run.good else success
    if success is not None:
        gauge(_LAST_SUCCESS, "When the target was last given a verified copy.").labels(run.target).set(success)
    gauge("dbmimic_last_run_timestamp_seconds", "When the last run ended.").labels(run.target).set(ended)
    status = gauge("dbmimic_run_exit_status", "The exit status of the last run.")
    status.labels(run.target).set(1 if run.exit is None else run.exit)
    doubt = gauge("dbmimic_run_in_doubt", "1 where nobody knows whether the last run's copy is in place.")
    doubt.labels(run.target).set(int(run.in_doubt))
    seconds = gauge("dbmimic_run_duration_seconds", "How long each stage of the last run took.", "stage")
    for stage, taken in numbers.seconds.items():
        seconds.labels(run.target, stage).set(taken)
    gauge("dbmimic_run_rows", "How many rows the last run loaded.").labels(run.target).set(numbers.rows)
    gauge("dbmimic_run_bytes", "How many bytes the last run loaded, as sent.").labels(run.target).set(numbers.bytes)
    findings = gauge("dbmimic_run_findings", "How many findings the last run made.", "severity")
    for severity in Severity:
        findings.labels(run.target, severity.value).set(numbers.findings.get(severity.value, 0))
    return registry


def _last_success(path: str, target: str) -> float | None:
    """Give what the file says of the last success, where it is one of ours."""
    try:
        families = list(text_string_to_metric_families(Path(path).read_text("utf-8")))
    except (OSError, ValueError):
        return None
    for family in families:
        for sample in family.samples:
            if sample.name == _LAST_SUCCESS and sample.labels.get("target") == target:
                return float(sample.value)
    return None
