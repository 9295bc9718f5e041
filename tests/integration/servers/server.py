"""What all the servers have in common: a directory, a subprocess, a log, and a clean end."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from .loopback import free_address, free_port, is_listening

PREFIX = Path(os.environ.get("MAILTLS_SERVERS", "/var/cache/mailtls-servers"))
START_SECONDS = 20.0
STOP_SECONDS = 5.0
# Leads the process group. Should the test session be killed, the kernel tells the shell (the servers themselves would not
# hear it, having changed their credentials), and the shell tells the others.
GUARD = 'trap "trap - TERM; kill -TERM 0" TERM; "$@" & wait $!'


def find_program(name: str, directory: str = "/usr/sbin") -> str:
    """Return the absolute path of an installed program; a test that needs it must fail, not be skipped, without it."""
    places = [str(PREFIX / "usr/sbin"), directory, "/usr/bin", os.environ.get("PATH", "")]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise RuntimeError(f"the program {name} is not installed; run tests/integration/install.sh as root")
    return found


def running(group: int) -> list[int]:
    """Return the processes of a process group that have not ended; zombies have."""
    alive = []
    for process in Path("/proc").iterdir():  # a glob would look at each file, and stumble over a process that ends meanwhile
        if not process.name.isdecimal():
            continue
        try:
            state, _, member_of = (process / "stat").read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(member_of) == group and state != "Z":
            alive.append(int(process.name))
    return alive


class Server:
    """A daemon in the foreground, on one loopback address and port, in a directory that goes when it goes.

    A subclass writes its files in ``prepare`` and returns the command; ``ready`` may ask for more than an open port.
    """

    def __init__(self, address: str | None = None, port: int = 0) -> None:
        """Choose a free address where none is given, and a free port where it is 0."""
        self.address = address or free_address()
        self.port = port or free_port(self.address)
        self.directory = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> list[str]:
        """Write what the server reads into ``self.directory`` and return the command that runs it."""
        raise NotImplementedError

    async def ready(self) -> bool:
        """Tell whether the server answers by now."""
        return is_listening(self.address, self.port)

    def log(self) -> str:
        """Return all that the server wrote to its output and its log files, for a look at what it did."""
        files = sorted(self.directory.glob("*.log"))
        return "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)

    @property
    def pid(self) -> int:
        """The leader of the server's process group."""
        assert self._process is not None, f"{type(self).__name__} is not running"
        return self._process.pid

    async def __aenter__(self) -> Self:
        """Start the server and wait until it answers."""
        self.directory = Path(tempfile.mkdtemp(prefix=f"mailtls-{type(self).__name__.lower()}-"))
        self.directory.chmod(0o755)  # servers that give up root still have to get in
        try:
            self._process = self._start(self.prepare())
            await self._until_ready(self._process)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the server's whole process group and remove its directory."""
        await self._end()

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Start it without asyncio, whose processes end with the loop; a fixture may outlive the loop it began in."""
        with (self.directory / "output.log").open("wb") as output:
            return subprocess.Popen(
                [find_program("setpriv"), "--pdeathsig", "TERM", "--", "/bin/sh", "-c", GUARD, "guard", *command],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def _until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not await self.ready():
            name = type(self).__name__
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode} before it answered:\n{self.log()[-4000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not answer in {START_SECONDS:.0f} s:\n{self.log()[-4000:]}")
            await asyncio.sleep(0.02)

    async def _end(self) -> None:
        process, self._process = self._process, None
        try:
            if process is not None:
                await _end_group(process)
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)


async def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask every process of the group to end, and after a while make it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for member in running(process.pid):
            try:
                os.kill(member, number)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if not running(process.pid):
                process.wait()  # a zombie by now, and reaped here
                return
            await asyncio.sleep(0.02)
    raise RuntimeError(f"processes of group {process.pid} outlived SIGKILL: {running(process.pid)}")
