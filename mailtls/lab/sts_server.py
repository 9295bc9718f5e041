"""A scripted HTTPS server for MTA-STS policies, polite or not, on one address."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from OpenSSL import SSL

from mailtls.lab.acting import Contexts, Over, choose_context, make_contexts, play
from mailtls.lab.channel import Channel, LineTooLongError
from mailtls.lab.script import Close, Script, steps
from mailtls.lab.serving import Listener

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailtls.lab.script import TLS

_CONNECTION_LIFE = 600.0  # seconds
_KEPT = 1000  # requests remembered


def response(body: bytes, status: str = "200 OK", headers: Mapping[str, str] | None = None) -> bytes:
    """Return an HTTP response of text/plain with a length; further headers are added, and one without a text is left out."""
    fields = {"Content-Type": "text/plain", "Content-Length": str(len(body))} | dict(headers or {})
    head = "".join(f"{name}: {text}\r\n" for name, text in fields.items() if text)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body


def policy(mode: str, *mx: str, max_age: int = 604800, end: str = "\r\n") -> bytes:
    """Return the text of a policy."""
    lines = ("version: STSv1", f"mode: {mode}", *(f"mx: {pattern}" for pattern in mx), f"max_age: {max_age}")
    return "".join(line + end for line in lines).encode()


@dataclass(frozen=True, slots=True)
class Serving:
    """What a policy host does: its TLS, and what it answers to any request."""

    tls: TLS | None = None
    """None answers in plaintext, before the hello is read."""

    answer: Script = b""
    on_hello: Script = ()
    """If not empty, done in place of the handshake once the ClientHello is read; then the connection is closed."""

    notify: bool = True
    """Whether it says close_notify behind its answer."""


class StsServer(Listener):
    """A server on one address and port."""

    def __init__(self, serving: Serving) -> None:
        """Describe a server; `start` makes one that listens. Raises SSL.Error if OpenSSL refuses its TLS."""
        super().__init__()
        self.serving = serving
        self.requests: list[bytes] = []  # heads, in order of arrival
        self.server_names: list[str | None] = []  # SNI values, None where a ClientHello had none

    @classmethod
    async def start(cls, address: str, port: int, serving: Serving) -> StsServer:
        """Listen on an address; port 0 picks a free one. Raises OSError if the port is taken."""
        self = cls(serving)
        await self._listen(address, port)
        return self

    @property
    def serving(self) -> Serving:
        """What the next connection will meet."""
        return self._serving

    @serving.setter
    def serving(self, serving: Serving) -> None:
        self._contexts = make_contexts(serving.tls)
        self._serving = serving

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._begin(self._serve(Channel(reader, writer), self._serving, self._contexts))

    async def _serve(self, channel: Channel, serving: Serving, contexts: Contexts) -> None:
        try:
            with contextlib.suppress(OSError, EOFError, SSL.Error, TimeoutError, Over, LineTooLongError):
                async with asyncio.timeout(_CONNECTION_LIFE):
                    await self._answer(channel, serving, contexts)
        finally:
            await channel.drop()

    async def _answer(self, channel: Channel, serving: Serving, contexts: Contexts) -> None:
        if serving.tls is None and not serving.on_hello:
            await play(channel, serving.answer)
            await channel.finish(notify=False)
            return
        hello, flight = await channel.read_hello()
        self.server_names = [*self.server_names[-_KEPT:], hello.server_name if hello else None]
        if serving.on_hello or serving.tls is None:
            await play(channel, (*steps(serving.on_hello), Close()))
            return
        context = choose_context(serving.tls, contexts, hello)
        if isinstance(context, bytes):
            await play(channel, (context, Close()))
            return
        await channel.handshake(context, flight)
        lines: list[bytes] = []
        while (line := await channel.read_line()) or not lines:
            lines.append(line)
        self.requests = [*self.requests[-_KEPT:], b"\r\n".join(lines)]
        await play(channel, serving.answer)
        await channel.finish(notify=serving.notify)
