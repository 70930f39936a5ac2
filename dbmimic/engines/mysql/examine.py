"""What of a server could end a run, asked before it begins; every question is a small one, and nothing is held."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbmimic.engines.mysql import quoting, structure
from dbmimic.engines.mysql.places import Places
from dbmimic.engines.mysql.session import Session
from dbmimic.engines.mysql.sidecar import exists
from dbmimic.errors import Problem, TargetError
from dbmimic.model.amount import amount
from dbmimic.model.checkup import CheckResult, checked
from dbmimic.model.findings import Finding, Severity

# What building a copy, changing places and dropping old copies ask for, where not all privileges were granted.
BUILDING = (
    *("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "REFERENCES", "INDEX", "ALTER", "EXECUTE"),
    *("CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE", "EVENT", "TRIGGER"),
)
_COLLATION = re.compile(r"\bCOLLATE[ =](\w+)")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`", re.DOTALL)
_ROLE = re.compile(r"GRANT (?!.* ON )(`[^`]*`|\S+) TO ")


def source(session: Session, sessions: int) -> Iterator[CheckResult]:
    """Give what of the source's server could end a run."""
    yield from checked("source server", lambda: server(session))
    yield from checked("source connections", lambda: connections(session, sessions))


def server(session: Session) -> str:
    """Give the server's version, and how it is reached."""
    wire = ", by TLS or a socket" if session.is_private else ""
    said = str(session.value("SELECT VERSION()"))
    return f"{'' if session.is_mariadb else 'MySQL '}{said}{wire}"


def connections(session: Session, wanted: int) -> Iterator[Finding]:
    """Hold what connections are left, to the server and to the account, against what a run takes."""
    [(most, own)] = session.rows("SELECT @@max_connections, @@max_user_connections")
    used: dict[str, str] = dict(session.rows("SHOW GLOBAL STATUS LIKE 'Threads_connected'"))
    mine = session.value(
        "SELECT count(*) FROM information_schema.processlist WHERE user = substring_index(user(), '@', 1)"
    )
    limits = (
        (int(most), int(used.get("Threads_connected", 0)), "the server"),
        (int(own) or -1, int(mine), "the account"),
    )
    for limit, taken, of in limits:
        if limit >= 0 and limit - taken < wanted:
            left = max(0, limit - taken)
            message = f"{of} has {left} of {amount(limit, 'connection')} left, and a run takes up to {wanted} more"
            hint = "raise the limit, or end sessions that nobody needs"
            yield Finding("DM703", Severity.WARNING, session.side.role, message, hint)


def now(session: Session) -> float:
    """Give the time by the server's clock."""
    return float(session.value("SELECT UNIX_TIMESTAMP(SYSDATE(6))"))


def rights(session: Session, places: Places) -> tuple[Finding, ...]:
    """
    Make sure that the account may build and exchange the target and its neighbours.

    Raises:
        TargetError: DM502, with every database that it may not; or that the server lets nobody write.
    """
    readonly = session.value("SELECT @@global.read_only")
    if readonly not in {"0", "OFF"} and "SUPER" not in _granted_everywhere(session):
        hint = "a replica is read-only, and so is what the setting read_only makes so: give the address of the primary"
        raise TargetError("DM502", "the target's server lets nobody write", place=places.target, hint=hint)
    problems = []
    for database in (places.target, places.new, places.old(1), places.sidecar):
        lists = structure.granted(session, database)
        held = {each.strip() for one in lists for each in one.split(",")}
        lacking = [each for each in BUILDING if each not in held]
        if lacking and "ALL PRIVILEGES" not in held:
            message = f"the account lacks {', '.join(lacking)} on the database {database}"
            hint = f"GRANT ALL PRIVILEGES ON {quoting.name(pattern(database))}.* TO this account"
            problems.append(Problem("DM502", message, places.target, hint))
    if not problems:
        return ()
    if any(_ROLE.match(str(row[0])) for row in session.rows("SHOW GRANTS")):  # what a role holds is not seen here
        first = problems[0]
        return (
            Finding(first.code, Severity.WARNING, first.place, f"{first.message}, or has it by a role", first.hint),
        )
    raise TargetError.of(problems)


def _granted_everywhere(session: Session) -> set[str]:
    told = " ".join(str(row[0]).upper() for row in session.rows("SHOW GRANTS") if " ON *.* " in str(row[0]))
    return {"SUPER"} if "SUPER" in told or "ALL PRIVILEGES" in told or "READ_ONLY ADMIN" in told else set()


def pattern(database: str) -> str:
    """Give a database's name as a GRANT takes it, where `_` and `%` stand for other characters."""
    return re.sub(r"([_%\\])", r"\\\1", database)


def leftovers(session: Session, places: Places) -> Iterator[Finding]:
    """Tell of what a run left that was cut short."""
    if exists(session, places.new):
        message = f"a run that was cut short left the database {places.new}; the next one drops it"
        yield Finding("DM516", Severity.INFO, places.target, message)


def collations(session: Session, default: str, script: str) -> tuple[Finding, ...]:
    """
    Make sure that the server knows the collations that a structure names, its database's default among them.

    Raises:
        TargetError: DM504, with each that it does not know.
    """
    named = {default, *_COLLATION.findall(_QUOTED.sub("''", script))}
    listed = session.rows("SELECT * FROM information_schema.collation_character_set_applicability")
    offered = {str(value) for row in listed for value in row}  # MariaDB has short names, and full ones beside them
    unknown = sorted(named - offered)
    hint = "copy into a server of the source's kind and version, or change it in the source"
    problems = [
        Problem("DM504", f"the target's server does not know the collation {name}, which the source uses", name, hint)
        for name in unknown
    ]
    if problems:
        raise TargetError.of(problems)
    return ()
