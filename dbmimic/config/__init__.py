"""
The configuration file, the environment and the flags as one `Settings`; rule packs as layers.

In: a YAML file, the environment, flags. Out: `Settings`, an `Address`, a `Secret`, a JSON Schema, a first file.
Never: a database, a mask's code, a value of the file in a message.
Read first: `load`, then `models` (what may stand in a file) and `resolve` (what is read late).
"""

from dbmimic.config.load import Overrides, load, starting

__all__ = ["Overrides", "load", "starting"]
