"""Measuring a domain: what is excluded is left alone, and what could not be looked up is said with its cause and what is known."""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mailtls.budget import Budget, Limits
from mailtls.evidence import (
    Exchange,
    Failure,
    Handshake,
    HostRoute,
    Lookup,
    LookupOutcome,
    Offer,
    ProbeEvidence,
    Purpose,
    RouteEvidence,
    ScanEvidence,
)
from mailtls.hellos import Accepted, Asked, HelloEvidence, HelloOffer
from mailtls.lab import Authority
from mailtls.measure import Measurer
from mailtls.model import Cause, DomainObservation, Endpoint, Known, Stage, Unknown, Verdict
from mailtls.recording import Pace
from mailtls.tracking.history import Seen
from mailtls.tracking.kept import RouteKind, ScanKind
from mailtls.tracking.sts import StsTrack
from mailtls.trust.anchors import Anchors

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def found(rdtype: str, *records: str, outcome: LookupOutcome | None = None, omitted: int = 0) -> Lookup:
    outcome = outcome or (LookupOutcome.ANSWERED if records else LookupOutcome.NO_DATA)
    return Lookup("mx.a.example.", rdtype, outcome, records, "mx.a.example.", omitted=omitted)


def route(*addresses: Lookup, mx: tuple[str, ...] = ("10 mx.a.example.",)) -> RouteEvidence:
    hosts = (HostRoute("mx.a.example", 10, addresses),) if addresses else ()
    return RouteEvidence("a.example", Lookup("a.example.", "MX", LookupOutcome.ANSWERED, mx), hosts, began=NOW)


class Prober:
    """Visits nobody, slowly."""

    def __init__(self) -> None:
        self.closing = False
        self.scanned: list[Endpoint] = []

    async def scan(self, endpoint: Endpoint, purpose: Purpose, *_args: Any, **_more: Any) -> ScanEvidence:
        self.scanned.append(endpoint)
        await asyncio.sleep(0)
        return ScanEvidence(endpoint, purpose, NOW, failure=Failure(Cause.BUDGET_EXHAUSTED, Stage.CONNECT))


def measurer(anchors, answer: RouteEvidence | None = None, *excluded: str) -> Measurer:
    async def resolve(domain: str) -> RouteEvidence:
        assert answer is not None, f"{domain} was looked up"
        return answer

    return Measurer(SimpleNamespace(route=resolve), Prober(), anchors, 25, frozenset(excluded))  # type: ignore[arg-type]


def observed(anchors, *addresses: Lookup, **more: Any) -> DomainObservation:
    return measurer(anchors).observe("A", route(*addresses, **more), NOW)


FAILED = Unknown(Cause.DNS_TIMEOUT, Stage.DNS, "mx.a.example. AAAA: timed-out")


def test_addresses_are_known_where_both_families_were_answered(anchors) -> None:
    host = observed(anchors, found("A", "192.0.2.2", "192.0.2.1"), found("AAAA")).mx[0]
    assert host.readings["addresses"] == Known(["192.0.2.1", "192.0.2.2"])
    assert host.unresolved is None


@pytest.mark.parametrize(
    ("addresses", "cause", "seen"),
    [
        ((found("A", "192.0.2.1"), found("AAAA", outcome=LookupOutcome.TIMED_OUT)), Cause.DNS_TIMEOUT, ["192.0.2.1"]),
        ((found("A", outcome=LookupOutcome.SERVER_FAILURE), found("AAAA", "2001:db8::1")), Cause.DNS_FAILURE, ["2001:db8::1"]),
        ((found("A", outcome=LookupOutcome.BOGUS), found("AAAA")), Cause.DNSSEC_BOGUS, []),
        ((found("A", "192.0.2.1", omitted=3), found("AAAA")), Cause.LIMIT_EXCEEDED, ["192.0.2.1"]),
        ((found("A"), found("AAAA")), Cause.NO_ADDRESS, []),
    ],
)
def test_addresses_are_unknown_where_one_may_be_missing_and_say_which_are_seen(addresses, cause, seen, anchors) -> None:
    domain = observed(anchors, *addresses)
    reading = domain.mx[0].readings["addresses"]
    assert isinstance(reading, Unknown)
    assert (reading.cause, reading.stage, reading.seen) == (cause, Stage.DNS, seen)
    assert reading.detail
    assert domain.unresolved is not None
    assert domain.unresolved.cause is cause
    assert domain.verdict is Verdict.UNKNOWN
    assert (domain.mx[0].unresolved is None) is bool(seen)


