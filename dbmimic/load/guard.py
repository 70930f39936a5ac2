"""Prove that the target is no production database: the only maker of a ClearedTarget or a ClearedCopy."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dbmimic.errors import RefusedError
from dbmimic.model.target import UNTOLD, Identity, TargetState
from dbmimic.ports.source import Catalogue, Source
from dbmimic.ports.target import JoinedTarget, Target


@dataclass(frozen=True, slots=True)
class ClearedTarget:
    """A target that may be replaced: not the source, and empty, stamped by us or confirmed by name."""

    target: Target
    state: TargetState

    @contextmanager
    def reader(self) -> Iterator[Source]:
        """Open the new copy for reading, and close it after."""
        copy = self.target.copy()
        try:
            yield copy
        finally:
            copy.close()


@dataclass(frozen=True, slots=True)
class ClearedCopy:
    """The new copy that a cleared target is building, joined from another process."""

    target: JoinedTarget


def rejoin(target: JoinedTarget, token: str) -> ClearedCopy:
    """
    Give a joined copy as one that may be written to: it carries the token of this very run.

    Raises:
        RefusedError: DM303, it does not: the run is over, or this is another database.
    """
    if target.token != token:
        hint = "run the command again"
        raise RefusedError("DM303", "this is not the new copy of the run", place="target", hint=hint)
    return ClearedCopy(target)


def clear(target: Target, against: Catalogue, *, confirmed: str | None = None) -> ClearedTarget:
    """
    Give the target as one that may be replaced.

    Addresses are not compared, because two may lead to one server: the identity that the servers give is, and a lock
    that the source's session holds is looked for from the target.

    Raises:
        RefusedError: DM302, it is the source or a replica of it; DM303, it is not empty and nobody confirmed it.
    """
    state = target.state()
    if state.exists:
        _refuse_source(target, against, state)
        _refuse_strange(state, confirmed)
    return ClearedTarget(target, state)


def _refuse_source(target: Target, against: Catalogue, state: TargetState) -> None:
    ours, theirs = target.identity(), against.identity()
    same = ours.server is not None and ours == theirs
    token = secrets.randbelow(2**31)
    against.hold(token)
    if _replicates(ours, theirs):
        hint = "give a target on a server that neither follows production nor is followed by it, or another database"
        reason = "source and target are one database on two servers of which one replicates the other, or both a third"
        raise RefusedError("DM302", reason, place=f"target {state.name}", hint=hint)
    if same or target.sees(token):
        raise RefusedError(
            "DM302",
            "source and target are the same database, or one is a replica of the other",
            place=f"target {state.name}",
            hint="give a target on another server, or another database",
        )


def _replicates(target: Identity, source: Identity) -> bool:
    """
    Tell whether a write to the target would meet the source's own writes in one database.

    A source may follow anybody, since it is only read. A target that follows somebody, nobody may know whom, does so
    in the database of the source's name: that is as good as certain.
    """
    if target.database != source.database:
        return False
    joined = target.follows & (source.follows | {source.node}) or source.follows & {target.node}
    return bool(joined) or UNTOLD in target.follows


def _refuse_strange(state: TargetState, confirmed: str | None) -> None:
    if state.empty or state.stamp is not None or confirmed == state.name:
        return
    raise RefusedError(
        "DM303",
        "the target is not empty, and dbmimic did not make it",
        place=f"target {state.name}",
        hint=f"if it may be replaced, say so once with --confirm-target {shlex.quote(state.name)}",
    )
