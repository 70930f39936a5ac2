"""Fill `${NAME}` from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[^{}]*)\}|\$\{")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with its references filled in, and a sentence for each that could not be."""

    text: str
    complaints: tuple[str, ...] = ()


def fill(text: str, environ: Mapping[str, str]) -> Filled:
    """Give `text` with each `${NAME}` replaced by that variable's value; `$${` stands for a plain `${`."""
    complaints: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name = match["name"]
        if name is None:
            complaints.append("a '${' is not closed by a '}'")
        elif not _NAME.match(name):
            complaints.append("between '${' and '}' stands something that is not a variable's name")
        elif name not in environ:
            complaints.append(f"the environment variable {name} is not set")
        else:
            return environ[name]
        return match[0]

    filled = _REFERENCE.sub(replace, text)
    return Filled(filled, tuple(complaints))


def literal(text: str) -> str:
    """Give `text` so written that `fill` gives it back as it is."""
    return text.replace("${", "$${")
