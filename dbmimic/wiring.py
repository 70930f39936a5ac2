"""Joins settings, engines and the pipeline: the only place that names implementations."""

from __future__ import annotations

import contextlib
import functools
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from dbmimic import introspect, rules
from dbmimic.config import Overrides, starting
from dbmimic.config import lock as locking
from dbmimic.config import resolve as late
from dbmimic.config.refreshing import amendments
from dbmimic.config.secret import secret as secret_of
from dbmimic.config.starter import starter
from dbmimic.engines.catalog import Engines
from dbmimic.errors import ConfigError, DbmimicError, Problem, RefusedError, SwapInDoubt, UsageError
from dbmimic.executors import DaskExecutor, ProcessExecutor
from dbmimic.hosting import SystemClock
from dbmimic.hosting import address as _address
from dbmimic.masks.keyed import key_id
from dbmimic.masks.pinned import differences, pinned
from dbmimic.masks.plugins import PluginError, installed
from dbmimic.masks.pools import POOLS_VERSION
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.address import Address, Secret
from dbmimic.model.diagram import Diagram
from dbmimic.model.events import Noticed
from dbmimic.model.explanation import Explanation
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.names import ColumnId
from dbmimic.model.preview import Preview, RulesCheck
from dbmimic.model.report import RunReport
from dbmimic.model.settings import HooksSpec, Named, Settings
from dbmimic.model.suggestion import Suggestions
from dbmimic.model.target import KeptCopy
from dbmimic.pipeline import copy as copying
from dbmimic.pipeline import graph as drawing
from dbmimic.pipeline import plan as planning
from dbmimic.pipeline import rules as checking
from dbmimic.pipeline import verify as verifying
from dbmimic.pipeline import why as explaining
from dbmimic.pipeline.job import Crew, Request, World
from dbmimic.pipeline.retry import passes
from dbmimic.pipeline.throttle import Throttle
from dbmimic.pipeline.throttled import ThrottledExecutor, throttled
from dbmimic.ports.listener import Listener, silent
from dbmimic.ports.source import JoinedSource, Source
from dbmimic.ports.target import JoinedTarget, Target

_MOST_WORKERS = 4
_NOT_SET = "DM210"
_HELD = "DM701"
_KEEPS_ONE = frozenset({"mysql"})
_PAUSE_SECONDS = 2.0


def plan(config: Settings, *, listener: Listener | None = None) -> Preview:
    """Give what a copy would do; nothing is written anywhere."""
    request = _request(config, secret_needed=config.slice.needs_secret)
    target = _target_engine(config)
    with _source(config, Engines()) as opened, _throttled(opened, config, _world(listener)) as (source, world):
        if target in {None, source.engine}:
            return planning.preview(request, source, world)
        from dbmimic.engines.crossing import CrossingSource

        return planning.preview(request, CrossingSource(source, target), world)


def lock(config: Settings, *, renew: bool = False) -> Path:
    """
    Pin what masks hang on beside the configuration, and give the path of the lock.

    Raises:
        RefusedError: DM311, another lock is there, and it is not to be renewed.
    """
    path = locking.beside(config.place)
    secret = secret_of(config.secret, os.environ)
    now = pinned(masks(), secret)
    if path.exists() and not renew:
        held = locking.read(path)
        reasons = [] if held is None else list(differences(held, now, set(held.masks)))
        if reasons:
            hint = "use what is pinned, or give --renew: then values are masked otherwise than before"
            raise RefusedError.of([Problem("DM311", reason, str(path), hint) for reason in reasons])
    locking.write(path, replace(now, retired=_retired(path, now.key)))
    return path


def _retired(path: Path, key: str) -> tuple[str, ...]:
    """Give the ids of keys that a lock pinned before, without the one that is pinned now."""
    try:
        held = locking.read(path)
    except ConfigError:
        return ()  # it is no lock, and is to be renewed
    before = () if held is None else (*held.retired, held.key)
    return tuple(dict.fromkeys(each for each in before if each != key))


def secret_id(config: Settings) -> str:
    """Give the id of the configuration's secret: what lock files and reports name it by."""
    return key_id(secret_of(config.secret, os.environ))


def check_rules(config: Settings) -> RulesCheck:
    """
    Give what the rules come to, held against the source's catalogue; no row is read.

    Raises:
        ConfigError, RefusedError: a rule is wrong, or a column undecided.
    """
    request = _request(config, secret_needed=config.slice.needs_secret)
    with _source(config, Engines()) as source:
        return checking.check(request, source, _world(None))


