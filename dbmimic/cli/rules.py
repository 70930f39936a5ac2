"""`dbmimic rules`"""

from __future__ import annotations

from typing import Annotated

import typer

from dbmimic.cli.options import ConfigFile, Json, Source, loaded

app = typer.Typer(help="The rules that decide each column.")


@app.callback(invoke_without_command=True)
def rules(context: typer.Context) -> None:
    """The rules that decide each column."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def check(config: ConfigFile = None, source: Source = None, json: Json = False) -> None:
    """Hold the rules against the source: what is wrong, undecided, or would still be recognised. No row is read."""
    from dbmimic import wiring
    from dbmimic.cli.render.tables import show_rules_check
    from dbmimic.reporting.json import rules_document, text

    checked = wiring.check_rules(loaded(config, source=source))
    if json:
        print(text(rules_document(checked)))
    else:
        show_rules_check(checked)


@app.command()
def lock(
    config: ConfigFile = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="Replace a lock that differs: values are masked otherwise than before.")
    ] = False,
) -> None:
    """Pin key id and versions of masks and pools in dbmimic.lock: a run that would mask otherwise is refused."""
    from dbmimic import hosting, wiring

    print(wiring.lock(hosting.load_config(config), renew=renew))
