"""Probing: where dialogue, handshake and budget meet. One visit is one connection; a scan is the visits to one endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from mailtls.dial import Ended, dial, ended, source_of, why_out_of_scope
from mailtls.dialogue import Dialogue, Transcript
from mailtls.evidence import Failure, Handshake, KeyType, Offer, ProbeEvidence, Purpose, ScanEvidence
from mailtls.facts.visits import came_to_hello, is_out_of_step
from mailtls.handshake import Channel
from mailtls.hellos import Asked, HelloEvidence, Refused, Silent
from mailtls.model import Cause, Stage, Unknown
from mailtls.raw_hello import ask, ask_all
from mailtls.readable import readable
from mailtls.smtp import ehlo, meaning
from mailtls.smtp.reply import Incomplete, Malformed, Parsed, Reply, read_reply
from mailtls.tls.certificate import read_certificate
from mailtls.tls.enumeration import Enumeration
from mailtls.tls.names import ABOUT_THE_OFFER
from mailtls.tls.picture import read_picture
from mailtls.tls.recheck import Recheck
from mailtls.tracking.holding import is_of_other_certificates

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtls.budget import Budget
    from mailtls.dial import Network
    from mailtls.hellos import HelloOffer
    from mailtls.model import Endpoint
    from mailtls.raw_hello import Questions

    Told = Callable[[Endpoint, ProbeEvidence | Asked], None]
    """Is told what came of each connection: a whole visit, or a raw hello."""
    Keep = Callable[[HelloEvidence], None]
    """Is given what there is of an enumeration: from time to time, and at its end, however it ends."""

_QUIT_PATIENCE = 2.0
_KEPT_EVERY = 10.0
"""Seconds of an enumeration that a process which is killed may lose."""
_USUAL = Offer()

log = structlog.get_logger(component="probe")


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


class Prober:
    """Visits endpoints, within a budget."""

    def __init__(self, visitor: Visitor, budget: Budget, told: Told | None = None) -> None:
        """Make a prober.

        Args:
            visitor: how to visit.
            budget: who may be visited when.
            told: called after each connection, e.g. to count it.

        """
        self.visitor = visitor
        self.budget = budget
        self._told = told or (lambda _endpoint, _seen: None)
        self.in_flight = 0
        self.closing = False

    async def scan(
        self, endpoint: Endpoint, purpose: Purpose, earlier: HelloEvidence | None = None, keep: Keep | None = None, *, seen_to_hold: bool = True
    ) -> ScanEvidence:
        """Visit an endpoint as often as the purpose needs, and no more once it does not want to be visited. Never raises.

        Args:
            endpoint: which.
            purpose: how closely.
            earlier: what an enumeration found before; one that was interrupted is gone on with, a whole one is checked again.
            keep: is given what a new enumeration finds.
            seen_to_hold: whether this process has seen ``earlier`` hold. One that comes from an earlier process is checked, be it whole or not,
                before it is evidence of today; until that has been done, what the check was told is all there is.

        """
        began = datetime.now(UTC)
        deadline = time.monotonic() + self.budget.limits.scan_deadline
        reason = why_out_of_scope(endpoint.address, self.visitor.network)
        if reason is not None:
            away = Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, reason)
            return ScanEvidence(endpoint, purpose, began, out_of_scope=away, vantage=self.visitor.vantage)
        probes: list[ProbeEvidence] = []
        failure: Failure | None = None
        try:
            while (offer := _next_offer(purpose, probes)) is not None:
                async with self.budget.place(endpoint, deadline):
                    if self.closing:
                        raise ended(Cause.NOT_ATTEMPTED, Stage.CONNECT, "mailtls is stopping")
                    probe = await self.visit(endpoint, offer)
                probes.append(probe)
        except Ended as end:
            failure = end.failure
        scan = ScanEvidence(endpoint, purpose, began, tuple(probes), failure, vantage=self.visitor.vantage)
        if purpose is Purpose.QUICK or not came_to_hello(scan):
            return scan
        if earlier is not None and is_of_other_certificates(earlier, scan):
            log.info("another certificate than when it was enumerated", mx=endpoint.host, address=str(endpoint.address))
            earlier = None
        return await self._with_hellos(scan, earlier, keep or (lambda _found: None), deadline, seen_to_hold=seen_to_hold)

    async def _with_hellos(
        self, scan: ScanEvidence, earlier: HelloEvidence | None, keep: Keep, deadline: float, *, seen_to_hold: bool
    ) -> ScanEvidence:
        """Add what raw hellos tell: the whole enumeration, or the few offers that show whether an earlier one still holds."""
        began = time.monotonic()
        again = Recheck(read_picture(() if earlier is None else earlier.asked))
        if not again.expected:
            earlier = None  # it holds nothing by which the server of now could be told from another
        if earlier is not None:  # gone on with, or shown again, only where the server is still what it was, as far as a few offers can tell
            await self._ask_all(scan.endpoint, again, began, deadline)
            rechecked = HelloEvidence(tuple(again.asked), scan.began, complete=again.holds)
            if again.deviations:
                why = "; ".join(f"{each.asked.offer.question} {each.why}" for each in again.deviations)
                log.info("what was enumerated no longer holds", mx=scan.endpoint.host, address=str(scan.endpoint.address), why=why)
                earlier = None
            elif earlier.complete or not again.holds:
                return replace(scan, hellos=earlier if seen_to_hold or again.holds else rechecked, rechecked=rechecked)
        return replace(scan, hellos=await self._enumerate(scan, earlier, keep, began, deadline))

    async def _enumerate(
        self, scan: ScanEvidence, earlier: HelloEvidence | None, keep: Keep, began: float, deadline: float
    ) -> HelloEvidence:
        """Ask for everything, or for what an interrupted enumeration had not come to."""
        first = scan.began if earlier is None else earlier.began
        enumeration = Enumeration(() if earlier is None else earlier.asked, in_haste=not self.budget.limits.pace)
        kept_at = began

        def keep_now_and_then() -> None:
            nonlocal kept_at
            if time.monotonic() - kept_at >= _KEPT_EVERY:
                kept_at = time.monotonic()
                keep(HelloEvidence(tuple(enumeration.asked), first, complete=False))

        try:
            await self._ask_all(scan.endpoint, enumeration, began - (scan.began - first).total_seconds(), deadline, keep_now_and_then)
        finally:  # also where it is broken off: what was asked need not be asked again
            found = HelloEvidence(tuple(enumeration.asked), first, enumeration.is_complete)
            keep(found)
        return found

    async def _ask_all(
        self, endpoint: Endpoint, questions: Questions, began: float, deadline: float, each: Callable[[], None] = lambda: None
    ) -> None:
        """Ask as many questions at a time as the budget lets us, until there is nothing left to ask, or to learn."""

        async def one(offer: HelloOffer) -> Asked:
            asked = await self._ask(endpoint, offer, questions, began, deadline)
            self._told(endpoint, asked)
            each()
            return asked

        await ask_all(questions, one, self.budget.limits.per_operator)

    async def _ask(self, endpoint: Endpoint, offer: HelloOffer, questions: Questions, began: float, deadline: float) -> Asked:
        try:
            async with self.budget.place(endpoint, deadline):
                if self.closing or questions.interrupted is not None:
                    return Asked(offer, Silent(Cause.NOT_ATTEMPTED, Stage.CONNECT, "the scan was broken off"))
                self.in_flight += 1
                try:
                    visitor = self.visitor
                    asked = await ask(endpoint, offer, visitor.network, visitor.ehlo_name, visitor.probe_deadline, began)
                finally:
                    self.in_flight -= 1
                # A hello that is not answered says something about the hello; the rest of the dialogue, about us.
                silent = asked.answer if isinstance(asked.answer, Silent) and asked.answer.stage is not Stage.HELLO else None
                self.budget.report(endpoint, None if silent is None else Failure(silent.cause, silent.stage, silent.detail))
                return asked
        except Ended as end:
            return Asked(offer, Silent(end.failure.cause, end.failure.stage, end.failure.detail))

    async def visit(self, endpoint: Endpoint, offer: Offer) -> ProbeEvidence:
        """Make one connection: greeting, EHLO, STARTTLS, handshake, EHLO again, QUIT. Never raises, but when it is cancelled."""
        visit = _Visit(self.visitor, endpoint, offer)
        began = datetime.now(UTC)
        failure: Failure | None = None
        self.in_flight += 1
        try:
            async with asyncio.timeout(self.visitor.probe_deadline):
                await visit.run()
        except TimeoutError:
            failure = None if visit.concluded else visit.timed_out()
        except Ended as end:
            failure = end.failure
        except Exception as error:
            log.exception("a visit broke", probe_id=visit.probe_id, mx=endpoint.host, address=str(endpoint.address))
            failure = Failure(Cause.INTERNAL_ERROR, visit.transcript.stage, f"{type(error).__name__}: {readable(str(error), 160)}")
        finally:
            self.in_flight -= 1
            visit.close()
        probe = ProbeEvidence(
            offer=offer,
            began=began,
            exchanges=visit.transcript.exchanges(),
            handshake=visit.handshake,
            failure=failure,
            took=visit.transcript.elapsed,
            octets_sent=visit.transcript.octets_sent,
            octets_received=visit.transcript.octets_received,
            source=visit.source,
            probe_id=visit.probe_id,
        )
        self.budget.report(endpoint, failure)
        self._told(endpoint, probe)
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


def _next_offer(purpose: Purpose, probes: list[ProbeEvidence]) -> Offer | None:
    """Choose the next visit of a scan, or ``None`` where it is over.

    What one connection alone says against a server is asked again on a fresh one. A full scan goes on to ask for the kinds of
    certificate that the usual offer did not bring, then goes without SNI, and comes back with the usual offer only where the last
    answer was a refusal, which needs one that vouches for it.
    """
    if not probes:
        return _USUAL
    last = probes[-1]
    repeated = len(probes) > 1 and probes[-2].offer == last.offer
    if last.failure is not None and last.failure.stage is not Stage.EHLO_TLS:
        return None
    secured = [probe.handshake for probe in probes if isinstance(probe.handshake, Handshake)]
    if last.handshake is None:
        # No STARTTLS, or none that works: it is said against the server when two connections agree.
        return None if len(probes) > 1 and probes[-2].handshake is None else _USUAL
    if isinstance(last.handshake, Refused) and not repeated and (not secured or last.handshake.alert not in ABOUT_THE_OFFER):
        return last.offer
    if purpose is Purpose.QUICK or not secured:
        return None
    key_type = read_certificate(secured[0].chain[0]).key_type if secured[0].chain else None
    shown = KeyType.EDDSA if key_type in ("Ed25519", "Ed448") else key_type
    wanted = [*(Offer(key_type=kind) for kind in KeyType if kind != shown), Offer(with_sni=False)]
    for offer in wanted:
        if all(probe.offer != offer or probe.handshake is None for probe in probes):
            return offer
    # One more that vouches for the last refusal; where that is refused as well, nothing does.
    return _USUAL if isinstance(last.handshake, Refused) and not last.offer.is_usual else None


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
            if is_out_of_step(self.transcript.exchanges()):
                raise ended(Cause.PROTOCOL_ERROR, Stage.EHLO, "the replies do not match the commands: one too many came")
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
