"""Production first: reading pauses where its server is busy or its replica is late, and ends where somebody waits."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from dbmimic.errors import DbmimicError, InternalError, TryAgainError
from dbmimic.model.amount import amount
from dbmimic.model.events import Noticed
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.nightly import ThrottleSpec
from dbmimic.pipeline.crowding import Crowding
from dbmimic.ports.clock import Clock
from dbmimic.ports.listener import Listener
from dbmimic.ports.watch import Sight, Waiting, Watch

_LOOK_SECONDS = 0.5
_LAST_LOOK_SECONDS = 5.0
_SOMEBODY = 20.0  # transactions a second; monitors, vacuums and our own sessions' first statements stay below
_WINDOW_SECONDS = 1.0  # the server's statistics come in once a second
_KNOWN_SECONDS = _WINDOW_SECONDS + 3 * _LOOK_SECONDS
_LINGER_SECONDS = 5.0  # the server's statistics come in late, and in lumps
_BLINK_SECONDS = 0.2
_GLANCE_SECONDS = 0.1  # between two looks at how many statements run, while nothing is read
_READING_GLANCE_SECONDS = 0.004  # and while something is: that may take a moment only
_LONGEST_REST = 10.0
_PLACE = "source"


class Throttle:
    """
    What a run knows of the server that it reads from, and what follows for its reading.

    `start` has a thread look twice a second. Whoever reads calls `pause` between two pieces of reading: it returns at
    once where nobody else is there. Where the run is to let go, the sessions that read are ended, `failure` tells why,
    and `pause` and `check` raise it. The listener is spoken to on the thread that made this.
    """

    def __init__(
        self,
        watch: Watch,
        spec: ThrottleSpec,
        clock: Clock,
        listener: Listener,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.failure: TryAgainError | None = None
        self._busy = False
        self._known = threading.Event()  # whether others are at work
        self._crowding = None if spec.max_rise is None else Crowding(spec.max_rise)
        self._readings = 0
        self._reads = threading.Event()
        self._watch, self._spec, self._clock, self._listener, self._sleep = watch, spec, clock, listener, sleep
        self._owner = threading.get_ident()
        self._untold: list[Finding] = [_unseen(what) for what in watch.unseen]
        self._waiting: dict[int, float] = {}
        self._counts: deque[tuple[float, int]] = deque()
        self._ours = 0
        self._counting = threading.Lock()
        self._at_work = False  # somebody was, at the last look
        self._seen_at = float("-inf")  # when somebody was last at work
        self._reason = ""
        self._paused_at = 0.0
        self._since = clock.seconds()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="throttle", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether others are at work; where they have sessions, it takes a second until that is known."""
        self._known.wait(_KNOWN_SECONDS)
        return self._busy

    def close(self) -> None:
        """Look no longer; a look at a server that is silent goes on alone, and ends its session itself."""
        self._over.set()
        self._reads.set()
        self._reason = ""
        self._thread.join(_LAST_LOOK_SECONDS)

    def _look_on(self) -> None:
        try:
            self.take(self._watch.look())  # by which the others are measured
            while not self._waited() and self.failure is None:
                self.take(self._watch.look())
        except DbmimicError as error:  # whoever reads will see it, too, if there is more to it
            self._reason = ""
            self._untold.append(_lost(error))
        except Exception as error:  # noqa: BLE001 -- it is told by its kind and place, and ends nothing but the watch
            self._reason = ""
            self._untold.append(_lost(InternalError.unexpected(error)))
        finally:
            self._known.set()
            self._crowding = None  # what nobody measures any more must not hold up a run for hours
            self._watch.close()  # by nobody else: a driver works on what another thread would free

    def _waited(self) -> bool:
        """Wait for the next look, and count statements where others are at work; true where there is to be none."""
        until = time.monotonic() + _LOOK_SECONDS
        while self._busy and self._crowding is not None and (left := until - time.monotonic()) > 0:
            if self._over.is_set():
                return True
            if self._reads.wait(min(_GLANCE_SECONDS, left)):
                self._over.wait(_READING_GLANCE_SECONDS)
            self.glance()
        return self._over.wait(max(0.0, until - time.monotonic()))

    def glance(self) -> None:
        """Count the statements of others that run now, unless reading began or ended meanwhile."""
        before = self._readings
        crowd = self._watch.crowd()
        if crowd is None:
            self._crowding = None
        elif self._crowding is not None and bool(before) == bool(self._readings):
            self._crowding.take(crowd, reading=bool(before))

    def take(self, sight: Sight) -> None:
        """Draw the conclusions from one look."""
        now = self._clock.seconds()
        self._look_for_somebody(sight, now)
        self._waiting = {each.session: self._waiting.get(each.session, now) for each in sight.waiting}
        longest = max(sight.waiting, key=lambda each: now - self._waiting[each.session], default=None)
        limit = self._spec.give_way
        if longest is not None and limit is not None and now - self._waiting[longest.session] >= limit:
            self._let_go(_stepped_back(longest, limit))
            return
        age = self._spec.max_age
        if age is not None and now - self._since >= age:
            self._let_go(_too_old(age))
            return
        reason = self._too_much(sight)
        if reason and not self._reason:
            self._paused_at = now
            self._untold.append(Finding("DM708", Severity.WARNING, _PLACE, f"reading pauses: {reason}"))
        self._reason = reason
        patience = self._spec.patience
        if reason and patience is not None and now - self._paused_at >= patience:
            self._let_go(_too_long(reason, patience))

    def _look_for_somebody(self, sight: Sight, now: float) -> None:
        """See whether others are at work: by their sessions, or by the transactions that have ended since."""
        counts = self._counts
        counts.append((now, sight.transactions - self._ours))
        while len(counts) > 1 and now - counts[1][0] >= _WINDOW_SECONDS:
            counts.popleft()
        then, before = counts[0]
        ended = (counts[-1][1] - before) / (now - then) if now - then >= _WINDOW_SECONDS else 0.0
        # Twice in a row: a session of ours that comes or goes during a look is one too many in that look.
        at_work = bool(sight.at_work) or sight.present
        if ended >= _SOMEBODY or (at_work and self._at_work):
            self._seen_at = now
        self._at_work = at_work
        self._busy = now - self._seen_at <= _LINGER_SECONDS
        if self._busy or not sight.connected or now - then >= _WINDOW_SECONDS:
            self._known.set()

    def expect(self, transactions: int) -> None:
        """Say that this run is about to end so many transactions on the source itself; any thread may."""
        with self._counting:
            self._ours += transactions

    def _too_much(self, sight: Sight) -> str:
        """Give why reading should pause, or nothing."""
        lag, load = self._spec.max_lag, self._spec.max_load
        if lag is not None and sight.lag is not None and sight.lag > lag:
            return f"the replica is more than {lag:g} s behind (throttle.max_lag)"
        if load is not None and sight.at_work is not None and sight.at_work > load:
            return f"more than {amount(load, 'session is', 'sessions are')} at work at the source (throttle.max_load)"
        return ""

    def _let_go(self, failure: TryAgainError) -> None:
        self.failure = failure
        self._watch.let_go()

    def read(self) -> None:
        """Say that a reading begins, which `rested` ends; any thread may."""
        with self._counting:
            self._readings += 1
            self._reads.set()

    def rested(self) -> None:
        """Say that a reading has ended; any thread may."""
        with self._counting:
            self._readings -= 1
            if not self._readings and not self._over.is_set():
                self._reads.clear()

    def pause(self, worked: float = 0.0) -> None:
        """
        Give production what is its: wait while reading should pause, and rest after `worked` seconds of reading.

        Raises:
            TryAgainError: DM707, DM708, DM710, the run has let go.
        """
        self.check()
        while self._reason:
            self._sleep(_BLINK_SECONDS)
            self.check()
        rest = min(worked * self._ratio(), _LONGEST_REST) if self._busy else 0.0
        if rest > 0:
            self._sleep(rest)

    def _ratio(self) -> float:
        least, crowding = self._spec.nice_ratio, self._crowding  # which the thread that looks may take away
        return least if crowding is None else crowding.ratio(least)

    def check(self) -> None:
        """Tell what is to be told, and raise where the run has let go."""
        if threading.get_ident() == self._owner:
            while self._untold:
                self._listener(Noticed(self._untold.pop(0)))
        if self.failure is not None:
            raise self.failure


