"""What the scenarios on the command line share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.command_line import Forks


@pytest.fixture(scope="session")
def dbmimic_command() -> Iterator[Forks]:
    """The command line, each command in a process of its own."""
    forks = Forks()
    yield forks
    forks.close()
