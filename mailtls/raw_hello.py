"""Asking with a raw hello: connect, greeting, EHLO, STARTTLS, hello, answer, on one connection and with as little work as that takes.

A scan makes a hundred of these where it makes three full handshakes, so this path is lean: one protocol object, no task of its own, no
transcript but what a failure needs. What replies mean is decided by the same pure code as everywhere (``smtp/``).
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Protocol

from mailtls.dial import Ended, connect, source_of, why_lost
from mailtls.hellos import Asked, Silent
from mailtls.model import Cause, Stage
from mailtls.readable import readable
from mailtls.smtp import ehlo, meaning
from mailtls.smtp.reply import MAX_LINE, Incomplete, Malformed, Reply, read_reply
from mailtls.tls.answer import AnswerReader
from mailtls.tls.hello import RANDOM, client_hello

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from mailtls.dial import Network
    from mailtls.hellos import Answer, HelloOffer
    from mailtls.model import Endpoint

_READ = 16_384


async def ask(endpoint: Endpoint, offer: HelloOffer, network: Network, ehlo_name: str, deadline: float, since: float) -> Asked:
    """Make one connection for one offer. Never raises, but when it is cancelled.

    Args:
        endpoint: whom to ask; with its server name.
        offer: what to offer.
        network: the rules of dialling.
        ehlo_name: what we call ourselves, in ASCII.
        deadline: seconds for the whole connection.
        since: when the scan began, on the clock of ``time.monotonic``.

    """
    began = time.monotonic()
    loop = asyncio.get_running_loop()
    question = _Question(offer, endpoint.server_name, ehlo_name.encode("ascii"), loop.create_future())
    try:
        transport = await connect(endpoint, network, question)
    except Ended as end:
        now = time.monotonic()
        return Asked(offer, Silent(end.failure.cause, end.failure.stage, end.failure.detail), began - since, now - since)
    source = source_of(transport)
    timer = loop.call_later(max(0.0, began + deadline - time.monotonic()), question.expire, deadline)
    try:
        answer = await question.answer
    finally:
        timer.cancel()
        transport.close()
    sent, received = question.octets
    return Asked(offer, answer, began - since, time.monotonic() - since, source, sent, received)


async def ask_all(questions: Questions, ask_one: Callable[[HelloOffer], Coroutine[None, None, Asked]], at_once: int) -> None:
    """Ask everything that a line of questions wants to know; stops when it is interrupted.

    Args:
        questions: what to ask next; it learns each answer.
        ask_one: makes one connection for one offer; waits for its turn where it has to.
        at_once: offers under way at a time, at most. The next one is chosen when there is room for it, knowing as much as can be known.

    """
    under_way: set[asyncio.Task[Asked]] = set()
    try:
        while not questions.is_done:
            while len(under_way) < at_once and (offer := questions.next_offer()) is not None:
                under_way.add(asyncio.create_task(ask_one(offer)))
            if not under_way:
                return
            done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                questions.learn(task.result())
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


class Questions(Protocol):
    """What :func:`ask_all` asks: an enumeration, or a recheck."""

    interrupted: Silent | None

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to ask, and no answer is awaited."""

    def next_offer(self) -> HelloOffer | None:
        """Return an offer to make now, if there is one."""

    def learn(self, asked: Asked) -> None:
        """Take the answer to one of them."""


class _Question(asyncio.BufferedProtocol):
    """One connection, from the greeting to the answer."""

    _buffer = memoryview(bytearray(_READ))  # one for all: what the loop reads into it is copied before it reads again

    def __init__(self, offer: HelloOffer, host: str, name: bytes, answer: asyncio.Future[Answer]) -> None:
        self.answer = answer
        self._offer, self._host, self._name = offer, host, name
        self._heard = b""
        self._stage = Stage.GREETING
        self._reader = AnswerReader(offer)
        self._transport: asyncio.Transport
        self._sent = self._received = 0

    @property
    def octets(self) -> tuple[int, int]:
        """Octets sent and received."""
        return self._sent, self._received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a stream socket

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the library's signature
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self.answer.done():
            return
        octets = bytes(self._buffer[:nbytes])
        self._received += nbytes
        if self._stage is Stage.HELLO:
            answer = self._reader.feed(octets)
            if answer is not None:
                self.answer.set_result(answer)
            return
        self._heard += octets
        if b"\n" in octets or len(self._heard) > MAX_LINE:
            self._read_reply()

    def _read_reply(self) -> None:
        outcome = read_reply(self._heard)
        if isinstance(outcome, Malformed):
            self._end(Cause.LIMIT_EXCEEDED if outcome.too_long else Cause.PROTOCOL_ERROR, outcome.why)
        elif not isinstance(outcome, Incomplete):
            self._heard = b""  # what came unasked behind the reply is not the answer to the next command
            self._go_on(outcome.reply)

    def _go_on(self, reply: Reply) -> None:
        if self._stage is Stage.GREETING and reply.code == 220:
            self._send(Stage.EHLO, b"EHLO " + self._name + b"\r\n")
        elif self._stage is Stage.EHLO and reply.code == 250:
            if ehlo.offers_starttls(reply) or ehlo.looks_stripped(reply):
                self._send(Stage.STARTTLS, b"STARTTLS\r\n")
            else:
                self._end(Cause.PROTOCOL_ERROR, "STARTTLS is not offered any more")
        elif self._stage is Stage.STARTTLS and reply.code == 220:
            self._send(Stage.HELLO, client_hello(self._offer, self._host, os.urandom(RANDOM)))
        else:
            self._end(meaning.why_refused(reply), str(reply))
            if reply.code != 421:
                self._send(self._stage, b"QUIT\r\n")

    def _send(self, stage: Stage, octets: bytes) -> None:
        self._stage = stage
        self._sent += len(octets)
        self._transport.write(octets)

    def _end(self, cause: Cause, detail: str) -> None:
        if not self.answer.done():
            self.answer.set_result(Silent(cause, self._stage, detail))

    def expire(self, deadline: float) -> None:
        """Say what the deadline cut off."""
        limit = f"within {deadline:g} s"
        if self._stage is Stage.HELLO:
            self._end(Cause.READ_TIMEOUT, f"no {'whole ' if self._reader.has_begun else ''}answer to our hello {limit}")
            return
        outcome = read_reply(self._heard)
        if isinstance(outcome, Malformed):
            self._end(Cause.PROTOCOL_ERROR, outcome.why)
        elif self._heard:
            self._end(Cause.TARPIT, f"{len(self._heard)} octets of a reply {limit}, and no end of it")
        else:
            self._end(Cause.READ_TIMEOUT, f"no reply {limit}")

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answer.done():
            return
        if exc is not None and not isinstance(exc, ConnectionResetError | BrokenPipeError):
            # The network gave up, or a fault of ours: neither is anything that the server did.
            failure = why_lost(exc)
            self._end(failure.cause, failure.detail)
            return
        reset = exc is not None
        if self._stage is Stage.HELLO:
            self.answer.set_result(self._reader.end(reset=reset))
            return
        said = f"after '{readable(self._heard, 120)}'" if self._heard else "before any reply"
        self._end(Cause.CONNECTION_CLOSED, f"the server {'reset' if reset else 'closed'} the connection {said}")
