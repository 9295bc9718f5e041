"""Probing: where visits, raw hellos and the budget meet. A scan is the visits to one endpoint for one purpose."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from mailtls.dial import Ended, ended, why_out_of_scope
from mailtls.evidence import Failure, Offer, ProbeEvidence, Purpose, ScanEvidence
from mailtls.facts.visits import came_to_hello
from mailtls.hellos import Asked, HelloEvidence, Silent
from mailtls.model import Cause, Stage, Unknown
from mailtls.next_offer import next_offer
from mailtls.raw_hello import ask, ask_all
from mailtls.tls.enumeration import Enumeration
from mailtls.tls.picture import read_picture
from mailtls.tls.recheck import Recheck
from mailtls.tracking.holding import is_of_other_certificates
from mailtls.visit import visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtls.budget import Budget
    from mailtls.hellos import HelloOffer
    from mailtls.model import Endpoint
    from mailtls.raw_hello import Questions
    from mailtls.visit import Visitor

    Told = Callable[[Endpoint, ProbeEvidence | Asked], None]
    """Is told what came of each connection: a whole visit, or a raw hello."""
    Keep = Callable[[HelloEvidence], None]
    """Is given what there is of an enumeration: from time to time, and at its end, however it ends."""

_KEPT_EVERY = 10.0
"""Seconds of an enumeration that a process which is killed may lose."""

log = structlog.get_logger(component="probe")


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
            while (offer := next_offer(purpose, probes)) is not None:
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

        await ask_all(questions, one, self.budget.at_once)

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
        """Make one connection, and let the budget know what came of it. Never raises, but when it is cancelled."""
        self.in_flight += 1
        try:
            probe = await visit(self.visitor, endpoint, offer)
        finally:
            self.in_flight -= 1
        self.budget.report(endpoint, probe.failure)
        self._told(endpoint, probe)
        return probe
