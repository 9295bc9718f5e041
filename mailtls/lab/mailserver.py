"""A scripted SMTP server with STARTTLS, polite or not, on one address."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass

from OpenSSL import SSL

from mailtls.lab.acting import Contexts, Over, choose_context, make_contexts, play
from mailtls.lab.channel import Channel, LineTooLongError
from mailtls.lab.script import (
    TLS,
    Behaviour,
    Close,
    ConnectionLimit,
    Delay,
    Drip,
    Flood,
    Reset,
    Script,
    Stall,
    Step,
    reply_code,
    steps,
)
from mailtls.lab.serving import Listener

__all__ = [
    "TLS",
    "Behaviour",
    "Close",
    "ConnectionLimit",
    "Delay",
    "Drip",
    "Flood",
    "MailServer",
    "Reset",
    "Script",
    "Stall",
    "Step",
]

_CONNECTION_LIFE = 600.0  # seconds
_VISITS_KEPT = 10_000
_KEPT = 1000  # commands and server names remembered


@dataclass(slots=True)
class Visit:
    """One connection that came: from which address, and when it was accepted and ended (``None`` while it lasts), on the monotonic clock."""

    source: str
    began: float
    ended: float | None = None


class MailServer(Listener):
    """A server on one address and port, doing to each connection what `behaviour` says when it is accepted."""

    def __init__(self, behaviour: Behaviour) -> None:
        """Describe a server; `start` makes one that listens."""
        super().__init__()
        self.behaviour = behaviour
        self.peak = 0  # most open at once
        self.visits: deque[Visit] = deque(maxlen=_VISITS_KEPT)  # the last ones
        self.commands: list[bytes] = []  # the last thousand, in order of arrival, without line ends
        self.server_names: list[str | None] = []  # the last thousand SNI values, None where a ClientHello had none
        self._toward: dict[str, tuple[Behaviour, Contexts]] = {}
        self._accepted: deque[float] = deque()

    @classmethod
    async def start(cls, address: str, port: int, behaviour: Behaviour) -> MailServer:
        """Listen on an address; port 0 picks a free one.

        Raises OSError if the port is taken, and SSL.Error if OpenSSL refuses the behaviour's TLS.
        """
        self = cls(behaviour)
        await self._listen(address, port)
        return self

    @property
    def behaviour(self) -> Behaviour:
        """What the next connection will meet; setting it raises SSL.Error if OpenSSL refuses its TLS."""
        return self._behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        # Now, not at the first handshake: there a mistake in a test's settings would pass for the fault under test.
        self._contexts = make_contexts(behaviour.tls)
        self._behaviour = behaviour

    def show(self, source: str, behaviour: Behaviour | None) -> None:
        """Do something else to the next connections from one address, as somebody on the way would; ``None`` ends that.

        Raises SSL.Error if OpenSSL refuses the behaviour's TLS.
        """
        if behaviour is None:
            self._toward.pop(source, None)
        else:
            self._toward[source] = behaviour, make_contexts(behaviour.tls)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = Visit(writer.get_extra_info("peername")[0], time.monotonic())
        self.visits.append(visit)
        behaviour, contexts = self._toward.get(visit.source, (self._behaviour, self._contexts))
        task = self._begin(self._serve(Channel(reader, writer), behaviour, contexts))
        task.add_done_callback(lambda _done: setattr(visit, "ended", time.monotonic()))
        self.peak = max(self.peak, len(self._tasks))

    async def _serve(self, channel: Channel, behaviour: Behaviour, contexts: Contexts) -> None:
        try:
            # A client that leaves, in whatever way and whenever, is no news; neither is the end of our own patience.
            with contextlib.suppress(OSError, EOFError, SSL.Error, TimeoutError, Over):
                async with asyncio.timeout(_CONNECTION_LIFE):
                    await self._converse(channel, behaviour, contexts)
        finally:
            await channel.drop()

    async def _converse(self, channel: Channel, behaviour: Behaviour, contexts: Contexts) -> None:
        if behaviour.limit is not None and self._over_limit(behaviour.limit):
            await play(channel, (behaviour.limit.reply, Close()))
        greeting = behaviour.greeting_reply()
        await _reply(channel, greeting)
        rejecting = reply_code(greeting)[:1] in (b"4", b"5")
        while True:
            try:
                line = await channel.read_line()
            except LineTooLongError:
                await play(channel, (b"500 5.5.2 Line too long\r\n", Close()))
                continue
            self.commands.append(line)
            del self.commands[:-_KEPT]
            verb = line.split(maxsplit=1)[0].upper() if line.strip() else b""
            if verb == b"QUIT":
                await play(channel, behaviour.quit_reply())
                await channel.finish(notify=True)
                return
            if rejecting:
                await channel.send(b"503 5.5.1 No service here\r\n")
            elif verb == b"STARTTLS" and not channel.inside_tls:
                reply = behaviour.starttls_reply()
                await _reply(channel, reply)
                if reply_code(reply) == b"220":
                    await self._start_tls(channel, behaviour, contexts)
            else:
                await _reply(channel, _answer(verb, behaviour, inside_tls=channel.inside_tls))

    async def _start_tls(self, channel: Channel, behaviour: Behaviour, contexts: Contexts) -> None:
        hello, flight = await channel.read_hello()
        self.server_names.append(hello.server_name if hello else None)
        del self.server_names[:-_KEPT]
        if behaviour.on_hello or behaviour.tls is None:
            await play(channel, (*steps(behaviour.on_hello), Close()))
            return
        context = choose_context(behaviour.tls, contexts, hello)
        if isinstance(context, bytes):
            await play(channel, (context, Close()))
            return
        try:
            await channel.handshake(context, flight)
        except SSL.Error:
            await channel.finish(notify=False)  # so that the alert arrives, not a reset
            raise

    def _over_limit(self, limit: ConnectionLimit) -> bool:
        now = time.monotonic()
        while self._accepted and self._accepted[0] <= now - limit.window_seconds:
            self._accepted.popleft()
        if len(self._accepted) >= limit.count:
            return True
        self._accepted.append(now)
        return False


def _answer(verb: bytes, behaviour: Behaviour, *, inside_tls: bool) -> Script:
    match verb:
        case b"EHLO":
            return behaviour.ehlo_reply(inside_tls=inside_tls)
        case b"HELO":
            return behaviour.helo_reply()
        case b"STARTTLS":
            return b"503 5.5.1 TLS is already active\r\n"
        case b"NOOP" | b"RSET":
            return b"250 2.0.0 OK\r\n"
        case b"MAIL" | b"RCPT" | b"DATA" | b"VRFY":
            return b"550 5.7.1 The lab takes no mail\r\n"
        case _:
            return b"500 5.5.2 Command unrecognized\r\n"


async def _reply(channel: Channel, script: Script) -> None:
    """Play a script and hang up after a 421."""
    await play(channel, script)
    if reply_code(script) == b"421":
        await play(channel, (Close(),))
