"""What was noticed, for people and for the verdict: a code, a place and a sentence, never a row value."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """`error` fails the verification, `warning` asks for a look, `info` explains."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing noticed. Codes are those of `dbmimic.errors`."""

    code: str
    severity: Severity
    place: str
    message: str
    hint: str = ""

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that stay the same while code and place do, to acknowledge a finding by."""
        text = f"{self.code}\0{self.place}".encode()
        return hashlib.blake2b(text, digest_size=4).hexdigest()
