"""The dialogue before TLS, by aiosmtplib on a real socket, with a recording protocol beneath it.

aiosmtplib sends the commands and waits for the replies; what it lets fall (bytes behind a reply, odd replies) the recording keeps,
and what a reply *is* gets decided by ``smtp/reply.py`` from the recording alone.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol

from mailtls.dial import ended
from mailtls.evidence import Exchange
from mailtls.model import Cause, Stage
from mailtls.readable import readable
from mailtls.smtp.reply import MAX_REPLY, Incomplete, Malformed, Reply, read_reply

if TYPE_CHECKING:
    import socket

MAX_RECEIVED = 4 * MAX_REPLY
"""Octets of one visit's dialogue, all replies together."""
_READ_SIZE = 16_384
_QUIT_PATIENCE = 2.0


@dataclass(slots=True)
class _Turn:
    stage: Stage
    sent: bytes
    received: bytearray
    began: float
    last: float


class Transcript:
    """What was said, turn by turn, with times in seconds since the visit began."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._turns: list[_Turn] = []
        self.octets_sent = 0
        self.octets_received = 0
        self.stage = Stage.CONNECT
        self.overflowed = False

    @property
    def elapsed(self) -> float:
        """Seconds since the visit began."""
        return time.monotonic() - self._began

    def turn(self, stage: Stage, sent: bytes = b"") -> None:
        """Begin a turn: what we send, and whatever comes before the next one."""
        self.stage = stage
        now = self.elapsed
        self._turns.append(_Turn(stage, sent, bytearray(), now, now))

    def heard(self, octets: bytes) -> bool:
        """Add bytes of the server to the turn. Returns false where they exceed a cap; then they are not kept."""
        if not self._turns:
            self.turn(Stage.GREETING)
        turn = self._turns[-1]
        if len(turn.received) + len(octets) > MAX_REPLY + _READ_SIZE or self.octets_received > MAX_RECEIVED:
            self.overflowed = True
            return False
        turn.received += octets
        turn.last = self.elapsed
        return True

    @property
    def received(self) -> bytes:
        """What the server has sent in this turn."""
        return bytes(self._turns[-1].received) if self._turns else b""

    def exchanges(self) -> tuple[Exchange, ...]:
        """Return the transcript as evidence."""
        now = self.elapsed  # what was never answered took until now
        return tuple(
            Exchange(t.stage, t.sent, bytes(t.received), t.began, (t.last if t.received else now) - t.began) for t in self._turns
        )


class _Recording(SMTPProtocol):
    def __init__(self, transcript: Transcript, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.transcript = transcript

    def data_received(self, data: bytes) -> None:
        self.transcript.octets_received += len(data)
        if not self.transcript.heard(data):
            cast("asyncio.Transport", self.transport).abort()
            return
        super().data_received(data)

    def write(self, data: bytes) -> None:
        # What came unasked before this command is in the transcript; it must not be taken for the command's reply.
        del self._buffer[:]
        self.transcript.octets_sent += len(data)
        super().write(data)


class _Client(aiosmtplib.SMTP):
    """aiosmtplib's client over our protocol, returning a greeting other than 220 instead of raising it."""

    def __init__(self, transcript: Transcript, ehlo_name: str) -> None:
        super().__init__(hostname="", local_hostname=ehlo_name, start_tls=False, timeout=None)
        self.transcript = transcript

    async def _create_connection(self, timeout: float | None) -> aiosmtplib.SMTPResponse:  # noqa: ASYNC109 - the library's signature
        loop = asyncio.get_running_loop()
        protocol = _Recording(self.transcript, loop)
        self.transcript.turn(Stage.GREETING)
        transport, _ = await loop.create_connection(lambda: protocol, sock=self.sock)
        if hasattr(transport, "max_size"):  # asyncio's own default maps and unmaps 256 KiB for each read
            transport.max_size = _READ_SIZE
        self.protocol = protocol
        self.transport = transport
        return await protocol.read_response(timeout=timeout)


class Dialogue:
    """One SMTP dialogue. Its deadline is the caller's: total, not per reply."""

    def __init__(self, transcript: Transcript, ehlo_name: str) -> None:
        self.transcript = transcript
        self._name = ehlo_name.encode("ascii")
        self._client = _Client(transcript, ehlo_name)

    async def greeting(self, connection: socket.socket) -> Reply:
        """Take over a connected socket and wait for the whole greeting (RFC 5321 section 4.3.1)."""
        self.transcript.stage = Stage.GREETING
        try:
            await self._client.connect(sock=connection)
        except (aiosmtplib.SMTPException, OSError) as error:
            self._raise_unless_reply(error)
        return self._reply()

    async def ehlo(self, verb: bytes = b"EHLO") -> Reply:
        """Send EHLO, or HELO."""
        return await self._command(Stage.EHLO, verb, self._name)

    async def starttls(self) -> Reply:
        """Send STARTTLS (RFC 3207 section 4)."""
        return await self._command(Stage.STARTTLS, b"STARTTLS")

    async def quit(self) -> None:
        """Send QUIT and wait a moment for the answer; whatever comes, the visit is over."""
        if not self._client.is_connected:
            return
        try:
            async with asyncio.timeout(_QUIT_PATIENCE):
                await self._command(self.transcript.stage, b"QUIT")
        except Exception:  # noqa: BLE001, S110 - politeness, not measurement
            pass

    async def _command(self, stage: Stage, *words: bytes) -> Reply:
        self.transcript.turn(stage, b" ".join(words) + b"\r\n")
        try:
            await self._client.execute_command(*words)
        except (aiosmtplib.SMTPException, OSError) as error:
            self._raise_unless_reply(error)
        return self._reply()

    def _raise_unless_reply(self, error: Exception) -> None:
        """Raise why there is no reply; a reply that the library stumbled over, but which is whole, is a reply."""
        stage = self.transcript.stage
        outcome = read_reply(self.transcript.received)
        if self.transcript.overflowed:
            raise ended(Cause.LIMIT_EXCEEDED, stage, "the reply exceeds every bound") from error
        if isinstance(outcome, Incomplete):
            cut = self.transcript.received
            said = f"after '{readable(cut, 120)}'" if cut else "before any reply"
            reset = isinstance(error.__cause__, ConnectionResetError) or isinstance(error, ConnectionResetError)
            raise ended(Cause.CONNECTION_CLOSED, stage, f"the server {'reset' if reset else 'closed'} the connection {said}") from error

    def _reply(self) -> Reply:
        outcome = read_reply(self.transcript.received)
        if isinstance(outcome, Malformed):
            raise ended(Cause.LIMIT_EXCEEDED if outcome.too_long else Cause.PROTOCOL_ERROR, self.transcript.stage, outcome.why)
        if isinstance(outcome, Incomplete):
            raise ended(Cause.PROTOCOL_ERROR, self.transcript.stage, f"half a reply: '{readable(self.transcript.received, 120)}'")
        return outcome.reply

    def transport(self) -> asyncio.Transport | None:
        """Return the transport for the handshake to take over, or ``None`` where the server has closed it."""
        return cast("asyncio.Transport | None", self._client.transport)

    def close(self) -> None:
        """Close the connection, if it is open."""
        self._client.close()
