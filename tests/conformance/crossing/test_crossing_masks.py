"""A mask gives the same value in every engine, whatever the kind of the column."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dbmimic.model.report import RunReport
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests.conformance.crossing import values
from tests.conformance.crossing.test_crossing_values import KINDS, mysql, postgresql
from tests.copying import copied

Masks = Mapping[str, object]

REDACTED: Masks = {name: "redact" for name in KINDS if name not in {"id", "flags", "bytes"}}
SHAPED: Masks = {
    "id": "integer_key", "big": {"mask": "constant", "value": 7}, "truth": {"mask": "constant", "value": True},
    "name": "email", "padded": "code", "long": "token", "token": "token", "flags": "null", "exact": {"mask": "constant", "value": 1.5},
    "day": {"mask": "date_shift", "days": 30, "entity": "token"}, "moment": {"mask": "date_shift", "days": 30, "entity": "whole"},
    "moment_tz": {"mask": "date_shift", "days": 30, "entity": "padded"}, "twice": {"mask": "constant", "value": 0.1},
}  # fmt: skip
READ = {name: kind for name, kind in KINDS.items() if name != "flags"}


def masked(folder: Path, source: str, target: str, masks: Masks) -> RunReport:
    columns = {f"every.{name}": mask for name, mask in masks.items()}
    report = copied(folder, source, target, rules={"default": "keep", "columns": columns})
    assert report.verified
    assert report.leaks.found == 0
    return report


@pytest.mark.parametrize("masks", [REDACTED, SHAPED], ids=["redacted", "shaped"])
def test_from_postgresql(postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path, masks: Masks) -> None:
    name = f"masks_of_pg_{len(masks)}"
    source = postgresql(postgres15, name)
    inside = masked(tmp_path, source, postgres15.url(f"{name}_in"), masks)
    wanted = values.of_postgresql(postgres15, f"{name}_in", "every", READ)
    for target in (f"sqlite:///{tmp_path}/x.db", mariadb.url(name)):
        across = masked(tmp_path, source, target, masks)
        assert across.masks == inside.masks
    assert values.table_of_sqlite(tmp_path / "x.db", "every", READ) == wanted
    assert values.of_mysql(mariadb, name, "every", READ) == wanted


@pytest.mark.parametrize("masks", [REDACTED, SHAPED], ids=["redacted", "shaped"])
def test_from_mysql(postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path, masks: Masks) -> None:
    name = f"masks_of_my_{len(masks)}"
    source = mysql(mariadb, name)
    inside = masked(tmp_path, source, mariadb.url(f"{name}_in"), masks)
    wanted = values.of_mysql(mariadb, f"{name}_in", "every", READ)
    for target in (f"sqlite:///{tmp_path}/x.db", postgres15.url(name)):
        across = masked(tmp_path, source, target, masks)
        assert across.masks == inside.masks
    assert values.table_of_sqlite(tmp_path / "x.db", "every", READ) == wanted
    assert values.of_postgresql(postgres15, name, "every", READ) == wanted
