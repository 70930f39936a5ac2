"""`python -m tests.bench delta`: some of all rows change, then a full copy and one of what changed, side by side."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from tests.bench import data
from tests.bench.cases import chapters
from tests.bench.masks import write_config
from tests.bench.meter import Cost, measure
from tests.bench.servers import Postgres

_ROOT = Path(__file__).parents[2]
_SHARED = "bench_delta_source"
_FULL, _DELTA = "bench_delta_full", "bench_delta_golden"
_WIDTH = 20  # the newest rows are one of so many
# Of each table, one row of `part` is written anew, one leaves and one comes. No foreign key is looked at, since the
# server would read all returns for each item that leaves; what these statements leave dangles nowhere.
_CHANGES = """
SET session_replication_role = replica;
DELETE FROM events WHERE {events_0};
DELETE FROM payments WHERE {payments_0};
DELETE FROM item_returns WHERE {item_returns_0};
DELETE FROM order_items i WHERE {order_items_0}
   AND NOT EXISTS (SELECT FROM item_returns r WHERE (r.order_id, r.line_no) = (i.order_id, i.line_no));
UPDATE events SET payload = payload || '{{"seen": {turn}}}' WHERE {events_1};
UPDATE payments SET amount = amount + 1 WHERE {payments_1};
UPDATE payments SET id = id + 1000000000 WHERE {payments_2};
UPDATE item_returns SET reason = 'changed' WHERE {item_returns_1};
UPDATE order_items SET quantity = quantity + 1 WHERE {order_items_1};
UPDATE orders SET status = 'changed' WHERE {orders_1};
UPDATE customers SET last_name = last_name || 'a', balance = balance + 1 WHERE {customers_1};
UPDATE addresses SET street = street || ' 2' WHERE {addresses_1};
INSERT INTO events SELECT id + 2000000000 + {turn}, customer_id, kind, at, payload FROM events WHERE {events_3};
INSERT INTO payments SELECT id + 2000000000 + {turn}, order_id, card_holder, card_number, iban, amount, paid_at
  FROM payments WHERE {payments_3};
INSERT INTO orders SELECT id + 2000000000 + {turn}, customer_id, ship_address_id, employee_id, status, total, currency,
       placed_at, note FROM orders WHERE {orders_3};
INSERT INTO order_items SELECT order_id, line_no + 100 + {turn}, product_id, quantity, unit_price, discount
  FROM order_items WHERE {order_items_3};
INSERT INTO customers SELECT id + 2000000000 + {turn}, first_name, last_name, email, phone, street, city, postal_code,
       country, dob, ssn, company, notes, preferences, balance, credit_limit, is_active, created_at, last_login, NULL
  FROM customers WHERE {customers_3};
"""


def delta(options: argparse.Namespace, server: Postgres, source: str) -> int:
    """Run the rounds, tell what both took, and give 1 where they came to different rows."""
    with tempfile.TemporaryDirectory(prefix="work-", dir=options.folder) as work:
        folder = Path(work)
        config = write_config(folder / "delta.yaml", data.TABLES)
        for name in (_SHARED, _FULL, _DELTA):
            server.drop(name)
        server.execute(f"CREATE DATABASE {_SHARED} TEMPLATE {source} STRATEGY FILE_COPY")

        def timed(target: str, *flags: str) -> Cost:
            server.settle()
            urls = ["--source", server.url(_SHARED), "--target", server.url(target)]
            command = [sys.executable, "-m", "dbmimic", "copy", "--yes", "--json", "--quiet", "-c", str(config), *urls]
            environment = {"PYTHONPATH": str(_ROOT), "XDG_STATE_HOME": str(folder / "state")}
            # What is installed has its bytecode beside it, wherever this benchmark runs.
            environment |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(options.folder / "bytecode")}
            return measure([*command, *flags], environment=environment, folder=folder, server=server)

        _tell("first", timed(_DELTA, "--delta"))
        found = []
        for number in range(options.rounds):
            rows = _rows(server)
            moved = _change(server, options.percent, number, options.where)
            full = timed(_FULL)
            changed = timed(_DELTA, "--delta")
            _tell("full", full)
            _tell("delta", changed)
            equal = _sums(server, _FULL) == _sums(server, _DELTA)
            told = [
                each["message"] for each in json.loads(changed.output)["findings"] if each["code"].startswith("DM33")
            ]
            found.append(
                {
                    "rows": rows,
                    "changed": round(moved / rows, 4),
                    "full": full.wall,
                    "delta": changed.wall,
                    "ratio": round(changed.wall / full.wall, 3),
                    "cpu_ratio": round(changed.cpu / full.cpu, 3),
                    "equal": equal,
                    "told": told,
                }
            )
            print(json.dumps(found[-1]))
        for name in (_SHARED, _FULL, _DELTA, f"{_FULL}_dbmimic_old", f"{_DELTA}_dbmimic_old", f"{_DELTA}_dbmimic"):
            server.drop(name)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    ratio = statistics.median(each["ratio"] for each in found)
    alike = all(each["equal"] for each in found)
    print(
        f"scale {options.scale:g}, {options.where}: what changed took {ratio:.1%} of a full copy's time; equal: {alike}"
    )
    return 0 if alike else 1


def _change(server: Postgres, percent: float, number: int, where: str) -> int:
    """Change about so many rows of a hundred, and give how many came, went or were written anew."""
    part = round(300 / percent)
    turn = number * 7 % (part - 4)
    chosen = {
        f"{table}_{each}": _chosen(table, part * 10 if each == 2 else part, turn + each, where)
        for table in data.TABLES
        for each in range(4)
    }
    before = _written(server)
    server.execute(_CHANGES.format(turn=turn, **chosen), _SHARED)
    server.execute("SELECT pg_stat_force_next_flush()", _SHARED)
    return _written(server) - before


def _chosen(table: str, part: int, turn: int, where: str) -> str:
    """Give the condition that takes one row of `part`: of all pages, or all of them among the newest rows."""
    key = "order_id" if table in {"order_items", "item_returns"} else "id"
    number = "(order_id * 7 + line_no)" if table == "order_items" else "id"
    if where == "spread":
        return f"{number} % {part} = {turn}"
    part //= _WIDTH
    newest = f"(SELECT max({key}) FROM {table} WHERE {key} < 1000000000)"
    return f"{key} BETWEEN {newest} / {_WIDTH} * {_WIDTH - 1} AND {newest} AND {number} % {part} = {turn % part}"


def _written(server: Postgres) -> int:
    ((count,),) = server.execute("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables", _SHARED)
    return int(count)


def _rows(server: Postgres) -> int:
    return sum(int(server.execute(f"SELECT count(*) FROM {table}", _SHARED)[0][0]) for table in data.TABLES)


def _sums(server: Postgres, database: str) -> dict[str, object]:
    """Give of each table how many rows there are, and a sum over all of them that does not depend on their order."""
    asked = "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {} AS t"
    return {table: server.execute(asked.format(table), database) for table in data.TABLES}


def _tell(name: str, cost: Cost) -> None:
    seconds = " ".join(f"{chapter} {value}" for chapter, value in chapters(cost.output).items())
    print(f"{name}: {cost.wall:.2f} s, CPU {cost.client_cpu:.2f} + {cost.server_cpu:.2f} s; {seconds}", file=sys.stderr)
