"""The database beside the golden copy, `<name>_dbmimic`, where sandboxes and what copies were made from are kept."""

from __future__ import annotations

import zlib

from psycopg import sql

from dbmimic.engines.postgres import databases, switch
from dbmimic.engines.postgres.connect import Connection, connect
from dbmimic.engines.postgres.databases import Mark
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.model.address import Address

SUFFIX = "_dbmimic"
_LOCK_CLASS = 0x444253  # the first half of the holds' keys
_TABLES = """
CREATE TABLE IF NOT EXISTS public.sandboxes (
    name text PRIMARY KEY,
    database text NOT NULL UNIQUE,
    body text NOT NULL,
    mark text NOT NULL DEFAULT gen_random_uuid()::text,
    password text NOT NULL DEFAULT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
);
CREATE TABLE IF NOT EXISTS public.baselines (
    run text,
    part text,
    body bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run, part)
)"""
_MAKING = "making the register"


def lock_key(project: str, what: str) -> tuple[int, int]:
    """Give the advisory lock that stands for something of a golden copy's; `` is the register itself."""
    return _LOCK_CLASS, zlib.crc32(f"{project}\0{what}".encode()) - 2**31


def opened(upkeep: Connection, address: Address, project: str) -> Connection | None:
    """Connect to the register of a golden copy, or give None where there is none yet."""
    name = databases.beside(project, SUFFIX)
    with speaking(upkeep, Side.TARGET, "looking for the register", project):
        found = databases.find(upkeep, name)
    if found is None or found.mark is None or not found.mark.register:
        return None
    return connect(address, Side.TARGET, database=name)


def begun(upkeep: Connection, address: Address, project: str) -> Connection:
    """
    Connect to the register with all its tables; make it, or finish making it, where that is to be done.

    Raises:
        TargetError: DM505, a database that is not ours has its name.
    """
    name, key = databases.beside(project, SUFFIX), lock_key(project, "")
    with speaking(upkeep, Side.TARGET, _MAKING, name):
        upkeep.execute("SELECT pg_advisory_lock(%s::int4, %s::int4)", key)
        try:
            if databases.find(upkeep, name) is None:
                databases.create(upkeep, name, None, "UTF8")
            return _furnished(address, name)
        finally:
            if not upkeep.closed:
                upkeep.execute("SELECT pg_advisory_unlock(%s::int4, %s::int4)", key)


def _furnished(address: Address, name: str) -> Connection:
    books = connect(address, Side.TARGET, database=name)
    try:
        _furnish(books, name)
    except BaseException:
        books.close()
        raise
    return books


def _furnish(books: Connection, name: str) -> None:
    """Make what is missing, and the mark last: it says that the register is whole."""
    with speaking(books, Side.TARGET, _MAKING, name):
        found = databases.find(books, name)
        ours = found is not None and found.mark is not None and found.mark.register
        if not ours and not databases.is_empty(books):
            raise switch.in_the_way(name)
        with books.transaction():
            if not ours:
                books.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
            books.execute("SET LOCAL client_min_messages = warning")
            books.execute(_TABLES)
            if not ours:
                databases.comment(books, name, Mark(register=True).text())
