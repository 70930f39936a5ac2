"""A copy as tests make it: a configuration in a folder, and the library called on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

import dbmimic
from dbmimic.model.report import RunReport
from dbmimic.model.settings import Settings

SECRET = "6f1d3c5a9b7e2048d1c3f5a7092b4d6e8f0a1c3e5d7b9f2846a8c0e2d4f6b813"
KEEP_ALL: dict[str, Any] = {"default": "keep"}


def write_config(folder: Path, source: str, target: str, **sections: Any) -> Path:
    """Write a configuration and give its path; `slice` and `rules` are sections."""
    document = {"source": source, "target": target, "secret": SECRET, "rules": KEEP_ALL, **sections}
    path = folder / "dbmimic.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def configured(folder: Path, source: str, target: str, **sections: Any) -> Settings:
    """Give the settings of such a configuration."""
    return dbmimic.load_config(write_config(folder, source, target, **sections))


def copied(folder: Path, source: str, target: str, **sections: Any) -> RunReport:
    """Copy, and give the report."""
    return dbmimic.copy(configured(folder, source, target, **sections))


def rows_of(report: RunReport) -> dict[str, int]:
    """Give the tables that have rows, by name without schema, with their number."""
    return {table.table.rpartition(".")[2].strip('"'): table.rows for table in report.tables if table.rows}
