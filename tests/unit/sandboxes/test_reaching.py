"""The URL and the variables by which programs reach a sandbox."""

from __future__ import annotations

from sqlalchemy.engine import make_url

from dbmimic.model.address import Address
from dbmimic.sandboxes.reaching import environment, url

POSTGRES = Address("postgresql", "shop_x", "db.internal", 5433, "sandbox_x", "p@ss", {"sslmode": "require"})
MYSQL = Address("mysql", "shop_x", "db.internal", 3307, "sandbox_x", "secret")


def test_a_url_leads_back_to_the_address() -> None:
    for address in (POSTGRES, MYSQL):
        parts = make_url(url(address))
        found = (parts.host, parts.port, parts.username, parts.password, parts.database)
        assert found == (address.host, address.port, address.user, address.password, address.database)
    assert make_url(url(POSTGRES)).query == {"sslmode": "require"}
    assert url(MYSQL, "pymysql").startswith("mysql+pymysql://")
    assert url(Address("sqlite", "/data/shop.db")) == "sqlite:////data/shop.db"


def test_a_sockets_folder_is_no_host() -> None:
    parts = make_url(url(Address("postgresql", "x", "/run/postgresql", 5432, "u", "p")))
    assert (parts.host, parts.port, parts.query) == (None, 5432, {"host": "/run/postgresql"})


def test_the_engines_own_tools_are_led_there_and_nowhere_else() -> None:
    before = {"PATH": "/bin", "PGSERVICE": "prod", "PGPASSWORD": "old", "DBMIMIC_SECRET": "s", "DATABASE_URL": "prod"}
    found = environment(POSTGRES, "feature/x", before)
    assert {"PGSERVICE", "DBMIMIC_SECRET"}.isdisjoint(found)
    assert found["DATABASE_URL"] == url(POSTGRES)
    assert (found["PGHOST"], found["PGPORT"], found["PGDATABASE"]) == ("db.internal", "5433", "shop_x")
    assert (found["PGUSER"], found["PGPASSWORD"], found["PGSSLMODE"]) == ("sandbox_x", "p@ss", "require")
    assert (found["PATH"], found["DBMIMIC_SANDBOX"]) == ("/bin", "feature/x")
    found = environment(MYSQL, "x", before)
    assert (found["MYSQL_HOST"], found["MYSQL_TCP_PORT"], found["MYSQL_PWD"]) == ("db.internal", "3307", "secret")
