"""Read late what a configuration refers to: addresses, and whatever else stands behind a reference."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from dbmimic.config.interpolate import fill
from dbmimic.config.suggest import suggestion
from dbmimic.errors import ConfigError
from dbmimic.model.address import Address
from dbmimic.model.settings import Named

COMMAND_SECONDS = 30.0

_ENGINES: Mapping[str, str] = {
    "postgresql": "postgresql",
    "postgresql+psycopg": "postgresql",
    "mysql": "mysql",
    "mysql+pymysql": "mysql",
    "mariadb": "mysql",
    "mariadb+pymysql": "mysql",
    "sqlite": "sqlite",
}
_FORM = "write engine://user@host/database, with special characters in user and password as %XX"
_LARGEST_PORT = 65535


def address(named: Named, environ: Mapping[str, str]) -> Address:
    """
    Give the address that a reference leads to.

    Errors: ConfigError DM210 where a variable, file or command gives nothing, DM214 where the URL is unfit. No message
    holds any of the URL.
    """
    text = followed(named, environ)
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise _unfit(named, "this is not a connection URL", _FORM)
    if scheme not in _ENGINES:
        known = [engine for engine in _ENGINES if "+" not in engine]
        raise _unfit(named, "the URL names an engine that is not known", suggestion(scheme.partition("+")[0], known))
    url = _parsed(rest, named)
    _check_options(rest, url, named)
    if _ENGINES[scheme] == "sqlite":
        return _file_address(url, named)
    _check_at_signs(rest, url, named)
    return Address(
        engine=_ENGINES[scheme],
        database=url.database,
        host=url.host,
        port=url.port,
        user=url.username or "",
        password=url.password,
        options=_options(url, named),
    )


def _unfit(named: Named, message: str, hint: str) -> ConfigError:
    return ConfigError("DM214", message, place=named.place, hint=hint)


def _missing(named: Named, message: str, hint: str = "correct what is written there") -> ConfigError:
    return ConfigError("DM210", message, place=named.place, hint=hint)


def followed(named: Named, environ: Mapping[str, str]) -> str:
    """Give the text that a reference leads to; ConfigError DM210 where a variable, file or command gives nothing."""
    filled = fill(named.text, environ)
    if filled.complaints:
        raise _missing(named, "; ".join(filled.complaints), "set the variable, or write '$${' for a plain '${'")
    scheme, _, rest = filled.text.partition(":")
    if scheme == "file":
        return _first_line(_file_content(rest, named), named, "file")
    if scheme == "cmd":
        return _first_line(_command_output(rest, named, environ), named, "command")
    return filled.text


def _first_line(data: bytes, named: Named, origin: str) -> str:
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise _missing(named, f"what the {origin} gives is not UTF-8 text") from None
    if not lines or not lines[0].strip():
        raise _missing(named, f"the {origin} gives nothing in its first line")
    return lines[0].strip()


def _file_content(path: str, named: Named) -> bytes:
    try:
        return (Path(named.folder) / Path(path).expanduser()).read_bytes()
    except OSError as error:
        raise _missing(named, f"the file that is named here cannot be read: {error.strerror}") from None
    except (ValueError, RuntimeError):  # a NUL in the path; a home folder that cannot be told
        raise _missing(named, "what is named here is no path of a file") from None


def _command_output(command: str, named: Named, environ: Mapping[str, str]) -> bytes:
    try:
        words = shlex.split(command)
    except ValueError:
        raise _missing(named, "the command has a quote that is not closed") from None
    if not words:
        raise _missing(named, "there is no command after 'cmd:'")
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        raise _missing(named, f"the command cannot be started: {error.strerror}") from None
    except ValueError:
        raise _missing(named, "the command holds a NUL") from None
    hint = "run the command by hand to see why"
    with process:
        try:
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            message = f"the command gave no answer within {COMMAND_SECONDS:g} seconds"
            raise _missing(named, message, hint) from None
    if process.returncode != 0:
        raise _missing(named, f"the command failed with exit status {process.returncode}", hint)
    return output


@dataclass(frozen=True, slots=True)
class _Url:
    """The parts of what follows an engine's name in a URL; `username` is None where no `@` ends one."""

    username: str | None
    password: str
    host: str
    port: int | None
    database: str
    options: tuple[tuple[str, str], ...]


def _parsed(rest: str, named: Named) -> _Url:
    """
    Take a URL apart as SQLAlchemy does, which takes a tenth of a second to load.

    A user's name ends at the first `:`, a password at the first `@`: all else may stand in it as it is.
    """
    before, at, after = rest.partition("@")
    user, _, password = before.partition(":")
    known = bool(at) and "/" not in user
    place, _, query = (after if known else rest).partition("?")
    server, _, database = place.partition("/")
    if server.startswith("[") and "]" in server:
        host, _, ended = server[1:].partition("]")
    else:
        host, colon, ended = server.partition(":")
        ended = colon + ended
    port = ended.removeprefix(":")
    if ended and not (ended.startswith(":") and port.isascii() and port.isdecimal()):
        raise _unfit(named, "this is not a connection URL", _FORM)
    if port and not 0 < int(port) <= _LARGEST_PORT:
        raise _unfit(named, "the URL's port is not between 1 and 65535", _FORM)
    return _Url(
        username=unquote(user) if known else None,
        password=unquote(password) if known else "",
        host=host,
        port=int(port) if port else None,
        database=unquote(database),
        options=tuple(parse_qsl(query)),
    )


def _check_at_signs(rest: str, url: _Url, named: Named) -> None:
    # An '@' that is not written as %40 would put a piece of the password into the host or database, which are shown.
    signs = rest.partition("?")[0].count("@")
    if signs > 1 or (signs == 1 and url.username is None):
        raise _unfit(named, "the URL cannot be taken apart: an '@' or '/' stands in the user or password", _FORM)


def _check_options(rest: str, url: _Url, named: Named) -> None:
    # An option without a value would be dropped, and a file's name lose what follows its `?`.
    if url.username is not None:
        rest = rest.partition("@")[2]
    _, begun, given = rest.partition("?")
    if begun and not all(option.partition("=")[2] for option in given.split("&")):
        hint = "write each as name=value, and a `?` or `&` that belongs to something else as %3F or %26"
        raise _unfit(named, "the URL has a `?` and an option without a value after it", hint)


def _file_address(url: _Url, named: Named) -> Address:
    form = "write sqlite:///relative/path or sqlite:////absolute/path"
    if url.host or url.username or url.port:
        raise _unfit(named, "the URL of a SQLite file has no host or user", form)
    if not url.database or url.database == ":memory:":
        raise _unfit(named, "a SQLite database in memory cannot be copied", form)
    return Address(engine="sqlite", database=url.database, options=_options(url, named))


def _options(url: _Url, named: Named) -> dict[str, str]:
    options: dict[str, str] = {}
    for key, value in url.options:
        if key in options:
            raise _unfit(named, "the URL gives one option twice", "keep one of the two")
        options[key] = value
    return options
