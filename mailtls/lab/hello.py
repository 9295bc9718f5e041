"""The server name in a TLS ClientHello, read before OpenSSL sees it.

OpenSSL could tell it through a callback, but pyOpenSSL prints that callback's exceptions and gives it no say in the
alert; a server that insists on SNI needs that say.
"""

from __future__ import annotations

from dataclasses import dataclass

_HANDSHAKE_RECORD = 22
_CLIENT_HELLO = 1
_SERVER_NAME = 0
_RECORD_LIMIT = 16384 + 256
_HELLO_LIMIT = 65536


@dataclass(frozen=True, slots=True)
class Hello:
    """What was learnt from a client's first flight; `server_name` is lower case, or None if it asked for none."""

    server_name: str | None


def read_hello(flight: bytes) -> Hello | None:
    """Return what the client's first bytes say, or None if there is more to come.

    Raises ValueError if they are no ClientHello.
    """
    message = bytearray()
    while True:
        if flight and flight[0] != _HANDSHAKE_RECORD:
            raise ValueError("not a TLS handshake record")
        if len(flight) < 5:
            return None
        length = int.from_bytes(flight[3:5], "big")
        if length > _RECORD_LIMIT or len(message) > _HELLO_LIMIT:
            raise ValueError("too long for a ClientHello")
        if len(flight) < 5 + length:
            return None
        message += flight[5 : 5 + length]
        flight = flight[5 + length :]
        if message and message[0] != _CLIENT_HELLO:
            raise ValueError("not a ClientHello")
        # A large hello (post-quantum key shares) may be spread over several records.
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big"):
            return Hello(_server_name(_Fields(bytes(message[4:]))))


class _Fields:
    """A cursor over TLS's length-prefixed vectors; raises ValueError at the end of the data."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bool__(self) -> bool:
        return bool(self._data)

    def take(self, count: int) -> bytes:
        if count > len(self._data):
            raise ValueError("a ClientHello ends in the middle of a field")
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        return self.take(self.number(size))


def _server_name(hello: _Fields) -> str | None:
    hello.take(2 + 32)  # version, random
    hello.vector(1)  # session id
    hello.vector(2)  # cipher suites
    hello.vector(1)  # compression methods
    if not hello:
        return None  # extensions are optional below TLS 1.3
    extensions = _Fields(hello.vector(2))
    while extensions:
        kind, body = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            names = _Fields(_Fields(body).vector(2))
            names.take(1)  # host_name is the only type there is
            return names.vector(2).decode("ascii", "replace").lower()
    return None
