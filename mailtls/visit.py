"""One visit: one connection to an endpoint, from the greeting to QUIT, and everything that was seen on it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from mailtls.dial import Ended, dial, ended, source_of
from mailtls.dialogue import Dialogue, Transcript
from mailtls.evidence import Failure, Handshake, Offer, ProbeEvidence
from mailtls.facts.visits import why_void
from mailtls.handshake import Channel
from mailtls.hellos import Refused
from mailtls.model import Cause, Stage
from mailtls.readable import readable
from mailtls.smtp import ehlo, meaning
from mailtls.smtp.reply import Incomplete, Malformed, Parsed, Reply, read_reply

if TYPE_CHECKING:

    from mailtls.dial import Network
    from mailtls.model import Endpoint

_QUIT_PATIENCE = 2.0

log = structlog.get_logger(component="visit")


@dataclass(frozen=True, slots=True)
class Visitor:
    """How we visit.

    Args:
        network: the rules of dialling.
        ehlo_name: what we call ourselves, in ASCII; it should lead to a page that explains us.
        probe_deadline: seconds for one whole connection, from dialling to the last reply.
        vantage: the name of the place that we measure from.

    """

    network: Network
    ehlo_name: str
    probe_deadline: float = 60.0
    vantage: str = ""


async def visit(visitor: Visitor, endpoint: Endpoint, offer: Offer) -> ProbeEvidence:
    """Make one connection: greeting, EHLO, STARTTLS, handshake, EHLO again, QUIT. Never raises, but when it is cancelled."""
    going = _Visit(visitor, endpoint, offer)
    began = datetime.now(UTC)
    failure: Failure | None = None
    try:
        async with asyncio.timeout(visitor.probe_deadline):
            await going.run()
    except TimeoutError:
        failure = None if going.concluded else going.timed_out()
    except Ended as end:
        failure = end.failure
    except Exception as error:
        log.exception("a visit broke", probe_id=going.probe_id, mx=endpoint.host, address=str(endpoint.address))
        failure = Failure(Cause.INTERNAL_ERROR, going.transcript.stage, f"{type(error).__name__}: {readable(str(error), 160)}")
    finally:
        going.close()
    probe = ProbeEvidence(
        offer=offer,
        began=began,
        exchanges=going.transcript.exchanges(),
        handshake=going.handshake,
        failure=failure,
        took=going.transcript.elapsed,
        octets_sent=going.transcript.octets_sent,
        octets_received=going.transcript.octets_received,
        source=going.source,
        probe_id=going.probe_id,
    )
    _log_visit(endpoint, probe)
    return probe


def _log_visit(endpoint: Endpoint, probe: ProbeEvidence) -> None:
    said: dict[str, object] = {"probe_id": probe.probe_id, "mx": endpoint.host, "address": str(endpoint.address), "took": round(probe.took, 3)}
    if isinstance(probe.handshake, Handshake):
        log.debug("visited", **said, version=probe.handshake.version, cipher_suite=probe.handshake.cipher_suite)
    elif probe.failure is not None:
        log.info("visit inconclusive", **said, cause=probe.failure.cause, stage=probe.failure.stage, detail=probe.failure.detail)
    else:
        log.debug("visited", **said, tls="refused" if isinstance(probe.handshake, Refused) else "none")


class _Visit:
    """The state of one connection, kept outside the coroutine so that a time-out finds it."""

    _numbers = itertools.count(1)
    _run = secrets.token_hex(3)

    def __init__(self, visitor: Visitor, endpoint: Endpoint, offer: Offer) -> None:
        self._visitor = visitor
        self._endpoint = endpoint
        self._offer = offer
        self._dialogue: Dialogue | None = None
        self._channel: Channel | None = None
        self.transcript = Transcript()
        self.handshake: Handshake | Refused | None = None
        self.source = ""
        self.concluded = False  # all that was to be seen has been seen; what follows is politeness
        self.probe_id = f"{self._run}-{next(self._numbers)}"

    async def run(self) -> None:
        connection = await dial(self._endpoint, self._visitor.network)
        self.source = source_of(connection)
        try:
            self._dialogue = dialogue = Dialogue(self.transcript, self._visitor.ehlo_name)
        except BaseException:
            connection.close()
            raise
        greeting = await dialogue.greeting(connection)
        if greeting.code != 220:
            await self._leave(greeting)
        offers = await self._greet(dialogue)
        if not offers:
            self.concluded = True
            await dialogue.quit()
            void = why_void(self.transcript.exchanges())
            if void is not None:
                raise ended(void.cause, void.stage, void.detail)
            return
        answer = await dialogue.starttls()
        if answer.code != 220:
            if meaning.starttls_failed(answer):
                self.concluded = True
                await dialogue.quit()
                return
            await self._leave(answer)
        await self._secure(dialogue)

    async def _greet(self, dialogue: Dialogue) -> bool:
        """Say EHLO, or HELO to a server that knows no better. Returns whether STARTTLS is worth asking for."""
        reply = await dialogue.ehlo()
        if reply.code == 250:
            return ehlo.offers_starttls(reply) or ehlo.looks_stripped(reply)
        if not meaning.asks_for_helo(reply):
            await self._leave(reply)
        reply = await dialogue.ehlo(b"HELO")
        if reply.code != 250:
            await self._leave(reply)
        return False

    async def _leave(self, reply: Reply) -> None:
        """End the visit because of a reply, politely."""
        stage = self.transcript.stage
        cause = meaning.why_refused(reply)
        if reply.code != 421 and self._dialogue is not None:
            await self._dialogue.quit()
        raise ended(cause, stage, str(reply))

    async def _secure(self, dialogue: Dialogue) -> None:
        transport = dialogue.transport()
        if transport is None or transport.is_closing():
            raise ended(Cause.CONNECTION_CLOSED, Stage.HELLO, "the server closed the connection behind its 220")
        sni = self._endpoint.server_name if self._offer.with_sni else None
        self._channel = channel = Channel(transport, self.transcript, sni, self._offer.key_type)
        self.handshake = await channel.shake_hands()
        if isinstance(self.handshake, Refused):
            if self._offer.is_usual and self.handshake.alert is None:
                raise ended(Cause.CONNECTION_CLOSED, Stage.HELLO, "the server closed the connection after our hello")
            return
        if self._offer.is_usual:
            # Only now is it certain that TLS works: a TLS 1.3 client is done before the server has agreed (RFC 8446 section 4.4).
            reply = await self._converse(channel, b"EHLO " + self._visitor.ehlo_name.encode("ascii"))
            if reply.code != 250:
                raise ended(meaning.why_refused(reply), Stage.EHLO_TLS, str(reply))
            self.handshake = replace(self.handshake, early_data=channel.early_data())
        self.concluded = True
        with contextlib.suppress(Ended, TimeoutError):  # politeness, not measurement
            async with asyncio.timeout(_QUIT_PATIENCE):
                await self._converse(channel, b"QUIT")

    async def _converse(self, channel: Channel, command: bytes) -> Reply:
        """Send one command inside TLS, and return its reply."""
        self.transcript.turn(Stage.EHLO_TLS, command + b"\r\n")
        await channel.send(command + b"\r\n")
        while True:
            octets = await channel.receive()
            if not octets:
                raise ended(Cause.CONNECTION_CLOSED, Stage.EHLO_TLS, "the server closed the connection inside TLS")
            if not self.transcript.heard(octets):
                raise ended(Cause.LIMIT_EXCEEDED, Stage.EHLO_TLS, "the reply inside TLS exceeds every bound")
            outcome = read_reply(self.transcript.received)
            if isinstance(outcome, Malformed):
                raise ended(Cause.LIMIT_EXCEEDED if outcome.too_long else Cause.PROTOCOL_ERROR, Stage.EHLO_TLS, outcome.why)
            if isinstance(outcome, Parsed):
                return outcome.reply

    def timed_out(self) -> Failure:
        """Say what the deadline cut off: a server that sent nothing, one that dripped, or one that sent what is no reply."""
        stage = self.transcript.stage
        limit = f"within {self._visitor.probe_deadline:g} s"
        if stage in (Stage.HELLO, Stage.HANDSHAKE):
            return Failure(Cause.READ_TIMEOUT, stage, f"the handshake was not complete {limit}")
        if stage is Stage.CONNECT:
            return Failure(Cause.CONNECT_TIMEOUT, stage, f"no answer {limit}")
        heard = self.transcript.received
        outcome = read_reply(heard)
        if isinstance(outcome, Malformed):
            return Failure(Cause.LIMIT_EXCEEDED if outcome.too_long else Cause.PROTOCOL_ERROR, stage, outcome.why)
        if heard and isinstance(outcome, Incomplete):
            return Failure(Cause.TARPIT, stage, f"{len(heard)} octets of a reply {limit}, and no end of it")
        return Failure(Cause.READ_TIMEOUT, stage, f"no reply {limit}")

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._dialogue is not None:
            self._dialogue.close()
