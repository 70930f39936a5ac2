"""The types of the fixtures beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dbmimic.engines.sqlite.source import SqliteSource
from dbmimic.engines.sqlite.target import SqliteTarget

Make = Callable[..., Path]
Open = Callable[[Path], SqliteSource]
Aim = Callable[[Path], SqliteTarget]
Load = Callable[..., int]
Copy = Callable[..., Path]
