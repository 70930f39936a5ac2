"""`dbmimic sandbox`"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dbmimic.cli.options import ConfigFile, Json, Target, loaded
from dbmimic.errors import UsageError
from dbmimic.model.sandbox import Lifetime, Sandbox
from dbmimic.sandboxes import Sandboxes

app = typer.Typer(help="A database for a branch, made from the verified copy in seconds, gone when its time is over.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the sandbox is called: the branch, usually.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for others who work on it, up to ten minutes.")]
Golden = Annotated[
    str | None, typer.Option("--from", metavar="GOLDEN", help="Another verified copy on the target's server.")
]
Force = Annotated[bool, typer.Option("--force", help="Do it to a protected one, too.")]
Ttl = Annotated[
    str | None, typer.Option("--ttl", metavar="TIME", help="How long it lives, as 12h, 3d or 2w; or never.")
]


def _driver(name: str) -> str:
    if not re.fullmatch(r"\w*", name, re.ASCII):
        hint = "give for example --driver psycopg"
        raise UsageError("DM101", "a driver's name has letters, digits and _", place="--driver", hint=hint)
    return name


Driver = Annotated[
    str,
    typer.Option(
        "--driver", metavar="NAME", help="SQLAlchemy's driver in the URL, as psycopg or pymysql.", callback=_driver
    ),
]
_NOT_FOUND, _NOT_STARTED = 127, 126  # what shells say


@app.callback(invoke_without_command=True)
def sandbox(context: typer.Context) -> None:
    """A database for a branch, made from the verified copy in seconds, gone when its time is over."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def create(
    name: Name,
    golden: Golden = None,
    ttl: Ttl = None,
    wait: Wait = False,
    driver: Driver = "",
    config: ConfigFile = None,
    target: Target = None,
    json: Json = False,
) -> None:
    """Make a sandbox, unless it is there; its URL is the last line on standard output."""
    from dbmimic import hosting
    from dbmimic.reporting.json import text
    from dbmimic.reporting.sandboxes import one_document
    from dbmimic.sandboxes.reaching import url

    with hosting.sandbox(loaded(config, target=target)) as sandboxes:
        made = sandboxes.create(name, golden=golden, ttl=_time(ttl), wait=wait)
        reached = url(sandboxes.address(name), driver)
    print(text(one_document(made, reached)) if json else reached)


@app.command()
def prepare(
    count: Annotated[int, typer.Option("--count", metavar="N", min=0, help="How many spares wait; 0 drops all.")] = 1,
    golden: Golden = None,
    wait: Wait = False,
    config: ConfigFile = None,
    target: Target = None,
    json: Json = False,
) -> None:
    """Make sandboxes ahead of time, as the verified copy is now: `create` takes one of them in a moment."""
    from dbmimic import hosting
    from dbmimic.reporting.json import text
    from dbmimic.reporting.sandboxes import list_document

    with hosting.sandbox(loaded(config, target=target)) as sandboxes:
        spares = sandboxes.prepare(count, golden=golden, wait=wait)
        sizes = sandboxes.sizes() if json else {}
    print(text(list_document(spares, sizes)) if json else f"{len(spares)} ready to be taken")


@app.command(name="url")
def show_url(
    name: Name, driver: Driver = "", config: ConfigFile = None, target: Target = None, json: Json = False
) -> None:
    """Print a sandbox's URL, with its own credential."""
    from dbmimic import hosting
    from dbmimic.reporting.json import text
    from dbmimic.sandboxes.reaching import url

    with hosting.sandbox(loaded(config, target=target)) as sandboxes:
        reached = url(sandboxes.address(name), driver)
    print(text({"url": reached}) if json else reached)


@app.command(name="list")
def show_list(config: ConfigFile = None, target: Target = None, json: Json = False) -> None:
    """List the sandboxes: how old and how large they are, and how long they live."""
    from dbmimic import hosting
    from dbmimic.cli.render.sandboxes import show_sandboxes
    from dbmimic.reporting.json import text
    from dbmimic.reporting.sandboxes import list_document

    with hosting.sandbox(loaded(config, target=target)) as sandboxes:
        found, sizes = sandboxes.listed(), sandboxes.sizes()
    if json:
        print(text(list_document(found, sizes)))
    else:
        show_sandboxes(found, sizes)


