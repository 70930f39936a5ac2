"""
The fault drill: whatever happens while a copy runs, the target is the old verified copy or the new verified one.

    python -m tests.drill [--engine postgresql|mysql|all] [--fault NAME ...] [--moments 100] [--seed N] [--lanes 2]
    python -m tests.drill nights [--engine postgresql|mysql|all] [--count 30] [--seed N]

Each fault strikes at so many random moments of a run of the command line: of an undisturbed run's measured length, a
part that is drawn. After each, the whole target is read beside the servers' proxies and held against the copy that was
served before and the one that the next run makes; the exit status, the message and the source are looked at, too, and
the next run must succeed and leave nothing behind. The table at the end counts the moments after which the old or the
new copy was served, how the runs ended, and what was wrong; it ends with status 1 where anything was.

A moment is drawn from the seed, the fault, the engine and its number, so `--fault NAME --from NUMBER --moments 1` with
the seed that was printed draws it again. The machine takes its own time, so the same moment may find the run a few
milliseconds further on.

Faults:
    killed, terminated      the process gets SIGKILL; SIGTERM or SIGINT
    worker-killed           a worker process gets SIGKILL (PostgreSQL: on MariaDB one process copies)
    source-session, target-session
                            one of our sessions ends: on PostgreSQL its server process gets SIGKILL, which makes the
                            server end all sessions and recover, or SIGTERM; on MariaDB it gets KILL
    source-restart, target-restart
                            the server ends, in order or by a crash, and serves again within half a second
    source-cut, target-cut  every connection is reset, and for up to a second none is taken
    stalled                 nothing passes on any connection for up to two seconds
    slow                    from then on 1 MB/s and some milliseconds for each piece
    disk-full               the target's disk, a memory file system, is filled up to some kilobytes
    source-locked, target-locked
                            somebody locks a table for up to two seconds
    written                 the source is written to by another session during the whole run
    altered                 somebody adds a column or a table to the source, and takes it away after the run
    clock                   the clock of our processes is set back or forth by up to ten years
    two-runs                a second run into the same target begins

The clock is set by a library that is loaded into our processes alone and adds to the wall clock what a file says; the
servers keep their own. It needs a C compiler, and the full disk needs root: without, these faults are told as untried.
"""
