"""One source and one target, and everything that is asked of them before, in and after a run."""

from __future__ import annotations

import contextlib
import hashlib
import statistics
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from dbmimic.config import resolve
from dbmimic.engines.catalog import Engines
from dbmimic.model.settings import Named
from tests.command_line import Ended, Forks, Running
from tests.copying import write_config
from tests.drill.ends import DISK_MEGABYTES, End, Server, ends
from tests.faults.small_disk import fill, small_disk
from tests.small_shop import RULES

ORDERS = 2000  # beside the shop's own
_FIRST = 1000
TABLES = ("customers", "orders", "audit", "big_orders")
_WARM_RUNS = 2
_REVIVAL_SECONDS = 60.0
_RETRY_SECONDS = 0.5  # three pauses of it, doubled each time, outlast what the faults do to a server or a network


@dataclass(frozen=True)
class Look:
    """A database at one time: a checksum of all rows, its objects, and the run that our stamp names."""

    rows: str
    objects: tuple[str, ...]
    stamp: str | None = None


@dataclass
class Lane:
    """
    A shop at `source`, its verified copy at `target`, and a folder with the configuration.

    `disk` is the target's own, where there can be one. `length` is what an undisturbed run takes now, in seconds.
    `standing` is how the target was seen last, where no run has begun since.
    """

    engine: str
    source: End
    target: End
    folder: Path
    forks: Forks
    disk: Path | None
    standing: Look | None = None
    _took: deque[float] = field(default_factory=lambda: deque(maxlen=9))
    _changes: int = 0

    def prepare(self) -> None:
        """Build the shop and copy it."""
        self.source.shop.build(self.source.name)
        for start in range(_FIRST, _FIRST + ORDERS, 1000):
            rows = ", ".join(f"({n}, {1 + n % 60}, 'call me, Anna {n}', {n}.25)" for n in range(start, start + 1000))
            self.source.ask(f"INSERT INTO orders VALUES {rows}")
        self.configure(RULES)
        for _ in range(_WARM_RUNS):
            ended = self.run()
            assert ended.status == 0, ended.err

    def configure(self, rules: Mapping[str, object], runs: Mapping[str, object] = {}, **sections: object) -> None:
        """Write the configuration with these rules, these settings of the history, and other sections."""
        sections = {"runs": {"folder": str(self.history), **runs}, "retry": {"pause": _RETRY_SECONDS}, **sections}
        write_config(self.folder, self.source.url, self.target.url, rules=rules, **sections)

    @property
    def history(self) -> Path:
        return self.folder / "runs"

    @property
    def length(self) -> float:
        return statistics.median(self._took)

    def change(self) -> None:
        """Change the source, so that the next copy differs from the one that is served."""
        self._changes += 1
        self.source.ask(f"UPDATE orders SET total = total + {1 + self._changes % 7} WHERE id % 3 = {self._changes % 3}")

    def start(
        self, *arguments: str, forks: Forks | None = None, module: str = "dbmimic.__main__", env: Mapping[str, str] = {}
    ) -> Running:
        """Begin a copy."""
        self.standing = None
        words = ("copy", "--yes", "--json", *arguments)
        return (forks or self.forks).start(*words, cwd=self.folder, module=module, env=env)

    def run(self, env: Mapping[str, str] = {}) -> Ended:
        """Copy, undisturbed."""
        began = time.monotonic()
        ended = self.start(env=env).wait()
        if ended.status == 0:
            self._took.append(time.monotonic() - began)
        return ended

    def look(self, end: End, *, stamped: bool = False) -> Look:
        """Look at a database, as soon as its server answers."""
        deadline = time.monotonic() + _REVIVAL_SECONDS
        while True:
            try:
                return self._look(end, stamped=stamped)
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
                end.revive()

    def _look(self, end: End, *, stamped: bool) -> Look:
        digest = hashlib.sha256()
        with end.connected() as connection, connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
                digest.update(repr(cursor.fetchall()).encode())
        objects = tuple(str(row[0]) for row in end.objects())
        return Look(digest.hexdigest(), objects, self._stamp() if stamped else None)

    def _stamp(self) -> str | None:
        """Give the run that made what is served, as the target's own engine reads it."""
        address = resolve.address(Named(self.target.shop.url(self.target.name), "drill"), {})
        with contextlib.closing(Engines().of(address.engine).open_target(address)) as opened:
            stamp = opened.state().stamp
        return stamp.run if stamp else None

    def leftovers(self, copies: int = 1) -> list[str]:
        """Give the databases of the target's server that nobody needs after a run, where so many copies are kept."""
        name = self.target.name
        kept = {name, f"{name}_dbmimic_old", f"{name}_dbmimic"}
        kept |= {f"{name}_dbmimic_old{number}" for number in range(2, copies + 1)}
        return [each for each in self.target.names() if each.startswith(name) and each not in kept]

    def sessions(self) -> int:
        """Give how many sessions a run left on the two servers, once they had a moment to notice."""
        deadline = time.monotonic() + 3
        while (count := len(self.source.sessions()) + len(self.target.sessions())) and time.monotonic() < deadline:
            time.sleep(0.02)
        return count

    @contextlib.contextmanager
    def full(self, leave_megabytes: float) -> Iterator[None]:
        """Fill the target's disk inside."""
        assert self.disk is not None
        filling = fill(self.disk, leave_megabytes)
        try:
            yield
        finally:
            filling.unlink()


@contextlib.contextmanager
def lane(
    engine: str, folder: Path, forks: Forks, *, disk: bool, number: int = 0, source_server: Server | None = None
) -> Iterator[Lane]:
    """Start servers, build a shop and copy it."""
    place = folder / f"{engine}{number}"
    place.mkdir()
    with ExitStack() as stack:
        path = stack.enter_context(small_disk(DISK_MEGABYTES[engine])) if disk else None
        source, target = stack.enter_context(ends(engine, path, number, source_server))
        made = Lane(engine, source, target, place, forks, path)
        made.prepare()
        yield made