def test_mx_records_are_written_as_the_hosts_are(anchors) -> None:
    domain = observed(anchors, found("A", "192.0.2.1"), mx=("20 B.Example.", "10 MX.a.example."))
    assert domain.readings["mx_records"] == Known([{"preference": 10, "host": "mx.a.example"}, {"preference": 20, "host": "b.example"}])


def test_the_root_stays_the_root(anchors) -> None:
    domain = observed(anchors, mx=("0 .",))
    assert domain.verdict is Verdict.NO_MAIL
    assert domain.readings["mx_records"] == Known([{"preference": 0, "host": "."}])
    assert domain.readings["mx_irregularities"] == Known([])
    among_others = observed(anchors, found("A", "192.0.2.1"), mx=("0 .", "10 mx.a.example."))
    assert among_others.verdict is Verdict.UNKNOWN
    assert among_others.readings["mx_irregularities"] == Known([{"host": ".", "code": "null-mx-among-others"}])


async def test_an_excluded_domain_is_not_even_looked_up(anchors) -> None:
    for domain in ("a.example", "sub.a.example"):
        way = await measurer(anchors, None, "a.example").route(domain)
        assert way.failure is not None
        assert way.failure.cause is Cause.NOT_ATTEMPTED


async def test_an_excluded_host_is_left_out_and_leaves_the_domain_unknown(anchors) -> None:
    leaving_out = measurer(anchors, route(found("A", "192.0.2.1")), "mx.a.example")
    way = await leaving_out.route("a.example")
    assert way.hosts == ()
    seen = leaving_out.observe("A", way, NOW)
    assert seen.verdict is Verdict.UNKNOWN
    assert seen.unresolved is not None
    assert "excluded" in seen.unresolved.detail


async def test_domains_that_lead_to_one_address_have_it_scanned_once(anchors) -> None:
    measuring = measurer(anchors)
    way = route(found("A", "192.0.2.1"), found("AAAA", "2001:db8::1"))
    told: list[tuple[str, bool]] = []
    await asyncio.gather(measuring.measure(way), measuring.measure(way, progress=lambda e, done: told.append((e.family, done))))
    assert sorted(e.family for e in measuring.prober.scanned) == ["ipv4", "ipv6"]  # type: ignore[attr-defined]
    assert sorted(told) == [("ipv4", False), ("ipv4", True), ("ipv6", False), ("ipv6", True)]
    assert {e.family for e in measuring.tracks} == {"ipv4", "ipv6"}


HERE = Endpoint("mx.a.example", ip_address("192.0.2.1"))
LEAF = b"a certificate"


def enumerated(began: datetime, *, complete: bool = True) -> HelloEvidence:
    offer = HelloOffer("TLSv1.3", (0x1301,), (29,), (2052,))
    return HelloEvidence((Asked(offer, Accepted("TLSv1.3", 0x1301, 29)),), began, complete)


class Memory:
    """Remembers what it is given, and is asked."""

    def __init__(self, known: HelloEvidence | None = None) -> None:
        self.known: dict[Endpoint, HelloEvidence] = {} if known is None else {HERE: known}
        self.asked = 0
        self.seen: list[Seen] = []
        self.kept: dict[ScanKind, ScanEvidence] = {}

    async def recall(self, endpoint: Endpoint) -> HelloEvidence | None:
        self.asked += 1
        return self.known.get(endpoint)

    def keep(self, endpoint: Endpoint, found: HelloEvidence) -> None:
        self.known[endpoint] = found

    def keep_scan(self, scan: ScanEvidence, kind: ScanKind) -> None:
        self.kept[kind] = scan

    def note(self, seen: Seen) -> None:
        self.seen.append(seen)

    def note_only(self, hosts: AbstractSet[str], domains: AbstractSet[str]) -> None:
        raise AssertionError("the schedule's")

    def keep_route(self, route: RouteEvidence, kind: RouteKind) -> None:
        raise AssertionError("the schedule's")

    def keep_policy(self, domain: str, track: StsTrack) -> None:
        raise AssertionError("there is no policy")

    def forget_all_but(self, endpoints: Any) -> None:
        self.known = {endpoint: found for endpoint, found in self.known.items() if endpoint in endpoints}


