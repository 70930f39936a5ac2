"""Staging is often a version ahead of production."""

from pathlib import Path

import pytest

import dbmimic
from dbmimic import testing
from dbmimic.errors import VerificationFailed
from dbmimic.testing.postgres_server import PostgresServer
from tests.copying import copied

SHOP = Path(testing.__file__).with_name("shop.sql")


def test_a_copy_from_15_into_18_is_verified_though_views_are_spelt_otherwise(
    postgres15: PostgresServer, postgres18: PostgresServer, tmp_path: Path
) -> None:
    postgres15.create_database("older")
    postgres15.load_sql_file(SHOP, "older")
    postgres15.execute("CREATE VIEW paid AS SELECT p.paid_on FROM payments p ORDER BY p.paid_on", database="older")
    report = copied(tmp_path, postgres15.url("older"), postgres18.url("newer"))
    assert report.verified
    postgres15.execute("CREATE VIEW late AS SELECT 1 AS one", database="older")
    with pytest.raises(VerificationFailed) as caught:
        dbmimic.verify(dbmimic.load_config(tmp_path / "dbmimic.yaml"))
    assert caught.value.code == "DM604"
