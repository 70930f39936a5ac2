"""SQL of the user's own, run in the new copy."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pymysql
from pymysql.constants import CLIENT

from dbmimic.engines.limited import within
from dbmimic.engines.mysql.connect import is_unlogged, options_of
from dbmimic.engines.mysql.errors import Side, speaking_of
from dbmimic.model.address import Address
from dbmimic.model.target import Amendment


def amend(address: Address, database: str, amendment: Amendment) -> None:
    """
    Run the statements one after the other; the server itself tells where each ends.

    Keys are checked, and the mode is the server's own.
    """
    side = Side("target", amendment.place)
    wanted: dict[str, Any] = {"database": database, "charset": "utf8mb4", "client_flag": CLIENT.MULTI_STATEMENTS}
    with speaking_of(side):
        session: Any = pymysql.connect(**wanted, **options_of(address), autocommit=True)
    with closing(session):

        def run() -> None:
            with speaking_of(side), session.cursor() as cursor:
                if is_unlogged(address):
                    cursor.execute("SET SESSION sql_log_bin = 0")
                cursor.execute(amendment.sql)
                while cursor.nextset():
                    pass
                session.commit()

        def stop() -> None:
            # its statements would hold the tables of a copy that is to be dropped
            with speaking_of(side), closing(pymysql.connect(**options_of(address))) as other, other.cursor() as cursor:
                cursor.execute("KILL CONNECTION %s", (session.thread_id(),))

        within(amendment, run, stop)
