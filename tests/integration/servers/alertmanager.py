"""Debian's Alertmanager, and what it says to whom."""

import asyncio
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from .server import Server, find_program

_LARGEST = 1 << 20  # octets of a notification


class Alertmanager(Server):
    """An Alertmanager with this configuration (YAML text), alone."""

    def __init__(self, configuration: str, address: str | None = None, port: int = 0) -> None:
        super().__init__(address, port)
        self._configuration = configuration

    def prepare(self) -> list[str]:
        """Write the configuration."""
        configuration = self.directory / "alertmanager.yml"
        configuration.write_text(self._configuration)
        return [
            find_program("prometheus-alertmanager"),
            f"--config.file={configuration}",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address={self.address}:{self.port}",
            "--cluster.listen-address=",
        ]

    async def ready(self) -> bool:
        """Tell whether it says it is ready."""
        if not await super().ready():
            return False
        try:
            await asyncio.to_thread(self._ask)
        except urllib.error.URLError:
            return False
        return True

    def _ask(self) -> None:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is not for a proxy
        direct.open(f"http://{self.address}:{self.port}/-/ready", timeout=10).close()


@dataclass(frozen=True, slots=True)
class Notification:
    """One alert within what a receiver was told: by which path, ``firing`` or ``resolved``, and of what."""

    receiver: str
    state: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def about(self) -> tuple[str, str]:
        """The alert's name and the domain, or nothing."""
        return self.labels["alertname"], self.labels.get("domain", "")


class Receiver:
    """A web hook on loopback that keeps what it is told, alert by alert."""

    def __init__(self) -> None:
        self.told: list[Notification] = []

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Close."""
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        path = head.split(" ", 2)[1].strip("/")
        length = next(int(line.partition(":")[2]) for line in head.splitlines() if line.lower().startswith("content-length:"))
        assert length < _LARGEST
        document: dict[str, Any] = json.loads(await reader.readexactly(length))
        self.told += [Notification(path, each["status"], each["labels"], each["annotations"]) for each in document["alerts"]]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
