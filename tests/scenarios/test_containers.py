"""
What `docker/` shows to people: its words are words of the command line, its configurations load, and what the compose
file starts is started here from the same files. `python -m tests.containers` builds the image itself.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import stat
import subprocess
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import dbmimic
from dbmimic.cli.app import app
from dbmimic.testing.postgres_server import PostgresServer, available
from tests.command_line import ROOT, Forks, environment, script

DOCKER = ROOT / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
MANIFESTS = {path.stem: yaml.safe_load(path.read_text()) for path in (DOCKER / "kubernetes").glob("*.yaml")}
SECRETS = "/run/dbmimic"  # where the containers have them
ROLES = ("dbmimic_reader", "dbmimic_owner")
PROMPTLY = 30.0  # the next night is hours away


def commands() -> Iterator[str]:
    """Give every command of dbmimic that stands in an example, without its name."""
    for job in (MANIFESTS["nightly"], MANIFESTS["sandboxes"]):
        (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        yield shlex.join(container["args"])
    for path in sorted(DOCKER.rglob("*.y*ml")) + sorted(DOCKER.rglob("*.sh")) + [DOCKER / "README.md"]:
        for found in re.finditer(r'(?:\$DBMIMIC|(?<![\w/.-])dbmimic) ((?:-{0,2}[\w./$<="-]+ ?)+)', path.read_text()):
            if re.match(r"(copy|sandbox|rules|runs|key|verify|demo|masks) ", found[1] + " "):
                yield found[1].strip()


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_every_command_is_one(command: str) -> None:
    words = shlex.split(command)
    tree = typer.main.get_command(app)
    while words and (inner := getattr(tree, "commands", None)):
        tree = inner[words.pop(0)]
    tree.make_context("dbmimic", [re.sub(r"^\$", "a", word) for word in words])


def test_the_examples_are_what_they_say() -> None:
    """The commands that are parsed above are all that there are, and nothing that is secret is written down."""
    assert len(set(commands())) >= 8
    written = "".join(path.read_text() for path in DOCKER.rglob("*") if path.is_file())
    assert not re.search(r"[0-9a-f]{32}|://[^/\s{$]+:[^$(\s]+@", written)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for word in re.findall(r'image\.version="(.*?)"|image: dbmimic:(\S+)', written):
        assert version in word


def test_the_image_is_given_what_it_is_built_from() -> None:
    """Each COPY from the project names what is there and is let through; each file that the build needs is copied."""
    dockerfile = (DOCKER / "Dockerfile").read_text()
    copied = {
        word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE) for word in line.split()
    }
    assert all((ROOT / each).exists() for each in copied)
    let_through = re.findall(r"^!(.*)$", (DOCKER / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert copied == set(let_through)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {project["project"]["readme"], *project["project"]["license-files"], *wheel["packages"]}
    assert copied >= needed | set(wheel["force-include"])


def placed(folder: Path, text: str) -> Path:
    """Write a configuration of the containers' as it is for a folder that stands for `/run/dbmimic`."""
    assert f"file:{SECRETS}/secret" in text
    path = folder / "dbmimic.yaml"
    path.write_text(text.replace(SECRETS, str(folder / "secrets")))
    return path


def test_the_configmaps_configuration_loads(tmp_path: Path) -> None:
    job = MANIFESTS["nightly"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    mounts = {each["name"]: each["mountPath"] for each in job["containers"][0]["volumeMounts"]}
    assert mounts["secret"] == SECRETS
    settings = dbmimic.load_config(placed(tmp_path, MANIFESTS["configmap"]["data"]["dbmimic.yaml"]))
    assert settings.sandbox.max_count == 50


@pytest.fixture
def server(postgres15: PostgresServer) -> Iterator[PostgresServer]:
    """One server that stands for both."""
    yield postgres15
    for name in ("shop", "staging"):
        postgres15.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    for role in ROLES:
        postgres15.execute(f"DROP OWNED BY {role}")
        postgres15.execute(f"DROP ROLE {role}")


def entry(name: str, folder: Path) -> list[str]:
    """Give what a service of the compose file starts, with its mounts' sources in place of their targets."""
    service: Mapping[str, Any] = COMPOSE["services"][name]
    mounts = dict(each.split(":")[:2][::-1] for each in service["volumes"])
    assert mounts.pop("/etc/dbmimic") == "./compose"
    places = {"/etc/dbmimic": str(DOCKER / "compose"), **dict.fromkeys(mounts, str(folder / "secrets"))}
    words = []
    for word in service["entrypoint"]:
        for inside, here in places.items():
            word = re.sub(f"^{inside}(?=/|$)", here, word)  # noqa: PLW2901 -- each in its turn
        words.append(word)
    return words


def test_what_compose_starts(server: PostgresServer, tmp_path: Path, dbmimic_command: Forks) -> None:
    """Secrets are drawn once, both servers are prepared, the job copies at once, is healthy, and stops when told."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    programs = f"{Path(script()).parent}:{available('wheel')}:{os.environ['PATH']}"
    hosts = dict.fromkeys(("PRODUCTION", "STAGING"), f"127.0.0.1:{server.port}")
    login = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres", "PGDATABASE": "postgres"}
    env = environment(PATH=programs, XDG_STATE_HOME=str(tmp_path / "var"), SECRETS=str(secrets), **hosts)

    def state() -> dict[str, str]:
        return {path.name: path.read_text() for path in secrets.iterdir()}

    subprocess.run(entry("secrets", tmp_path), env=env, check=True)
    drawn = state()
    subprocess.run(entry("secrets", tmp_path), env=env | {"PATH": os.environ["PATH"]}, check=True)
    assert state() == drawn
    assert len(set(drawn.values())) == len(drawn) == 7
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o755

    for name in ("production", "staging"):
        service = COMPOSE["services"][name]
        if database := service["environment"].get("POSTGRES_DB"):
            server.create_database(database)
        for source, _inside in sorted((each.split(":")[:2] for each in service["volumes"]), key=lambda pair: pair[1]):
            path = (DOCKER / source).resolve()
            if path.suffix == ".sql":
                server.load_sql_file(path, service["environment"]["POSTGRES_DB"])
            elif path.suffix == ".sh":
                subprocess.run([path], env=env | login, check=True)

    placed(tmp_path, (DOCKER / "compose" / "dbmimic.yaml").read_text())
    job = subprocess.Popen(entry("nightly", tmp_path), cwd=tmp_path, env=env, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not (runs := ended(tmp_path, dbmimic_command)) and time.monotonic() < deadline and job.poll() is None:
            time.sleep(0.3)
        assert [run["status"] for run in runs] == ["verified"]
        assert server.execute("SELECT count(*) > 200 FROM orders", database="staging") == [(True,)]
        _, healthy = COMPOSE["services"]["nightly"]["healthcheck"]["test"]
        subprocess.run(["sh", "-c", healthy], cwd=tmp_path, env=env, check=True)
    finally:
        job.send_signal(signal.SIGTERM)
        assert job.wait(PROMPTLY) == 143


def ended(folder: Path, forks: Forks) -> list[dict[str, Any]]:
    """Give the runs that have ended, as `dbmimic runs` tells them."""
    told = forks.run("runs", "--json", cwd=folder, env={"XDG_STATE_HOME": str(folder / "var")})
    return [run for run in told.document["runs"] if run["status"] != "running"]
