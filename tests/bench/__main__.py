"""`python -m tests.bench data | copy | check | slice | delta | keys | sandbox | refresh | masks | collisions`"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from tests.bench import (
    checking,
    copying,
    data,
    delta,
    key_sets,
    mask_speed,
    peers,
    refresh,
    sandboxes,
    servers,
    slicing,
)
from tests.bench.servers import Server

_ON_POSTGRES = {"slice", "keys", "delta"}


def parser() -> argparse.ArgumentParser:
    """Give what reads the command line."""
    root = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    commands = root.add_subparsers(dest="command", required=True)
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument("--engine", choices=data.ENGINES, default="postgresql")
    everywhere.add_argument("--scale", type=float, default=0.1, help="1 is 25.75 million rows; default: 0.1")
    everywhere.add_argument("--folder", type=Path, default=data.default_folder(), help="what is kept between commands")
    everywhere.add_argument("--only", choices=data.ALONE, help="a database with this one table and its primary key")
    commands.add_parser("data", parents=[everywhere], help="build the reference database, unless it is there")
    copy = commands.add_parser("copy", parents=[everywhere], help="run cases in turns and tell what they cost")
    copy.add_argument("--rounds", type=int, default=5)
    copy.add_argument("--case", nargs="+", metavar="NAME", help="default: all but peers and what needs to be named")
    copy.add_argument("--workers", type=int, default=0, help="of the case `ours`; default: what dbmimic chooses")
    copy.add_argument("--link", type=float, default=0.0, help="MB a second of each connection by which ours read")
    copy.add_argument("--slow", action="store_true", help=f"let peers run at a scale above {peers.MOST:g}, too")
    copy.add_argument("--json", type=Path, help="write everything that was measured there, too")
    commands.add_parser("check", parents=[everywhere], help="compare the last copy of ours with its source")
    sandbox = commands.add_parser("sandbox", parents=[everywhere], help="tell what a sandbox costs, one and many")
    sandbox.add_argument("--rounds", type=int, default=5)
    sandbox.add_argument("--many", type=int, default=50, help="how many at once; 0 leaves it out")
    sandbox.add_argument("--callers", type=int, default=10)
    sandbox.add_argument("--no-fsync", action="store_true", help="let PostgreSQL not wait for the disk, as cp does not")
    sandbox.add_argument("--json", type=Path, help="write everything that was measured there, too")
    sliced = commands.add_parser("slice", parents=[everywhere], help="1 %% of customers, beside hand-written SQL")
    sliced.add_argument("--rounds", type=int, default=3)
    sliced.add_argument(
        "--case", nargs="+", metavar="NAME", help=f"default: {' '.join(slicing.USUAL)}; others are peers"
    )
    sliced.add_argument("--seed", default=slicing.SEED, help="a condition on customers (default: id %%%% 100 = 7)")
    sliced.add_argument("--json", type=Path, help="write everything that was measured there, too")
    changed = commands.add_parser("delta", parents=[everywhere], help="copy what changed, beside a full copy")
    changed.add_argument("--rounds", type=int, default=5, help="from the second on two rounds' changes are moved")
    changed.add_argument("--percent", type=float, default=1.0, help="of all rows that change before each round")
    told = "in all pages, or among the newest twentieth of each table's rows; default: spread"
    changed.add_argument("--where", choices=("spread", "recent"), default="spread", help=told)
    changed.add_argument("--json", type=Path, help="write everything that was measured there, too")
    chosen = commands.add_parser("keys", parents=[everywhere], help="tell what very many chosen rows take of memory")
    chosen.add_argument("--count", type=int, default=10**8)
    chosen.add_argument("--step", type=int, default=100, help="one of so many rows is chosen; default: 100")
    nightly = commands.add_parser("refresh", help="tell what a source's writers feel of refreshes (PostgreSQL)")
    nightly.add_argument("--folder", type=Path, default=data.default_folder(), help="what is kept between commands")
    nightly.add_argument("--rounds", type=int, default=10, help="how many refreshes")
    nightly.add_argument("--size", type=int, default=6, help="pgbench's scale: about 15 MB each; default: 6")
    nightly.add_argument("--rate", type=int, default=100, help="transactions a second; default: 100")
    nightly.add_argument("--clients", type=int, default=4)
    nightly.add_argument("--between", type=float, default=5.0, help="seconds of pgbench alone after each refresh")
    nightly.add_argument("--apart", action="store_true", help="give production and staging a processor each")
    nightly.add_argument("--nice-ratio", type=float, help="throttle.nice_ratio; default: dbmimic's own")
    nightly.add_argument("--json", type=Path, help="write everything that was measured there, too")
    speed = commands.add_parser("masks", help="tell how fast each mask is on one core, and Faker beside it")
    speed.add_argument("--count", type=int, default=10**6, help="distinct values for each")
    speed.add_argument("--only", nargs="+", metavar="MASK")
    speed.add_argument("--json", type=Path, help="write everything that was measured there, too")
    every = commands.add_parser(
        "collisions", help="send distinct values through each unique mask, and count equal ones"
    )
    every.add_argument("--count", type=int, default=10**7)
    every.add_argument("--only", nargs="+", metavar="MASK")
    return root


def main(arguments: list[str] | None = None) -> int:
    """Run one command and give its exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what runs is ended, too
    options = parser().parse_args(arguments)
    if options.command in {"masks", "collisions"}:
        return mask_speed.speed(options) if options.command == "masks" else mask_speed.collisions(options)
    options.folder = options.folder.resolve()
    if options.command == "refresh":
        options.folder.mkdir(parents=True, exist_ok=True)
        return refresh.refresh(options)
    if options.command in _ON_POSTGRES and options.engine != "postgresql":
        print(f"{options.command}: on PostgreSQL only", file=sys.stderr)
        return 2
    if getattr(options, "no_fsync", False):
        servers.POSTGRES_SETTINGS["fsync"] = "off"
    with data.place(options.engine, options.folder) as server:
        return key_sets.keys(options, server) if options.command == "keys" else _on_data(options, server)


def _on_data(options: argparse.Namespace, server: Server | None) -> int:
    source = data.ensure(options.engine, server, options.folder, options.scale)
    if options.only:
        source = data.ensure(options.engine, server, options.folder, options.scale, options.only)
    match options.command:
        case "copy":
            return copying.copy(options, server, source)
        case "slice":
            return slicing.slice_(options, server, source)
        case "delta":
            return delta.delta(options, server, source)
        case "check":
            return checking.check(options, server, source)
        case "sandbox":
            return sandboxes.sandbox(options, server, source)
    return 0


if __name__ == "__main__":
    sys.exit(main())
