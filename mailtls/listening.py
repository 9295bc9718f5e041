"""Where the web server listens, and the server itself, which leaves signals to the daemon."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator


class CannotListen(OSError):  # noqa: N818 - it is what happened
    """An address to listen on cannot be had."""


class Server(uvicorn.Server):
    """A web server that takes no signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them where they are."""
        yield


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address and a port. Raises :exc:`CannotListen`."""
    bound: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(128)  # whoever reads the URL may call at once; the answer comes when the server is up
    except OSError as error:
        if bound is not None:
            bound.close()
        raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    return bound


def url_of(bound: socket.socket, scheme: str = "http") -> str:
    """Return the URL that a socket serves."""
    host, port = bound.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}/" if ":" in host else f"{scheme}://{host}:{port}/"
