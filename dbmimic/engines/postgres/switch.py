"""The moment when databases change names: in one transaction, so that a kill leaves either the old or the new."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence

import psycopg
from psycopg import sql

from dbmimic.engines.postgres import databases
from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.databases import AWAY, NEW, OLD, Database, Mark
from dbmimic.engines.postgres.errors import Fault, Side, speaking, translated
from dbmimic.errors import RefusedError, TargetError
from dbmimic.model.amount import amount
from dbmimic.model.target import KeptCopy, Stamp

_PATIENCE_SECONDS = 20.0
_PAUSE_SECONDS = 0.2
_IN_USE = "55006"


def swap(connection: Connection, name: str, stamp: Stamp, copies: int = 1, *, keep: bool = True) -> None:
    """
    Put the new copy in the target's place with the target's owner, rights and settings; the target is kept as old,
    or where it is nothing to `keep` goes to the place of the new copy, for whoever drops that.

    Of those that were kept before so many stay that there are `copies` of them; only what carries our mark is dropped.

    Raises:
        TargetError: DM505, others do not leave the target, or a database that is not ours has an old one's name.
    """
    new, old, away = (databases.beside(name, suffix) for suffix in (NEW, OLD, AWAY))
    moves: list[tuple[str, str]] = []
    with speaking(connection, Side.TARGET, "swapping the new copy in", name):
        current = databases.find(connection, name)
        if current is not None and keep:
            kept = databases.kept(connection, name)
            for place, there in kept.items():
                if there.mark is None and place <= copies:
                    raise in_the_way(there.name)
            ours = {place: there.name for place, there in kept.items() if there.mark is not None}
            staying = dict(itertools.islice(ours.items(), copies - 1))
            for place in ours.keys() - staying.keys():
                _drop(connection, ours[place])
            moves = _moves(name, staying)

    def renames() -> None:
        databases.comment(connection, new, Mark(stamp).text())
        if current is not None:
            databases.carry_over(connection, current, new)
            for there, to in moves:
                databases.rename(connection, there, to)
            if keep:
                _keep(connection, current, old)
            else:
                databases.rename(connection, name, away)
        databases.rename(connection, new, name)
        if current is not None and not keep:
            databases.rename(connection, away, new)

    _together(connection, renames, (*(there for there, _ in moves), new, name), "swapping the new copy in")


def _drop(connection: Connection, name: str) -> None:
    """Drop a replaced copy; its sessions are ended, but a prepared transaction is not ours to end."""
    try:
        databases.drop(connection, name)
    except psycopg.errors.ObjectInUse:
        raise _occupied(connection, [name]) from None


def _moves(name: str, staying: Mapping[int, str]) -> list[tuple[str, str]]:
    """Give the renames that make the first place free, in an order in which each name is free when it is taken."""
    wanted = [
        (place, there, to, databases.old_name(name, to)) for to, (place, there) in enumerate(staying.items(), start=2)
    ]
    later = [(there, new) for place, there, to, new in reversed(wanted) if place < to]
    sooner = [(there, new) for place, there, to, new in wanted if place > to]
    return [*later, *sooner]


def kept(connection: Connection, name: str) -> tuple[KeptCopy, ...]:
    """Give the copies that are kept, the last one first."""
    with speaking(connection, Side.TARGET, "looking for old copies", name):
        found = databases.kept(connection, name).values()
    return tuple(KeptCopy(there.name, there.mark.stamp) for there in found if there.mark is not None)


def rollback(connection: Connection, name: str, chosen: str | None = None) -> None:
    """
    Put a kept old database back, the last one unless named; what stands in the target's place becomes the last one.

    Raises:
        RefusedError: DM307, there is none.
    """
    names = [one.name for one in kept(connection, name)]
    old, away = chosen or next(iter(names), ""), databases.beside(name, AWAY)
    shifted = [*names[: names.index(old)], old] if old in names else [old]
    with speaking(connection, Side.TARGET, "rolling back", name):
        current = databases.find(connection, name)
        there = databases.find(connection, old)
    if there is None or there.mark is None:
        hint = "there is an old copy only after a second copy, or after the first into a database that existed"
        raise RefusedError("DM307", "there is no old copy to go back to", place=name, hint=hint)
    mark = there.mark

    def renames() -> None:
        if current is not None:
            _keep(connection, current, away)
        databases.rename(connection, old, name)
        if mark.kept:
            databases.comment(connection, name, mark.comment)
        if current is not None:
            for there, to in reversed(list(itertools.pairwise(shifted))):
                databases.rename(connection, there, to)
            databases.rename(connection, away, shifted[0])

    _together(connection, renames, (*shifted, name), "rolling back")


def _keep(connection: Connection, current: Database, name: str) -> None:
    """Rename the target; one that was not made by us is marked, so that we know it again."""
    if current.mark is None:
        databases.comment(connection, current.name, Mark(kept=True, comment=current.comment).text())
    databases.rename(connection, current.name, name)


def _together(connection: Connection, renames: Callable[[], None], emptied: Sequence[str], doing: str) -> None:
    """Run the renames in one transaction; end the sessions that are in the way, and try again while new ones come."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    name = emptied[-1]
    while True:
        try:
            for database in emptied:
                databases.end_sessions(connection, database)
            with connection.transaction():
                renames()
        except psycopg.Error as error:
            fault = Fault.of(error, connection)
            if fault.broken or fault.state != _IN_USE:
                raise translated(fault, Side.TARGET, doing, name) from None
            if time.monotonic() > deadline:
                raise _occupied(connection, emptied) from None
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _occupied(connection: Connection, names: Sequence[str]) -> TargetError:
    with speaking(connection, Side.TARGET, "counting sessions"):
        count = sum(databases.sessions(connection, name) for name in names)
        prepared = [(name, transaction) for name in names for transaction in databases.prepared(connection, name)]
    if prepared and not count:
        return still_prepared(*prepared[0], len(prepared) - 1)
    message = f"the target is in use: {amount(count, 'session')} in it could not be ended, or came back at once"
    hint = "stop the applications that use it, or grant the role pg_signal_backend"
    return TargetError("DM505", message, place=names[-1], hint=hint)


def still_prepared(name: str, transaction: str, others: int) -> TargetError:
    """Give the error for a transaction that stays in a database though its session is gone."""
    quoted = sql.Literal(transaction).as_string()
    more = f", and {others} more" if others else ""
    message = f"the target is in use: transaction {quoted} was prepared in it and has not ended{more}"
    hint = f"its application's transaction manager ends it; by hand, in {name}: ROLLBACK PREPARED {quoted};"
    return TargetError("DM505", message, place=name, hint=hint)


def in_the_way(name: str) -> TargetError:
    """Give the error for a database that has a name of ours but not our mark."""
    hint = "rename or drop it; dbmimic removes nothing that it did not make"
    return TargetError("DM505", f"a database that dbmimic did not make has the name {name}", place=name, hint=hint)
