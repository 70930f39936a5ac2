"""Whole databases of the target's server: their names, comments, creation, renaming and settings."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import psycopg
from psycopg import sql

from dbmimic.engines.postgres import catalog
from dbmimic.engines.postgres.connect import Connection, apply
from dbmimic.engines.postgres.ddl import Locale
from dbmimic.errors import TargetError
from dbmimic.model.target import Stamp

NEW = "_dbmimic_new"
OLD = "_dbmimic_old"
AWAY = "_dbmimic_tmp"
_MOST_KEPT = 100
_STRATEGY_SINCE = 150000
_CLONE_SINCE = 180000
_LONGEST_NAME = 63  # bytes; PostgreSQL cuts longer names without asking


def beside(name: str, suffix: str) -> str:
    """Give the name of a database that stands beside the target; long names are cut and told apart by a hash."""
    encoded = name.encode()
    if len(encoded) + len(suffix) <= _LONGEST_NAME:
        return name + suffix
    digest = "_" + hashlib.blake2b(encoded, digest_size=4).hexdigest()
    kept = encoded[: _LONGEST_NAME - len(suffix) - len(digest)].decode(errors="ignore")
    return kept + digest + suffix


def old_name(name: str, place: int) -> str:
    """Give the name of the copy that was replaced so many runs ago, or rollbacks; 1 is the last one."""
    return beside(name, OLD if place == 1 else f"{OLD}{place}")


@dataclass(frozen=True, slots=True)
class Mark:
    """
    What a database's comment says in our words.

    `stamp` is set on a finished copy. `building` marks a copy under construction by `run`. `kept` marks a
    database that was the target before us; its own comment is then in `comment`. `sandbox` is the mark of a sandbox,
    `register` says that sandboxes are remembered there.
    """

    stamp: Stamp | None = None
    building: bool = False
    run: str | None = None
    kept: bool = False
    comment: str | None = None
    sandbox: str | None = None
    register: bool = False

    def text(self) -> str:
        """Give the comment that says this."""
        said: dict[str, object] = {
            "building": self.building,
            "run": self.run,
            "kept": self.kept,
            "comment": self.comment,
            "sandbox": self.sandbox,
            "register": self.register,
        }
        if self.stamp is not None:
            said["stamp"] = asdict(self.stamp)
        return json.dumps({"dbmimic": {key: value for key, value in said.items() if value}}, sort_keys=True)

    @classmethod
    def read(cls, comment: str | None) -> Mark | None:
        """Give what a comment says, or None where it is not ours."""
        try:
            said = json.loads(comment or "")["dbmimic"]
            stamp = Stamp(**said["stamp"]) if "stamp" in said else None
            building, kept, register = (bool(said.get(key)) for key in ("building", "kept", "register"))
            return cls(stamp, building, said.get("run"), kept, said.get("comment"), said.get("sandbox"), register)
        except (ValueError, TypeError, KeyError):
            return None


@dataclass(frozen=True, slots=True)
class Database:
    """One database of the server as its catalogue tells it; `privileges` are (grantee or '', privilege, grantable)."""

    name: str
    owner: str
    comment: str | None
    connections: int
    privileges: tuple[tuple[str, str, bool], ...] | None
    settings: tuple[tuple[str, str], ...]
    template: bool

    @property
    def mark(self) -> Mark | None:
        """What its comment says, where the comment is ours."""
        return Mark.read(self.comment)

    @property
    def served_as(self) -> tuple[object, ...]:
        """What `carry_over` gives to another database, to be compared."""
        rights = None if self.privileges is None else frozenset(self.privileges)
        return self.owner, self.connections, rights, frozenset(self.settings)


def find(connection: Connection, name: str) -> Database | None:
    """Give the database of that name, or None."""
    row = connection.execute(catalog.query("find_database"), {"name": name}).fetchone()
    if row is None:
        return None
    found, owner, comment, connections, privileges, settings, template = row
    return Database(
        found,
        owner,
        comment,
        connections,
        None if privileges is None else tuple((who, what, bool(may)) for who, what, may in privileges),
        tuple((role, setting) for role, setting in settings),
        template,
    )


def kept(connection: Connection, name: str) -> dict[int, Database]:
    """Give what stands where replaced copies are kept, by its place, the last one first."""
    places = {old_name(name, place): place for place in range(1, _MOST_KEPT)}
    rows = connection.execute("SELECT datname FROM pg_database WHERE datname = ANY (%s::name[])", [list(places)])
    found = sorted((places[there], there) for (there,) in rows.fetchall())
    return {place: database for place, there in found if (database := find(connection, there)) is not None}


def is_empty(connection: Connection) -> bool:
    """Tell whether the connection's database holds nothing of anybody's."""
    row = connection.execute(catalog.query("is_empty")).fetchone()
    return row == (True,)


def is_member(connection: Connection, role: str) -> bool:
    """Tell whether the connection's role may do what another role may."""
    row = connection.execute("SELECT pg_has_role(%s::name, 'MEMBER')", (role,)).fetchone()
    return row == (True,)


