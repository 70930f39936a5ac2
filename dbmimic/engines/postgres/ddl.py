"""
A database's structure by PostgreSQL's own `pg_dump`, and how it is built again by `psql`.

The dump is made in the archive format without rows, and turned into two scripts: what comes before the data (types,
functions, tables) and what comes after (keys, indexes, triggers, views' data). `psql` runs them with its messages
reduced to SQLSTATEs, because a message may quote a row.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from dbmimic.engines.postgres import catalog, guarding, programs
from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.errors import Fault, Side, speaking, translated
from dbmimic.engines.postgres.tools import Installation, Toolbox
from dbmimic.errors import DbmimicError, TargetError
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.target import Composed

# Staging has its own roles, rights and places on disk, and must never subscribe to production's changes.
_LEFT_OUT = (
    "--no-owner",
    "--no-privileges",
    "--no-publications",
    "--no-subscriptions",
    "--no-security-labels",
    "--no-tablespaces",
)
_NO_LARGE_OBJECTS = "-B"  # its long name changed with 16; below 17 their comments are structure to pg_dump
# Minor releases from November 2026 on count a column's versions in its options. Only a pg_dump that knows it leaves it
# out, and a server that does not know it refuses it.
_COLUMN_OPTIONS = re.compile(
    r"^(?P<column>ALTER (?:FOREIGN )?TABLE (?:ONLY )?.+ ALTER COLUMN .+ SET )\((?P<options>.*)\);\n", re.MULTILINE
)
_LOCK_WAIT_MILLISECONDS = 10_000
_SETTINGS = "SET maintenance_work_mem = '256MB'; SET client_min_messages = error; SET array_nulls = on"
_USER_MAPPING = re.compile(r"^\d+; \d+ \d+ USER MAPPING ", re.MULTILINE)
_FILLED_VIEW = re.compile(r"^\d+; \d+ (\d+) MATERIALIZED VIEW DATA ", re.MULTILINE)
_NOT_STRUCTURE = re.compile(
    r"--$|-- Name: |-- Dumped |-- PostgreSQL database dump|\\restrict |\\unrestrict |$"
    r"|-- \*not\* (?:creating|dropping) schema, since initdb creates it$"  # told where public has another owner
    r"|SET (statement_timeout|lock_timeout|idle_in_transaction_session_timeout|transaction_timeout|client_encoding"
    r"|standard_conforming_strings|check_function_bodies|xmloption|client_min_messages|row_security"
    r"|default_tablespace|default_table_access_method) = "
    r"|SELECT pg_catalog\.set_config\('search_path', '', false\);$"
)
# A cast of a whole array is read back as a cast of each element, and so told in the next dump.
_LITERAL = re.compile(r"(?:'(?:[^']|'')*'|NULL)::[a-z][a-z ]*(?:\(\d+\))?")
_ARRAY_CAST = re.compile(
    rf"\(ARRAY\[(?P<elements>{_LITERAL.pattern}(?:, {_LITERAL.pattern})*)\]\)::(?P<type>[a-z][a-z ]*)\[\]"
)
# A key that the source's own rows break cannot be validated in the copy; what it says is the same.
_NOT_VALID = re.compile(r"^(    ADD CONSTRAINT .+ FOREIGN KEY .+) NOT VALID;$")
# From 18 on NOT NULL has a name, which a database from an older server gets anew.
_NOT_NULL = re.compile(r"^(    .+) CONSTRAINT (?:\w+|\"(?:[^\"]|\"\")+\") NOT NULL(?=,?$)")
_QUERY = re.compile(r"^(?P<head>CREATE (?:MATERIALIZED VIEW|VIEW|RULE) [^\n]* AS\n).*?;\n", re.MULTILINE | re.DOTALL)
_SUPERUSERS = frozenset({"EXTENSION", "FOREIGN DATA WRAPPER", "PROCEDURAL LANGUAGE", "EVENT TRIGGER"})
ENTRY = re.compile(r"^-- Name: (?P<name>.*); Type: (?P<type>[A-Z ]+); Schema: (?P<schema>.*); Owner: ")
_INNER_CHECK = re.compile(r"^(?:    |\t)CONSTRAINT (?P<name>\"(?:[^\"]|\"\")+\"|\S+) CHECK \(")
_EXCLUSION = re.compile(r"^    ADD CONSTRAINT .+ EXCLUDE USING ")
_END = "--\n-- end\n--\n"
_FAILED = re.compile(r":(?P<line>\d+): [^:]+:  (?P<state>[0-9A-Z]{5})\s*$", re.MULTILINE)
_ICU = re.compile(r"^CREATE COLLATION (?P<name>.+) \(provider = icu\b", re.MULTILINE)
_COLLATED = re.compile(r'\bCOLLATE pg_catalog\."(?P<name>(?:[^"]|"")+)"')
_EXTENSION = re.compile(r"^CREATE EXTENSION IF NOT EXISTS (?P<name>\"(?:[^\"]|\"\")+\"|\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SequenceValue:
    """Where a sequence stands, and the column that owns it."""

    id: TableId
    last_value: int
    is_called: bool
    owner: ColumnId | None


@dataclass(frozen=True, slots=True)
class Locale:
    """A database's encoding and how it sorts; `provider` is c (libc), i (ICU) or b (built in)."""

    encoding: str
    collate: str
    ctype: str
    provider: str
    locale: str | None


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a database is built from: the `body` of this engine's `Structure`."""

    before_data: str
    after_data: str
    sequences: tuple[SequenceValue, ...]
    locale: Locale
    tool: Installation

    @property
    def script(self) -> str:
        """All of it but the rows."""
        return self.before_data + self.after_data


