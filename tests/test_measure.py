"""Measuring a domain: what is excluded is left alone, and what could not be looked up is said with its cause and what is known."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from mailtls.evidence import Failure, HostRoute, Lookup, LookupOutcome, Purpose, RouteEvidence, ScanEvidence
from mailtls.measure import Measurer
from mailtls.model import Cause, DomainObservation, Endpoint, Known, Stage, Unknown, Verdict

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

    async def scan(self, endpoint: Endpoint, purpose: Purpose, *_args: Any) -> ScanEvidence:
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
