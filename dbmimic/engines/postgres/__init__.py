"""
PostgreSQL: sources under one exported snapshot, targets built beside the old copy and renamed into place.

In: an address. Out: `engine.PostgresEngine`, which opens sources and targets. Never: masks, rules, the order of a run;
nothing is written to a source, and no driver's exception leaves this package.
Read first: `source` (what is read, and how), `snapshot`, `walk`, `copytext`, then `target`.

Versions: servers from 13 on; the tests run on 15 and 18. Below 14 the answers are the same, but rows that are named
one by one are found more slowly.
"""
