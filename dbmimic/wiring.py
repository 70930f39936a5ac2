"""
Joins settings, engines and the pipeline into what the library and the command line offer.

Implementations are named here and in what stands beneath: `attempts`, what goes around a copy, `opening`, the two
databases, and `workers`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from dbmimic import introspect, opening, rules
from dbmimic.attempts import Attempts
from dbmimic.config import Overrides, starting
from dbmimic.config import lock as locking
from dbmimic.config import resolve as late
from dbmimic.config.refreshing import amendments
from dbmimic.config.secret import secret as secret_of
from dbmimic.config.starter import starter
from dbmimic.doctor import Doctor
from dbmimic.errors import ConfigError, Problem, RefusedError
from dbmimic.hosting import SystemClock
from dbmimic.hosting import address as _address
from dbmimic.masks.builtin import sealed
from dbmimic.masks.keyed import key_id
from dbmimic.masks.pinned import differences, pinned
from dbmimic.masks.pools import POOLS_VERSION
from dbmimic.model.address import Secret
from dbmimic.model.checkup import Checkup
from dbmimic.model.diagram import Diagram
from dbmimic.model.explanation import Explanation
from dbmimic.model.known import Known
from dbmimic.model.names import ColumnId
from dbmimic.model.preview import Preview, RulesCheck
from dbmimic.model.report import RunReport
from dbmimic.model.settings import Settings
from dbmimic.model.suggestion import Suggestions
from dbmimic.model.target import KeptCopy
from dbmimic.pipeline import graph as drawing
from dbmimic.pipeline import plan as planning
from dbmimic.pipeline import rules as checking
from dbmimic.pipeline import verify as verifying
from dbmimic.pipeline import why as explaining
from dbmimic.pipeline.job import Crew, Request, World
from dbmimic.ports.listener import Listener, silent
from dbmimic.workers import crew, masks

_NOT_SET = "DM210"


def plan(config: Settings, *, listener: Listener | None = None, known: Known | None = None) -> Preview:
    """Give what a copy would do, and what changed since the source was `known`; nothing is written anywhere."""
    request = replace(_request(config, secret_needed=config.slice.needs_secret), known=known)
    target = _target_engine(config)
    with (
        opening.source(config) as opened,
        opening.watched(opened, config, _world(listener)) as (source, world),
    ):
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


def opened(config: Settings, domain: str, tokens: Sequence[str]) -> list[str]:
    """
    Give what the mask `sealed` made these tokens of, in a domain (its own by default) and under the configured secret.

    Raises:
        RefusedError: DM304 for each line with something that it did not make of a value.
    """
    found = sealed.opened(secret_of(config.secret, os.environ), domain or sealed.DOMAIN, tokens)
    hint = "give the secret of that copy, and the `domain` of the column's rule"
    reason = "this is nothing that was sealed under this secret in this domain"
    lost = [Problem("DM304", reason, f"line {n}", hint) for n, value in enumerate(found, 1) if value is None]
    if lost:
        raise RefusedError.of(lost)
    return [value for value in found if value is not None]


def check_rules(config: Settings) -> RulesCheck:
    """
    Give what the rules come to, held against the source's catalogue; no row is read.

    Raises:
        ConfigError, RefusedError: a rule is wrong, or a column undecided.
    """
    request = _request(config, secret_needed=config.slice.needs_secret)
    with opening.source(config) as source:
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
    with opening.source(config) as source:
        return explaining.why(request, source, _world(listener), table, key)


def graph(config: Settings) -> Diagram:
    """Give the foreign-key graph as the slice sees it; no row is read."""
    request = _request(config, secret_needed=False)
    with opening.source(config) as source:
        return drawing.graph(request, source)


def suggest(config: Settings) -> Suggestions:
    """Give the foreign keys that the source seems to have without declaring them; some rows are read."""
    request = _request(config, secret_needed=False)
    with opening.source(config) as source:
        return drawing.suggestions(request, source)


def copy(
    config: Settings,
    *,
    executor: Executor | None = None,
    least_bytes: int = 0,
    listener: Listener | None = None,
    confirm_target: str | None = None,
    wait: float = 0.0,
    delta: bool = False,
    resume: bool = False,
    strict: bool = False,
    run: str | None = None,
    lead: Callable[[], None] | None = None,
    known: Known | None = None,
    accept_drift: bool = False,
) -> RunReport:
    """
    Give the report of a verified copy that has taken the target's place.

    `executor` does the copying where about `least_bytes` or more are to be copied and the engines can share their
    work; without one all is done in this process. `confirm_target` is the target's name, given once where the target
    is neither empty nor made by dbmimic. `delta` begins with what the target holds and copies what changed since,
    where that comes to the same. `resume` goes on with the new copy that a killed run left, where it can. `strict`
    refuses what would otherwise be a warning in the report. `wait` is for how many seconds to wait for another run
    that holds the target. `run` is the number by which `rollback` finds the copy; without one it is drawn. `known` is
    the source's structure at the last copy: what is kept and may hold something else since is refused, unless
    `accept_drift`. `lead` is done once, when this run holds the target and before it opens the source.
    What passes by itself (a server that is starting anew or full, a lost snapshot, a deadlock) is tried again as
    often as the configuration says, each time as a whole run.

    Raises:
        SwapInDoubt: the target cannot be reached since the new copy was put in its place.
        DbmimicError: any other, by who can act on it; the target still serves what it served before.
    """
    if config.source is None:  # more to the point than a secret that is missing, too
        _address(None, "source")
    asked = _request(config, secret_needed=True, confirmed=confirm_target)
    request = replace(asked, amendments=amendments(config.hooks), delta=delta, resume=resume, strict=strict, run=run)
    request = replace(request, known=known, accept_drift=accept_drift)
    working = crew(executor, config, least_bytes) if executor is not None else None
    return Attempts(config, request, _world(listener, working), lead).run(wait)


def doctor(
    config: Settings,
    *,
    workers: int = 1,
    confirm_target: str | None = None,
    listener: Listener | None = None,
    known: Known | None = None,
    accept_drift: bool = False,
) -> Checkup:
    """
    Give all that could keep a copy by so many workers from going well, at once; nothing is written anywhere.

    `known`, the source's structure at the last copy, and `accept_drift` are as for `copy`. Cost: that of a plan.
    """

    def request() -> Request:
        asked = _request(config, secret_needed=True, confirmed=confirm_target)
        return replace(asked, known=known, accept_drift=accept_drift)

    return Doctor(config, request, _world(listener), workers).examine()


def verify(config: Settings, *, listener: Listener | None = None) -> RunReport:
    """
    Give the report of the copy that stands at the target, checked against the source as it is now.

    Raises:
        VerificationFailed: it is not what was promised.
    """
    request = _request(config, secret_needed=True)
    with (
        opening.source(config) as opened,
        opening.watched(opened, config, _world(listener)) as (source, world),
        opening.standing(config) as standing,
    ):
        if source.engine == standing.engine:
            return verifying.check(request, source, standing, world)
        from dbmimic.engines.crossing import CrossingCopy, CrossingSource

        crossing = CrossingSource(source, standing.engine)
        return verifying.check(request, crossing, CrossingCopy(standing, crossing), world)


def rollback(config: Settings, run: str | None = None) -> None:
    """
    Put a copy that was replaced back in its place: what was served last, or the one that this run made.

    What is served now is kept as the last one, so that a second rollback without a run undoes the first. `run` is the
    beginning of the run's number, as `kept_copies` gives it.

    Raises:
        RefusedError: DM307, there is none.
    """
    with opening.target(config) as target:
        target.rollback(None if run is None else _chosen(target.kept(), run).name)


def to_come_back(config: Settings, run: str | None = None) -> KeptCopy | None:
    """
    Give the copy that `rollback` would put back, or None where none is kept.

    Raises:
        RefusedError: DM307, there is none of that run.
    """
    kept = kept_copies(config)
    return next(iter(kept), None) if run is None else _chosen(kept, run)


def kept_copies(config: Settings) -> tuple[KeptCopy, ...]:
    """Give the replaced copies that are kept beside the target, the last one first."""
    with opening.target(config) as target:
        return target.kept()


def _chosen(kept: Sequence[KeptCopy], run: str) -> KeptCopy:
    found = [each for each in kept if each.stamp is not None and each.stamp.run.startswith(run)]
    if len({each.stamp.run for each in found if each.stamp is not None}) != 1:  # two tries of one run may have a copy
        reason = "no copy of that run is kept" if not found else "the beginning of more than one run"
        hint = "`dbmimic rollback --list` tells which there are"
        raise RefusedError("DM307", reason, place=run, hint=hint)
    return found[0]


def first_config(*, source: str | None = None) -> tuple[str, tuple[ColumnId, ...]]:
    """
    Give a first configuration for the source, and the columns that it lists to be filled in.

    The source comes from the argument or from DBMIMIC_SOURCE; a configuration that is there already is not read.
    """
    settings = starting(overrides=Overrides(source), environ=os.environ)
    with opening.source(settings) as opened:
        schema = introspect.read(opened)
    undecided = rules.resolve(settings.rules, schema, introspect.link(schema), masks()).undecided
    return starter(schema, undecided), undecided


def target_name(config: Settings) -> str:
    """Give the target's address without its password."""
    return str(_address(config.target, "target"))


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


def _world(listener: Listener | None, working: Crew | None = None) -> World:
    return World(
        crew=working,
        registry=masks(),
        clock=SystemClock(),
        listener=listener or silent,
        versions={"dbmimic": metadata.version("dbmimic"), "pools": POOLS_VERSION},
    )
