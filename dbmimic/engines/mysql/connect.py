"""Addresses become sessions whose settings we know."""

from __future__ import annotations

from configparser import Error as OptionFileError
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql
from pymysql.optionfile import Parser

from dbmimic.engines.mysql.errors import DENIED, Side, number, translated
from dbmimic.engines.mysql.session import Session
from dbmimic.errors import ConfigError, TargetError
from dbmimic.model.address import Address

OPTION_FILE = "~/.my.cnf"

LOGGED = "sql_log_bin"
_OPTIONS = frozenset(
    {"unix_socket", "connect_timeout", LOGGED}
    | {"ssl_ca", "ssl_cert", "ssl_key", "ssl_verify_cert", "ssl_verify_identity", "ssl_disabled"}
)
_FLAGS = frozenset({"ssl_verify_cert", "ssl_verify_identity", "ssl_disabled"})

# No mode that changes what SQL means; no restriction on which stored dates a comparison may name.
_READING_MODE = "ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION"
# Values land as they were: id 0, zero dates. Nothing here is strict, because LOAD DATA LOCAL never is: every
# warning is counted instead, and fails the load.
WRITING_MODE = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION"
# Structure is built strictly: a key that is too long, say, is an error and not cut.
DDL_MODE = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION"

_PATIENCE_SECONDS = 86_400
_EVERY_ROW = (1 << 64) - 1  # the server's word for no limit
_YES = frozenset({"1", "true", "yes", "on"})


def connect(address: Address, side: Side, database: str | None, *, another: bool = False) -> Session:
    """
    Open a session on a database (or on none), with settings of our own; fills gaps from `~/.my.cnf`.

    `another` says that one was opened before with this address: what the server was asked then is not asked again.
    """
    session = Session(side, {**options_of(address), "database": database}, address.stall_timeout)
    try:
        _settle(session)
        if not side.is_source and is_unlogged(address):
            _unlog(session, another=another)
    except BaseException:
        session.close()
        raise
    return session


def _settle(session: Session) -> None:
    session.run("SET NAMES utf8mb4")
    session.run(f"SET SESSION autocommit = 1, sql_select_limit = {_EVERY_ROW}")
    session.run("SET SESSION sql_safe_updates = 0, sql_auto_is_null = 0")
    session.run("SET SESSION time_zone = '+00:00', sql_quote_show_create = 1, group_concat_max_len = 1048576")
    session.run(f"SET SESSION net_write_timeout = {_PATIENCE_SECONDS}, net_read_timeout = {_PATIENCE_SECONDS}")
    session.run(f"SET SESSION wait_timeout = {_PATIENCE_SECONDS}")
    if session.is_mariadb:
        session.run("SET SESSION max_statement_time = 0, idle_transaction_timeout = 0")
        session.run("SET SESSION idle_readonly_transaction_timeout = 0")
    else:
        session.run("SET SESSION max_execution_time = 0")
    session.run(f"SET SESSION sql_mode = '{_READING_MODE}'")


def is_unlogged(address: Address) -> bool:
    """Tell whether what is written there is to stand in no binary log, as `sql_log_bin=0` in the URL says."""
    return address.options.get(LOGGED, "1").lower() not in _YES


def reading(address: Address) -> Address:
    """Give the address as that of a session which writes nothing, and so nothing into a log."""
    return replace(address, options={key: value for key, value in address.options.items() if key != LOGGED})


def _unlog(session: Session, *, another: bool) -> None:
    """
    Keep what the session writes out of the server's binary log, and look whether that may be, once.

    Raises:
        TargetError: DM509, the role may not, or replicas follow that log, or may, for all that the role sees: they
            would miss the copy and break on what is written to it later.
    """
    hint = f"leave {LOGGED} out of the target's URL"
    shown = "SELECT COUNT(*) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'"
    if followers := 0 if another else int(session.value(shown)):
        reason = f"replicas ({followers}) follow the target's server, and would miss a copy that is in no binary log"
        raise TargetError("DM509", reason, place=session.side.place, hint=hint)
    try:
        session.attempt("SET SESSION sql_log_bin = 0")
    except pymysql.MySQLError as error:
        failure: Exception = translated(error, session.side)
        if number(error) in DENIED:
            reason = "the role may not keep the copy out of the server's binary log"
            hint += ", or GRANT BINLOG ADMIN ON *.* (MySQL: SYSTEM_VARIABLES_ADMIN) to the role"
            failure = TargetError("DM509", reason, place=session.side.place, hint=hint)
    else:
        if another or _sees_others(session):
            return
        reason = "the role does not see whether replicas follow the target's server: they would miss the copy"
        failure = TargetError("DM509", reason, place=session.side.place, hint=f"{hint}, or GRANT PROCESS ON *.*")
    raise failure from None


def _sees_others(session: Session) -> bool:
    """Tell whether the role sees others' sessions, by itself or by a role of its own: who may not is refused this."""
    try:
        session.fetch("SHOW ENGINE INNODB STATUS")
    except pymysql.MySQLError as error:
        if number(error) not in DENIED:
            raise translated(error, session.side) from None
        return False
    return True


def options_of(address: Address) -> dict[str, Any]:
    """Give what the driver is asked for: the address, with gaps filled from the option file."""
    unknown = sorted(set(address.options) - _OPTIONS)
    if unknown:
        known = ", ".join(sorted(_OPTIONS))
        raise ConfigError("DM214", f"unknown option {unknown[0]!r}", place=str(address), hint=f"known: {known}")
    options: dict[str, Any] = {
        key: value.lower() in _YES if key in _FLAGS else value
        for key, value in address.options.items()
        if key != LOGGED
    }
    if "connect_timeout" in options:
        options["connect_timeout"] = _seconds(options["connect_timeout"], address)
    file = _option_file()
    socket = options.get("unix_socket") or ("" if address.host else file.get("socket", ""))
    if socket:
        options["unix_socket"] = socket
    options["host"] = address.host or file.get("host") or "localhost"
    options["port"] = address.port or int(file.get("port") or 3306)
    options["user"] = address.user or file.get("user") or None
    options["password"] = address.password or file.get("password") or ""
    for key in ("ssl_ca", "ssl_cert", "ssl_key"):
        if key not in options and file.get(key.replace("_", "-")):
            options[key] = file[key.replace("_", "-")]
    if options.get("ssl_ca"):
        options.setdefault("ssl_verify_cert", True)  # the driver would take anybody's certificate
    return options


def _seconds(text: str, address: Address) -> int:
    if text.isdigit() and int(text) > 0:
        return int(text)
    raise ConfigError("DM214", "connect_timeout is not a number of seconds", place=str(address))


def _option_file() -> dict[str, str]:
    """Give the client's own settings from the user's option file, if there is one."""
    path = Path(OPTION_FILE).expanduser()
    if not path.is_file():
        return {}
    parser = Parser()
    try:
        parser.read(path)
        section = parser.options("client") if parser.has_section("client") else []
        return {key: str(parser.get("client", key) or "") for key in section}
    except OptionFileError:
        raise ConfigError("DM214", "the option file cannot be read", place=OPTION_FILE) from None
