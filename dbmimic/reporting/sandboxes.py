"""Sandboxes as JSON; a credential stands in none of it but the URL, where that was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from dbmimic.model.sandbox import Sandbox


def sandbox_document(sandbox: Sandbox) -> dict[str, object]:
    """Give what is known of one."""
    told = asdict(sandbox)
    del told["mark"]
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in told.items()}


def one_document(sandbox: Sandbox, url: str | None = None) -> dict[str, object]:
    """Give the document of one sandbox, with its URL where that was asked for."""
    said = {} if url is None else {"url": url}
    return {"schema": "dbmimic/sandbox/1", "sandbox": sandbox_document(sandbox), **said}


def list_document(sandboxes: Sequence[Sandbox], sizes: Mapping[str, int]) -> dict[str, object]:
    """Give the document of a list; `bytes` is None of one that is not there yet."""
    told = [{**sandbox_document(each), "bytes": sizes.get(each.database)} for each in sandboxes]
    return {"schema": "dbmimic/sandboxes/1", "sandboxes": told}
