"""The guard: what it refuses, by what the servers say of themselves and not by their addresses."""

from dataclasses import dataclass, field

import pytest

from dbmimic.errors import RefusedError
from dbmimic.load import clear
from dbmimic.model.target import Identity, Stamp, TargetState

STAMP = Stamp("run", "2026-01-01T00:00:00+00:00", "0.1.0", "source")


@dataclass
class Side:
    """A database that says what it is told to say."""

    server: str | None = "server-1"
    database: str = "staging"
    engine: str = "postgresql"
    exists: bool = True
    empty: bool = True
    stamp: Stamp | None = None
    locks: set[int] = field(default_factory=set)
    node: str = ""
    follows: frozenset[str] = frozenset()

    def identity(self) -> Identity:
        return Identity(self.engine, self.server, self.database, self.node, self.follows)

    def state(self) -> TargetState:
        return TargetState(self.database, self.exists, self.empty, self.stamp)

    def hold(self, token: int) -> None:
        self.locks.add(token)

    def sees(self, token: int) -> bool:
        return token in self.locks


PRODUCTION = {"server": "server-9", "database": "shop"}


@pytest.mark.parametrize(
    ("target", "confirmed"),
    [
        (Side(), None),
        (Side(exists=False), None),
        (Side(empty=False, stamp=STAMP), None),
        (Side(empty=False), "staging"),
        (Side(server="server-9"), None),
        (Side(server=None), None),
    ],
)
def test_what_may_be_replaced(target: Side, confirmed: str | None) -> None:
    assert clear(target, Side(**PRODUCTION), confirmed=confirmed).target is target


@pytest.mark.parametrize("confirmed", [None, "stagin", "STAGING", ""])
def test_a_strange_target_needs_its_name(confirmed: str | None) -> None:
    with pytest.raises(RefusedError) as caught:
        clear(Side(empty=False), Side(**PRODUCTION), confirmed=confirmed)
    assert caught.value.code == "DM303"
    assert "--confirm-target staging" in caught.value.hint


@pytest.mark.parametrize("confirmed", [None, "shop"])
def test_a_replica_of_the_source_is_refused_even_when_confirmed(confirmed: str | None) -> None:
    with pytest.raises(RefusedError) as caught:
        clear(Side(**PRODUCTION, empty=False, stamp=STAMP), Side(**PRODUCTION), confirmed=confirmed)
    assert caught.value.code == "DM302"


def test_a_lock_of_the_source_that_is_seen_betrays_it_where_identities_are_hidden() -> None:
    locks: set[int] = set()
    target, source = Side(server=None, locks=locks), Side(server=None, database="shop", locks=locks)
    with pytest.raises(RefusedError) as caught:
        clear(target, source)
    assert caught.value.code == "DM302"


PRIMARY, REPLICA = {"node": "1"}, {"node": "2", "follows": frozenset({"1"})}
ANOTHER, UNTOLD = {"node": "3", "follows": frozenset({"1"})}, {"node": "2", "follows": frozenset({"?"})}


@pytest.mark.parametrize(
    ("source", "target", "is_refused"),
    [
        (PRIMARY, REPLICA, True),
        (REPLICA, PRIMARY, True),
        (REPLICA, ANOTHER, True),
        (PRIMARY, UNTOLD, True),
        (UNTOLD, {"node": "9"}, False),
        (REPLICA, {"node": "9"}, False),
        (PRIMARY, {"node": "1"}, False),  # what no administrator numbered has the number of all others
    ],
)
def test_one_database_on_two_servers_that_replicate(
    source: dict[str, str], target: dict[str, str], is_refused: bool
) -> None:
    for database in ("shop", "staging"):
        sides = Side(server="a", database=database, **target), Side(server="b", database="shop", **source)
        if is_refused and database == "shop":
            with pytest.raises(RefusedError) as caught:
                clear(*sides, confirmed="shop")
            assert caught.value.code == "DM302"
        else:
            assert clear(*sides).target is sides[0]