def _target_engine(config: Settings) -> str | None:
    """Give the engine of the target, where one is named and its name can be read: a plan needs no more of it."""
    if config.target is None:
        return None
    try:
        return late.address(config.target, os.environ).engine
    except ConfigError as error:
        if error.code != _NOT_SET:
            raise
        return None


def why(config: Settings, table: str, key: tuple[str, ...], *, listener: Listener | None = None) -> Explanation:
    """Give the chain from where the slice starts to the row of this key; nothing is written anywhere."""
    request = _request(config, secret_needed=config.slice.needs_secret)
    with _source(config, Engines()) as source:
        return explaining.why(request, source, _world(listener), table, key)


def graph(config: Settings) -> Diagram:
    """Give the foreign-key graph as the slice sees it; no row is read."""
    request = _request(config, secret_needed=False)
    with _source(config, Engines()) as source:
        return drawing.graph(request, source)


def suggest(config: Settings) -> Suggestions:
    """Give the foreign keys that the source seems to have without declaring them; some rows are read."""
    request = _request(config, secret_needed=False)
    with _source(config, Engines()) as source:
        return drawing.suggestions(request, source)


@dataclass(frozen=True)
class Workshop:
    """How a worker reaches what the run has: the configuration's references, followed again where the worker is."""

    settings: Settings

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (replace(self.settings, hooks=HooksSpec()),)  # a hook's SQL may hold a password

    def source(self, token: str) -> JoinedSource:
        """Join the run's snapshot."""
        address = _followed(self.settings.source, "source")
        return Engines().of(address.engine).join_source(address, token)

    def target(self, token: str) -> JoinedTarget:
        """Join the run's new copy."""
        address = _followed(self.settings.target, "target")
        return Engines().of(address.engine).join_target(address, token)

    def secret(self) -> Secret:
        """Give the secret that masks are keyed with."""
        return _secret(self.settings.secret)

    def registry(self) -> MaskRegistry:
        """Give the masks that come with dbmimic, and those of installed packages."""
        return masks()

    def clock(self) -> SystemClock:
        """Give the machine's own clock."""
        return SystemClock()


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


@contextlib.contextmanager
def workers(name: str, count: int | None = None) -> Iterator[Executor | None]:
    """
    Give the executor of that name, with so many workers, and end it after.

    `inline` gives None: all is done in this process. `processes` starts processes on this machine, one for each of its
    processors unless told otherwise, four at most; `dask://host:port` takes a cluster's workers, and `dask://local`
    starts one.

    Raises:
        UsageError: DM101, there is no executor of that name, or it cannot be had.
    """
    if count is not None and count < 1:
        raise UsageError("DM101", "there must be a worker at least", place="--workers", hint="give 1 or more")
    many = count or min(_MOST_WORKERS, len(os.sched_getaffinity(0)))
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


def copy(
    config: Settings,
    *,
    executor: Executor | None = None,
    least_bytes: int = 0,
    listener: Listener | None = None,
    confirm_target: str | None = None,
    wait: float = 0.0,
    delta: bool = False,
    run: str | None = None,
    lead: Callable[[], None] | None = None,
) -> RunReport:
    """
    Give the report of a verified copy that has taken the target's place.

    `executor` does the copying where about `least_bytes` or more are to be copied and the engines can share their
    work; without one all is done in this process. `confirm_target` is the target's name, given once where the target
    is neither empty nor made by dbmimic. `delta` begins with what the target holds and copies what changed since, where
    that comes to the same. `wait` is for how many seconds to wait for another run that holds the target. `run` is the
    number by which `rollback` finds the copy; without one it is drawn. `lead` is done once, when this run holds the
    target and before it opens the source. What passes by itself (a server that is starting anew or full, a lost
    snapshot, a deadlock) is tried again as often as the configuration says, each time as a whole run.

    Raises:
        SwapInDoubt: the target cannot be reached since the new copy was put in its place.
        DbmimicError: any other, by who can act on it; the target still serves what it served before.
    """
    if config.source is None:  # more to the point than a secret that is missing, too
        _address(None, "source")
    asked = _request(config, secret_needed=True, confirmed=confirm_target)
    request = replace(asked, amendments=amendments(config.hooks), delta=delta, run=run or uuid.uuid4().hex)
    crew = Crew(executor, _count(executor), Workshop(config), least_bytes) if executor is not None else None
    world = _world(listener, crew)
    tries = _Tries(config, request, world, lead)
    deadline = world.clock.seconds() + wait
    again = config.retry.attempts - 1
    pauses = [config.retry.pause * 2**number for number in range(again)]
    while True:
        try:
            return tries.next()
        except DbmimicError as error:
            if error.code == _HELD and world.clock.seconds() < deadline:
                pause = min(_PAUSE_SECONDS, max(0.0, deadline - world.clock.seconds()))
                _tell(world, error, "waiting for it to end")
            elif passes(error) and pauses:
                pause = pauses.pop(0)
                tried = f"the run begins anew in {pause:g} s ({again - len(pauses)} of {again})"
                _tell(world, error, tried)
            else:
                raise tries.doubt or error from None
        time.sleep(pause)


