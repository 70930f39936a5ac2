"""What a run concludes from what it sees at the source, and that it reads on at once where nobody is there."""

from __future__ import annotations

import threading
import time
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import cast

import pytest

from dbmimic import opening
from dbmimic.errors import DbmimicError, SnapshotLost, SwapInDoubt, TryAgainError
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.events import Event, Noticed
from dbmimic.model.nightly import ThrottleSpec
from dbmimic.model.settings import Settings
from dbmimic.pipeline.crowding import Crowding
from dbmimic.pipeline.job import World
from dbmimic.pipeline.retry import passes
from dbmimic.pipeline.throttle import Throttle
from dbmimic.pipeline.throttled import ThrottledExecutor, ThrottledSource
from dbmimic.ports.source import Source
from dbmimic.ports.watch import Sight, Waiting

DEFAULT = ThrottleSpec(max_rise=None)


class Clock:
    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds(self) -> float:
        return self.at


class Eyes:
    """A watch that is never asked: tests tell the throttle what was seen."""

    unseen = ()

    def __init__(self) -> None:
        self.let_go_of = 0
        self.running: int | None = 0

    def look(self) -> Sight:
        raise AssertionError

    def crowd(self) -> int | None:
        return self.running

    def let_go(self) -> None:
        self.let_go_of += 1

    def close(self) -> None:
        pass


