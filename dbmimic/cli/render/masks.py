"""Masks for people: a list, and one of them with all that can be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dbmimic.masks.card import Card
from dbmimic.masks.definition import GENERAL, Parameter


def show_cards(cards: Sequence[Card]) -> None:
    """Print a line for each mask."""
    table = Table(box=None, pad_edge=False)
    for heading in ("mask", "gives", "options"):
        table.add_column(heading, overflow="fold")
    for card in cards:
        options = ", ".join(parameter.name for parameter in card.parameters)
        table.add_row(escape(card.name), escape(card.summary), escape(options))
    _console().print(table)


def show_card(card: Card) -> None:
    """Print all of one mask."""
    console = _console()
    console.print(escape(f"{card.name}: {card.summary}"))
    console.print(escape(f"takes columns of: {', '.join(card.kinds)}"))
    for promise in card.promises:
        console.print(escape(f"- {promise}"))
    for parameter in card.parameters:
        console.print(escape(f"option {parameter.name}: {_described(parameter)}"))
    own = {parameter.name for parameter in card.parameters}
    general = ", ".join(parameter.name for parameter in GENERAL if parameter.name not in own)
    console.print(escape(f"options of every mask: {general}"))
    options = ", ".join(f"{name}: {value}" for name, value in card.example_options.items())
    for before, after in card.examples:
        console.print(escape(f"{before}  ->  {'NULL' if after is None else after}{options and f'   ({options})'}"))


def cards_document(cards: Sequence[Card]) -> dict[str, object]:
    """Give the JSON document of some masks."""
    return {"schema": "dbmimic/masks/1", "masks": [asdict(card) for card in cards]}


def _described(parameter: Parameter) -> str:
    words = [parameter.summary, f"({parameter.type})"]
    if parameter.required:
        words.append("required")
    elif parameter.default is not None:
        words.append(f"default {parameter.default}")
    if parameter.choices:
        words.append(f"one of {', '.join(map(str, parameter.choices))}")
    return " ".join(words)


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