def dump(connection: Connection, snapshot: str, toolbox: Toolbox, side: Side) -> tuple[str, str, Installation]:
    """
    Give the scripts before and after the data, as `pg_dump` sees the database under the snapshot.

    Raises:
        SourceError: DM406 (TargetError: DM506 for a copy), there is no fitting `pg_dump`.
    """
    tool = toolbox.choose()
    if tool is None:
        raise side.error(side.code(6), f"no pg_dump fits the {side}'s version", hint=toolbox.needed)
    command = [str(tool.program("pg_dump")), "--format=custom", "--section=pre-data", "--section=post-data"]
    command += [*_LEFT_OUT, _NO_LARGE_OBJECTS]
    command.append(f"--snapshot={snapshot}")
    # pg_dump locks the tables that we have locked. Were somebody's ALTER waiting for us, it would wait behind that.
    command.append(f"--lock-wait-timeout={_LOCK_WAIT_MILLISECONDS}")
    command += ["--dbname", programs.address(connection)]
    environment = programs.environment(connection)
    archive = programs.run(command, side, peer=connection.peer, environment=environment)
    with tempfile.TemporaryFile() as listing:  # it has no name, so that a run which is killed leaves nothing
        listed = _without_user_mappings(_restored(tool, archive, side, "--list").decode())
        with speaking(connection, side, "reading the catalogue"):
            listing.write(_without_far_views(listed, connection).encode())
        chosen = f"--use-list=/dev/fd/{listing.fileno()}"
        sections = []
        for section in ("pre-data", "post-data"):
            listing.seek(0)
            options = (*_LEFT_OUT, "--file=-", f"--section={section}", chosen)
            sections.append(_restored(tool, archive, side, *options, handed=[listing.fileno()]).decode())
    before, after = sections
    return _without_bookkeeping(before), after, tool


def _without_bookkeeping(script: str) -> str:
    """Take the servers' own column options out of a script; see `_COLUMN_OPTIONS`."""
    if "pg_attver=" not in script:
        return script
    return _COLUMN_OPTIONS.sub(_without_version, script)


def _without_version(statement: re.Match[str]) -> str:
    options = [option for option in statement["options"].split(", ") if not option.startswith("pg_attver=")]
    return f"{statement['column']}({', '.join(options)});\n" if options else ""


def _without_user_mappings(listing: str) -> str:
    """Take user mappings off an archive's list: they are production's credentials for other servers."""
    return _USER_MAPPING.sub(r";\g<0>", listing)


def _without_far_views(listing: str, connection: Connection) -> str:
    """Take off what would fill materialized views with rows of other servers, which nobody has masked."""
    far = {str(oid) for oid, *_ in connection.execute(catalog.query("far_views"))}
    return _FILLED_VIEW.sub(lambda entry: f";{entry[0]}" if entry[1] in far else entry[0], listing)


def _restored(tool: Installation, archive: bytes, side: Side, *options: str, handed: Sequence[int] = ()) -> bytes:
    return programs.run([str(tool.program("pg_restore")), *options], side, given=archive, handed=handed)


def normalised(script: str) -> str:
    """
    Give the structure alone: without the head, the comments and the empty lines of the dump, and with one spelling for
    what PostgreSQL spells in another way once it was dumped and built again.
    """
    lines = (line for line in script.splitlines() if not _NOT_STRUCTURE.match(line))
    return "\n".join(map(_one_spelling, lines)) + "\n"


def portable(text: str) -> str:
    """Give a normalised structure without what views and rules ask for: each version has a spelling of its own."""
    return _QUERY.sub(r"\g<head>", text)


def _one_spelling(line: str) -> str:
    line = _NOT_NULL.sub(r"\1 NOT NULL", _ARRAY_CAST.sub(_cast_inside, line))
    return _NOT_VALID.sub(r"\1;", line)


def _cast_inside(cast: re.Match[str]) -> str:
    elements = (f"({element[0]})::{cast['type']}" for element in _LITERAL.finditer(cast["elements"]))
    return f"ARRAY[{', '.join(elements)}]"


def objects(script: str) -> tuple[tuple[str, str], ...]:
    """Give the objects that a script makes by kind and name, and what stands inside tables: conditions, inheritance."""
    found, table = [], ""
    for line in script.splitlines():
        heading, check = ENTRY.match(line), _INNER_CHECK.match(line)
        if heading is not None:
            table = place_of(heading)
            found.append((heading["type"].replace("CHECK CONSTRAINT", "CHECK"), table))
        elif check is not None:
            found.append(("CHECK", f"{table} {check['name']}"))
        elif _EXCLUSION.match(line):
            found.append(("EXCLUDE", table))
        elif line.startswith("INHERITS ("):
            found.append(("INHERITS", table))
    return tuple(found)


