"""What a run works on, opened as the settings say and closed after, with production watched over meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from dbmimic.engines.catalog import Engines
from dbmimic.errors import DbmimicError, SwapInDoubt
from dbmimic.hosting import reached
from dbmimic.model.events import Noticed
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.settings import Settings
from dbmimic.pipeline.job import World
from dbmimic.pipeline.throttle import Throttle
from dbmimic.pipeline.throttled import ThrottledExecutor, throttled
from dbmimic.ports.source import Source
from dbmimic.ports.target import Target


def source(config: Settings) -> contextlib.AbstractContextManager[Source]:
    """Open the source's snapshot, and end it after; what is wrong with its address is told at once."""
    where = reached(config, "source")
    return _reading(lambda: Engines().of(where.engine).open_source(where))


def standing(config: Settings) -> contextlib.AbstractContextManager[Source]:
    """Open what the target serves now for reading, and close it after."""
    where = reached(config, "target")
    return _reading(lambda: Engines().of(where.engine).open_standing(where))


@contextlib.contextmanager
def _reading(connect: Callable[[], Source]) -> Iterator[Source]:
    with contextlib.closing(connect()) as opened:
        yield opened


@contextlib.contextmanager
def target(config: Settings) -> Iterator[Target]:
    """Open the target, and discard after what was not swapped in."""
    where = reached(config, "target")
    opened = Engines().of(where.engine).open_target(where)
    try:
        yield opened
    except BaseException:
        with contextlib.suppress(DbmimicError):  # what went wrong first is what is told
            opened.close()
        raise
    opened.close()


@contextlib.contextmanager
def watched(opened: Source, config: Settings, world: World) -> Iterator[tuple[Source, World]]:
    """Give the source and the world with production watched over, and tell why the run let go of it, if it did."""
    with contextlib.ExitStack() as closing:
        try:
            watch = opened.watch()
        except DbmimicError as error:  # one session more may be one too many; the run itself has its own
            tell(world, error, "nobody watches over production in this run")
            watch = None
        if watch is None:
            yield opened, world
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
            yield throttled(opened, throttle, world.clock), world
        except SwapInDoubt:  # all was read by then, and what the target serves is for nobody else to tell
            raise
        except DbmimicError:
            if throttle.failure is None:
                raise
        else:
            return
    raise throttle.failure


def tell(world: World, error: DbmimicError, next_step: str) -> None:
    """Tell the listener what went wrong, and what follows from it."""
    problem = error.problems[0]
    world.listener(Noticed(Finding(problem.code, Severity.WARNING, problem.place, f"{problem.message}; {next_step}")))