def _stepped_back(waiting: Waiting, limit: float) -> TryAgainError:
    message = f"session {waiting.session} of the source waited {limit:g} s for a lock of this run, which let go of it"
    hint = "run it again when that session's work, such as a migration, is over; throttle.give_way is the patience"
    return TryAgainError("DM707", message, place=waiting.place or _PLACE, hint=hint)


def _too_long(reason: str, patience: float) -> TryAgainError:
    message = f"{reason}, and that for {patience:g} s: the run let go of its snapshot"
    hint = "run it again when the source has less to do; a replica may be late for the snapshot's own sake"
    return TryAgainError("DM708", message, place=_PLACE, hint=hint)


def _too_old(age: float) -> TryAgainError:
    message = f"the snapshot became {age:g} s old, and the run let go of it"
    hint = (
        "give it more time (throttle.max_age), more workers, or less to copy; a replica holds up nobody's vacuum,"
        " unless its hot_standby_feedback is on"
    )
    return TryAgainError("DM710", message, place=_PLACE, hint=hint)


def _unseen(what: str) -> Finding:
    return Finding("DM709", Severity.INFO, _PLACE, f"the role does not see {what}")


def _lost(error: DbmimicError) -> Finding:
    message = f"nobody watches over production any more: {error.message}"
    return Finding("DM709", Severity.WARNING, _PLACE, message)