class Bench:
    def __init__(self, spec: ThrottleSpec = DEFAULT) -> None:
        self.clock, self.eyes = Clock(), Eyes()
        self.heard: list[Event] = []
        self.slept: list[float] = []
        self.later: list[Sight] = []
        self.throttle = Throttle(self.eyes, spec, self.clock, self.heard.append, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.later:
            self.see(self.later.pop(0), after=seconds)

    def see(self, sight: Sight, after: float = 0.5) -> None:
        self.clock.at += after
        self.throttle.take(sight)

    def codes(self) -> list[str]:
        return [event.finding.code for event in self.heard if isinstance(event, Noticed)]


def test_a_snapshot_that_becomes_too_old_is_let_go() -> None:
    bench = Bench(ThrottleSpec(max_age=60.0))
    bench.see(Sight(), after=59.0)
    bench.throttle.check()
    bench.see(Sight(), after=1.0)
    with pytest.raises(TryAgainError) as caught:
        bench.throttle.pause()
    assert (caught.value.code, bench.eyes.let_go_of) == ("DM710", 1)
    assert "unless its hot_standby_feedback is on" in caught.value.hint
    assert not passes(caught.value), "the next try would take as long"


@pytest.mark.parametrize(
    ("ended", "told"),
    [(SwapInDoubt("DM501", "in place or not"), SwapInDoubt), (SnapshotLost("DM403", "it is gone"), TryAgainError)],
)
def test_a_swap_in_doubt_is_told_even_where_the_run_let_go_of_its_snapshot_at_the_same_time(
    ended: DbmimicError, told: type[DbmimicError]
) -> None:
    class Held:
        """A source under whose lock somebody waits."""

        def watch(self) -> Eyes:
            eyes = Eyes()
            eyes.look = lambda: Sight(waiting=(Waiting(7),))  # type: ignore[method-assign]
            return eyes

    clock = Clock()
    world = World(None, MaskRegistry([]), clock, lambda _: None, {})
    settings = Settings("", throttle=ThrottleSpec(give_way=0.0))
    deadline = time.monotonic() + 10

    def run() -> None:
        with opening.watched(cast("Source", Held()), settings, world) as (source, _):
            while isinstance(source, ThrottledSource) and source._throttle.failure is None:
                assert time.monotonic() < deadline
            raise ended

    with pytest.raises(told):
        run()


def test_nobody_there_costs_nothing() -> None:
    bench = Bench()
    for ended in range(0, 200, 9):  # eighteen transactions a second, in lumps: a monitor, a vacuum and we
        bench.see(Sight(transactions=ended))
        bench.see(Sight(transactions=ended), after=0)
        bench.throttle.pause(3.0)
    assert bench.slept == []
    assert not bench.throttle.busy


@pytest.mark.parametrize("somebody", [Sight(transactions=20), Sight(at_work=1), Sight(present=True)])
def test_who_reads_rests_while_others_work_and_for_a_while_after(somebody: Sight) -> None:
    bench = Bench(ThrottleSpec(nice_ratio=1.5, max_rise=None))
    bench.see(Sight())
    bench.see(somebody)
    assert not bench.throttle.busy
    bench.see(somebody)
    bench.throttle.pause(2.0)
    assert bench.slept == [3.0]
    bench.see(Sight(transactions=somebody.transactions), after=4.9)
    assert bench.throttle.busy
    bench.see(Sight(transactions=somebody.transactions), after=0.2)
    bench.throttle.pause(2.0)
    assert bench.slept == [3.0]


@pytest.mark.parametrize(
    ("much", "little", "word"),
    [
        (Sight(lag=30.1), Sight(lag=29.0), "max_lag"),
        (Sight(at_work=26), Sight(at_work=25), "max_load"),
    ],
)
def test_reading_waits_until_it_is_no_longer_too_much(much: Sight, little: Sight, word: str) -> None:
    bench = Bench(ThrottleSpec(nice_ratio=0, max_rise=None))
    bench.see(much)
    bench.later = [much, much, little]
    bench.throttle.pause(1.0)
    assert len(bench.slept) == 3
    assert bench.codes() == ["DM708"]
    assert word in str(bench.heard[0])


def _rested(bench: Bench, reading: int, resting: int, times: int = 100) -> float:
    """Let a second be read and rested after so many statements of others were seen, and give how long the rest was."""
    bench.see(Sight(at_work=1))
    bench.see(Sight(at_work=1))
    for _ in range(times):
        bench.eyes.running = resting
        bench.throttle.glance()
        bench.throttle.read()
        bench.eyes.running = reading
        bench.throttle.glance()
        bench.throttle.rested()
    bench.throttle.pause(0.1)
    return bench.slept[-1] / 0.1


@pytest.mark.parametrize(
    ("reading", "resting", "times", "rest"),
    [
        (5, 5, 100, 1.0),  # statements take as long as without us
        (6, 5, 100, 1.0),
        (7, 5, 100, 30.0),  # longer by more than a quarter
        (5, 5, 19, 30.0),  # too little was seen to tell
    ],
)
def test_reading_rests_as_much_as_it_takes_for_others_not_to_feel_it(
    reading: int, resting: int, times: int, rest: float
) -> None:
    assert _rested(Bench(ThrottleSpec(nice_ratio=1)), reading, resting, times) == pytest.approx(rest, rel=0.15)


def test_counting_statements_hides_nobodys_transactions() -> None:
    bench = Bench(ThrottleSpec())
    for ended in (0, 30, 60):
        bench.see(Sight(transactions=ended), after=1.0)
        for _ in range(50):
            bench.throttle.glance()
    bench.see(Sight(transactions=90), after=1.0)
    assert bench.throttle.busy
    for number in range(4, 11):
        for _ in range(50):
            bench.throttle.glance()
        bench.see(Sight(transactions=30 * number), after=1.0)
    assert bench.throttle.busy


def test_who_sees_no_statements_of_others_rests_as_told() -> None:
    bench = Bench(ThrottleSpec(nice_ratio=2))
    bench.see(Sight(at_work=1))
    bench.see(Sight(at_work=1))
    bench.eyes.running = None
    bench.throttle.glance()
    bench.throttle.pause(1.0)
    assert bench.slept == [2.0]


def test_whether_others_are_at_work_is_known_before_anything_is_decided_by_it() -> None:
    bench = Bench()
    bench.see(Sight(connected=True))
    asked = ThreadPoolExecutor(1).submit(lambda: bench.throttle.busy)
    assert not asked.done()
    bench.see(Sight(connected=True, transactions=50), after=1.0)
    assert asked.result(10) is True


def test_a_pause_without_end_ends_the_run() -> None:
    bench = Bench(ThrottleSpec(patience=10))
    bench.see(Sight(lag=99))
    bench.see(Sight(lag=99), after=9.9)
    assert bench.eyes.let_go_of == 0
    bench.see(Sight(lag=99), after=0.2)
    with pytest.raises(TryAgainError) as caught:
        bench.throttle.pause()
    assert (caught.value.code, bench.eyes.let_go_of) == ("DM708", 1)


def test_what_the_run_ends_itself_is_nobody_elses() -> None:
    bench = Bench()
    for number in range(10):
        bench.throttle.expect(50)
        bench.throttle.take(Sight((), None, 0, 50 * number))
        bench.clock.at += 1.0
    assert not bench.throttle.busy
    bench.throttle.take(Sight((), None, 0, 50 * 10 + 100))
    assert bench.throttle.busy


def test_a_session_under_a_look_is_closed_by_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dbmimic.pipeline.throttle._LAST_LOOK_SECONDS", 0.01)
    looks, answers, closed = threading.Event(), threading.Event(), threading.Event()

    class Silent(Eyes):
        def look(self) -> Sight:
            looks.set()
            assert answers.wait(10)
            return Sight()

        def close(self) -> None:
            closed.set()

    throttle = Throttle(Silent(), DEFAULT, Clock(), lambda _: None)
    throttle.start()
    assert looks.wait(10)
    throttle.close()
    assert not closed.is_set()
    answers.set()
    assert closed.wait(10)


def test_statements_are_counted_while_somebody_asks_for_the_ratio() -> None:
    crowding = Crowding(0.1)

    class Counted(int):
        def __sub__(self, other: float) -> float:
            crowding.take(1, reading=True)  # as the thread does that looks
            return int(self) - other

    for _ in range(20):
        crowding.take(Counted(1), reading=True)
        crowding.take(1, reading=False)
    assert crowding.ratio(1.0) == 1.0


def test_threads_may_tell_at_once_what_they_will_end() -> None:
    class Slow(int):
        def __radd__(self, other: int) -> int:
            time.sleep(0.001)  # others add meanwhile, if they may
            return other + int(self)

    bench = Bench()
    bench.see(Sight())
    threads = [threading.Thread(target=lambda: bench.throttle.expect(Slow(20))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bench.see(Sight(transactions=400), after=1.0)
    assert not bench.throttle.busy


def test_only_one_that_waits_all_the_time_is_given_way_to() -> None:
    bench = Bench(ThrottleSpec(give_way=5))
    bench.see(Sight((Waiting(1),)))
    bench.see(Sight((Waiting(2),)), after=4)  # the first has what it wanted
    bench.see(Sight((Waiting(1), Waiting(2))), after=4)
    bench.throttle.check()
    bench.see(Sight((Waiting(2, "public.t"),)), after=1)
    with pytest.raises(TryAgainError) as caught:
        bench.throttle.check()
    assert (caught.value.code, caught.value.place, bench.eyes.let_go_of) == ("DM707", "public.t", 1)
    assert "session 2" in caught.value.message


def test_never_is_never() -> None:
    bench = Bench(ThrottleSpec(give_way=None, max_lag=None, max_load=None, nice_ratio=0, max_rise=None))
    for _ in range(3):
        bench.see(Sight((Waiting(1),), lag=1e9, at_work=10**6), after=1e6)
        bench.throttle.pause(1.0)
    assert bench.slept == []


def test_workers_get_no_work_while_reading_pauses_and_all_of_it_after() -> None:
    bench = Bench()
    bench.see(Sight(lag=99))
    begun = threading.Semaphore(0)
    with ThreadPoolExecutor(2) as pool:
        executor = ThrottledExecutor(pool, 2, bench.throttle, bench.clock)
        futures: list[Future[int]] = [executor.submit(lambda n: begun.release() or n, n) for n in range(9)]
        assert not begun.acquire(timeout=0.1)
        bench.see(Sight(lag=0))
        assert [future.result(10) for future in futures] == list(range(9))
        failing = executor.submit(lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            failing.result(10)
        bench.throttle.failure = TryAgainError("DM707", "let go")
        with pytest.raises(TryAgainError):
            executor.submit(int).result(10)
        executor.shutdown()


def test_work_that_is_cancelled_under_way_is_lost_and_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    begun, free = threading.Event(), threading.Event()

    def held() -> bool:
        begun.set()
        return free.wait()

    pool = ThreadPoolExecutor(1)
    executor = ThrottledExecutor(pool, 1, bench.throttle, bench.clock)
    first, second = (executor.submit(held) for _ in range(2))
    begun.wait()  # what waits in the queue from here on is the second one
    while pool._work_queue.empty():
        assert not second.done()
    pool.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(BrokenExecutor):
        second.result(10)
    free.set()
    assert first.result(10)
    executor.shutdown()
    assert not caplog.records
