"""What a configuration says, before any database was asked whether it fits."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from dbmimic.model.events import LogFormat
from dbmimic.model.nightly import NetworkSpec, RetentionSpec, RetrySpec, ThrottleSpec
from dbmimic.model.request import Budget, Children, Enter, Mode, Parent
from dbmimic.model.ruleset import Ruleset
from dbmimic.model.sandbox import SandboxLimits


@dataclass(frozen=True, slots=True)
class Named:
    """
    A name as somebody wrote it, and where: `place` is `file:line:column`, or the flag.

    `folder` is where a relative `file:` in `text` starts from; empty for the working folder.
    """

    text: str
    place: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class SeedSpec:
    """One seed as written: exactly one of `where`, `percent` and `ids` is set."""

    table: Named
    where: str | None = None
    percent: float | None = None
    ids: tuple[tuple[int | str, ...], ...] | None = None


@dataclass(frozen=True, slots=True)
class EdgeSpec:
    """The policy of one edge as written: a word that is None was not."""

    edge: Named
    parent: Parent | None = None
    children: Children | None = None
    limit: int | None = None
    ratio: float | None = None
    where: Named | None = None


@dataclass(frozen=True, slots=True)
class TableSpec:
    """How one table is sliced where it is not as the rest, as written."""

    table: Named
    mode: Mode | None = None
    enter: Enter = Enter.ANY
    owner: Named | None = None


@dataclass(frozen=True, slots=True)
class VirtualKeySpec:
    """
    A foreign key that the database does not declare, as written: both ends as `table(columns)`, and the `path` to it
    in a document.
    """

    child: Named
    parent: Named
    when: Named | None = None
    path: Named | None = None


@dataclass(frozen=True, slots=True)
class CoverParentSpec:
    """Columns of a parent over one edge, as written."""

    edge: Named
    columns: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class CoverSpec:
    """What of one table is to be covered, as written; `columns` is None where they are left to us."""

    table: Named
    pairs: bool
    min_count: int
    columns: tuple[Named, ...] | None = None
    parents: tuple[CoverParentSpec, ...] = ()
    children: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class SliceSpec:
    """The slice as written; `mode` is None where it is left to whether there are seeds."""

    mode: Mode | None = None
    children: Children = Children.FOLLOW
    seeds: tuple[SeedSpec, ...] = ()
    static: tuple[Named, ...] = ()
    exclude: tuple[Named, ...] = ()
    edges: tuple[EdgeSpec, ...] = ()
    tables: tuple[TableSpec, ...] = ()
    virtual_keys: tuple[VirtualKeySpec, ...] = ()
    max_rows: int | None = None
    cover: tuple[CoverSpec, ...] = ()
    budget: Budget | None = None

    @property
    def needs_secret(self) -> bool:
        """Whether rows are chosen by keyed hash."""
        hashed = any(edge.ratio is not None or edge.limit is not None for edge in self.edges)
        return hashed or bool(self.cover) or any(seed.percent is not None for seed in self.seeds)


@dataclass(frozen=True, slots=True)
class RunsSpec:
    """Where runs are remembered (empty: the user's own folder) and how many of them."""

    folder: str = ""
    keep: int = 200


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """
    A program to start, as words; no shell stands between.

    It runs in `folder` and has so many `seconds`; `place` is where it was written.
    """

    words: tuple[str, ...] = field(repr=False)
    place: str
    folder: str
    seconds: float


@dataclass(frozen=True, slots=True)
class SqlSpec:
    """SQL for the new copy: `text` as written, or what stands in `file`; it has so many `seconds`."""

    text: str = field(repr=False)
    file: str
    place: str
    seconds: float


@dataclass(frozen=True, slots=True)
class HooksSpec:
    """
    What the user has done around a run.

    `before` runs before anything is read; `sql` in the new copy, once it is verified and before it is put in place;
    `after` when it is in place; `on_failure` after a run that ended otherwise than with status 0.
    """

    before: tuple[CommandSpec, ...] = ()
    sql: tuple[SqlSpec, ...] = ()
    after: tuple[CommandSpec, ...] = ()
    on_failure: tuple[CommandSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricsSpec:
    """Where numbers of each run go: a file for node_exporter (empty: none), and a push gateway."""

    textfile: str = ""
    push: Named | None = field(default=None, repr=False)


class Telling(StrEnum):
    """Which ends of runs are told."""

    FAILURE = "failure"
    ALWAYS = "always"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class NotifySpec:
    """Who is told how a run ended, by a command or a webhook, and of which ends; a webhook has so many `seconds`."""

    on: Telling
    command: CommandSpec | None
    webhook: Named | None = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class Settings:
    """
    One configuration, flags and environment already laid over the file.

    `source`, `target` and `secret` are references (`${NAME}`, `file:` and `cmd:` not yet read): they are read late,
    so that a command which needs no secret asks for none.
    """

    place: str
    source: Named | None = field(default=None, repr=False)
    target: Named | None = field(default=None, repr=False)
    secret: Named | None = field(default=None, repr=False)
    slice: SliceSpec = field(default_factory=SliceSpec)
    rules: Ruleset = field(default_factory=lambda: Ruleset(layers=()))
    sandbox: SandboxLimits = field(default_factory=SandboxLimits)
    runs: RunsSpec = field(default_factory=RunsSpec)
    hooks: HooksSpec = field(default_factory=HooksSpec)
    log_format: LogFormat = LogFormat.AUTO
    metrics: MetricsSpec = field(default_factory=MetricsSpec)
    notify: NotifySpec | None = None
    throttle: ThrottleSpec = field(default_factory=ThrottleSpec)
    retry: RetrySpec = field(default_factory=RetrySpec)
    network: NetworkSpec = field(default_factory=NetworkSpec)
    retention: RetentionSpec = field(default_factory=RetentionSpec)
    mends_text: bool = False