class Remembering:
    """A prober whose scans bring what a test says, and who writes down what it was given of earlier ones."""

    def __init__(self) -> None:
        self.closing = False
        self.budget = Budget(Limits())
        self.given: list[tuple[Purpose, HelloEvidence | None, bool]] = []
        self.finds: Any = lambda earlier: earlier

    async def scan(self, endpoint: Endpoint, purpose: Purpose, earlier: Any = None, keep: Any = None, *, seen_to_hold: bool = True) -> Any:
        self.given.append((purpose, earlier, seen_to_hold))
        found = self.finds(earlier) if purpose is Purpose.FULL else None
        if found is not None and found is not earlier and keep is not None:
            keep(found)
        lines = ((Stage.GREETING, b"", b"220 mx\r\n"), (Stage.EHLO, b"EHLO p\r\n", b"250-mx\r\n250 STARTTLS\r\n"),
                 (Stage.STARTTLS, b"STARTTLS\r\n", b"220 go\r\n"), (Stage.EHLO_TLS, b"EHLO p\r\n", b"250 mx\r\n"))  # fmt: skip
        said = tuple(Exchange(stage, sent, received, 0, 0) for stage, sent, received in lines)
        began = datetime.now(UTC)
        handshake = Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519", (LEAF,))
        visits = (ProbeEvidence(Offer(), began, said, handshake), ProbeEvidence(Offer(with_sni=False), began, said, handshake))
        return ScanEvidence(endpoint, purpose, began, visits, hellos=found)


DAY = timedelta(days=1)


def daemons(anchors, memory: Memory | None, enumeration_interval: timedelta = DAY) -> tuple[Measurer, Remembering]:
    prober = Remembering()
    pace = Pace(timedelta(0), enumeration_interval, 7 * DAY)
    one = Measurer(SimpleNamespace(), prober, anchors, 25, pace=pace)  # type: ignore[arg-type]
    one.memory = memory
    return one, prober


AT = route(found("A", "192.0.2.1"))


async def test_what_an_earlier_process_enumerated_is_what_the_first_scan_begins_with_and_is_not_trusted_unseen(anchors) -> None:
    memory = Memory(yesterday := enumerated(datetime.now(UTC) - DAY))
    one, prober = daemons(anchors, memory, timedelta(0))
    await one.measure(AT)
    await one.measure(AT)
    assert prober.given == [(Purpose.FULL, yesterday, False), (Purpose.FULL, yesterday, True)]


async def test_what_is_not_seen_to_hold_is_tried_again_soon_and_is_still_what_that_begins_with(anchors) -> None:
    memory = Memory(yesterday := enumerated(datetime.now(UTC) - DAY))
    one, prober = daemons(anchors, memory)
    prober.finds = lambda _earlier: None
    await one.measure(AT)
    today = enumerated(datetime.now(UTC), complete=False)
    one.tracks[HERE] = replace(one.tracks[HERE], hellos=today)  # a check that was interrupted: its own answers are all that is shown
    full = one.tracks[HERE].full
    assert full is not None
    one.tracks[HERE] = replace(one.tracks[HERE], full=replace(full, began=full.began - DAY / 8))
    await one.measure(AT)
    assert prober.given[1:] == [(Purpose.FULL, yesterday, False)]


@pytest.mark.parametrize("age", [7 * DAY, -timedelta(hours=1)], ids=["too old", "of the future"])
@pytest.mark.parametrize("complete", [True, False])
async def test_what_is_too_old_or_of_a_clock_that_was_wrong_is_asked_for_again(age: timedelta, complete: bool, anchors) -> None:
    one, prober = daemons(anchors, Memory(enumerated(datetime.now(UTC) - age, complete=complete)))
    await one.measure(AT)
    assert [earlier for _, earlier, _ in prober.given] == [None]


async def test_an_endpoint_that_was_scanned_by_a_clock_that_was_ahead_is_scanned_again_at_once(anchors) -> None:
    one, prober = daemons(anchors, None)
    one.pace = Pace(timedelta(hours=1), DAY, 7 * DAY)
    await one.measure(AT)
    await one.measure(AT)
    assert len(prober.given) == 1
    track = one.tracks[HERE]
    assert track.full is not None
    one.tracks[HERE] = replace(track, attempted_at=track.attempted_at + 100 * DAY, full=replace(track.full, began=track.full.began + 100 * DAY))
    await one.measure(AT)
    assert [purpose for purpose, *_ in prober.given] == [Purpose.FULL, Purpose.FULL]


async def test_a_quick_visit_needs_no_memory(anchors) -> None:
    one, prober = daemons(anchors, memory := Memory())
    await one.measure(AT)
    await one.measure(AT)
    assert [purpose for purpose, *_ in prober.given] == [Purpose.FULL, Purpose.QUICK]
    assert memory.asked == 1


