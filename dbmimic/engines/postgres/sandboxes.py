"""
Sandboxes on PostgreSQL: databases made from the golden copy as their template.

Whoever may connect, and to what, is decided before anybody can: a sandbox takes no connections until everybody's right
to connect is taken from it. Its role owns all that is in it, but not the database itself, so it cannot change the mark
by which we know it again. Sandboxes are remembered in a database beside the golden copy, `<name>_dbmimic`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

import psycopg
from psycopg import sql

from dbmimic.engines.postgres import catalog, databases, register
from dbmimic.engines.postgres.connect import Connection, connect, maintenance, named
from dbmimic.engines.postgres.databases import OLD, Database, Mark
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.errors import RefusedError, TargetError, TryAgainError
from dbmimic.model.address import Address
from dbmimic.model.sandbox import GoldenCopy, Sandbox

_LONGEST = (63, 63)
_GRANTOR_SINCE = 160000
_STATEMENTS_AT_A_TIME = 500  # each holds a lock until its transaction ends
_OPTIONS = frozenset({"sslmode", "sslrootcert", "sslcrl", "connect_timeout", "gssencmode", "channel_binding"})
_REMEMBER = """
INSERT INTO public.sandboxes (name, database, body) VALUES (%s, %s, %s)
ON CONFLICT (name) DO UPDATE SET database = excluded.database, body = excluded.body
RETURNING mark"""
_HAND_OVER = "UPDATE public.sandboxes SET name = %s, body = %s WHERE name = %s"


class PostgresSandboxes:
    """A `ports.sandbox.SandboxHost`; all work on whole databases is done from the server's maintenance database."""

    engine = catalog.ENGINE
    longest = _LONGEST
    makes_beside = False

    def __init__(self, address: Address) -> None:
        self._address = address
        self._upkeep = maintenance(address)
        self._books: Connection | None = None
        try:
            self.project = address.database or named(address)
        except BaseException:
            self._upkeep.close()
            raise
        self._register = databases.beside(self.project, register.SUFFIX)

    @contextmanager
    def _speaking(self, doing: str, place: str = "") -> Iterator[None]:
        with speaking(self._upkeep, Side.TARGET, doing, place or self.project):
            yield

    def hold(self, what: str) -> bool:
        """Try to take the advisory lock that stands for it."""
        with self._speaking("taking a lock", what):
            row = self._upkeep.execute("SELECT pg_try_advisory_lock(%s::int4, %s::int4)", self._key(what)).fetchone()
        return row == (True,)

    def release(self, what: str) -> None:
        """Let go of the advisory lock; a connection that is gone has let go of it already."""
        if not self._upkeep.closed:
            with self._speaking("letting go of a lock", what):
                self._upkeep.execute("SELECT pg_advisory_unlock(%s::int4, %s::int4)", self._key(what))

    def _key(self, what: str) -> tuple[int, int]:
        return register.lock_key(self.project, what)

    def sandboxes(self) -> tuple[Sandbox, ...]:
        """Give all that are remembered; none where nothing was ever remembered."""
        books = self._opened()
        if books is None:
            return ()
        with speaking(books, Side.TARGET, "reading the sandboxes", self._register):
            there = books.execute("SELECT to_regclass('public.sandboxes') IS NOT NULL").fetchone()
            if there != (True,):
                return ()
            rows = books.execute('SELECT name, mark, body FROM public.sandboxes ORDER BY name COLLATE "C"').fetchall()
        return tuple(Sandbox.read(name, mark, body) for name, mark, body in rows)

    def remember(self, sandbox: Sandbox) -> Sandbox:
        """Remember it in the register, which is made at the first time."""
        books = self._opened() or self._begun()
        with speaking(books, Side.TARGET, "remembering a sandbox", self._register):
            row = books.execute(_REMEMBER, (sandbox.name, sandbox.database, sandbox.text())).fetchone()
        return sandbox if row is None else replace(sandbox, mark=row[0])

    def hand_over(self, spare: Sandbox, to: Sandbox) -> Sandbox:
        """Let the spare's line in the register be the sandbox's."""
        books = self._opened()
        if books is not None:
            with speaking(books, Side.TARGET, "remembering a sandbox", self._register):
                books.execute(_HAND_OVER, (to.name, to.text(), spare.name))
        return to

    def forget(self, name: str) -> None:
        """Delete it from the register."""
        books = self._opened()
        if books is not None:
            with speaking(books, Side.TARGET, "forgetting a sandbox", self._register):
                books.execute("DELETE FROM public.sandboxes WHERE name = %s", (name,))

    def _opened(self) -> Connection | None:
        """Give the connection to the register, or None where there is none yet."""
        if self._books is None:
            self._books = register.opened(self._upkeep, self._address, self.project)
        return self._books

    def _begun(self) -> Connection:
        """Make the register, or finish making it."""
        with self._speaking("making the register", self._register):
            self._may_create()
        self._books = register.begun(self._upkeep, self._address, self.project)
        return self._books

    def _may_create(self) -> None:
        row = self._upkeep.execute(
            "SELECT rolsuper OR (rolcreatedb AND rolcreaterole) FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        if row != (True,):
            role = sql.Identifier(self._upkeep.info.user)
            grant = sql.SQL("ALTER ROLE {} CREATEDB CREATEROLE;").format(role).as_string()
            reason = "the role may not create databases and roles on the target's server"
            raise TargetError("DM502", reason, place=self.project, hint=grant)

    def place(self, name: str) -> str:
        """Give the name itself."""
        return name

    def golden(self, name: str | None) -> GoldenCopy:
        """Give the golden copy of that name: a database that carries our stamp."""
        wanted = name or self.project
        with self._speaking("looking at the golden copy", wanted):
            found = databases.find(self._upkeep, wanted)
            if found is None or found.mark is None or found.mark.stamp is None:
                hint = "run `dbmimic copy` first; sandboxes are made from verified copies only"
                raise RefusedError("DM321", "there is no verified copy of dbmimic's", place=wanted, hint=hint)
            row = self._upkeep.execute("SELECT pg_database_size(%s::name)", (wanted,)).fetchone()
        return GoldenCopy(wanted, found.mark.stamp.run, int(row[0]) if row else 0)

    def make(self, sandbox: Sandbox) -> None:
        """Make the role, then the database, closed to all; give the role what is in it, then let it in."""
        name = sandbox.database
        with self._speaking("making the sandbox", name):
            self._may_create()
            if databases.sessions(self._upkeep, sandbox.golden):
                raise _busy(sandbox.golden)  # before what is there is dropped
            self._cleared(sandbox)
            self._role(sandbox)
            golden = self._closed(sandbox.golden)
            self._copied(sandbox)
            with self._upkeep.transaction():
                self._run("REVOKE ALL ON DATABASE {} FROM PUBLIC", name)
                self._run("GRANT CREATE, TEMPORARY ON DATABASE {} TO {}", name, sandbox.account)
                databases.comment(self._upkeep, name, Mark(sandbox=sandbox.mark).text())
                self._run("ALTER DATABASE {} ALLOW_CONNECTIONS true", name)
                self._settled(golden, name)
        self._given(sandbox)
        with self._speaking("opening the sandbox", name):
            self._run("GRANT CONNECT ON DATABASE {} TO {}", name, sandbox.account)

    def _run(self, statement: str, *names: str) -> None:
        self._upkeep.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _copied(self, sandbox: Sandbox) -> None:
        """Copy the files of the template, and let nobody in."""
        try:
            databases.clone(self._upkeep, sandbox.database, sandbox.golden, closed=True)
        except (psycopg.errors.ObjectInUse, psycopg.errors.InvalidCatalogName):
            raise _busy(sandbox.golden) from None

    def _cleared(self, sandbox: Sandbox) -> None:
        """Drop what a former try, or the sandbox before its reset, left under the name."""
        found = databases.find(self._upkeep, sandbox.database)
        if found is not None:
            self._is_ours(found, sandbox)
            databases.drop(self._upkeep, sandbox.database)

    def _is_ours(self, found: Database, sandbox: Sandbox) -> None:
        """
        Make sure that a database is the sandbox.

        It carries the mark; or it was just being made, when nobody could have entered it: it takes no connections.
        """
        if found.mark is not None and found.mark.sandbox == sandbox.mark:
            return
        row = self._upkeep.execute("SELECT datallowconn FROM pg_database WHERE datname = %s", (found.name,)).fetchone()
        if found.comment is None and not sandbox.ready and row == (False,):
            return
        hint = "rename or drop it yourself; dbmimic removes nothing that it did not make"
        raise RefusedError("DM324", "the database does not carry the sandbox's mark", place=found.name, hint=hint)

    def _role(self, sandbox: Sandbox) -> None:
        """
        Make the sandbox's role, or give it its password again.

        The server gets the password's verifier only: statements stand in logs.
        """
        mark = self._role_mark(sandbox.account)
        if mark is None:
            self._run("CREATE ROLE {} NOLOGIN", sandbox.account)
        elif not mark:
            raise _not_our_role(sandbox.account)
        verifier = self._upkeep.pgconn.encrypt_password(
            self._password(sandbox).encode(), sandbox.account.encode(), b"scram-sha-256"
        )
        role, said = sql.Identifier(sandbox.account), sql.Literal(Mark(sandbox=sandbox.mark).text())
        with self._upkeep.transaction():
            self._upkeep.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(role, said))
            given = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(verifier.decode()))
            self._upkeep.execute(given)
            self._join(sandbox.account)

    def _role_mark(self, account: str) -> bool | None:
        """Tell whether a role of that name is a sandbox's; None where there is none. An unfinished one counts."""
        row = self._upkeep.execute(
            "SELECT shobj_description(oid, 'pg_authid'), rolcanlogin FROM pg_roles WHERE rolname = %s", (account,)
        ).fetchone()
        if row is None:
            return None
        mark = Mark.read(row[0])
        return (mark is not None and mark.sandbox is not None) or (row[0] is None and not row[1])

    def _join(self, account: str) -> None:
        """Be a member of the sandbox's role, to give it what is ours and to end its sessions."""
        row = self._upkeep.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        if row == (True,):
            return
        how = " WITH INHERIT TRUE, SET TRUE" if self._upkeep.info.server_version >= _GRANTOR_SINCE else ""
        self._run(f"GRANT {{}} TO CURRENT_USER{how}", account)

    def _password(self, sandbox: Sandbox) -> str:
        books = self._opened()
        row = None
        if books is not None:
            with speaking(books, Side.TARGET, "reading a credential", self._register):
                statement = "SELECT password FROM public.sandboxes WHERE name = %s"
                row = books.execute(statement, (sandbox.name,)).fetchone()
        if row is None:
            message = "the sandbox was dropped just now"
            raise TryAgainError("DM706", message, place=sandbox.name, hint="create it again")
        return str(row[0])

    def _closed(self, name: str) -> Database | None:
        """
        Close the golden copy, and the one before it, to everybody who has no right of his own; give the golden copy.

        Whoever can log in today keeps the right to connect, as one of his own.
        """
        for each in (name, databases.beside(name, OLD)):
            found = databases.find(self._upkeep, each)
            if found is None or found.mark is None or not self._is_open(found):
                continue
            with self._upkeep.transaction():
                for role in self._guests(found.owner):
                    self._run("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", each, role)
                self._run("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC", each)
        return databases.find(self._upkeep, name)

    def _is_open(self, found: Database) -> bool:
        return found.privileges is None or any(who == "" and what == "CONNECT" for who, what, _ in found.privileges)

    def _guests(self, owner: str) -> list[str]:
        """Give the roles that can log in, except owner, superusers and sandboxes."""
        rows = self._upkeep.execute(
            "SELECT rolname, shobj_description(oid, 'pg_authid') FROM pg_roles"
            " WHERE rolcanlogin AND NOT rolsuper AND rolname <> %s",
            (owner,),
        ).fetchall()
        return [name for name, said in rows if (mark := Mark.read(said)) is None or mark.sandbox is None]

    def _settled(self, golden: Database | None, name: str) -> None:
        """Give the sandbox the settings that the golden copy has for all its sessions."""
        for role, setting in golden.settings if golden is not None else ():
            if not role:
                variable, _, value = setting.partition("=")
                self._upkeep.execute(databases.setting_of(sql.Identifier(name), "", variable, value))

    def _given(self, sandbox: Sandbox) -> None:
        """Give the sandbox's role all that is in the database."""
        inside = connect(self._address, Side.TARGET, database=sandbox.database)
        doing = "giving the sandbox's role what is in it"
        with closing(inside), speaking(inside, Side.TARGET, doing, sandbox.database):
            to = sql.Identifier(sandbox.account).as_string(inside)
            found = inside.execute(catalog.query("owned_objects")).fetchall()
            orders = [f"ALTER {kind} {identity} OWNER TO {to}" for kind, identity in found]
            for start in range(0, len(orders), _STATEMENTS_AT_A_TIME):
                inside.execute("; ".join(orders[start : start + _STATEMENTS_AT_A_TIME]).encode())

    def remove(self, sandbox: Sandbox) -> None:
        """Drop the database, then the role."""
        with self._speaking("dropping the sandbox", sandbox.database):
            self._cleared(sandbox)
        with self._speaking("dropping the sandbox's role", sandbox.account):
            if self._role_mark(sandbox.account):
                self._run("DROP ROLE {}", sandbox.account)

    def stands(self, sandbox: Sandbox) -> bool:
        """Tell whether the database is there with its mark."""
        with self._speaking("looking at the sandbox", sandbox.database):
            found = databases.find(self._upkeep, sandbox.database)
        return found is not None and found.mark is not None and found.mark.sandbox == sandbox.mark

    def sizes(self, sandboxes: Sequence[Sandbox]) -> Mapping[str, int]:
        """Give what the files of each database hold."""
        names = [sandbox.database for sandbox in sandboxes]
        with self._speaking("asking for sizes"):
            rows = self._upkeep.execute(
                "SELECT datname, pg_database_size(oid) FROM pg_database WHERE datname = ANY (%s)", (names,)
            ).fetchall()
        return {str(name): int(size) for name, size in rows}

    def address(self, sandbox: Sandbox) -> Address:
        """Give the address with the sandbox's role; options that belong to our own role are left out."""
        return Address(
            engine=self.engine,
            database=sandbox.database,
            host=self._upkeep.info.host,
            port=self._upkeep.info.port,
            user=sandbox.account,
            password=self._password(sandbox),
            options={key: value for key, value in self._address.options.items() if key in _OPTIONS},
        )

    def close(self) -> None:
        """Close the connections."""
        if self._books is not None:
            self._books.close()
        self._upkeep.close()


def _busy(golden: str) -> TryAgainError:
    message = "the golden copy is in use, or just being replaced, and cannot be copied"
    hint = "wait with --wait; or end the sessions in it, and keep it for sandboxes alone"
    return TryAgainError("DM705", message, place=golden, hint=hint)


def _not_our_role(account: str) -> RefusedError:
    hint = "rename or drop it yourself; dbmimic changes no role that it did not make"
    return RefusedError("DM324", "a role that dbmimic did not make has the sandbox's name", place=account, hint=hint)
