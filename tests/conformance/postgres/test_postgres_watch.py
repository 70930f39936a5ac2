"""What the session beside the readers sees of others, and what it does not see without rights."""

from __future__ import annotations

import dataclasses
import threading


def test_those_at_work_are_seen_by_who_may_and_told_by_who_may_not(bench):
    name = bench.database("CREATE TABLE t (a int); GRANT SELECT ON t TO reader")
    asleep = threading.Thread(target=lambda: bench.server.execute("SELECT pg_sleep(2)", database=name))
    ours = "SELECT set_config('application_name', 'dbmimic 00000003-1', false); SELECT pg_sleep(1)"  # reads the copy
    reader = threading.Thread(target=lambda: bench.server.execute(ours, database=name))
    sees, unseen = [], []
    for user in ("postgres", "reader"):
        source = bench.engine.open_source(dataclasses.replace(bench.address(name), user=user))
        watch = source.watch()
        look = watch.look()
        assert (look.at_work in {0, None}, look.present) == (True, False)
        assert (look.connected, watch.crowd()) == (False, look.at_work)
        sees.append((source, watch))
        unseen.append(watch.unseen)
    reader.start()
    threading.Event().wait(0.3)
    assert (sees[0][1].look().at_work, sees[0][1].crowd()) == (0, 0)
    reader.join()
    asleep.start()
    threading.Event().wait(0.5)
    looks = [watch.look() for _, watch in sees]
    assert [(look.at_work, look.present) for look in looks] == [(1, False), (None, True)]
    assert [look.connected for look in looks] == [True, True]
    assert [watch.crowd() for _, watch in sees] == [1, None]
    assert (unseen[0], "pg_read_all_stats" in unseen[1][0]) == ((), True)
    asleep.join()
    for source, watch in sees:
        watch.close()
        source.close()
