"""Which worker of pytest-xdist runs which tests, and in what turn: what shares a server stays together, long before short."""

from __future__ import annotations

from pathlib import PurePosixPath

from xdist.scheduler.loadscope import LoadScopeScheduling
from xdist.workermanage import WorkerController

# Folders whose tests share what takes long to make: servers, or the real databases in them.
TOGETHER = ("tests/conformance/mysql", "tests/conformance/postgres", "tests/real")
VERSIONS = ("pg15", "pg18")
# From what takes longest on, so that what is left for the end is short; all that is not named comes in its usual turn.
LONGEST = (
    "tests/conformance/postgres",
    "tests/real",
    "tests/conformance/mysql",
    "tests/property",
    "tests/faults",
    "tests/bench",
    "tests/scenarios/test_bad_input.py",
    "tests/scenarios/test_command_line.py",
    "tests/scenarios",
    "tests/drill",
    "tests/conformance",
    "tests/house",
)


class LongestFirst(LoadScopeScheduling):
    """A worker takes a file's tests, or a folder's, or on PostgreSQL a version's; the next one is the longest there is."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        folder = str(PurePosixPath(path).parent)
        if folder not in TOGETHER:
            return path
        return folder + "".join(f" {version}" for version in VERSIONS if f"[{version}" in nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=_turn), last=False)
        super()._assign_work_unit(node)


def _turn(scope: str) -> int:
    return next((turn for turn, begins in enumerate(LONGEST) if scope.startswith(begins)), len(LONGEST))
