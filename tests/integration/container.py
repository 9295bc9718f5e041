"""Our Containerfile played on this machine's files, without a builder: what COPY and RUN leave, and a container from that.

The base is this machine's own root, through overlays, with `apt-get` left out: install.sh has brought the packages. The container has
namespaces of its own, a root that cannot be written, no capability, and the Containerfile's user, volume, entrypoint and command. It needs root.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from containerfile import ROOT, Step, steps

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

_RUN = """set -eu
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
exec chroot "$1" /bin/sh -euc "cd '$2'; $3"
"""

_START = """set -eu
root=$1 volume=$2 settings=$3 lab=$4 python=$5; shift 5
mount --make-rprivate /
ip link set lo up
"$python" -c "$lab" "$settings" &
while [ ! -e "$settings/mailtls.yaml" ]; do sleep 0.1; done
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=000,ro tmpfs "$root/tmp"
mount --bind "$volume" "$root/var/lib/mailtls"
mount --bind "$settings" "$root/etc/mailtls"
mount -o remount,bind,ro "$root/etc/mailtls"
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
"""

_LAB = """
import asyncio, sys
from pathlib import Path
import yaml
from mailtls.lab import Lab

async def run(place):
    async with await Lab.start() as lab:
        settings = lab.configuration()
        settings["schedule"]["interval"] = "3s"
        settings["storage"] = {"url": "sqlite:///mailtls.db"}
        settings["web"] = {"listen": ["0.0.0.0:9925"]}
        settings["providers"] = [p for p in settings["providers"] if p["domains"][0] in ("solid.example", "no-starttls.example")]
        (place / "authority.pem").write_bytes(Path(settings["trust"]["ca_file"]).read_bytes())
        settings["trust"]["ca_file"] = "authority.pem"
        (place / "new").write_text(yaml.safe_dump(settings))
        (place / "new").rename(place / "mailtls.yaml")
        await asyncio.Event().wait()

asyncio.run(run(Path(sys.argv[1])))
"""


@contextlib.contextmanager
def built(place: Path) -> Iterator[Path]:
    """Play the Containerfile, and return the root of what its last step leaves."""
    place.chmod(0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(place)], check=True)  # an overlay cannot stand on an overlay
    mounted = [place]
    try:
        roots: dict[str, Path] = {}
        for step in steps():
            root = place / (step.name or "image") / "root"
            for name in ("root", "upper", "work"):
                (root.parent / name).mkdir(parents=True)
            options = f"lowerdir=/,upperdir={root.parent / 'upper'},workdir={root.parent / 'work'}"
            subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)
            mounted.append(root)
            _play(step, root, roots)
            roots[step.name] = root
        yield root
    finally:
        for path in reversed(mounted):
            subprocess.run(["umount", "-l", str(path)], check=True)


def _play(step: Step, root: Path, roots: dict[str, Path]) -> None:
    stub = root / "usr/local/sbin/apt-get"
    stub.parent.mkdir(parents=True, exist_ok=True)
    stub.write_text("#!/bin/sh\n")
    stub.chmod(0o755)
    directory = "/"
    for each in step.instructions:
        if each.name == "WORKDIR":
            directory = each.text
            (root / directory.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif each.name == "COPY":
            _copy(each.words, root, directory, roots)
        elif each.name == "RUN":
            command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _RUN, "run", str(root), directory, each.text]
            done = subprocess.run(command, env={**os.environ, **_CLEAN}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            assert done.returncode == 0, done.stdout


def _copy(words: list[str], root: Path, directory: str, roots: dict[str, Path]) -> None:
    source = ROOT
    if words[0].startswith("--from="):
        source = roots[words.pop(0).removeprefix("--from=")]
    *names, wanted = words
    target = root / directory.lstrip("/") / wanted if not wanted.startswith("/") else root / wanted.lstrip("/")
    for name in names:
        found = source / name.lstrip("/")
        if found.is_dir():
            shutil.copytree(found, target, symlinks=True, dirs_exist_ok=True)
        else:
            to = target / found.name if wanted.endswith("/") else target
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(found, to)


class Container:
    """A running one, beside a lab that only it can reach."""

    def __init__(self, root: Path, place: Path) -> None:
        self.step = steps()[-1]
        self.volume, self.settings = place / "volume", place / "settings"
        self.settings.mkdir()
        self.volume.mkdir(mode=0o700)
        user, group = map(int, self.step.last("USER").text.split(":"))
        os.chown(self.volume, user, group)
        self.as_user = [
            "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all",
            "env", "-i", f"--chdir={self.step.last('WORKDIR').text}", f"PATH={_CLEAN['PATH']}",
        ]  # fmt: skip
        entry = [*self.step.last("ENTRYPOINT").words, *self.step.last("CMD").words]
        arguments = [str(root), str(self.volume), str(self.settings), _LAB, sys.executable, *self.as_user, *entry]
        self._log = place / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child", "sh", "-c", _START, "container", *arguments],
                stdout=log, stderr=log,
            )  # fmt: skip

    @property
    def log(self) -> str:
        """What it said so far."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        """Its first process, as seen from here."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as its user."""
        entered = ["nsenter", "--target", str(self.pid), "--all", "--root", "--wd=/", *self.as_user, *command]
        return subprocess.run(entered, capture_output=True, text=True, check=False, timeout=60)

    def is_started(self) -> bool:
        """Whether the entrypoint has taken the shell's place, and serves."""
        return "http://" in self.log

    def is_healthy(self) -> bool:
        """Ask as its HEALTHCHECK does."""
        health = self.step.last("HEALTHCHECK").text
        return self.run(*json.loads(health[health.index("[") :])).returncode == 0

    def fetch(self, path: str) -> str:
        """Return what a page says, or nothing."""
        get = f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9925{path}', timeout=10).read().decode())"
        return self.run("/opt/mailtls/bin/python", "-Ic", get).stdout

    def end(self, number: int, seconds: float = 30) -> int:
        """Send its first process a signal, and return how it ended."""
        os.kill(self.pid, number)
        return self.process.wait(seconds)


@contextlib.contextmanager
def container(root: Path, place: Path) -> Iterator[Container]:
    """Start one."""
    running = Container(root, place)
    try:
        end = time.monotonic() + 40
        while not running.is_started():
            assert running.process.poll() is None, running.log
            assert time.monotonic() < end, running.log
            time.sleep(0.2)
        yield running
    finally:
        running.process.kill()
        running.process.wait()
