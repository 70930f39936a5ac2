"""The life of sandboxes: made, reset, prolonged, protected, dropped, each step once however many ask for it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

from dbmimic.errors import DbmimicError, RefusedError, TargetError, TryAgainError, UsageError
from dbmimic.model.address import Address
from dbmimic.model.amount import amount
from dbmimic.model.sandbox import GoldenCopy, Lifetime, Sandbox, SandboxLimits
from dbmimic.ports.clock import Clock
from dbmimic.ports.sandbox import SandboxHost
from dbmimic.sandboxes import naming

_PATIENCE_SECONDS = 600.0
_MOMENT_SECONDS = 30.0  # others hold the register for a moment only
_PAUSE_SECONDS = 0.1
_REGISTER = ""
_SPARES = "spares"


@dataclass(frozen=True, slots=True)
class Sandboxes:
    """
    The sandboxes of one golden copy.

    Every method may be called by many at once, on any number of machines. Those that take `wait` give up at once
    where somebody else works on the same sandbox (or the golden copy cannot be copied now), or wait for ten minutes.

    Raises `UsageError` DM102 where there is no sandbox of a name, `TryAgainError` DM706 or DM705 as told above.
    """

    host: SandboxHost
    clock: Clock
    limits: SandboxLimits

    def create(
        self, name: str, *, golden: str | None = None, ttl: Lifetime | None = None, wait: bool = False
    ) -> Sandbox:
        """
        Give the sandbox of that name, ready to connect to; it is made where it is not there.

        One that is there stays as it is, its rows and its time too; where that is over, it begins anew, so that what
        is given is not collected under whoever asked. `golden` names another golden copy of the same server, `ttl` how
        long the sandbox may live, where that is not as the limits say. Where a spare of the golden copy as it is now
        is there, that is taken, in some milliseconds whatever its size.

        Raises:
            RefusedError: DM321, there is no golden copy; DM322, a limit is reached; DM324, its database is not ours.
        """
        with self._held(name, wait=wait) as known:
            life = ttl or self.limits.ttl
            if known is not None and known.ready and self.host.stands(known):
                now = self.clock.now()
                return self.host.remember(replace(known, expires_at=life.end(now))) if known.over(now) else known
            copy = self.host.golden(golden)
            taken = self._taken(name, copy, life) if known is None else None
            if taken is not None:
                return taken
            try:
                return self._made(self._reserved(name, copy, known, life.end(self.clock.now())), wait=wait)
            except RefusedError:
                if known is None:  # a stranger has its name: nothing of ours is there to be remembered
                    self._forgotten(name)
                raise

    def prepare(self, count: int, *, golden: str | None = None, wait: bool = False) -> tuple[Sandbox, ...]:
        """
        See to it that so many spares of the golden copy as it is now wait for `create`, and give them.

        Those of the golden copy as it was, and those over `count`, are dropped. A spare counts as a sandbox where
        limits are looked at.

        Raises:
            RefusedError: DM321, there is no golden copy; DM322, a limit is reached.
        """
        with self._only(_SPARES, _PATIENCE_SECONDS if wait else 0.0):
            copy = self.host.golden(golden)
            spares = [each for each in self.host.sandboxes() if each.spare and each.golden == copy.name]
            kept = [each for each in spares if each.ready and each.golden_run == copy.run][:count]
            for spare in spares:
                if spare not in kept:
                    with suppress(TryAgainError):  # somebody takes or drops it just now
                        self._spare_dropped(spare.name)
            return (*kept, *(self._spare(copy, wait=wait) for _ in range(count - len(kept))))

    def _spare(self, copy: GoldenCopy, *, wait: bool) -> Sandbox:
        name = self._spare_name()
        with self._held(name, wait=False):
            return self._made(self._reserved(name, copy, None, None, spare=True), wait=wait)

    def _spare_name(self) -> str:
        """Give the first name that nobody has; a spare that was taken still has the database of its own one."""
        known = self.host.sandboxes()
        names, databases = {each.name for each in known}, {each.database for each in known}
        every = (f"spare-{number}" for number in itertools.count(1))
        return next(name for name in every if name not in names and self._database(name) not in databases)

    def _spare_dropped(self, name: str) -> None:
        with self._held(name, wait=False, spare=True) as known:
            if known is not None:
                self._dropped(known)

    def _taken(self, name: str, copy: GoldenCopy, life: Lifetime) -> Sandbox | None:
        """Give a spare that is the sandbox of that name from now on, or None where there is none to take."""
        now = self.clock.now()
        with self._only(_REGISTER, _MOMENT_SECONDS):
            for spare in self.host.sandboxes():
                fits = spare.spare and spare.ready and (spare.golden, spare.golden_run) == (copy.name, copy.run)
                if not fits or not self.host.hold(spare.database):
                    continue
                try:
                    if self.host.stands(spare):
                        own = replace(spare, name=name, spare=False, created_at=now, expires_at=life.end(now))
                        return self.host.hand_over(spare, own)
                finally:
                    self.host.release(spare.database)
        return None

    def reset(self, name: str, *, force: bool = False, wait: bool = False) -> Sandbox:
        """
        Make a sandbox anew from the golden copy as it is now; its address, credential and time stay.

        Raises:
            RefusedError: DM323, it is protected and `force` is not given.
        """
        with self._held(name, wait=wait) as known:
            sandbox = _open(_there(known, name), force=force)
            copy = self.host.golden(sandbox.golden)
            return self._made(replace(sandbox, golden_run=copy.run, ready=False), before=sandbox, wait=wait)

    def drop(self, name: str, *, force: bool = False, wait: bool = False) -> bool:
        """
        Drop a sandbox, and tell whether there was one.

        Raises:
            RefusedError: DM323, it is protected and `force` is not given; DM324, its database does not carry its mark.
        """
        with self._held(name, wait=wait) as known:
            if known is not None:
                self._dropped(_open(known, force=force))
            return known is not None

    def extend(self, name: str, ttl: Lifetime | None = None) -> Sandbox:
        """Let a sandbox live for so long from now on, or as long as the limits say."""
        with self._held(name, wait=False) as known:
            sandbox = replace(_there(known, name), expires_at=(ttl or self.limits.ttl).end(self.clock.now()))
            return self.host.remember(sandbox)

    def protect(self, name: str, *, protected: bool = True) -> Sandbox:
        """Keep a sandbox from being dropped or reset by a time or by mistake; or let go of it again."""
        with self._held(name, wait=False) as known:
            return self.host.remember(replace(_there(known, name), protected=protected))

    def listed(self) -> tuple[Sandbox, ...]:
        """Give all sandboxes, in the order of their names."""
        return self.host.sandboxes()

    def sizes(self) -> Mapping[str, int]:
        """Give the size of each in bytes, by database."""
        return self.host.sizes(self.host.sandboxes())

    def address(self, name: str) -> Address:
        """
        Give the address of a sandbox, with its own credential.

        Raises:
            TryAgainError: DM706, it is still being made.
        """
        sandbox = _there(self._known(name), name)
        if not sandbox.ready:
            hint = f"wait for it with `dbmimic sandbox create {name} --wait`"
            raise TryAgainError("DM706", "the sandbox is being made, or making it failed", place=name, hint=hint)
        return self.host.address(sandbox)

    def collect(self) -> tuple[Sandbox, ...]:
        """
        Drop the sandboxes whose time is over, spares of a golden copy that is gone or was made anew, and what is left
        of those that were never finished; give them.

        What somebody works on just now is left for the next time. Where one cannot be dropped, the others are, and
        then the first reason is told.
        """
        gone: list[Sandbox] = []
        failures: list[DbmimicError] = []
        for sandbox in self.host.sandboxes():
            if not self._ended(sandbox):
                continue
            with suppress(TryAgainError):
                try:
                    gone += self._collected(sandbox)
                except (RefusedError, TargetError) as error:
                    failures.append(error)
        if failures:
            raise failures[0]
        return tuple(gone)

    def _collected(self, sandbox: Sandbox) -> list[Sandbox]:
        with self._held(sandbox.name, wait=False, spare=sandbox.spare) as known:
            if known is None or not self._ended(known):
                return []
            self._dropped(known)
            return [known]

    def _ended(self, sandbox: Sandbox) -> bool:
        if not sandbox.ready or sandbox.over(self.clock.now()):
            return True
        if not sandbox.spare:
            return False
        try:
            return self.host.golden(sandbox.golden).run != sandbox.golden_run
        except RefusedError:
            return True

    def _dropped(self, sandbox: Sandbox) -> None:
        self.host.remove(sandbox)
        self._forgotten(sandbox.name)

    def _forgotten(self, name: str) -> None:
        with self._only(_REGISTER, _MOMENT_SECONDS):
            self.host.forget(name)

    def _reserved(
        self, name: str, copy: GoldenCopy, known: Sandbox | None, ends: datetime | None, *, spare: bool = False
    ) -> Sandbox:
        """Take one of the places that there are, so that many at once cannot take more."""
        account = naming.account_name(self.host.project, name, self.host.longest[1])
        sandbox = Sandbox(
            name=name,
            # What was a spare has names of its own.
            database=known.database if known is not None else self._database(name),
            account=known.account if known is not None else account,
            golden=copy.name,
            golden_run=copy.run,
            created_at=self.clock.now(),
            expires_at=ends,
            protected=known.protected if known is not None else False,
            spare=spare,
            mark=known.mark if known is not None else "",
        )
        with self._only(_REGISTER, _MOMENT_SECONDS):
            self._fits([each for each in self.host.sandboxes() if each.name != name], copy)
            return self.host.remember(sandbox)

    def _fits(self, others: list[Sandbox], copy: GoldenCopy) -> None:
        hint = "drop some (`dbmimic sandbox list`, `dbmimic sandbox gc`), or raise the limit in the configuration"
        if len(others) >= self.limits.max_count:
            there = amount(len(others), "sandbox is", "sandboxes are")
            message = f"{there} there, and there may be {self.limits.max_count}"
            raise RefusedError("DM322", message, place="sandbox.max_count", hint=hint)
        if self.limits.max_bytes is None:
            return
        sizes = self.host.sizes(others)
        # One that is being made will be as large as the golden copy.
        taken = sum(sizes.get(each.database, 0) if each.ready else copy.byte_count for each in others)
        if taken + copy.byte_count > self.limits.max_bytes:
            message = f"the sandboxes hold {taken:,} bytes and another takes {copy.byte_count:,}, which is too much"
            raise RefusedError("DM322", message, place="sandbox.max_size", hint=hint)

    def _made(self, sandbox: Sandbox, *, wait: bool, before: Sandbox | None = None) -> Sandbox:
        remembered = self.host.remember(sandbox)
        try:
            self._patiently(lambda: self.host.make(remembered), wait=wait)
        except BaseException as error:
            with suppress(DbmimicError):  # what went wrong first is what is told; `collect` removes the rest
                untouched = isinstance(error, TryAgainError) or self.host.makes_beside
                if untouched and before is not None and self.host.stands(before):
                    self.host.remember(before)
                else:
                    self._dropped(remembered)
            raise
        return self.host.remember(replace(remembered, ready=True))

    def _patiently(self, work: Callable[[], None], *, wait: bool) -> None:
        deadline = self.clock.seconds() + (_PATIENCE_SECONDS if wait else 0.0)
        while True:
            try:
                work()
            except TryAgainError:
                if self.clock.seconds() >= deadline:
                    raise
                time.sleep(_PAUSE_SECONDS * 5)
            else:
                return

    def _known(self, name: str, *, spare: bool = False) -> Sandbox | None:
        known = next((each for each in self.host.sandboxes() if each.name == name), None)
        if known is not None and known.spare and not spare:
            hint = "give a name of your own to `dbmimic sandbox create`, which takes a spare"
            raise UsageError("DM102", "that is a spare, which nobody uses yet", place=name, hint=hint)
        return known

    def _database(self, name: str) -> str:
        return self.host.place(naming.database_name(self.host.project, name, self.host.longest[0]))

    @contextmanager
    def _held(self, name: str, *, wait: bool, spare: bool = False) -> Iterator[Sandbox | None]:
        """Be the only one who works on the sandbox of that name, and give what is known of it."""
        with self._only(self._database(naming.checked(name)), _PATIENCE_SECONDS if wait else 0.0, name):
            yield self._known(name, spare=spare)

    @contextmanager
    def _only(self, what: str, seconds: float, name: str = "") -> Iterator[None]:
        deadline = self.clock.seconds() + seconds
        while not self.host.hold(what):
            if self.clock.seconds() >= deadline:
                message = "somebody else works on the sandbox" if what else "somebody else works on the sandboxes"
                hint = "wait for them with --wait, or try again"
                raise TryAgainError("DM706", message, place=name or self.host.project, hint=hint)
            time.sleep(_PAUSE_SECONDS)
        try:
            yield
        finally:
            self.host.release(what)


def _there(known: Sandbox | None, name: str) -> Sandbox:
    if known is None:
        hint = "`dbmimic sandbox list` tells which there are, `dbmimic sandbox create` makes one"
        raise UsageError("DM102", "there is no sandbox of that name", place=name, hint=hint)
    return known


def _open(sandbox: Sandbox, *, force: bool) -> Sandbox:
    if sandbox.protected and not force:
        hint = "say --force, or take the protection off with `dbmimic sandbox protect NAME --off`"
        raise RefusedError("DM323", "the sandbox is protected", place=sandbox.name, hint=hint)
    return sandbox