async def test_what_a_scan_brings_that_a_reload_breaks_off_is_kept_where_the_next_one_begins(anchors) -> None:
    older, prober = daemons(anchors, Memory())
    younger, next_prober = daemons(anchors, memory := Memory())
    half = enumerated(datetime.now(UTC), complete=False)

    def broken_off(_earlier: object) -> HelloEvidence:
        younger.inherit(older)
        return half

    prober.finds = broken_off
    await older.measure(AT)
    assert memory.known == {HERE: half}
    assert younger.tracks == {}
    await younger.measure(AT)
    assert next_prober.given == [(Purpose.FULL, half, False)]


async def test_memory_drops_what_nothing_leads_to_any_more(anchors) -> None:
    one, _ = daemons(anchors, memory := Memory(enumerated(datetime.now(UTC))))
    one.forget_all_but({HERE})
    assert list(memory.known) == [HERE]
    one.forget_all_but(set())
    assert memory.known == {}


def shows(host: str, address: str, *chain: Any) -> ScanEvidence:
    """Return a scan of an endpoint that was seen to serve a chain."""
    said = (
        Exchange(Stage.GREETING, b"", b"220 mx\r\n", 0, 0), Exchange(Stage.EHLO, b"EHLO p\r\n", b"250-mx\r\n250 STARTTLS\r\n", 0, 0),
        Exchange(Stage.STARTTLS, b"STARTTLS\r\n", b"220 go\r\n", 0, 0), Exchange(Stage.EHLO_TLS, b"EHLO p\r\n", b"250 mx\r\n", 0, 0),
    )  # fmt: skip
    handshake = Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519", tuple(c.public_bytes(Encoding.DER) for c in chain))
    return ScanEvidence(Endpoint(host, ip_address(address)), Purpose.FULL, NOW, (ProbeEvidence(Offer(), NOW, said, handshake),))


def problems(measuring: Measurer, endpoint: Endpoint) -> list[str]:
    reading = measuring.tracks[endpoint].held["chain_problems"].reading
    return [problem["code"] for problem in reading.value]


def test_an_authority_that_was_met_in_a_good_chain_explains_one_in_which_it_is_missing() -> None:
    authority = Authority.create(NOW)
    first = measurer(Anchors(authority.root_pem, "the root"))
    whole, lone = authority.issue(["mx.a.example"]), authority.issue(["mx.b.example"], send_intermediate=False)
    broken = shows("mx.b.example", "192.0.2.2", *lone.chain)
    first.remember(broken)
    assert problems(first, broken.endpoint) == ["issuer-not-sent"]
    first.remember(shows("mx.a.example", "192.0.2.1", *whole.chain))
    first.remember(broken)
    assert problems(first, broken.endpoint) == ["missing-intermediate"]
    after_reload = measurer(Anchors(authority.root_pem, "the root"))
    after_reload.prober.budget = first.prober.budget = Budget(Limits())
    after_reload.inherit(first)
    after_reload.remember(broken)
    assert problems(after_reload, broken.endpoint) == ["missing-intermediate"]


def test_a_stranger_teaches_us_no_authority() -> None:
    stranger = Authority.create(NOW)
    measuring = measurer(Anchors(Authority.create(NOW).root_pem, "a root"))
    for _ in range(2):
        measuring.remember(shows("mx.a.example", "192.0.2.1", *stranger.issue(["mx.a.example"]).chain, stranger.root.certificate))
    assert measuring.anchors.known.by_name == {}


def test_what_only_a_comparison_shows_is_noted_and_changes_no_verdict(anchors) -> None:
    factory = Authority.create(NOW).issue(["localhost"], self_signed=True)
    measuring = measurer(anchors)
    measuring.prober.budget = Budget(Limits())
    seen = []
    for host, address in (("mx.a.example", "192.0.2.1"), ("mx.b.org", "198.51.100.1")):
        scan = shows(host, address, *factory.chain)
        measuring.remember(scan)
        lookup = Lookup(f"{host}.", "A", LookupOutcome.ANSWERED, (address,), f"{host}.")
        way = RouteEvidence(host[3:], Lookup(f"{host[3:]}.", "MX", LookupOutcome.ANSWERED, (f"10 {host}.",)), (HostRoute(host, 10, (lookup,)),))
        seen.append(measuring.observe("A", way, NOW))
    noted = measuring.compare(seen, NOW)
    assert [domain.mx[0].endpoints[0].key_shared_with[0].operators for domain in noted] == [("b.org",), ("a.example",)]
    assert [(domain.verdict, domain.findings) for domain in noted] == [(domain.verdict, domain.findings) for domain in seen]
