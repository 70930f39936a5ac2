"""The lock file, `dbmimic.lock`, beside the configuration: read, and written for somebody who asked for it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from dbmimic.errors import ConfigError
from dbmimic.model.lock import SCHEMA, Lock

NAME = "dbmimic.lock"
_FORM = TypeAdapter(Lock)


def beside(config: str) -> Path:
    """Give the path of the lock of a configuration; of the working folder's, where it has no file."""
    return Path(config).parent / NAME if config else Path(NAME)


def read(path: Path) -> Lock | None:
    """
    Give the lock, or None where there is none.

    Raises:
        ConfigError: DM210, it cannot be read; DM204, it is no lock of this version.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise ConfigError("DM210", "the lock cannot be read", place=str(path), hint="give a file that can") from None
    try:
        lock = _FORM.validate_json(text)
    except ValidationError:
        lock = None
    if lock is None or lock.schema != SCHEMA:
        hint = "take it back from your version control, or write a new one: `dbmimic rules lock --renew`"
        raise ConfigError("DM204", f"this is no lock of the form {SCHEMA}", place=str(path), hint=hint)
    return lock


def write(path: Path, lock: Lock) -> None:
    """
    Write the lock.

    Raises:
        ConfigError: DM210, it cannot be written.
    """
    try:
        path.write_text(json.dumps(asdict(lock), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        reason = f"the lock cannot be written: {error.strerror}"
        raise ConfigError("DM210", reason, place=str(path), hint="give dbmimic the right to write there") from None
