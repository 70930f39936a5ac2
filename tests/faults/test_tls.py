"""Connections that have to be private: copied over where they are, and refused at once where they are not."""

from __future__ import annotations

import contextlib
import os
import shutil
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dbmimic.engines.mysql.engine import MysqlEngine
from dbmimic.engines.postgres.engine import PostgresEngine
from dbmimic.engines.wires import in_clear
from dbmimic.errors import DbmimicError, RefusedError
from dbmimic.model.address import Address
from dbmimic.pipeline.retry import passes
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.copying import copied
from tests.faults.certificates import Files, issued
from tests.small_shop import RULES


def refused(opening: Callable[[], object], code: str) -> None:
    """See to it that a connection is refused for the sake of TLS, and not tried again as a server that is not there."""
    with pytest.raises(DbmimicError) as caught:
        opening()
    told = str(caught.value)
    assert caught.value.code == code, told
    assert "TLS" in told, told
    assert not passes(caught.value), told


def warned(address: Address) -> bool:
    """Tell whether it is told that rows would come in clear text."""
    with contextlib.closing(PostgresEngine().open_source(address)) as source:
        return "DM409" in {finding.code for finding in source.schema().findings}


@pytest.fixture
def encrypting(postgres15: PostgresServer) -> Iterator[Callable[[Files], None]]:
    """Give what lets the server encrypt with other files from now on."""
    folder = Path(str(postgres15.execute("SHOW data_directory")[0][0]))
    owner = folder.stat()

    def use(files: Files) -> None:
        for file in (files.certificate, files.key):
            shutil.copy(file, folder / file.name)
            os.chown(folder / file.name, owner.st_uid, owner.st_gid)
            (folder / file.name).chmod(0o600)
        for setting in ("ssl_cert_file = 'server.pem'", "ssl_key_file = 'server.key'", "ssl = on"):
            postgres15.execute(f"ALTER SYSTEM SET {setting}")
        postgres15.execute("SELECT pg_reload_conf()")

    yield use
    postgres15.execute("ALTER SYSTEM RESET ssl")
    postgres15.execute("SELECT pg_reload_conf()")


def test_postgresql(postgres15: PostgresServer, encrypting: Callable[[Files], None], tmp_path: Path) -> None:
    shop = small_shop.on_postgres(postgres15)
    shop.build("private")

    def opening(host: str, **options: str) -> Callable[[], object]:
        address = Address("postgresql", "private", host, postgres15.port, "postgres", options=options)
        return lambda: PostgresEngine().open_source(address)

    refused(opening("localhost", sslmode="require"), "DM401")
    far = Address(
        "postgresql", "private", "db.internal", postgres15.port, "postgres", options={"hostaddr": "127.0.0.1"}
    )
    assert warned(far), "rows would come in clear text"
    assert not warned(replace(far, options={**far.options, "sslmode": "disable"})), "which was asked for"
    assert not warned(replace(far, host="localhost"))
    good = issued(tmp_path / "good", "localhost")
    strict = {"sslmode": "verify-full", "sslrootcert": str(good.authority)}
    encrypting(issued(tmp_path / "other", "localhost"))
    refused(opening("localhost", **strict), "DM401")
    over = issued(tmp_path / "over", "localhost", days=-1)
    encrypting(over)
    refused(opening("localhost", sslmode="verify-full", sslrootcert=str(over.authority)), "DM401")
    encrypting(good)
    assert not warned(far)
    refused(opening("127.0.0.1", **strict), "DM401")
    url = f"postgresql://postgres@localhost:{postgres15.port}/{{}}?sslmode=verify-full&sslrootcert={good.authority}"
    assert copied(tmp_path, url.format("private"), url.format("private_stage"), rules=RULES).verified  # by tools, too


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MariadbServer, Files]]:
    """A MariaDB that encrypts, and keeps names of tables in small letters."""
    files = issued(tmp_path_factory.mktemp("private"), "localhost")
    for file in (files.certificate, files.key):
        file.chmod(0o644)  # for the account that the server runs as
    for folder in (files.key.parent, *files.key.parents):
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)
    options = (f"--ssl-cert={files.certificate}", f"--ssl-key={files.key}", "--lower-case-table-names=1")
    with MariadbServer(*options) as server:
        yield server, files


def test_mariadb(
    private: tuple[MariadbServer, Files], mariadb: MariadbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, files = private
    shop = small_shop.on_mariadb(server)
    shop.build("private")

    def opening(port: int, host: str, **options: str) -> Callable[[], object]:
        address = Address("mysql", "private", host, port, "root", options=options)
        return lambda: MysqlEngine().open_source(address)

    mariadb.create_database("private")
    refused(opening(mariadb.port, "localhost", ssl_ca=str(files.authority)), "DM401")
    refused(opening(server.port, "localhost", ssl_ca=str(issued(tmp_path / "other", "localhost").authority)), "DM401")
    refused(opening(server.port, "127.0.0.1", ssl_ca=str(files.authority), ssl_verify_identity="true"), "DM401")
    refused(opening(server.port, "localhost", ssl_ca=str(tmp_path / "nowhere.pem")), "DM401")
    # nobody's certificate is looked at, so the machine's are not read for each connection
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: pytest.fail("the machine's certificates"))
    found = [
        MysqlEngine().open_source(Address("mysql", "private", host, port, "root"))
        for host, port in (("127.0.0.1", server.port), ("127.0.0.1", mariadb.port))
    ]
    assert [source._session.is_private for source in found] == [True, False]
    for source in found:
        source.close()
    assert [in_clear(host, "x", "") == () for host in ("localhost", "::1", "/run", "db.internal", "10.0.0.7")] == [
        *(True, True, True),
        *(False, False),
    ]
    url = f"mysql://root@localhost:{server.port}/{{}}?ssl_ca={files.authority}&ssl_verify_identity=true"
    assert copied(tmp_path, url.format("private"), url.format("private_stage"), rules=RULES).verified


def test_names_that_the_targets_server_would_take_for_one_another(
    private: tuple[MariadbServer, Files], mariadb: MariadbServer, tmp_path: Path
) -> None:
    """Shape 88: the copy is refused before a row is written, with all of them."""
    server, _ = private
    mariadb.create_database("cased")
    mariadb.execute(
        "CREATE TABLE Orders (id int)", "CREATE TABLE orders (id int)", "CREATE TABLE x (id int)", database="cased"
    )
    with pytest.raises(RefusedError) as caught:
        copied(tmp_path, mariadb.url("cased"), server.url("cased"))
    assert {(problem.code, problem.place) for problem in caught.value.problems} == {
        ("DM309", "Orders"),
        ("DM309", "orders"),
    }
    assert not [name for (name,) in server.execute("SHOW DATABASES") if str(name).startswith("cased")]
