"""How programs reach a sandbox: a URL, and the variables that each engine's own tools read."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.engine import URL

from dbmimic.model.address import Address

# What would lead a program elsewhere, or show it what is none of its business.
_DBMIMIC = ("DBMIMIC_SOURCE", "DBMIMIC_TARGET", "DBMIMIC_SECRET")
_POSTGRES = ("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE", "PGPASSFILE", "PGOPTIONS")
_MYSQL = ("MYSQL_UNIX_PORT", "MYSQL_GROUP_SUFFIX", "MYSQL_HOME")


def url(address: Address, driver: str = "") -> str:
    """Give the URL with its password; `driver` names SQLAlchemy's, as in `postgresql+psycopg://`."""
    kind = f"{address.engine}+{driver}" if driver else address.engine
    query = dict(address.options)
    host = address.host
    if host.startswith(("/", "@")):  # a socket's folder cannot stand where a host does
        query["host"], host = host, ""
    made = URL.create(
        kind,
        username=address.user or None,
        password=address.password or None,
        host=host or None,
        port=address.port,
        database=address.database,
        query=query,
    )
    return made.render_as_string(hide_password=False)


def environment(address: Address, name: str, environ: Mapping[str, str], driver: str = "") -> dict[str, str]:
    """Give the variables for a program that is to work in the sandbox, and only there."""
    hidden = {*_DBMIMIC, *_POSTGRES, *_MYSQL}
    kept = {key: value for key, value in environ.items() if key not in hidden}
    own = {"DATABASE_URL": url(address, driver), "DBMIMIC_SANDBOX": name}
    port = str(address.port) if address.port is not None else None
    wanted: dict[str, str | None] = {}
    if address.engine == "postgresql":
        wanted = {
            "PGHOST": address.host,
            "PGPORT": port,
            "PGDATABASE": address.database,
            "PGUSER": address.user,
            "PGPASSWORD": address.password,
            "PGSSLMODE": address.options.get("sslmode"),
            "PGSSLROOTCERT": address.options.get("sslrootcert"),
        }
    elif address.engine == "mysql":
        wanted = {
            "MYSQL_HOST": address.host,
            "MYSQL_PORT": port,
            "MYSQL_TCP_PORT": port,
            "MYSQL_UNIX_PORT": address.options.get("unix_socket"),
            "MYSQL_DATABASE": address.database,
            "MYSQL_USER": address.user,
            "MYSQL_PASSWORD": address.password,
            "MYSQL_PWD": address.password,
        }
    return kept | own | {key: value for key, value in wanted.items() if value}
