"""The web servers of a daemon: one for those whom it belongs to, and one for the public, each on addresses of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import uvicorn

from mailtls.listening import Server, listening, url_of
from mailtls.web import application

if TYPE_CHECKING:
    from collections.abc import Sequence
    from socket import socket

    from mailtls.daemon import Daemon

Addresses = tuple[tuple[str, int], ...]


class Serving:
    """What listens for requests, from when it is made; they are answered once it has begun."""

    def __init__(self, daemon: Daemon, listen: Sequence[tuple[str, int]], public: Sequence[tuple[str, int]]) -> None:
        """Listen.

        Args:
            daemon: whose pages are served.
            listen: addresses and ports where all of them are.
            public: where only those are that anybody may see.

        Raises:
            CannotListen: an address cannot be had.

        """
        self._daemon = daemon
        self._sockets: dict[bool, list[socket]] = {False: [], True: []}
        try:
            for addresses, is_public in ((listen, False), (public, True)):
                for host, port in addresses:
                    self._sockets[is_public].append(listening(host, port))
        except BaseException:
            self.close()
            raise
        self._servers: list[Server] = []
        self._running: list[asyncio.Task[None]] = []

    @property
    def urls(self) -> list[str]:
        """The URLs that are served, those of the public last."""
        return [url_of(bound) for sockets in self._sockets.values() for bound in sockets]

    def begin(self) -> None:
        """Answer requests."""
        for is_public, sockets in self._sockets.items():
            if sockets:
                pages = application(self._daemon, public=is_public)
                server = Server(uvicorn.Config(pages, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=5))
                self._servers.append(server)
                self._running.append(asyncio.create_task(server.serve(sockets)))

    async def end(self) -> None:
        """Answer what has been asked, within five seconds, and nothing more."""
        for server in self._servers:
            server.should_exit = True
        await asyncio.gather(*self._running)

    def close(self) -> None:
        """Listen no more, where it never began."""
        for sockets in self._sockets.values():
            for bound in sockets:
                bound.close()
