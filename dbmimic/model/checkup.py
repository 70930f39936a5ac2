"""What is asked before a run, so that the night goes well, and what came of each question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from dbmimic.errors import DbmimicError, Problem, status_of
from dbmimic.model.findings import Finding, Severity

SCHEMA = "dbmimic/doctor/1"


class Outcome(StrEnum):
    """What a check came to: an `error` ends the run, a `warning` may; `skipped` hangs on what went wrong before."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


_OF = {Severity.INFO: Outcome.OK, Severity.WARNING: Outcome.WARNING, Severity.ERROR: Outcome.ERROR}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was asked. Where nothing is wrong `message` may say what was found; `code` is then empty."""

    name: str
    outcome: Outcome
    code: str = ""
    place: str = ""
    message: str = ""
    hint: str = ""

    @classmethod
    def of(cls, name: str, finding: Finding) -> CheckResult:
        """Give what was found as a check."""
        return cls(name, _OF[finding.severity], finding.code, finding.place, finding.message, finding.hint)

    @classmethod
    def failed(cls, name: str, problem: Problem) -> CheckResult:
        """Give a problem as a check that a run would not survive."""
        return cls(name, Outcome.ERROR, problem.code, problem.place, problem.message, problem.hint)

    @property
    def severity(self) -> Severity:
        """How grave it is, in the words of findings."""
        found = {Outcome.WARNING: Severity.WARNING, Outcome.ERROR: Severity.ERROR}
        return found.get(self.outcome, Severity.INFO)

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that stay the same while code and place do, as those of a finding; empty without a code."""
        finding = Finding(self.code, self.severity, self.place, self.message)
        return finding.fingerprint if self.code else ""


@dataclass(frozen=True, slots=True)
class Checkup:
    """All checks, in the order in which a copy would meet what they ask for."""

    checks: tuple[CheckResult, ...]
    schema: str = SCHEMA

    @property
    def exit(self) -> int:
        """The exit status that a copy would end with now, as far as can be told: that of the first error."""
        return next((status_of(check.code) for check in self.checks if check.outcome is Outcome.ERROR), 0)


def checked(name: str, ask: Callable[[], Iterable[Finding] | str]) -> Iterator[CheckResult]:
    """Give what a question comes to: its findings, what it says where all is well, or what it raises."""
    try:
        answer = ask()
        found = () if isinstance(answer, str) else tuple(answer)
    except DbmimicError as error:
        yield from (CheckResult.failed(name, problem) for problem in error.problems)
        return
    yield from (CheckResult.of(name, finding) for finding in found)
    if not found:
        yield CheckResult(name, Outcome.OK, message=answer if isinstance(answer, str) else "")