@dataclass
class _Tries:
    """One run, tried until it succeeds, and what one try leaves to the next."""

    config: Settings
    request: Request
    world: World
    lead: Callable[[], None] | None
    doubt: SwapInDoubt | None = None

    def next(self) -> RunReport:
        """Copy, unless the copy of a try before turns out to be in place."""
        if self.doubt is not None and (report := self._arrived(self.doubt)):
            return report
        try:
            return self._copied()
        except SwapInDoubt as doubt:
            self.doubt = doubt
            report = self._arrived(doubt)  # at once, if it can be
            if report is None:
                raise doubt.cause from None
            return report

    def _arrived(self, doubt: SwapInDoubt) -> RunReport | None:
        """
        Give the report of a try that lost the target in its swap, or None where the old copy is served.

        Another whole copy would make the one that is in place already the old one, which `rollback` gives back.
        """
        with _target(self.config, Engines()) as target:
            target.hold()
            swapped = target.swapped(self.request.run or "")
        self.doubt = None
        return doubt.report if swapped and isinstance(doubt.report, RunReport) else None

    def _copied(self) -> RunReport:
        config, engines = self.config, Engines()
        with _target(config, engines) as target:
            if self.lead is not None:
                target.hold()
                self.lead()
                self.lead = None
            with _source(config, engines) as opened, _throttled(opened, config, self.world) as (source, careful):
                return _into(target, source, config, self.request, careful)


def _tell(world: World, error: DbmimicError, next_step: str) -> None:
    """Tell the listener why the run tries again."""
    problem = error.problems[0]
    world.listener(Noticed(Finding(problem.code, Severity.WARNING, problem.place, f"{problem.message}; {next_step}")))


def _into(target: Target, source: Source, config: Settings, request: Request, world: World) -> RunReport:
    if config.retention.copies > 1 and target.engine in _KEEPS_ONE:
        hint = "leave it out, or make it 1"
        message = "MySQL and MariaDB keep one replaced copy"
        raise ConfigError("DM228", message, place=config.retention.place, hint=hint)
    if source.engine == target.engine:
        return copying.copy(request, source, target, world)
    from dbmimic.engines.crossing import CrossingSource, CrossingTarget

    crossing = CrossingSource(source, target.engine)
    return copying.copy(request, crossing, CrossingTarget(target, crossing), world)


@contextlib.contextmanager
def _throttled(source: Source, config: Settings, world: World) -> Iterator[tuple[Source, World]]:
    """Give the source and the world with production watched over, and tell why the run let go of it, if it did."""
    with contextlib.ExitStack() as closing:
        try:
            watch = source.watch()
        except DbmimicError as error:  # one session more may be one too many; the run itself has its own
            _tell(world, error, "nobody watches over production in this run")
            watch = None
        if watch is None:
            yield source, world
            return
        throttle = Throttle(watch, config.throttle, world.clock, world.listener)
        closing.callback(throttle.close)
        throttle.start()
        crew = world.crew
        if crew is not None:
            executor = ThrottledExecutor(crew.executor, crew.workers, throttle, world.clock)
            closing.callback(executor.shutdown)
            world = replace(world, crew=replace(crew, executor=executor))
        try:
            yield throttled(source, throttle, world.clock), world
        except DbmimicError:
            if throttle.failure is None:
                raise
        else:
            return
    raise throttle.failure


def _count(executor: Executor) -> int:
    """Give how many workers an executor has, as far as it tells."""
    told = getattr(executor, "workers", None) or getattr(executor, "_max_workers", None)
    return told if isinstance(told, int) else 1


