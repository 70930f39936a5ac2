"""SQL of the user's own, run in the new copy."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from dbmimic.engines.limited import within
from dbmimic.engines.sqlite.connection import connect
from dbmimic.engines.sqlite.faults import TARGET, told
from dbmimic.model.target import Amendment


def amend(path: Path, amendment: Amendment) -> None:
    """Run the statements, with foreign keys checked."""
    with told(TARGET, amendment.place):
        session = connect(path, "rw")
    with closing(session):

        def run() -> None:
            with told(TARGET, amendment.place):
                session.execute("PRAGMA foreign_keys = ON")
                session.executescript(amendment.sql)
                if session.in_transaction:
                    session.commit()

        within(amendment, run, session.interrupt)
