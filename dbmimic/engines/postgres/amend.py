"""SQL of the user's own, run in the new copy."""

from __future__ import annotations

import contextlib

import psycopg

from dbmimic.engines.limited import within
from dbmimic.engines.postgres.connect import connect
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.model.address import Address
from dbmimic.model.target import Amendment

_STOP_SECONDS = 2.0


def amend(address: Address, database: str, amendment: Amendment) -> None:
    """Run the statements as one text, and so in one transaction, unless they begin and end their own."""
    with contextlib.closing(connect(address, Side.TARGET, database=database)) as session:

        def run() -> None:
            with speaking(session, Side.TARGET, "running a hook's SQL", amendment.place):
                session.execute(amendment.sql.encode())
                if session.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                    session.commit()

        within(amendment, run, lambda: session.cancel_safe(timeout=_STOP_SECONDS))
