"""What references lead to, and what is refused without showing any of it."""

import os
import secrets
import sys
import time
import traceback
from pathlib import Path

import pytest

from dbmimic.config import resolve, secret
from dbmimic.config.interpolate import literal
from dbmimic.errors import ConfigError
from dbmimic.model.address import Address
from dbmimic.model.settings import Named

CANARY = "Xk7canary93"
GOOD = secrets.token_hex(32)


def at(text: str, folder: Path | str = "") -> Named:
    return Named(text, "dbmimic.yaml:1:9", str(folder))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://h/d", Address("postgresql", "d", "h")),
        ("postgresql+psycopg://u:p@h:5433/d", Address("postgresql", "d", "h", 5433, "u", "p")),
        ("postgresql:///d", Address("postgresql", "d")),
        ("postgresql://", Address("postgresql", "")),
        ("postgresql://u@[::1]:5432/d", Address("postgresql", "d", "::1", 5432, "u")),
        ("postgresql://u%40x:p%3A%2F%40%25@h/d%20b", Address("postgresql", "d b", "h", None, "u@x", "p:/@%")),
        ("postgresql:///?service=prod", Address("postgresql", "", options={"service": "prod"})),
        (
            "postgresql:///d?host=/run/pg&sslmode=require",
            Address("postgresql", "d", options={"host": "/run/pg", "sslmode": "require"}),
        ),
        ("mysql://u:@h/d", Address("mysql", "d", "h", None, "u", "")),
        ("mysql+pymysql://u:p@h:3307/d", Address("mysql", "d", "h", 3307, "u", "p")),
        ("mariadb://h/d", Address("mysql", "d", "h")),
        ("mariadb+pymysql://h/d?charset=utf8mb4", Address("mysql", "d", "h", options={"charset": "utf8mb4"})),
        ("sqlite:///rel/a.db", Address("sqlite", "rel/a.db")),
        ("sqlite:////abs/a@b.db", Address("sqlite", "/abs/a@b.db")),
        ("sqlite:///a%3Fb?timeout=3", Address("sqlite", "a?b", options={"timeout": "3"})),
        ("postgresql://u:p?w@h/d?service=a@b", Address("postgresql", "d", "h", None, "u", "p?w", {"service": "a@b"})),
    ],
)
def test_an_address_is_taken_apart(url, address):
    found = resolve.address(at(url), {})
    assert found == address
    assert (found.password, found.options) == (address.password, address.options)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("", "write engine://"),
        (CANARY, "write engine://"),
        (f"{CANARY}://u@h/d", "known here: mariadb, mysql, postgresql, sqlite"),
        (f"postgres://u:{CANARY}@h/d", "did you mean 'postgresql'?"),
        (f"mysql+mysqldb://u:{CANARY}@h/d", "did you mean 'mysql'?"),
        (f"postgresql+asyncpg://u:{CANARY}@h/d", "did you mean 'postgresql'?"),
        (f"postgresql://u:{CANARY}@h:port/d", "write engine://"),
        (f"postgresql://u:{CANARY}@h:99999/d", "write engine://"),
        (f"postgresql://u:x@{CANARY}@h/d", "write engine://"),
        (f"postgresql://u/{CANARY}:x@h/d", "write engine://"),
        (f"postgresql://h/d?a={CANARY}&a=2", "keep one"),
        (f"postgresql://h/d?sslmode=&service={CANARY}", "write each as name=value"),
        (f"postgresql://u:p?w@h/d?{CANARY}", "write each as name=value"),
        (f"sqlite:///a?{CANARY}", "write each as name=value"),
        ("sqlite:///a?", "write each as name=value"),
        ("sqlite://", "write sqlite:///"),
        ("sqlite:///:memory:", "write sqlite:///"),
        (f"sqlite://{CANARY}", "write sqlite:///"),
        (f"sqlite://{CANARY}/a.db", "write sqlite:///"),
    ],
)
def test_an_unfit_url_is_refused_and_not_shown(url, hint):
    error = refused(lambda: resolve.address(at(url), {}))
    assert (error.code, error.exit_status, error.place) == ("DM214", 3, "dbmimic.yaml:1:9")
    assert error.hint.startswith(hint)


def refused(call) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        call()
    assert CANARY not in "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems)
    return caught.value


