"""The web servers of a daemon: one for those whom it belongs to, and one for the public, each on addresses of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
import uvicorn

from mailtls.listening import Server, listening, url_of
from mailtls.passwords import AskWho, ExtraHeaders, Passwords
from mailtls.serving_tls import current
from mailtls.web import application

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence
    from socket import socket

    from starlette.types import ASGIApp

    from mailtls.config.webfile import Access
    from mailtls.daemon import Daemon

log = structlog.get_logger(component="web")

Addresses = tuple[tuple[str, int], ...]


class Serving:
    """What listens for requests, from when it is made; they are answered once it has begun."""

    def __init__(self, daemon: Daemon, listen: Sequence[tuple[str, int]], public: Sequence[tuple[str, int]], access: Access) -> None:
        """Listen.

        Args:
            daemon: whose pages are served.
            listen: addresses and ports where all of them are.
            public: where only those are that anybody may see.
            access: how they are reached, and by whom.

        Raises:
            CannotListen: an address cannot be had.

        """
        self._daemon, self._access, self._passwords = daemon, access, Passwords()
        self._contexts = None if access.tls is None else tuple(current(context) for context in access.tls)
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
        scheme = "http" if self._contexts is None else "https"
        return [url_of(bound, scheme) for sockets in self._sockets.values() for bound in sockets]

    def go_by(self, access: Access) -> None:
        """Go by another access from the next request and the next connection on; whether there is TLS stays as it is."""
        if (access.tls is None) != (self._contexts is None):
            log.warning("whether TLS is served has changed; that takes a restart")
        self._access = access
        for context, fresh in zip(self._contexts or (), access.tls or (), strict=False):
            context.now = fresh

    def begin(self) -> None:
        """Answer requests."""
        for is_public, sockets in self._sockets.items():
            if sockets:
                server = Server(self._settings(is_public=is_public))
                self._servers.append(server)
                self._running.append(asyncio.create_task(server.serve(sockets)))

    def _settings(self, *, is_public: bool) -> uvicorn.Config:
        pages: ASGIApp = application(self._daemon, public=is_public)
        if not is_public:
            pages = AskWho(pages, self._users, self._passwords)
        pages = ExtraHeaders(pages, lambda: self._access.headers)
        held = None if self._contexts is None else self._contexts[is_public]

        def context(_settings: uvicorn.Config, _usual: object) -> ssl.SSLContext:
            assert held is not None
            return held

        factory = None if held is None else context
        return uvicorn.Config(
            pages, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=5, ssl_context_factory=factory
        )

    def _users(self) -> Mapping[str, bytes]:
        return self._access.users

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
