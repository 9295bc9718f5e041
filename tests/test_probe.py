"""What was enumerated before: checked and gone on with, by an earlier process or this one, and never taken for today's unseen."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from mailtls import probe as probe_module
from mailtls.budget import Budget, Limits
from mailtls.dial import Network
from mailtls.evidence import Purpose, ScanEvidence
from mailtls.hellos import Accepted, Asked, HelloEvidence, Silent
from mailtls.lab import TLS, Authority, Behaviour, MailServer
from mailtls.model import Cause, Endpoint, EndpointObservation, Known, Stage, Unknown
from mailtls.probe import Prober
from mailtls.store.codec import decode, encode
from mailtls.tls.refusals import vouched_refusals
from mailtls.tracking.holding import absorb, observe
from mailtls.visit import Visitor

HOST = "mx.again.example"
SUITES = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"


@dataclass
class Again:
    """A server, and a new prober for each scan, as each process has one of its own."""

    server: MailServer
    authority: Authority
    anchors: Any
    kept: list[HelloEvidence] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    skipped: float = 0.0

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(HOST, ip_address("127.0.0.1"), self.server.address[1])

    async def scan(self, earlier: HelloEvidence | None = None, *, seen_to_hold: bool = False) -> ScanEvidence:
        self.asked.clear()
        return await self.prober().scan(self.endpoint, Purpose.FULL, earlier, self.kept.append, seen_to_hold=seen_to_hold)

    def prober(self) -> Prober:
        network = Network(allow_networks=(ip_network("127.0.0.0/8"),), connect_timeout=1)
        return Prober(Visitor(network, "probe.example", 2.0), Budget(Limits(pace=0.0, scan_deadline=20), self.now, self.skip), self.tell)

    def now(self) -> float:
        return time.monotonic() + self.skipped

    async def skip(self, seconds: float) -> None:
        """Let a pause that was asked for pass at once."""
        self.skipped += seconds

    def tell(self, _endpoint: Endpoint, seen: object) -> None:
        if isinstance(seen, Asked):
            self.asked.append(seen)

    def observed(self, *scans: ScanEvidence) -> EndpointObservation:
        track = None
        for scan in scans:
            track = absorb(track, scan, self.anchors)
        return observe(track, self.endpoint, scans[-1].began, None)


@pytest.fixture
async def again(authority: Authority, anchors):
    tls = TLS(identities=(authority.issue([HOST], key="rsa2048"),), ciphers=SUITES)
    server = await MailServer.start("127.0.0.1", 0, Behaviour(tls=tls))
    yield Again(server, authority, anchors)
    await server.stop()


def of_yesterday(found: HelloEvidence | None) -> HelloEvidence:
    """Return hellos as an earlier process left them in the store."""
    assert found is not None
    read = decode(encode(found))
    return HelloEvidence(read.asked, read.began - timedelta(days=1), read.complete)


class Interrupting:
    """Answers raw hellos as the server does, but for those from a number on: for these it asks us to leave."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        self.left = after
        self.ask = probe_module.ask
        monkeypatch.setattr(probe_module, "ask", self)

    async def __call__(self, endpoint: Endpoint, offer: Any, *args: Any) -> Asked:
        if self.left <= 0:
            return Asked(offer, Silent(Cause.RATE_LIMITED, Stage.GREETING, "421 too many"))
        self.left -= 1
        return await self.ask(endpoint, offer, *args)


