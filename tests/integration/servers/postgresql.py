"""PostgreSQL: a cluster of its own, without passwords, and as many empty databases in it as are asked for."""

import asyncio
import itertools
import os
import pwd
import signal
import subprocess
from pathlib import Path

import psycopg

from .loopback import is_listening
from .server import STOP_SECONDS, Server, find_program

UNPRIVILEGED = ("postgres", "nobody")
"""Users as whom it may run, where root starts it; it refuses to be root."""


def find_postgres(name: str) -> str:
    """Return the path of one of its programs, of the newest version that is installed; Debian has them where no PATH leads."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: int(place.parent.name), reverse=True)
    return find_program(name, os.pathsep.join(map(str, places)))


class PostgreSQL(Server):
    """A cluster on a loopback address. It may be stopped and started again within its block, and keeps what it holds.

    Where ``durable`` is false, nothing waits for the disk: that is no worse for a killed client, which is all that most tests kill.
    """

    def __init__(self, address: str | None = None, port: int = 0, *, durable: bool = False) -> None:
        super().__init__(address, port)
        self._durable = durable
        self._numbers = itertools.count(1)

    def prepare(self) -> list[str]:
        """Make the cluster."""
        data = self.directory / "data"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            user = self._user()
            os.chown(data, user.pw_uid, user.pw_gid)
        making = [find_postgres("initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run([*self._as_user(), *making], cwd=data, capture_output=True, text=True, check=False, timeout=60)
        if made.returncode:
            raise RuntimeError(f"initdb ended with {made.returncode}:\n{made.stdout}{made.stderr}")
        (data / "pg_hba.conf").write_text("host all all 127.0.0.0/8 trust\n")
        return self._command()

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": self.address, "port": self.port, "unix_socket_directories": "", "max_connections": 60,
            "shared_buffers": "16MB", "dynamic_shared_memory_type": "mmap", "timezone": "Asia/Kolkata",
        }  # fmt: skip
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*self._as_user(), find_postgres("postgres"), "-D", str(self.directory / "data"), *options]

    async def ready(self) -> bool:
        """Tell whether it lets somebody in."""
        if not is_listening(self.address, self.port):
            return False
        try:
            await asyncio.to_thread(lambda: psycopg.connect(self.dsn(), connect_timeout=2).close())
        except psycopg.OperationalError:
            return False
        return True

    def dsn(self, database: str = "postgres") -> str:
        """Return the address of a database as libpq, and so psycopg, takes it."""
        return f"postgresql://postgres@{self.address}:{self.port}/{database}"

    def fresh_database(self) -> str:
        """Make an empty database, and return its URL as ``storage.url`` takes it."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY wal_log".encode())
        return self.dsn(name)

    async def stop(self) -> None:
        """End it at once, but in order: whoever is connected is disconnected."""
        process, self._process = self._process, None
        assert process is not None
        os.kill(self._postmaster(), signal.SIGINT)
        await asyncio.to_thread(process.wait, STOP_SECONDS * 4)

    async def start(self) -> None:
        """Start it again."""
        self._process = self._start(self._command())
        await self._until_ready(self._process)

    async def _end(self) -> None:
        if self._process is not None and self._process.poll() is None and (self.directory / "data/postmaster.pid").exists():
            await self.stop()  # at SIGTERM it would wait for its clients
        await super()._end()

    def _postmaster(self) -> int:
        return int((self.directory / "data/postmaster.pid").read_text().split()[0])

    def _user(self) -> pwd.struct_passwd:
        users = {user.pw_name: user for user in pwd.getpwall()}
        return next(users[name] for name in UNPRIVILEGED if name in users)

    def _as_user(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        user = self._user()
        return [find_program("setpriv"), f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
