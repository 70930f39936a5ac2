"""The masks that a run knows: a value that is handed on, never a global."""

from __future__ import annotations

from collections.abc import Iterable

from dbmimic.masks.builtin import address, contact, dates, fake, finance, keys, national, numbers, person, redact, text
from dbmimic.masks.definition import MaskDefinition
from dbmimic.model.names import nearest


class UnknownMaskError(LookupError):
    """No mask has this name; `nearest` is the most similar one, or None."""

    def __init__(self, name: str, near: str | None) -> None:
        super().__init__(name, near)
        self.name = name
        self.nearest = near

    def __str__(self) -> str:
        guess = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"there is no mask {self.name!r}{guess}"


class MaskRegistry:
    """Masks by name. Raises ValueError where two have one name."""

    def __init__(self, definitions: Iterable[MaskDefinition]) -> None:
        by_name: dict[str, MaskDefinition] = {}
        for definition in definitions:
            if definition.name in by_name:
                raise ValueError(f"two masks are named {definition.name!r}")
            by_name[definition.name] = definition
        self._by_name = dict(sorted(by_name.items()))

    def get(self, name: str) -> MaskDefinition:
        """Give the mask of that name; raises UnknownMaskError."""
        if name not in self._by_name:
            raise UnknownMaskError(name, nearest(name, self._by_name))
        return self._by_name[name]

    def names(self) -> tuple[str, ...]:
        """Give all names, in order."""
        return tuple(self._by_name)

    def with_(self, extra: Iterable[MaskDefinition]) -> MaskRegistry:
        """Give a registry of these masks and some more."""
        return MaskRegistry([*self._by_name.values(), *extra])


def builtin() -> MaskRegistry:
    """Give the masks that come with dbmimic."""
    modules = (redact, person, contact, address, dates, keys, fake, finance, national, numbers, text)
    return MaskRegistry(definition for module in modules for definition in module.DEFINITIONS)
