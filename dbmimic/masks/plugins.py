"""Masks of other packages: each is found by its entry point of the group `dbmimic.masks`."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

from dbmimic.masks.definition import MaskDefinition
from dbmimic.masks.registry import MaskRegistry, builtin

GROUP = "dbmimic.masks"


class PluginError(ValueError):
    """A plug-in cannot be used; the message names it."""


def installed() -> MaskRegistry:
    """
    Give the masks that come with dbmimic, and those of installed packages.

    An entry point names a MaskDefinition or several, as `my_masks = "my_package.masks:DEFINITIONS"`.

    Raises:
        PluginError: one cannot be loaded, is no mask, or has the name of another mask.
    """
    registry = builtin()
    for point in sorted(metadata.entry_points(group=GROUP), key=lambda point: point.name):
        registry = _with(registry, point)
    return registry


def _with(registry: MaskRegistry, point: metadata.EntryPoint) -> MaskRegistry:
    where = f"plug-in {point.name} ({point.value})"
    try:
        found = point.load()
    except Exception as error:  # noqa: BLE001  a package may raise anything while it is imported
        raise PluginError(f"{where} cannot be loaded: {type(error).__name__}") from None
    definitions = [found] if isinstance(found, MaskDefinition) else found
    if not isinstance(definitions, Iterable):
        raise PluginError(f"{where} is no mask")
    masks = list(definitions)
    if not all(isinstance(one, MaskDefinition) for one in masks):
        raise PluginError(f"{where} is no mask")
    try:
        return registry.with_(masks)
    except ValueError as error:
        raise PluginError(f"{where}: {error}") from None