def verify(config: Settings, *, listener: Listener | None = None) -> RunReport:
    """
    Give the report of the copy that stands at the target, checked against the source as it is now.

    Raises:
        VerificationFailed: it is not what was promised.
    """
    request = _request(config, secret_needed=True)
    engines = Engines()
    with (
        _source(config, engines) as opened,
        _throttled(opened, config, _world(listener)) as (source, world),
        _reading(_address(config.target, "target"), engines) as standing,
    ):
        if source.engine == standing.engine:
            return verifying.check(request, source, standing, world)
        from dbmimic.engines.crossing import CrossingCopy, CrossingSource

        crossing = CrossingSource(source, standing.engine)
        return verifying.check(request, crossing, CrossingCopy(standing, crossing), world)


def rollback(config: Settings, run: str | None = None) -> None:
    """
    Put a copy that was replaced back in its place: the last one, or the one that this run made.

    `run` is the beginning of the run's number, as `kept_copies` gives it.

    Raises:
        RefusedError: DM307, there is none.
    """
    with _target(config, Engines()) as target:
        target.rollback(None if run is None else _chosen(target.kept(), run))


def kept_copies(config: Settings) -> tuple[KeptCopy, ...]:
    """Give the replaced copies that are kept beside the target, the last one first."""
    with _target(config, Engines()) as target:
        return target.kept()


def _chosen(kept: Sequence[KeptCopy], run: str) -> str:
    found = [each for each in kept if each.stamp is not None and each.stamp.run.startswith(run)]
    if len({each.stamp.run for each in found if each.stamp is not None}) != 1:  # two tries of one run may have a copy
        reason = "no copy of that run is kept" if not found else "the beginning of more than one run"
        hint = "`dbmimic rollback --list` tells which there are"
        raise RefusedError("DM307", reason, place=run, hint=hint)
    return found[0].name


def first_config(*, source: str | None = None) -> tuple[str, tuple[ColumnId, ...]]:
    """
    Give a first configuration for the source, and the columns that it lists to be filled in.

    The source comes from the argument or from DBMIMIC_SOURCE; a configuration that is there already is not read.
    """
    settings = starting(overrides=Overrides(source), environ=os.environ)
    with _source(settings, Engines()) as opened:
        schema = introspect.read(opened)
    undecided = rules.resolve(settings.rules, schema, introspect.link(schema), masks()).undecided
    return starter(schema, undecided), undecided


def target_name(config: Settings) -> str:
    """Give the target's address without its password."""
    return str(_address(config.target, "target"))


def _source(config: Settings, engines: Engines) -> contextlib.AbstractContextManager[Source]:
    """Open the source's snapshot, and end it after."""
    return _reading(_address(config.source, "source"), engines)


@contextlib.contextmanager
def _target(config: Settings, engines: Engines) -> Iterator[Target]:
    """Open the target, and discard after what was not swapped in."""
    address = _address(config.target, "target")
    target = engines.of(address.engine).open_target(address)
    try:
        yield target
    except BaseException:
        with contextlib.suppress(DbmimicError):  # what went wrong first is what is told
            target.close()
        raise
    target.close()


@contextlib.contextmanager
def _reading(address: Address, engines: Engines) -> Iterator[Source]:
    source = engines.of(address.engine).open_source(address)
    try:
        yield source
    finally:
        source.close()


def _request(config: Settings, *, secret_needed: bool, confirmed: str | None = None) -> Request:
    path = locking.beside(config.place)
    lock = locking.read(path)
    if secret_needed:
        given: Secret | None = secret_of(config.secret, os.environ)
    elif lock is not None:
        given = _if_set(config)
    else:
        given = None
    copies = config.retention.copies
    return Request(config.slice, config.rules, given, confirmed, lock, str(path), copies=copies)


def _if_set(config: Settings) -> Secret | None:
    """Give the secret to hold against a lock, or None where none is set: what only looks may do without one."""
    try:
        return secret_of(config.secret, os.environ)
    except ConfigError as error:
        if config.secret is not None and error.code != _NOT_SET:
            raise
        return None


def _world(listener: Listener | None, crew: Crew | None = None) -> World:
    return World(
        crew=crew,
        registry=masks(),
        clock=SystemClock(),
        listener=listener or silent,
        versions={"dbmimic": metadata.version("dbmimic"), "pools": POOLS_VERSION},
    )