def test_the_secret_is_read_from_everywhere(tmp_path):
    (tmp_path / "key.txt").write_text(f"{GOOD}\nsecond line\n")
    (tmp_path / "print.py").write_text("import os; print(os.environ['KEY']); print('more')")
    command = f"cmd:{sys.executable} '{tmp_path}/print.py'"
    expected = bytes.fromhex(GOOD)

    assert secret.secret(at(GOOD), {}).value == expected
    assert secret.secret(at("${KEY}"), {"KEY": GOOD}).value == expected
    assert secret.secret(at("file:key.txt", tmp_path), {}).value == expected
    assert secret.secret(at(f"file:{tmp_path}/key.txt"), {}).value == expected
    assert secret.secret(at("file:${WHERE}/key.txt"), {"WHERE": str(tmp_path)}).value == expected
    assert secret.secret(at(command), {"KEY": GOOD}).value == expected


@pytest.mark.parametrize(
    "text",
    ["", "   ", CANARY, "ab" * 31, "00" * 32, "ab" * 32, bytes(range(32)).hex(), "0123456789abcdef" * 4],
    ids=["empty", "blank", "a word", "31 bytes", "zeros", "one byte", "a count", "a pattern"],
)
def test_an_unfit_secret_is_refused_and_not_shown(text):
    error = refused(lambda: secret.secret(at(text), {}))
    assert (error.code, error.exit_status, error.place) == ("DM209", 3, "dbmimic.yaml:1:9")
    assert "dbmimic key new" in error.hint
    assert not text.strip() or text not in str(error)


def test_a_missing_secret_is_refused():
    error = refused(lambda: secret.secret(None, {}))
    assert (error.code, error.exit_status) == ("DM209", 3)
    assert "dbmimic key new" in error.hint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("${NOT_SET}", "the environment variable NOT_SET is not set"),
        (f"postgresql://u:{CANARY}@${{NOT_SET}}/d", "the environment variable NOT_SET is not set"),
        (f"${{{CANARY}", "a '${' is not closed by a '}'"),
        (f"file:{CANARY}", "cannot be read: No such file"),
        ("file:.", "cannot be read: Is a directory"),
        ("file:~no-such-user-here/x", "is no path of a file"),
        ("file:a\0b", "is no path of a file"),
        ("file:empty", "gives nothing in its first line"),
        ("file:binary", "is not UTF-8 text"),
        (f"cmd:no-such-command-here {CANARY}", "cannot be started: No such file"),
        (f"cmd:echo '{CANARY}", "has a quote that is not closed"),
        ("cmd:", "there is no command"),
        ("cmd:echo a\0b", "the command holds a NUL"),
        ("cmd:true", "gives nothing in its first line"),
        (f"cmd:sh -c 'echo {CANARY}; echo {CANARY} >&2; exit 3'", "failed with exit status 3"),
    ],
)
def test_a_reference_that_leads_nowhere(tmp_path, text, sentence):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe" + CANARY.encode())
    for read in (resolve.address, secret.secret):
        error = refused(lambda read=read: read(at(text, tmp_path), {"PATH": "/usr/bin:/bin"}))
        assert (error.code, error.exit_status, error.place) == ("DM210", 3, "dbmimic.yaml:1:9")
        assert sentence in error.message


def test_a_command_that_hangs_is_ended_with_its_children(monkeypatch, tmp_path):
    monkeypatch.setattr(resolve, "COMMAND_SECONDS", 1.0)
    pipe = tmp_path / "held"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    started = time.monotonic()
    command = f"cmd:sh -c 'exec 3>{pipe}; echo up >&3; sleep 60 & sleep 60'"
    error = refused(lambda: secret.secret(at(command), {"PATH": "/usr/bin:/bin"}))
    assert (error.code, "within 1 seconds" in error.message) == ("DM210", True)
    os.set_blocking(reader, True)
    with os.fdopen(reader) as held:
        assert held.read() == "up\n"  # it ends when none of them holds it any more
    assert time.monotonic() - started < 30


def test_no_shell_reads_the_command():
    assert resolve.address(at("cmd:echo sqlite:///$HOME;x"), {"PATH": "/usr/bin:/bin"}).database == "$HOME;x"


@pytest.mark.parametrize("text", ["a${X}", "$${X}", "$${", "${", "a$$b", "$$${X}", "plain"])
def test_what_a_flag_says_is_not_filled_in(text):
    assert resolve.address(at(literal(f"sqlite:///{text}")), {"X": "filled"}).database == text
