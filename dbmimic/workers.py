"""Who does the copying: processes of this machine or a cluster's, and how they reach what the run has."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from dbmimic.config.secret import secret as secret_of
from dbmimic.engines.catalog import Engines
from dbmimic.errors import ConfigError, UsageError
from dbmimic.executors import DaskExecutor, ProcessExecutor
from dbmimic.hosting import SystemClock
from dbmimic.hosting import address as _address
from dbmimic.masks.plugins import PluginError, installed
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.address import Address, Secret
from dbmimic.model.settings import HooksSpec, Named, Settings
from dbmimic.pipeline.job import Crew
from dbmimic.ports.source import JoinedSource
from dbmimic.ports.target import JoinedTarget

_MOST_WORKERS = 4


@contextlib.contextmanager
def executor_of(name: str, count: int | None = None) -> Iterator[Executor | None]:
    """
    Give the executor of that name, with so many workers, and end it after.

    `inline` gives None: all is done in this process. `processes` starts processes on this machine, one for each of its
    processors unless told otherwise, four at most; `dask://host:port` takes a cluster's workers, and `dask://local`
    starts one.

    Raises:
        UsageError: DM101, there is no executor of that name, or it cannot be had.
    """
    many = how_many(count)
    kind, separator, address = name.partition("://")
    executor: Executor
    if name == "inline" or (name == "processes" and many == 1):
        yield None
        return
    if name == "processes":
        executor = ProcessExecutor(many)
    elif kind == "dask" and separator and address:
        executor = DaskExecutor(address, many)
    else:
        hint = "give inline, processes, dask://local or dask://host:port"
        raise UsageError("DM101", f"there is no executor {name!r}", place="--executor", hint=hint)
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    executor.shutdown()


def crew(executor: Executor, config: Settings, least_bytes: int) -> Crew:
    """Give the workers of an executor, who are called where about so many bytes or more are to be copied."""
    told = getattr(executor, "workers", None) or getattr(executor, "_max_workers", None)
    return Crew(executor, told if isinstance(told, int) else 1, Workshop(config), least_bytes)


@dataclass(frozen=True)
class Workshop:
    """How a worker reaches what the run has: the configuration's references, followed again where the worker is."""

    settings: Settings

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (replace(self.settings, hooks=HooksSpec()),)  # a hook's SQL may hold a password

    def source(self, token: str) -> JoinedSource:
        """Join the run's snapshot."""
        address = self._address(self.settings.source, "source")
        return Engines().of(address.engine).join_source(address, token)

    def target(self, token: str) -> JoinedTarget:
        """Join the run's new copy."""
        address = self._address(self.settings.target, "target")
        return Engines().of(address.engine).join_target(address, token)

    def _address(self, named: Named | None, what: str) -> Address:
        settings = self.settings
        mends = settings.mends_text and what == "source"
        return replace(_followed(named, what), stall_timeout=settings.network.stall_timeout, mends_text=mends)

    def secret(self) -> Secret:
        """Give the secret that masks are keyed with."""
        return _secret(self.settings.secret)

    def registry(self) -> MaskRegistry:
        """Give the masks that come with dbmimic, and those of installed packages."""
        return masks()

    def clock(self) -> SystemClock:
        """Give the machine's own clock."""
        return SystemClock()


def how_many(count: int | None) -> int:
    """
    Give how many workers there are: as many as were asked for, else one for each processor, four at most.

    Raises:
        UsageError: DM101, fewer than one were asked for.
    """
    if count is not None and count < 1:
        raise UsageError("DM101", "there must be a worker at least", place="--workers", hint="give 1 or more")
    return count or min(_MOST_WORKERS, len(os.sched_getaffinity(0)))


@functools.cache
def masks() -> MaskRegistry:
    """
    Give the masks that come with dbmimic, and those of installed packages.

    Raises:
        ConfigError: DM207, a package brings one that cannot be used.
    """
    try:
        return installed()
    except PluginError as error:
        hint = "mend or remove the package that brings it"
        raise ConfigError("DM207", str(error), place="dbmimic.masks", hint=hint) from None


@functools.cache  # a command that gives a password is not asked again for every order
def _followed(named: Named | None, what: str) -> Address:
    return _address(named, what)


@functools.cache
def _secret(named: Named | None) -> Secret:
    return secret_of(named, os.environ)
