"""`dbmimic demo`"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from dbmimic.cli.options import Json, Quiet, Verbose

_CONFIG = """\
# What `dbmimic demo` copies: the last customers who ordered, with all that hangs from them, and nobody's real name.
source: {source}
target: {target}
secret: {secret}

slice:
  seeds:
    - {{table: public.orders, where: "created_at > (SELECT max(created_at) FROM orders) - interval '3 days'"}}
    - {{table: public.customers, percent: 1}}
  static: [public.countries]

rules:
  extends: [structure, people]
  default: fail
  columns:
    public.customers.id: integer_key          # orders.customer_id and addresses.customer_id follow
    public.customers.born: {{mask: date_shift, days: 30, entity: id}}
    public.addresses.street: street_address
    public.orders.note: redact
    public.returns.reason: redact
    public.payments.card_holder: full_name
    public.countries.*: {{keep: "a list that anybody can look up"}}
    "public.categories.title": {{keep: "the shop's own catalogue"}}
    "public.products.*": {{keep: "the shop's own catalogue"}}
    "public.order_items.*": {{keep: "products, quantities and prices"}}
    "public.payments.amount": {{keep: "amounts, not accounts"}}
    "public.payments.paid_on": {{keep: "days on which money came in"}}
    "public.returns.line": {{keep: "a line's number"}}
    "public.employees.hired_on": {{keep: "not secret in this shop"}}
"""

_LOOK = "SELECT id, first_name, last_name, email, phone, born FROM customers ORDER BY created_at DESC LIMIT 4"


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the server running until Enter is pressed.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Build a small production on an embedded PostgreSQL, copy a masked slice of it, verify it and show both."""
    import tempfile

    from dbmimic import hosting, wiring
    from dbmimic.cli.render.progress import watching
    from dbmimic.cli.render.tables import show_report, show_rows
    from dbmimic.masks.keyed import new_secret
    from dbmimic.reporting.json import report_document, text
    from dbmimic.testing import postgres_server

    say = _silent if quiet or json else _say
    say("starting a PostgreSQL of its own, in a temporary folder")
    with postgres_server.PostgresServer("wheel") as server, tempfile.TemporaryDirectory() as folder:
        say("building a small production: a shop with 5,000 customers and 15,000 orders")
        server.create_database("production")
        server.load_sql_file(Path(postgres_server.__file__).with_name("shop.sql"), "production")
        path = Path(folder) / "dbmimic.yaml"
        addresses = {"source": server.url("production"), "target": server.url("staging")}
        path.write_text(_CONFIG.format(**addresses, secret=new_secret()), encoding="utf-8")
        say("copying a slice of it into staging\n")
        with watching(quiet=quiet) as listener:
            report = wiring.copy(hosting.load_config(path), listener=listener)
        if json:
            print(text(report_document(report)))
            return
        show_report(report, verbose=verbose)
        for name in ("production", "staging"):
            show_rows(f"customers in {name}", *_rows(server.connection, name))
        if keep:
            _say(f"\nproduction: {addresses['source']}\nstaging:    {addresses['target']}\nconfig:     {path}")
            with contextlib.suppress(EOFError):
                input("press Enter to stop the server and remove all of it ")


def _rows(connect: Callable[[str], Any], database: str) -> tuple[list[str], list[tuple[object, ...]]]:
    with connect(database) as connection:
        answer = connection.execute(_LOOK)
        return [column.name for column in answer.description], answer.fetchall()


def _say(words: str) -> None:
    typer.echo(words, err=True)


def _silent(words: str) -> None:
    del words
