"""The commands, and how each of them ends."""

from __future__ import annotations

import gc
import resource
import signal
import sys
from types import FrameType
from typing import NoReturn

import typer
from typer.exceptions import Abort, Exit, TyperException

from dbmimic.cli import (
    copy,
    demo,
    doctor,
    grants,
    graph,
    init,
    key,
    masks,
    plan,
    report,
    rollback,
    rules,
    runs,
    sandbox,
    schema,
    verify,
    why,
)
from dbmimic.cli.render import streams
from dbmimic.cli.render.errors import show
from dbmimic.cli.render.voice import voice
from dbmimic.errors import DbmimicError, InternalError, RefusedError, UsageError

NAME = "dbmimic"
_STOPPED = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
_COPIES = "the target is the old copy or the new one, whole"
_LEFT = {  # by commands that change databases
    "copy": _COPIES,
    "rollback": _COPIES,
    "sandbox": "what is not whole takes nobody in; `create` makes it anew, `gc` drops what is left of it",
}
# Modules and classes are most of what is old, and stay: to look through them again and again is a tenth of a start.
_SELDOM = (700, 10, 1000)
_BY_SIGNAL = 128  # a shell's exit status for a command that a signal ended is this and the signal's number

app = typer.Typer(
    name=NAME,
    help="Copy production into staging: small, referentially whole, masked and verified.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    demo.demo,
    init.init,
    doctor.doctor,
    grants.grants,
    plan.plan,
    copy.copy,
    verify.verify,
    why.why,
    graph.graph,
    report.report,
    runs.runs,
    rollback.rollback,
    masks.masks,
    schema.schema,
):
    app.command()(command)
app.add_typer(key.app, name="key")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(rules.app, name="rules")


def main() -> NoReturn:
    """
    Run the command line; its exit status is the one that the error tree gives.

    SIGINT and SIGTERM unwind the run alike, so that everything that was opened is closed, and decide how it ended
    whatever else went wrong on the way out.
    """
    streams.install()
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))  # a core would hold rows
    arrived: list[int] = []

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        del frame
        arrived.append(number)
        raise KeyboardInterrupt(number)

    for number in _STOPPED:
        signal.signal(number, stop)
    gc.set_threshold(*_SELDOM)
    status = run(sys.argv[1:])
    gc.freeze()  # what is left goes with the process: to look through it takes longer than some commands do
    sys.exit(_stopped(arrived[0], sys.argv[1:]) if arrived else status)


def run(arguments: list[str]) -> int:
    """Run one command to its last written byte and give its exit status; nothing is raised."""
    try:
        status = _ran(arguments)
        sys.stdout.flush()
    except streams.NobodyReads:
        return _BY_SIGNAL + signal.SIGPIPE
    except streams.Unwritten as lost:
        return show(lost.error, as_json=False)
    return status


def _ran(arguments: list[str]) -> int:
    as_json = "--json" in arguments[: arguments.index("--") if "--" in arguments else None]
    try:
        status = app(arguments or ["--help"], standalone_mode=False, prog_name=NAME)
    except KeyboardInterrupt:
        return _BY_SIGNAL + signal.SIGINT
    except Abort:
        return show(_declined(), as_json=as_json)
    except Exit as ended:
        return ended.exit_code
    except (streams.NobodyReads, streams.Unwritten):
        raise
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user
        return show(told(error), as_json=as_json)
    return status if isinstance(status, int) else 0


def told(error: Exception) -> DbmimicError:
    """Give the error of our own tree that stands for any exception."""
    if isinstance(error, DbmimicError):
        return error
    if isinstance(error, TyperException):
        return _misused(error)
    return InternalError.unexpected(error)


def _misused(error: TyperException) -> UsageError:
    """Give the error for words that the command line does not have, with the command that they were given to."""
    context = getattr(error, "ctx", None)
    command = NAME if context is None else str(context.command_path)
    return UsageError("DM101", error.format_message().rstrip("."), place=command, hint=f"see `{command} --help`")


def _declined() -> RefusedError:
    hint = "answer y, or give --yes where nobody can answer"
    return RefusedError("DM308", "nobody agreed, so nothing was done", place="standard input", hint=hint)


def _stopped(number: int, arguments: list[str]) -> int:
    left = _LEFT.get(arguments[0] if arguments else "")
    voice.complain(_STOPPED[signal.Signals(number)] + (f": {left}" if left else ""))
    return _BY_SIGNAL + number
