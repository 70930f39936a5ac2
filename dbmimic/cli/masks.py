"""`dbmimic masks`"""

from __future__ import annotations

from typing import Annotated

import typer

from dbmimic.cli.options import Json


def masks(
    name: Annotated[str | None, typer.Argument(help="The mask to tell everything of.")] = None,
    json: Json = False,
) -> None:
    """List the masks; of one mask, tell what it promises, its options and what it makes of examples."""
    from dbmimic.cli.render.masks import cards_document, show_card, show_cards
    from dbmimic.errors import UsageError
    from dbmimic.masks.card import card
    from dbmimic.masks.registry import UnknownMaskError
    from dbmimic.reporting.json import text
    from dbmimic.workers import masks as known

    registry = known()
    try:
        cards = [card(one, registry) for one in ([name] if name is not None else registry.names())]
    except UnknownMaskError as error:
        hint = f"did you mean {error.nearest}?" if error.nearest else "`dbmimic masks` lists them all"
        raise UsageError("DM101", "there is no mask of that name", place="dbmimic masks", hint=hint) from None
    if json:
        print(text(cards_document(cards)))
    elif name is None:
        show_cards(cards)
    else:
        show_card(cards[0])
