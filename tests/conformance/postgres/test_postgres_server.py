"""The throwaway server goes away, however its owner goes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dbmimic.errors import UsageError
from dbmimic.testing.postgres_server import PostgresServer

pytestmark = pytest.mark.postgres

OWNER = """
import sys, time
from dbmimic.testing.postgres_server import PostgresServer
server = PostgresServer(sys.argv[1])
server.start()
print(server.folder, flush=True)
time.sleep(60)
"""


def test_it_is_gone_when_it_is_closed(server):
    with PostgresServer(server.version) as other:
        folder = other.folder
        assert other.execute("SELECT 1") == [(1,)]
        other.create_database('odd "name"')
        assert other.execute("SELECT current_database()", database='odd "name"') == [('odd "name"',)]
    assert not folder.exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_is_gone_when_its_owner_is_killed(server, how):
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, server.version], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )
    with owner:
        folder = Path(owner.stdout.readline().strip())
        assert (folder / "data").is_dir()
        owner.send_signal(how)
    deadline = time.monotonic() + 180
    while folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_statements_are_told_by_database_and_application(server):
    server.create_database("told")
    server.execute("SELECT 'one\ntwo'", database="told")
    assert server.statements("told")[-1] == "SELECT 'one\ntwo'"
    assert server.statements("told", application="dbmimic") == []


def test_missing_binaries_are_told():
    with pytest.raises(UsageError) as caught:
        PostgresServer("9")
    assert caught.value.hint == "install postgresql-9"