def composed(composed: Composed, locale: Locale, tool: Installation) -> Blueprint:
    """Give what a database of composed tables is built from, told as a dump tells it."""
    before = "".join(_entry("TYPE", TableId("", "type"), statement) for statement in composed.types)
    before += "".join(_entry("TABLE", table, statement) for table, statement in composed.tables)
    after = "".join(
        _entry(
            "INDEX", TableId(table.schema, name), f"CREATE INDEX {_part(name)} ON {_quoted(table)} ({_parts(columns)})"
        )
        for table, name, columns in composed.indexes
    )
    after += "".join(
        _entry("FK CONSTRAINT", table, f"ALTER TABLE ONLY {_quoted(table)}\n    ADD {constraint}")
        for table, constraint in composed.foreign_keys
    )
    after += "".join(_entry("SEQUENCE SET", column.table, _counted(column)) for column in composed.counters)
    return Blueprint(before, after + _END, (), locale, tool)


def _entry(type_: str, table: TableId, statement: str) -> str:
    return (
        f"--\n-- Name: {table.name}; Type: {type_}; Schema: {table.schema or '-'}; Owner: -\n--\n\n{statement};\n\n\n"
    )


def _counted(column: ColumnId) -> str:
    """Give the statement that sets a column's own sequence past its largest value."""
    table, name = _quoted(column.table), _part(column.name)
    sequence = f"pg_get_serial_sequence({sql.Literal(table).as_string()}, {sql.Literal(column.name).as_string()})"
    return f"SELECT setval({sequence}, greatest(max({name}), 1), coalesce(max({name}) > 0, false)) FROM {table}"  # noqa: S608 -- quoted


def _part(name: str) -> str:
    return sql.Identifier(name).as_string()


def _parts(names: tuple[str, ...]) -> str:
    return ", ".join(map(_part, names))


def _quoted(table: TableId) -> str:
    return sql.Identifier(table.schema, table.name).as_string()


def extensions(script: str) -> tuple[str, ...]:
    """Give the names of the extensions that a script creates."""
    return tuple(match["name"].strip('";').replace('""', '"') for match in _EXTENSION.finditer(script))


def collations(script: str) -> tuple[frozenset[str], frozenset[str]]:
    """Give the names of the collations that a script makes by ICU, and of those that it takes for there."""
    made = frozenset(match["name"] for match in _ICU.finditer(script))
    return made, frozenset(match["name"].replace('""', '"') for match in _COLLATED.finditer(script))


def run_script(connection: Connection, script: str, tool: Installation, doing: str) -> None:
    """Run a script in the connection's database by `psql`, and stop at the first statement that fails."""
    if connection.info.server_version // 10000 < tool.major:
        script = script.replace("SET transaction_timeout = 0;\n", "", 1)  # the head's line, unknown before 17
    command = [
        str(tool.program("psql")),
        "--no-psqlrc",
        "--quiet",
        f"--command={_SETTINGS}",  # a pool takes no options with a connection
        "--file=-",
        "--dbname",
        programs.address(connection),
    ]
    command += ["--set=ON_ERROR_STOP=1", "--set=VERBOSITY=sqlstate", "--output", os.devnull]
    environment = programs.environment(connection)
    done = guarding.run(command, connection.peer, given=script.encode(), environment=environment)
    if done.returncode != 0:
        raise _failed(script, done.stderr.decode(errors="replace"), doing)


def _failed(script: str, told: str, doing: str) -> DbmimicError:
    """Give the error for the first failed statement: its SQLSTATE, and the object by the dump's own headings."""
    match = _FAILED.search(told)
    if match is None:
        return translated(Fault("", broken=True), Side.TARGET, doing)
    heading = next(
        (found for line in reversed(script.splitlines()[: int(match["line"])]) if (found := ENTRY.match(line))), None
    )
    if heading is None:
        return refused(Fault(match["state"]), "", "", doing)
    return refused(Fault(match["state"]), heading["type"], place_of(heading), doing)


def refused(fault: Fault, type_: str, name: str, doing: str) -> DbmimicError:
    """Give the error for an object that the target's server would not make."""
    place = f"{type_.lower()} {name}" if type_ else ""
    if fault.state == "42501" and type_ in _SUPERUSERS:
        message = "the role may not create this on the target's server (SQLSTATE 42501)"
        hint = "give the target's address with a superuser as its role, or take it out of the source"
        return TargetError("DM502", message, place=place, hint=hint)
    if fault.state in {"42704", "3F000", "42883"}:
        hint = "a role, type or function that the structure names is missing on the target's server"
        message = f"the target failed while {doing} (SQLSTATE {fault.state})"
        return TargetError("DM504", message, place=place, hint=hint)
    return translated(fault, Side.TARGET, doing, place)


def place_of(heading: re.Match[str]) -> str:
    """Give the object of a heading; a hyphen stands there for no schema."""
    return heading["name"] if heading["schema"] == "-" else f"{heading['schema']}.{heading['name']}"