@app.command(name="exec")
def execute(
    name: Name,
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND", help="The program and its arguments.")],
    driver: Driver = "",
    config: ConfigFile = None,
    target: Target = None,
    json: Json = False,
) -> None:
    """Run a command with DATABASE_URL and the engine's own variables set to a sandbox; its status is the command's."""
    from dbmimic import hosting
    from dbmimic.sandboxes.reaching import environment

    del json  # what is printed is the command's
    with hosting.sandbox(loaded(config, target=target)) as sandboxes:
        variables = environment(sandboxes.address(name), name, os.environ, driver)
    _become(command, variables)


def _become(command: list[str], variables: dict[str, str]) -> NoReturn:
    """Be the command from here on: signals and exit status are its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvpe(command[0], command, variables)  # noqa: S606 -- there is no shell, on purpose
    except (FileNotFoundError, NotADirectoryError):
        status, why = _NOT_FOUND, "was not found"
    except OSError:
        status, why = _NOT_STARTED, "cannot be run"
    print(f"{command[0]} {why}", file=sys.stderr)
    raise typer.Exit(status)


@app.command()
def reset(
    name: Name,
    force: Force = False,
    wait: Wait = False,
    config: ConfigFile = None,
    target: Target = None,
    json: Json = False,
) -> None:
    """Make a sandbox anew from the verified copy as it is now; its URL and its time stay."""
    _change(lambda sandboxes: sandboxes.reset(name, force=force, wait=wait), "is new", config, target, json=json)


@app.command()
def extend(name: Name, ttl: Ttl = None, config: ConfigFile = None, target: Target = None, json: Json = False) -> None:
    """Let a sandbox live for so long from now on."""
    time = _time(ttl)
    _change(lambda sandboxes: sandboxes.extend(name, time), "lives longer", config, target, json=json)


@app.command()
def protect(
    name: Name,
    off: Annotated[bool, typer.Option("--off", help="Protect it no longer.")] = False,
    config: ConfigFile = None,
    target: Target = None,
    json: Json = False,
) -> None:
    """Keep a sandbox from `gc`, and from `drop` and `reset` without --force."""
    said = "is no longer protected" if off else "is protected"
    _change(lambda sandboxes: sandboxes.protect(name, protected=not off), said, config, target, json=json)


@app.command()
def drop(
    name: Name,
    force: Force = False,
    wait: Wait = False,
    config: ConfigFile = None,
    target: Target = None,
    json: Json = False,
) -> None:
    """Drop a sandbox and its credential; one that is not there is no error."""
    from dbmimic import hosting
    from dbmimic.reporting.json import text

    with hosting.sandbox(loaded(config, target=target)) as sandboxes:
        was_there = sandboxes.drop(name, force=force, wait=wait)
    if json:
        print(text({"dropped": [name] if was_there else []}))
    else:
        print(f"{name} is gone" if was_there else f"there is no {name}")


@app.command()
def gc(config: ConfigFile = None, target: Target = None, json: Json = False) -> None:
    """Drop the sandboxes whose time is over, spares that are outdated, and what was never finished."""
    from dbmimic import hosting
    from dbmimic.reporting.json import text

    with hosting.sandbox(loaded(config, target=target)) as sandboxes:
        gone = [each.name for each in sandboxes.collect()]
    if json:
        print(text({"dropped": gone}))
    else:
        print("\n".join([*(f"{name} is gone" for name in gone), f"{len(gone)} dropped"]))


def _time(text: str | None) -> Lifetime | None:
    if text is None:
        return None
    try:
        return Lifetime.read(text)
    except ValueError as error:
        raise UsageError("DM101", str(error), place="--ttl", hint="give for example --ttl 3d") from None


def _change(
    what: Callable[[Sandboxes], Sandbox], said: str, config: Path | None, target: str | None, *, json: bool
) -> None:
    from dbmimic import hosting
    from dbmimic.reporting.json import text
    from dbmimic.reporting.sandboxes import one_document

    with hosting.sandbox(loaded(config, target=target)) as sandboxes:
        changed = what(sandboxes)
    if json:
        print(text(one_document(changed)))
    else:
        ends = changed.expires_at is not None and not changed.protected
        end = f"; its time ends {changed.expires_at:%Y-%m-%d %H:%M} UTC" if ends else ""
        print(f"{changed.name} {said}{end}")
