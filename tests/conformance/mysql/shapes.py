"""What the tests of this folder share: a source and a target on one server, and ways to fill the target."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dbmimic.engines.mysql.engine import MysqlEngine
from dbmimic.engines.mysql.source import MysqlSource
from dbmimic.engines.mysql.target import MysqlTarget
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.keys import WHOLE
from dbmimic.model.target import Stamp
from dbmimic.testing.mariadb_server import MariadbServer

STAMP = Stamp("run", "2026-01-01T00:00:00Z", "0.1.0", "source")


@dataclass
class Bench:
    """A server with a source and a target database, and what was opened on them."""

    server: MariadbServer
    source_name: str
    target_name: str
    opened: list = field(default_factory=list)

    def address(self, database: str, user: str = "root", password: str = "") -> Address:
        return Address("mysql", database, "127.0.0.1", self.server.port, user, password)

    def source(self, database: str = "", user: str = "root", password: str = "") -> MysqlSource:
        source = MysqlEngine().open_source(self.address(database or self.source_name, user, password))
        self.opened.append(source)
        return source

    def target(self, database: str = "") -> MysqlTarget:
        target = MysqlEngine().open_target(self.address(database or self.target_name))
        self.opened.append(target)
        return target

    def sql(self, *statements: str) -> list:
        return self.server.execute(*statements, database=self.source_name)

    def close(self) -> None:
        for each in reversed(self.opened):
            each.close()
        self.opened.clear()


def layout_of(table, head=()):
    names = [column.name for column in table.loadable]
    return Layout(table.id, table.id, tuple(head), tuple(name for name in names if name not in head))


def fill(source: MysqlSource, target: MysqlTarget, head: Callable = lambda table: ()) -> None:
    """Load every table as it is; `head` names the columns that travel as text."""
    for table in source.schema().tables:
        raw = source.read(layout_of(table, head(table)), WHOLE)
        masked = (MaskedBatch(each.layout, each.row_count, each.head, each.tail) for each in raw)
        assert target.write(layout_of(table, head(table)), masked) == source.count(table)


def build(source: MysqlSource, target: MysqlTarget, head: Callable = lambda table: ()) -> None:
    """Build, fill and finish a new copy beside the target."""
    structure = source.structure()
    target.build(structure)
    fill(source, target, head)
    target.finish(structure, frozenset())
