"""The source goes on living: it is written to, and its structure changes."""

from __future__ import annotations

import itertools
import threading
from random import Random

from tests.drill.ends import End
from tests.drill.strikes.fault import Fault, Scene

_TICK = "tick"
_PASSING = 100_000  # orders from here on come and go
_STAYS = 5
_CONSISTENT = (
    "SELECT (SELECT sum(total) FROM orders WHERE id < 1000), (SELECT total FROM orders WHERE id = 1),"
    f" (SELECT count(*) FROM audit WHERE what = '{_TICK}'),"
    f" (SELECT count(*) FROM orders WHERE id >= {_PASSING})"
)
_CHANGES = (
    ("ALTER TABLE orders ADD COLUMN extra varchar(20)", "ALTER TABLE orders DROP COLUMN extra"),
    ("CREATE TABLE newcomer (id int PRIMARY KEY, mail varchar(80))", "DROP TABLE newcomer"),
    ("ALTER TABLE customers ADD COLUMN extra int", "ALTER TABLE customers DROP COLUMN extra"),
)


def _write(scene: Scene) -> None:
    """Move an amount from order to order, count that, and have orders come and go, one transaction each."""
    lane = scene.lane
    stop = threading.Event()
    first_sum, first_count, ticks, _ = lane.source.ask(_CONSISTENT)[0]
    assert ticks == 0
    old = lane.look(lane.target)
    failures: list[str] = []

    def live() -> None:
        try:
            _live(lane.source, Random(scene.rng.random()), stop)
        except Exception as error:  # noqa: BLE001 - it is told by the drill
            failures.append(f"the load ended: {error!r}")

    writing = threading.Thread(target=live)
    writing.start()

    def judge() -> str:
        """Give what the copy breaks of what held in the source at every time."""
        if failures:
            return failures[0]
        total, count, copied, passing = lane.target.ask(_CONSISTENT)[0]
        if lane.look(lane.target).rows == old.rows:
            return "the copy is the old one"
        if total != first_sum or count - first_count != copied or passing != min(copied, _STAYS):
            return f"the copy is of no one moment: {total - first_sum}, {count - first_count}, {copied}, {passing}"
        return ""

    def rest() -> None:
        stop.set()
        writing.join()

    def clean() -> None:
        lane.source.ask(
            f"DELETE FROM orders WHERE id >= {_PASSING}",
            f"DELETE FROM audit WHERE what = '{_TICK}' OR order_id >= {_PASSING}",
        )

    scene.after.callback(clean)
    scene.after.callback(rest)
    scene.consistent = judge


def _live(end: End, rng: Random, stop: threading.Event) -> None:
    with end.connected() as connection, connection.cursor() as cursor:
        for number in itertools.count():
            if stop.is_set():
                return
            cursor.execute("UPDATE orders SET total = total + 1 WHERE id = 1")
            cursor.execute(f"UPDATE orders SET total = total - 1 WHERE id = {rng.randrange(2, 200)}")
            cursor.execute(f"INSERT INTO audit VALUES ({number}, '{_TICK}')")
            cursor.execute(f"INSERT INTO orders VALUES ({_PASSING + number}, 1, 'passing', 0)")
            if number >= _STAYS:
                cursor.execute(f"DELETE FROM orders WHERE id = {_PASSING + number - _STAYS}")
            connection.commit()
            stop.wait(0.002)


def _nothing(_: Scene) -> None:
    """The load is there from the beginning."""


def _alter(scene: Scene) -> None:
    """Change the structure as soon as the locks let us, and take that back when the run is over."""
    there, back = scene.rng.choice(_CHANGES)
    source = scene.lane.source
    altering = threading.Thread(target=lambda: source.ask(there))
    altering.start()

    def undo() -> None:
        altering.join()
        source.ask(back)

    scene.after.callback(undo)


FAULTS = (
    Fault("written", frozenset({0}), _nothing, before=_write, changes_source=True),
    Fault("altered", frozenset({0, 4, 5, 75}), _alter),
)