async def test_what_an_earlier_process_found_is_checked_and_then_known(again: Again) -> None:
    first = await again.scan()
    connections = len(again.asked)
    assert first.hellos is not None
    assert first.hellos.complete
    assert again.kept == [first.hellos]
    earlier = of_yesterday(first.hellos)
    second = await again.scan(earlier)
    assert 0 < len(again.asked) < connections / 2
    assert second.hellos is earlier
    assert second.rechecked is not None
    assert second.rechecked.complete
    assert len(again.kept) == 1  # nothing new
    assert again.observed(second).readings["cipher_suites"] == again.observed(first).readings["cipher_suites"]


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("answered", [0, 1, 3])
async def test_what_an_earlier_process_found_says_nothing_of_today_while_the_check_is_not_answered(
    answered: int, complete: bool, again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = of_yesterday((await again.scan()).hellos)
    earlier = HelloEvidence(earlier.asked, earlier.began, complete)
    again.kept.clear()
    Interrupting(monkeypatch, answered)
    scan = await again.scan(earlier)
    readings = again.observed(scan).readings
    suites = readings["cipher_suites"]
    assert isinstance(suites, Unknown)
    assert suites.cause is Cause.RATE_LIMITED
    assert isinstance(readings["groups"], Unknown)
    assert scan.hellos is scan.rechecked
    assert scan.hellos is not None
    assert not scan.hellos.complete
    assert not set(scan.hellos.asked) & set(earlier.asked)
    assert again.kept == []  # and the earlier one stays what the next check begins with


async def test_what_this_process_saw_hold_goes_on_to_hold_through_a_check_that_is_not_answered(
    again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await again.scan()
    Interrupting(monkeypatch, 1)
    scan = await again.scan(first.hellos, seen_to_hold=True)
    assert scan.hellos is first.hellos
    assert isinstance(again.observed(first, scan).readings["cipher_suites"], Known)
    assert isinstance(again.observed(scan).readings["cipher_suites"], Unknown)  # what nobody saw hold is no evidence of now


@pytest.mark.parametrize("seen_to_hold", [True, False])
async def test_an_interrupted_enumeration_is_gone_on_with_where_it_stopped(
    seen_to_hold: bool, again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (await again.scan()).hellos
    assert whole is not None
    with monkeypatch.context() as patched:
        Interrupting(patched, len(whole.asked) // 2)
        half = (await again.scan()).hellos
    assert half is not None
    assert again.kept[-1] is half
    assert not half.complete
    answered = [item for item in half.asked if not isinstance(item.answer, Silent)]
    assert len(answered) == len(whole.asked) // 2
    earlier = of_yesterday(half)
    scan = await again.scan(earlier, seen_to_hold=seen_to_hold)
    found = scan.hellos
    assert found is not None
    assert found.complete
    assert again.kept[-1] is found
    assert found.began == earlier.began  # so that it is renewed by the age of its first answers
    vouched = vouched_refusals(half.asked)
    kept = [item for item in answered if isinstance(item.answer, Accepted) or item in vouched]  # the other refusals are asked for again
    assert [item for item in found.asked if item in kept] == kept
    fresh = [item for item in found.asked if item not in kept]
    assert all(item.began > 86_000 for item in fresh)
    assert len(fresh) <= len(whole.asked) - len(kept) + 1
    assert len(again.asked) > len(fresh)  # a check came first: a server that has changed is not gone on with
    suites = again.observed(scan).readings["cipher_suites"]
    assert isinstance(suites, Known)
    assert {v: set(s) for v, s in suites.value.items()} == {
        "TLSv1.2": {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
        "TLSv1.3": {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"},
    }


@pytest.mark.parametrize("complete", [True, False])
async def test_a_server_that_changed_meanwhile_is_asked_for_everything_again(complete: bool, again: Again) -> None:
    earlier = of_yesterday((await again.scan()).hellos)
    assert again.server.behaviour.tls is not None
    again.server.behaviour = Behaviour(tls=replace(again.server.behaviour.tls, max_version="TLSv1.2"))
    scan = await again.scan(HelloEvidence(earlier.asked, earlier.began, complete))
    versions = again.observed(scan).readings["tls_versions"]
    assert versions == Known(["TLSv1.2"])
    assert scan.hellos is not None
    assert scan.hellos.began == scan.began


async def test_hellos_with_another_certificate_than_today_are_no_evidence_of_today(again: Again) -> None:
    earlier = of_yesterday((await again.scan()).hellos)
    old = {item.answer.chain for item in earlier.asked if isinstance(item.answer, Accepted) and item.answer.chain}
    assert len(old) == 1
    again.server.behaviour = Behaviour(tls=TLS(identities=(again.authority.issue([HOST], key="rsa2048"),), ciphers=SUITES))
    scan = await again.scan(earlier)
    certificates = again.observed(scan).readings["certificates"]
    assert isinstance(certificates, Known)
    assert len(certificates.value) == 1
    assert scan.hellos is not None
    assert old.isdisjoint(item.answer.chain for item in scan.hellos.asked if isinstance(item.answer, Accepted))


async def test_a_long_enumeration_is_kept_from_time_to_time(again: Again, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_module, "_KEPT_EVERY", 0.0)
    await again.scan()
    sizes = [len(found.asked) for found in again.kept]
    assert sizes == sorted(sizes)
    assert len(sizes) == len(again.asked) + 1
    assert [found.complete for found in again.kept] == [False] * len(again.asked) + [True]


async def test_an_enumeration_that_is_cancelled_leaves_what_was_asked_so_far(again: Again, monkeypatch: pytest.MonkeyPatch) -> None:
    reached = asyncio.Event()
    ask = probe_module.ask

    async def stalling(endpoint: Endpoint, offer: Any, *args: Any) -> Asked:
        if len(again.asked) >= 3:
            reached.set()
            await asyncio.Event().wait()
        return await ask(endpoint, offer, *args)

    monkeypatch.setattr(probe_module, "ask", stalling)
    scanning = asyncio.create_task(again.scan())
    await asyncio.wait_for(reached.wait(), 10)
    scanning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scanning
    assert [found.complete for found in again.kept] == [False]
    assert any(isinstance(item.answer, Accepted) for item in again.kept[0].asked)


async def test_an_enumeration_that_we_break_off_is_kept_as_interrupted(again: Again, monkeypatch: pytest.MonkeyPatch) -> None:
    prober = again.prober()
    ask = probe_module.ask

    async def stopping(endpoint: Endpoint, offer: Any, *args: Any) -> Asked:
        prober.closing = len(again.asked) >= 3
        return await ask(endpoint, offer, *args)

    monkeypatch.setattr(probe_module, "ask", stopping)
    await prober.scan(again.endpoint, Purpose.FULL, keep=again.kept.append)
    assert [found.complete for found in again.kept] == [False]
    assert sum(isinstance(item.answer, Silent) for item in again.kept[0].asked) < len(again.kept[0].asked)
    assert datetime.now(UTC) - again.kept[0].began < timedelta(minutes=1)
