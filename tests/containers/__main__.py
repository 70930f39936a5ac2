"""
`python -m tests.containers`: build the image as `docker/Dockerfile` says, and run it as its user with a read-only root.

Root on Linux with `buildah` and `debootstrap` (Debian has both) is all that it takes: the base image is made by
debootstrap from Debian's packages, buildah carries out the Dockerfile in a chroot, and what it made runs in another,
in namespaces of its own. It takes minutes and some gigabytes in `--folder`, which is removed at the end; so it is no part
of the suite.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
BASE = "debian:trixie-slim"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# $1: the image's root. Its volumes and /tmp can be written, nothing else.
INSIDE = """
root=$1; user=$2; folder=$3; shift 3
mount --make-rprivate / && mount --bind "$root" "$root" && mount -o remount,ro,bind "$root" &&
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp" &&
mount -t tmpfs -o "mode=700,uid=${user%:*},gid=${user#*:}" tmpfs "$root/var/lib/dbmimic" &&
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" || exit 99
exec chroot --userspec="$user" "$root" /usr/bin/env -i -C "$folder" "$@"
"""


class Builder:
    """Buildah with a store of its own, in a folder that goes with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = ["--root", str(folder / "store"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]

    def run(self, command: str, *arguments: str, quiet: bool = True) -> str:
        environment = os.environ | {"BUILDAH_ISOLATION": "chroot", "REGISTRIES_CONFIG_PATH": os.devnull}
        order = ["buildah", *self._store, command, *arguments]
        done = subprocess.run(order, check=True, text=True, env=environment, stdout=subprocess.PIPE if quiet else None)
        return (done.stdout or "").strip()

    def base(self) -> None:
        """Make the base image of Debian's own packages."""
        system = self._folder / "debian"
        release = BASE.partition(":")[2].removesuffix("-slim")
        subprocess.run(["debootstrap", "--variant=minbase", release, system], check=True)
        shutil.rmtree(system / "var/cache/apt/archives")
        container = self.run("from", "scratch")
        self.run("add", "--quiet", container, str(system), "/")
        self.run("commit", "--quiet", "--rm", container, f"docker.io/library/{BASE}")
        shutil.rmtree(system)

    def image(self) -> str:
        """Build the image; pip trusts the certificates that this machine trusts."""
        pip = self._folder / "pip.conf"
        pip.write_text("[global]\ncert = /etc/build-ca.crt\n")
        trusted = ["--volume", f"{pip}:/etc/pip.conf:ro", "--volume", f"{CERTIFICATES}:/etc/build-ca.crt:ro"]
        ignored = ["--ignorefile", f"{DOCKERFILE}.dockerignore"]
        chosen = ["--pull-never", "--format", "docker", "--tag", "dbmimic", "--file", str(DOCKERFILE)]
        self.run("bud", *chosen, *ignored, *trusted, str(ROOT), quiet=False)
        return self.run("from", "--pull-never", "localhost/dbmimic")


class Image:
    """What was built: how it says that it is run, and its files."""

    def __init__(self, builder: Builder, container: str) -> None:
        self._config: dict[str, Any] = json.loads(builder.run("inspect", container))["Docker"]["config"]
        self.root = Path(builder.run("mount", container))

    def start(self, *arguments: str, entrypoint: Sequence[str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run it with these arguments as a container engine would, and a root that cannot be written."""
        words = [*(self._config["Entrypoint"] if entrypoint is None else entrypoint), *arguments]
        where = [str(self.root), self._config["User"], self._config["WorkingDir"]]
        order = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, "sh", *where]
        return subprocess.run([*order, *self._config["Env"], *words], check=False, text=True, capture_output=True)

    def size(self) -> tuple[int, int]:
        """Give the bytes of all files, and those of dbmimic and what it needs."""
        parts = (self.root, self.root / "opt" / "dbmimic")
        told = [subprocess.run(["du", "-sxB1", part], check=True, text=True, capture_output=True) for part in parts]
        whole, own = (int(each.stdout.split()[0]) for each in told)
        return whole, own

    @property
    def health(self) -> list[str]:
        """The words of the health check."""
        kind, *words = self._config["Healthcheck"]["Test"]
        assert kind == "CMD"
        return words


def problems(image: Image) -> list[str]:
    """Give what is not as it should be."""
    found = []
    if "Usage: dbmimic" not in image.start(*image._config["Cmd"]).stdout:
        found.append("it does not tell how it is used")
    if image.start(*image.health, entrypoint=()).returncode != 0:
        found.append("the health check fails")
    if image.start("-c", "! touch /etc/dbmimic/x && test $(id -u) = 10001", entrypoint=("sh",)).returncode != 0:
        found.append("its root can be written, or its user is another")
    programs = image.start("/usr/lib/postgresql/17/bin/pg_dump", "--version", entrypoint=())
    if "(PostgreSQL) 17." not in programs.stdout:
        found.append("PostgreSQL's programs do not run")
    demo = image.start("demo", "--json")
    if demo.returncode != 0 or json.loads(demo.stdout)["status"] != "verified":
        found.append(f"the demonstration does not end verified: {demo.stderr[-500:]}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.containers", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where it is built; the system's temporary folder by default")
    folder = parser.parse_args().folder
    missing = [program for program in ("buildah", "debootstrap", "unshare") if shutil.which(program) is None]
    if missing or os.geteuid() != 0:
        print(f"needs root, and {', '.join(missing) or 'nothing else'}: apt-get install buildah debootstrap")
        return 2
    with tempfile.TemporaryDirectory(prefix="dbmimic-image-", dir=folder) as work:
        builder = Builder(Path(work))
        try:
            builder.base()
            image = Image(builder, builder.image())
            found = problems(image)
            whole, own = image.size()
        finally:
            builder.run("rm", "--all")
            builder.run("rmi", "--all", "--force")
    print(f"{whole / 1e6:,.0f} MB, {own / 1e6:,.0f} MB of them dbmimic and its packages")
    print("\n".join(found) or "it runs as its user, with a read-only root, and its demonstration is verified")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
