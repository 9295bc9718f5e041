"""A machine with systemd of its own: this one's files seen through an overlay, and namespaces, so that nothing here is touched.

Its systemd is the real one, with no unit but those that a test puts there. It needs root, and overlay and cgroup2 file systems.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNITS = "/etc/systemd/system"
_EMPTY = ("sysinit", "basic", "shutdown", "network-online", "multi-user")
"""Targets that units name, and that would bring half a system; here they bring nothing."""

_CLEAN = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8")

_BOOT = """set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --rbind /sys sys
mount -t tmpfs tmpfs sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
ip link set lo up
mkdir former
pivot_root . former
umount -l former
mount --make-rshared /  # as at any boot; credentials reach a service by it
rm -rf "$2"
mkdir -p "$2"
for name in $3; do printf '[Unit]\\nDefaultDependencies=no\\n' >"$2/$name.target"; done
mkdir "$2/service.d"
printf '[Service]\\nStandardOutput=append:/run/services.log\\nStandardError=inherit\\n' >"$2/service.d/log.conf"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test SYSTEMD_UNIT_PATH="$2" SYSTEMD_LOG_TARGET=console \\
    /lib/systemd/systemd --system --unit=basic.target --show-status=no </dev/null
"""


class Machine:
    """A running one."""

    def __init__(self, pid: int, log: Path) -> None:
        self._pid = pid
        self._log = log
        self.begun: list[subprocess.Popen[str]] = []

    @property
    def root(self) -> Path:
        """Its file system, as seen from here."""
        return Path(f"/proc/{self._pid}/root")

    def log(self) -> str:
        """Return what systemd and the services said."""
        said = self.root / "run/services.log"
        return self._log.read_text() + (said.read_text() if said.exists() else "")

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command there as root, with its output and errors together."""
        done = subprocess.run(
            ["nsenter", "--target", str(self._pid), "--all", "--wd=/", *_CLEAN, *command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0 or not check, f"{command}: {done.stdout}\n{self.log()}"
        return done

    def begin(self, *command: str) -> subprocess.Popen[str]:
        """Begin a command there; it ends with the machine."""
        entered = ("nsenter", "--target", str(self._pid), "--all", "--wd=/", *_CLEAN, *command)
        self.begun.append(subprocess.Popen(entered, stdout=subprocess.PIPE, text=True))
        return self.begun[-1]

    def drop_in(self, unit: str, text: str) -> None:
        """Change a unit as ``systemctl edit`` would."""
        directory = self.root / _UNITS.lstrip("/") / f"{unit}.d"
        directory.mkdir(exist_ok=True)
        (directory / "test.conf").write_text(text)
        self.run("systemctl", "daemon-reload")

    def show(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()


def _cgroup2() -> Path:
    """Return where the unified hierarchy is."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    raise AssertionError("there is no cgroup2 file system: systemd cannot run here")


@contextlib.contextmanager
def machine() -> Iterator[Machine]:
    """Boot one, and take it away at the end with all that runs in it."""
    with TemporaryDirectory(prefix="machine-") as place, TemporaryDirectory(prefix="machine-log-") as logs:
        cgroup = _cgroup2() / Path(place).name
        cgroup.mkdir()
        log = Path(logs) / "console"
        enter = 'echo $$ >"$0/cgroup.procs"; exec unshare --mount --pid --fork --kill-child --uts --ipc --net --cgroup sh -c "$@"'
        with log.open("wb") as console:
            process = subprocess.Popen(
                ["sh", "-c", enter, str(cgroup), _BOOT, "boot", place, _UNITS, " ".join(_EMPTY)], stdout=console, stderr=console
            )
        running = None
        try:
            running = Machine(_child_of(process.pid), log)
            _wait_for(running, log)
            yield running
        finally:
            process.send_signal(signal.SIGKILL)  # unshare takes the first process of the namespace along, and that the rest
            process.wait()
            for begun in [] if running is None else running.begun:
                with begun:  # waits, and closes its pipe
                    pass
            _remove(cgroup)


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for _ in range(200):
        if found := children.read_text().split():
            return int(found[0])
        time.sleep(0.05)
    raise AssertionError("no process began")


def _wait_for(running: Machine, log: Path) -> None:
    for _ in range(200):
        with contextlib.suppress(AssertionError):
            if running.run("systemctl", "is-active", "basic.target").stdout.strip() == "active":
                return
        time.sleep(0.1)
    raise AssertionError(f"systemd did not start: {log.read_text()}")


def _remove(cgroup: Path) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError):
            for directory, _, _ in os.walk(cgroup, topdown=False):
                Path(directory).rmdir()
            return
        time.sleep(0.1)
