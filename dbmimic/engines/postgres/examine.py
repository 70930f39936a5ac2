"""What of a server could end a run, asked before it begins; every question is a small one, and nothing is held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dbmimic.engines.postgres import catalog, databases, ddl, switch
from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.ddl import Locale
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.engines.postgres.tools import Toolbox
from dbmimic.errors import Problem, TargetError, TryAgainError
from dbmimic.model.amount import amount
from dbmimic.model.checkup import CheckResult, checked
from dbmimic.model.findings import Finding, Severity

_DOING = "asking about the server"
_TIMEOUTS = ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout", "transaction_timeout")


def source(connection: Connection, toolbox: Toolbox, sessions: int) -> Iterator[CheckResult]:
    """Give what of the source's server could end the snapshot, or keep sessions from joining it."""
    yield from checked("source server", lambda: _server(connection, toolbox))
    yield from checked("source snapshot", lambda: _snapshot(connection))
    yield from checked("source connections", lambda: connections(connection, Side.SOURCE, sessions))


def _server(connection: Connection, toolbox: Toolbox) -> str:
    wire = ", by TLS" if connection.pgconn.ssl_in_use else ""
    tool = toolbox.choose()
    tools = f", pg_dump {tool.major}" if tool is not None else ""  # that there is none is told where it is needed
    return f"PostgreSQL {connection.info.parameter_status('server_version')}{wire}{tools}"


