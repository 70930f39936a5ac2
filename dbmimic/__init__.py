"""
dbmimic copies production into staging: small, referentially whole, masked and verified.

    import dbmimic

    config = dbmimic.load_config("dbmimic.yaml")
    report = dbmimic.copy(config)

The names here are loaded when they are first used, so that importing the package costs nothing. Errors are the tree
of `dbmimic.errors`; nothing here prints, exits or installs a signal handler.
"""

from importlib import import_module

__all__ = ["copy", "load_config", "plan", "rollback", "sandbox", "verify"]


_LIGHT = {"load_config", "sandbox"}  # what loads little


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("dbmimic.hosting" if name in _LIGHT else "dbmimic.wiring"), name)
    raise AttributeError(f"module 'dbmimic' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *globals()])