def create(connection: Connection, name: str, locale: Locale | None, encoding: str) -> None:
    """Create an empty database with that locale, or with the server's own where it is None."""
    options = [sql.SQL("TEMPLATE template0"), sql.SQL("ENCODING {}").format(sql.Literal(encoding))]
    if locale is not None:
        options.append(sql.SQL("LC_COLLATE {}").format(sql.Literal(locale.collate)))
        options.append(sql.SQL("LC_CTYPE {}").format(sql.Literal(locale.ctype)))
        word = {"i": "icu ICU_LOCALE", "b": "builtin BUILTIN_LOCALE"}.get(locale.provider)
        if word is not None:
            options.append(sql.SQL("LOCALE_PROVIDER {} {}").format(sql.SQL(word), sql.Literal(locale.locale or "")))
    connection.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), sql.SQL(" ").join(options)))


def clone(connection: Connection, name: str, template: str, *, closed: bool = False) -> None:
    """
    Create a database as a copy of another's files; where the server can, by sharing their blocks.

    `closed` lets nobody connect. Raises the driver's exceptions: ObjectInUse where somebody is in the other.
    """
    version = connection.info.server_version
    if version >= _CLONE_SINCE:
        offered = connection.execute("SELECT enumvals FROM pg_settings WHERE name = 'file_copy_method'").fetchone()
        if offered is not None and "clone" in offered[0]:
            apply(connection, (("file_copy_method", "clone"),))
    options = [sql.SQL("STRATEGY FILE_COPY")] if version >= _STRATEGY_SINCE else []
    options += [sql.SQL("ALLOW_CONNECTIONS false")] if closed else []
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} {}")
    connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template), sql.SQL(" ").join(options)))


def drop(connection: Connection, name: str) -> None:
    """Drop a database of ours, ending the sessions that are in it."""
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def rename(connection: Connection, name: str, to: str) -> None:
    """Give a database another name; nobody may be in it."""
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(to)))


def comment(connection: Connection, name: str, text: str | None) -> None:
    """Set a database's comment."""
    said = sql.Literal(text) if text is not None else sql.SQL("NULL")
    connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), said))


def end_sessions(connection: Connection, name: str) -> None:
    """End the sessions of others in a database, as far as the role may."""
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        " AND (pg_has_role(usesysid, 'MEMBER') OR pg_has_role('pg_signal_backend', 'MEMBER'))",
        (name,),
    )


def sessions(connection: Connection, name: str) -> int:
    """
    Give how many sessions somebody has in a database.

    A worker of autovacuum is nobody's: the server ends it itself where it is in the way.
    """
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usesysid IS NOT NULL"
    row = connection.execute(statement, (name,)).fetchone()
    return int(row[0]) if row else 0


def prepared(connection: Connection, name: str) -> list[str]:
    """Give the names of the transactions that somebody prepared in a database and has not ended, the oldest first."""
    statement = "SELECT gid FROM pg_prepared_xacts WHERE database = %s ORDER BY prepared, gid"
    return [str(gid) for (gid,) in connection.execute(statement, (name,)).fetchall()]


def holder(connection: Connection, key: tuple[int, int]) -> str:
    """Give who holds an advisory lock, as far as the role may see it, as an end of a sentence."""
    row = connection.execute(catalog.query("lock_holder"), {"class": key[0], "number": key[1]}).fetchone()
    if row is None:
        return ""
    pid, role, address, since = row
    return f": role {role} from {address}, server process {pid}, since {since}"


def carry_over(connection: Connection, old: Database, new: str) -> None:
    """Give the new database the old one's connection limit, settings, privileges and owner."""
    name = sql.Identifier(new)
    connection.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(name, sql.Literal(old.connections)))
    for role, setting in old.settings:
        variable, _, value = setting.partition("=")
        try:
            connection.execute(setting_of(name, role, variable, value))
        except psycopg.errors.InsufficientPrivilege:
            raise _may_not_set(old.name, role, variable) from None
    if old.privileges is not None:
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
        for grantee, privilege, grantable in old.privileges:
            connection.execute(_grant(name, grantee, privilege, grantable=grantable))
    connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(old.owner)))


def _may_not_set(name: str, role: str, variable: str) -> TargetError:
    """Give the error for a setting of the target that the role may not give to the new copy."""
    whose = sql.SQL("ALTER ROLE {} IN DATABASE {}").format(sql.Identifier(role), sql.Identifier(name))
    if not role:
        whose = sql.SQL("ALTER DATABASE {}").format(sql.Identifier(name))
    reset = sql.SQL("{} RESET {};").format(whose, sql.Identifier(*variable.split("."))).as_string()
    message = f"the role may not give the new copy the target's setting of {variable}"
    return TargetError("DM502", message, place=name, hint=f"grant the role the right to set it, or: {reset}")


_LISTS = frozenset({"search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries"})


def setting_of(name: sql.Identifier, role: str, variable: str, value: str) -> sql.Composed:
    """Give the statement for one setting; a list is stored as it is written, with its quotes."""
    whose = sql.SQL("ALTER ROLE {} IN DATABASE {}").format(sql.Identifier(role), name) if role else None
    said = sql.SQL(value) if variable in _LISTS and value else sql.Literal(value)
    return sql.SQL("{} SET {} TO {}").format(
        whose or sql.SQL("ALTER DATABASE {}").format(name), sql.Identifier(*variable.split(".")), said
    )


def _grant(name: sql.Identifier, grantee: str, privilege: str, *, grantable: bool) -> sql.Composed:
    to: sql.Composable = sql.Identifier(grantee) if grantee else sql.SQL("PUBLIC")
    more = sql.SQL(" WITH GRANT OPTION") if grantable else sql.SQL("")
    return sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(sql.SQL(privilege), name, to, more)
