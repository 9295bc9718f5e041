"""What is said of a domain: what could not be looked up leaves it open, and a null MX is an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from mailtls import facts
from mailtls.evidence import HostRoute, Lookup, LookupOutcome, RouteEvidence
from mailtls.model import Cause, DomainObservation, Endpoint, EndpointObservation, Stage, Unknown, Verdict
from mailtls.observation import endpoints_of, observe_domain

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LATE = Unknown(Cause.READ_TIMEOUT, Stage.GREETING)
HOST = "mx.a.example"


def asked(rdtype: str, *records: str, outcome: LookupOutcome = LookupOutcome.ANSWERED) -> Lookup:
    return Lookup(f"{HOST}.", rdtype, outcome, records, f"{HOST}.")


def route(mx: Lookup | None, *addresses: Lookup, omitted: int = 0) -> RouteEvidence:
    hosts = (HostRoute(HOST, 10, addresses),) if addresses else ()
    return RouteEvidence("a.example", mx, hosts, omitted_hosts=omitted, began=NOW)


def silent(endpoint: Endpoint) -> EndpointObservation:
    return EndpointObservation(endpoint, {fact.name: LATE for fact in facts.ENDPOINT}, conclusive=False, inconclusive=LATE)


def observed(way: RouteEvidence, anchors, latest: RouteEvidence | None = None) -> DomainObservation:
    return observe_domain("A", way, 25, silent, anchors, latest)


TO_HOST = asked("MX", f"10 {HOST}.")
ADDRESS = asked("A", "192.0.2.1")


def test_each_address_is_one_endpoint_in_the_resolvers_order() -> None:
    host = HostRoute(HOST, 10, (asked("A", "192.0.2.2", "192.0.2.1", "192.0.2.2"), asked("AAAA", "2001:db8::1")))
    assert [each.address for each in endpoints_of(host, 26)] == [ip_address(a) for a in ("192.0.2.2", "192.0.2.1", "2001:db8::1")]
    assert {(each.host, each.port) for each in endpoints_of(host, 26)} == {(HOST, 26)}


def test_a_host_that_is_silent_leaves_the_verdict_open(anchors) -> None:
    seen = observed(route(TO_HOST, ADDRESS), anchors)
    assert (seen.verdict, seen.unresolved, seen.measured_at) == (Verdict.UNKNOWN, None, NOW)
    assert [endpoint.endpoint.address for endpoint in seen.mx[0].endpoints] == [ip_address("192.0.2.1")]


def test_a_null_mx_is_no_mail_and_nothing_is_missing(anchors) -> None:
    seen = observed(route(asked("MX", "0 .")), anchors)
    assert (seen.verdict, seen.unresolved, seen.mx) == (Verdict.NO_MAIL, None, ())


@pytest.mark.parametrize(
    ("way", "cause"),
    [
        (route(asked("MX", outcome=LookupOutcome.TIMED_OUT)), Cause.DNS_TIMEOUT),
        (route(TO_HOST, asked("A", outcome=LookupOutcome.NO_DATA), asked("AAAA", outcome=LookupOutcome.NO_DATA)), Cause.NO_ADDRESS),
        (route(TO_HOST, ADDRESS, omitted=3), Cause.LIMIT_EXCEEDED),
        (route(TO_HOST), Cause.NO_ADDRESS),
    ],
)
def test_what_is_missing_of_the_way_is_told_and_never_a_verdict(way: RouteEvidence, cause: Cause, anchors) -> None:
    seen = observed(way, anchors)
    assert seen.unresolved is not None
    assert (seen.verdict, seen.unresolved.cause, seen.unresolved.stage) == (Verdict.UNKNOWN, cause, Stage.DNS)


def test_a_look_up_that_fails_now_is_shown_and_the_way_of_before_still_holds(anchors) -> None:
    failing = route(asked("MX", outcome=LookupOutcome.TIMED_OUT))
    seen = observed(route(TO_HOST, ADDRESS), anchors, failing)
    assert seen.unresolved is not None
    assert seen.unresolved.cause is Cause.DNS_TIMEOUT
    assert [host.host for host in seen.mx] == [HOST]
