"""`dbmimic key`"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dbmimic.cli.options import ConfigFile

app = typer.Typer(help="The secret that masks are keyed with.")


@app.callback(invoke_without_command=True)
def key(context: typer.Context) -> None:
    """The secret that masks are keyed with."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def new() -> None:
    """Print a new secret: 32 random bytes as hex. Keep it out of the configuration file."""
    from dbmimic.masks.keyed import new_secret

    print(new_secret())


@app.command(name="id")
def told(config: ConfigFile = None) -> None:
    """Print the id of the configured secret: lock files and reports name it by that, and it tells nothing of it."""
    from dbmimic import hosting, wiring

    print(wiring.secret_id(hosting.load_config(config)))


@app.command(name="open")
def reveal(
    config: ConfigFile = None,
    domain: Annotated[str, typer.Option(help="The rule's `domain`, if it names one.", metavar="NAME")] = "",
) -> None:
    """Read sealed values from standard input, one a line, and print what they were made of; a blank line stays one."""
    from dbmimic import hosting, wiring

    tokens = sys.stdin.buffer.read().decode("ascii", "replace").splitlines()  # a sealed value has nothing else in it
    for value in wiring.opened(hosting.load_config(config), domain, tokens):
        print(value)
