"""What comes after the rows: in which order it is begun, and what waits for what."""

from __future__ import annotations

import threading
import time

import pytest

from dbmimic.engines.postgres import postdata
from dbmimic.engines.postgres.postdata import Entry


def key(table: str) -> Entry:
    return Entry("CONSTRAINT", f"{table}_key", f"ALTER TABLE ONLY {table}\n    ADD CONSTRAINT k PRIMARY KEY (id);")


def index(table: str, name: str = "by_name") -> Entry:
    return Entry("INDEX", name, f"CREATE INDEX {name} ON {table} USING btree (name);")


def foreign_key(table: str, name: str) -> Entry:
    statement = f"ALTER TABLE ONLY {table}\n    ADD CONSTRAINT {name} FOREIGN KEY (a) REFERENCES s.p(id);"
    return Entry("FK CONSTRAINT", name, statement)


@pytest.mark.parametrize("table", ["s.items", 's."odd ""name"', '"S t"."a.b"'])
def test_an_entry_names_its_table(table: str) -> None:
    entries = (key(table), index(table), foreign_key(table, "k"), postdata._gathering(table)[1])
    assert [each.table for each in entries] == [table] * 4


def test_where_most_is_left_to_do_is_begun_first() -> None:
    sizes = {"s.large": 50, "s.busy": 20, "s.small": 1}
    entries = [key("s.small"), index("s.busy", "one"), index("s.busy", "two"), key("s.busy"), key("s.large")]
    order = postdata._spread(entries, sizes)
    assert [(each.table, each.type) for each in order] == [
        ("s.busy", "CONSTRAINT"),
        ("s.large", "CONSTRAINT"),
        ("s.busy", "INDEX"),
        ("s.busy", "INDEX"),
        ("s.small", "CONSTRAINT"),
    ]


def together(entries: list[Entry], sessions: int = 3) -> tuple[list[str], list[set[str]]]:
    """Run entries by so many sessions; give them as they began, and which were under way at some moment."""
    running: set[str] = set()
    seen: list[set[str]] = []
    begun: list[str] = []
    lock = threading.Lock()

    def step(_: object, entry: Entry) -> None:
        with lock:
            running.add(entry.place)
            begun.append(entry.place)
            seen.append(set(running))
        time.sleep(0.02)
        with lock:
            running.remove(entry.place)

    agenda = postdata._Agenda([(step, entry) for entry in entries])  # type: ignore[list-item]
    threads = [threading.Thread(target=agenda.work, args=(None,)) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return begun, seen


def test_an_index_waits_for_its_tables_keys_and_not_for_other_tables_or_indexes() -> None:
    entries = [key("s.a"), index("s.a", "one"), index("s.a", "two"), key("s.b")]
    begun, seen = together(entries)
    assert begun[:2] == ["s.a_key", "s.b_key"]
    assert not any("s.a_key" in each and each & {"one", "two"} for each in seen)
    assert any({"one", "two"} <= each for each in seen)


def test_statistics_wait_for_all_of_their_own_table_and_for_no_other() -> None:
    entries = [
        key("s.a"),
        index("s.a", "one"),
        index("s.a", "two"),
        *(postdata._gathering(t)[1] for t in ("s.a", "s.b")),
    ]
    begun, seen = together(entries)
    assert begun[-1] == "s.a"
    assert not any("s.a" in each and each & {"s.a_key", "one", "two"} for each in seen)
    assert any({"s.b", "s.a_key"} <= each for each in seen)


def test_checks_of_one_table_do_not_wait_for_each_others_locks() -> None:
    entries = [foreign_key("s.a", "one"), foreign_key("s.a", "two"), foreign_key("s.b", "three")]
    begun, seen = together(entries)
    assert begun == ["one", "three", "two"]
    assert not any({"one", "two"} <= each for each in seen)


def test_the_first_failure_stops_what_has_not_begun() -> None:
    begun = []

    def step(_: object, entry: Entry) -> None:
        begun.append(entry.place)
        raise RuntimeError(entry.place)

    agenda = postdata._Agenda([(step, foreign_key("s.a", name)) for name in ("one", "two")])  # type: ignore[list-item]
    with pytest.raises(RuntimeError, match="one"):
        agenda.work(None)  # type: ignore[arg-type]
    agenda.work(None)  # type: ignore[arg-type]
    assert begun == ["one"]