def _settings(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", [list(names)]).fetchall()
    return dict(rows)


def _snapshot(connection: Connection) -> Iterator[Finding]:
    """Look for settings that end a snapshot; the timeouts are asked for as they hold in a session of ours."""
    standby = ("hot_standby_feedback", "max_standby_streaming_delay", "max_standby_archive_delay")
    with speaking(connection, Side.SOURCE, _DOING):
        found = _settings(connection, (*_TIMEOUTS, *standby, "old_snapshot_threshold"))
        row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    for name in _TIMEOUTS:
        if found.get(name, "0") != "0":
            reason = f"the server does not let a session set {name} to 0: it is {found[name]} ms"
            yield _unsteady(reason, "name the server itself, and no pool that keeps settings back")
    if int(found.get("old_snapshot_threshold", "-1")) >= 0:
        reason = f"the server ends snapshots that are older than {found['old_snapshot_threshold']} min"
        yield _unsteady(f"{reason} (old_snapshot_threshold)", "set it to -1, or see to it that a run takes less time")
    if row == (True,):
        yield from _standby(found)


def _standby(found: dict[str, str]) -> Iterator[Finding]:
    for name in ("max_standby_streaming_delay", "max_standby_archive_delay"):
        delay = int(found[name])
        if delay >= 0:
            feedback = found["hot_standby_feedback"] == "on"
            reason = f"the source is a standby, and ends a snapshot that was in its way for {delay / 1000:g} s ({name})"
            more = "" if feedback else "; and hot_standby_feedback is off, so the primary's vacuum is in its way"
            hint = "set it to -1 there" + ("" if feedback else ", and hot_standby_feedback to on")
            severity = Severity.INFO if feedback else Severity.WARNING
            yield Finding("DM415", severity, "source", reason + more, hint)
            return


def _unsteady(reason: str, hint: str) -> Finding:
    return Finding("DM415", Severity.WARNING, "source", reason, hint)


def connections(connection: Connection, side: Side, wanted: int) -> Iterator[Finding]:
    """Hold what connections are left, to the role, the database and the server, against what a run takes."""
    with speaking(connection, side, _DOING):
        row = connection.execute(catalog.query("connections")).fetchone()
    for limit, used, of in row[0] if row else ():
        if limit >= 0 and limit - used < wanted:
            left = f"{max(0, limit - used)} of {amount(limit, 'connection')} left"
            message = f"{of} has {left}, and a run takes up to {wanted} more"
            hint = "raise the limit, end sessions that nobody needs, or give the run fewer --workers"
            yield Finding("DM703", Severity.WARNING, str(side), message, hint)


def now(connection: Connection, side: Side) -> float:
    """Give the time by the server's clock."""
    with speaking(connection, side, _DOING):
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    return float(row[0]) if row else 0.0


def held(connection: Connection, name: str, key: tuple[int, int]) -> tuple[Finding, ...]:
    """
    Make sure that no run holds the target.

    Raises:
        TryAgainError: DM701, one does.
    """
    with speaking(connection, Side.TARGET, _DOING, name):
        holder = databases.holder(connection, key)
    if holder:
        hint = "wait until the other run is over, as with --wait"
        raise TryAgainError("DM701", f"another run holds the target{holder}", place=name, hint=hint)
    return ()


def leftovers(connection: Connection, name: str, found: str | None) -> Iterator[Finding]:
    """Tell of what a run left that was cut short."""
    if found is not None:
        then = "the next one drops it, unless it is gone on with (--resume)"
        message = f"a run that was cut short left the database {found}; {then}"
        yield Finding("DM516", Severity.INFO, name, message)
    with speaking(connection, Side.TARGET, _DOING, name):
        kept = databases.kept(connection, name)
    if 1 in kept and kept[1].mark is None:
        raise switch.in_the_way(kept[1].name)


def occupied(connection: Connection, name: str) -> Iterator[Finding]:
    """
    Tell of sessions that the swap would end, or could not.

    Raises:
        TargetError: DM505, a transaction was prepared in the target, which keeps it from being renamed.
    """
    with speaking(connection, Side.TARGET, _DOING, name):
        prepared = databases.prepared(connection, name)
        row = connection.execute(catalog.query("occupants"), {"name": name}).fetchone()
    ours, others = row or (0, 0)
    if prepared:
        raise switch.still_prepared(name, prepared[0], len(prepared) - 1)
    if others:
        who = amount(others, "session of another role is", "sessions of other roles are")
        message = f"{who} in the target, and this role may not end what is not its own"
        hint = "stop the applications that use it before the swap, or: GRANT pg_signal_backend"
        yield Finding("DM505", Severity.WARNING, name, message, hint)
    if ours:
        message = f"{amount(ours, 'session is', 'sessions are')} in the target; the swap ends what is there"
        yield Finding("DM505", Severity.INFO, name, message)


def extensions(connection: Connection, wanted: Sequence[str]) -> tuple[Finding, ...]:
    """
    Make sure that the role may create extensions that the server offers.

    Raises:
        TargetError: DM502, with each that asks for a superuser.
    """
    with speaking(connection, Side.TARGET, _DOING):
        rows = connection.execute(catalog.query("superuser_extensions"), [list(wanted)]).fetchall()
    hint = "give the target's address with a superuser as its role, or take it out of the source"
    problems = [
        Problem("DM502", f"only a superuser may create the extension {name} on the target's server", name, hint)
        for (name,) in rows
    ]
    if problems:
        raise TargetError.of(problems)
    return ()


def collations(connection: Connection, script: str) -> tuple[Finding, ...]:
    """
    Make sure that the server has the collations that a script takes for there, and ICU where it makes one by that.

    Raises:
        TargetError: DM506, with each that it has not.
    """
    made, named = ddl.collations(script)
    if not (made or named):
        return ()
    with speaking(connection, Side.TARGET, _DOING):
        rows = connection.execute("SELECT collname::text, collname LIKE '%-x-icu' FROM pg_collation").fetchall()
    missing = {name: f"the collation {name}" for name in named - {name for name, _ in rows}}
    if not any(by_icu for _, by_icu in rows):
        missing |= {name: f"ICU, which the collation {name} is made by" for name in made}
    hint = "copy into a server that has it"
    problems = [
        Problem("DM506", f"the target's server does not have {what}", name, hint)
        for name, what in sorted(missing.items())
    ]
    if problems:
        raise TargetError.of(problems)
    return ()


def version(connection: Connection, name: str, source: str) -> str | tuple[Finding, ...]:
    """Hold the target's version against the source's."""
    said = str(connection.info.parameter_status("server_version"))
    if not source or connection.info.server_version // 10000 >= int(source):
        return f"PostgreSQL {said}"
    message = f"the target's server is PostgreSQL {said}, and the source's {source}: what only that knows is refused"
    return (Finding("DM515", Severity.WARNING, name, message, "copy into a server of the source's version or later"),)


def locale(connection: Connection, name: str, wanted: Locale) -> tuple[Finding, ...]:
    """Tell whether the target's server seems to have the source's locale."""
    with speaking(connection, Side.TARGET, _DOING, name):
        row = connection.execute(
            catalog.query("knows_locale"),
            {"provider": wanted.provider, "names": [wanted.collate, wanted.ctype]},
        ).fetchone()
    return () if row == (True,) else (other_locale(name, wanted),)


def other_locale(database: str, locale: Locale) -> Finding:
    """Give the finding that a server sorts otherwise than the source's."""
    message = f"the target's server does not have the source's locale {locale.locale or locale.collate}"
    return Finding("DM506", Severity.WARNING, database, message, "text may sort and compare differently")
