"""A look-up that failed does not wipe out what the one before it answered; it lets it age."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mailtls.evidence import (
    Failure,
    HostRoute,
    Lookup,
    LookupOutcome,
    RouteEvidence,
    StsEvidence,
)
from mailtls.model import Cause, Stage
from mailtls.tracking.routes import absorb_route, route_now

NOW = datetime(2026, 11, 24, tzinfo=UTC)
INTERVAL = timedelta(minutes=15)
FAILED = (LookupOutcome.SERVER_FAILURE, LookupOutcome.TIMED_OUT, LookupOutcome.BOGUS)


def lookup(rdtype: str, outcome: LookupOutcome, *records: str) -> Lookup:
    return Lookup("a.example.", rdtype, outcome, records)


def route(at: datetime, mx: LookupOutcome = LookupOutcome.ANSWERED, a: LookupOutcome = LookupOutcome.ANSWERED, address: str = "192.0.2.1"):
    if mx is not LookupOutcome.ANSWERED:
        return RouteEvidence("a.example", lookup("MX", mx), began=at)
    found = lookup("A", a, address) if a is LookupOutcome.ANSWERED else lookup("A", a)
    host = HostRoute("mx.a.example", 10, (found, lookup("AAAA", LookupOutcome.NO_DATA)))
    return RouteEvidence("a.example", lookup("MX", mx, "10 mx.a.example."), (host,), began=at)


def addresses(way: RouteEvidence) -> list[str]:
    return [record for host in way.hosts for found in host.addresses for record in found.records]


def test_a_failed_look_up_leaves_the_last_answered_way_for_three_intervals() -> None:
    for outcome in FAILED:
        known = route(NOW)
        track = absorb_route(None, known)
        for turn in (1, 2, 3):
            failed = route(NOW + turn * INTERVAL, outcome)
            track = absorb_route(track, failed)
            assert route_now(track, NOW + turn * INTERVAL, INTERVAL) == known
            assert track.latest is failed
        assert route_now(track, NOW + 3 * INTERVAL + timedelta(seconds=1), INTERVAL) is failed


def test_a_failed_look_up_of_addresses_leaves_the_last_ones_for_three_intervals() -> None:
    for outcome in FAILED:
        track = absorb_route(None, route(NOW))
        for turn in (1, 2, 3):
            track = absorb_route(track, route(NOW + turn * INTERVAL, a=outcome))
            assert addresses(route_now(track, NOW + turn * INTERVAL, INTERVAL)) == ["192.0.2.1"]
        assert addresses(route_now(track, NOW + 3 * INTERVAL + timedelta(seconds=1), INTERVAL)) == []


def test_an_answer_counts_at_once_whatever_it_is() -> None:
    before = absorb_route(None, route(NOW))
    later = NOW + INTERVAL
    assert addresses(route_now(absorb_route(before, route(later, address="192.0.2.2")), later, INTERVAL)) == ["192.0.2.2"]
    assert addresses(route_now(absorb_route(before, route(later, a=LookupOutcome.NO_DATA)), later, INTERVAL)) == []
    gone = route(later, LookupOutcome.NO_SUCH_NAME)
    assert route_now(absorb_route(before, gone), later, INTERVAL) is gone
    excluded = RouteEvidence("a.example", None, failure=Failure(Cause.NOT_ATTEMPTED, Stage.DNS, "excluded"), began=later)
    assert route_now(absorb_route(before, excluded), later, INTERVAL) is excluded


def test_what_failed_from_the_first_is_nothing_to_hold() -> None:
    failed = route(NOW, LookupOutcome.TIMED_OUT)
    assert route_now(absorb_route(None, failed), NOW, INTERVAL) is failed
    half = route(NOW, a=LookupOutcome.TIMED_OUT)
    assert route_now(absorb_route(None, half), NOW, INTERVAL) is half


def test_an_answer_that_is_no_route_of_today_is_forgotten() -> None:
    track = absorb_route(absorb_route(None, route(NOW)), route(NOW + INTERVAL, LookupOutcome.NO_SUCH_NAME))
    assert track.addresses == {}


def with_tlsa(at: datetime, *tlsa: Lookup, secure: bool = True, alias: Lookup | None = None) -> RouteEvidence:
    way = route(at)
    (host,) = way.hosts
    addresses_ = tuple(replace(found, authenticated=secure) for found in host.addresses)
    return replace(way, hosts=(replace(host, addresses=addresses_, alias=alias, tlsa=tlsa),))


TLSA = replace(lookup("TLSA", LookupOutcome.ANSWERED, "3 1 1 " + "ab" * 32), authenticated=True)


def tlsa_of(way: RouteEvidence) -> tuple[Lookup, ...]:
    return way.hosts[0].tlsa


def test_a_failed_look_up_for_dane_leaves_the_last_answers_for_three_intervals() -> None:
    for outcome in FAILED:
        failure = lookup("TLSA", outcome)
        track = absorb_route(None, with_tlsa(NOW, TLSA))
        for turn in (1, 2, 3):
            track = absorb_route(track, with_tlsa(NOW + turn * INTERVAL, failure))
            assert tlsa_of(route_now(track, NOW + turn * INTERVAL, INTERVAL)) == (TLSA,)
        late = NOW + 3 * INTERVAL + timedelta(seconds=1)
        assert tlsa_of(route_now(track, late, INTERVAL)) == (failure,)


def test_addresses_that_could_not_be_looked_up_leave_the_last_answers_for_dane_as_well() -> None:
    for outcome in FAILED:
        track = absorb_route(absorb_route(None, with_tlsa(NOW, TLSA)), route(NOW + INTERVAL, a=outcome))
        held = route_now(track, NOW + INTERVAL, INTERVAL)
        assert (addresses(held), tlsa_of(held)) == (["192.0.2.1"], (TLSA,))


def test_an_alias_that_could_not_be_looked_up_leaves_the_last_answer_about_it() -> None:
    answered = replace(lookup("CNAME", LookupOutcome.ANSWERED, "real.example."), authenticated=True)
    before = absorb_route(None, with_tlsa(NOW, TLSA, secure=False, alias=answered))
    track = absorb_route(before, with_tlsa(NOW + INTERVAL, secure=False, alias=lookup("CNAME", LookupOutcome.TIMED_OUT)))
    (host,) = route_now(track, NOW + INTERVAL, INTERVAL).hosts
    assert (host.alias, host.tlsa) == (answered, (TLSA,))


def test_an_answer_for_dane_counts_at_once_and_so_does_a_zone_that_is_signed_no_more() -> None:
    before, later = absorb_route(None, with_tlsa(NOW, TLSA)), NOW + INTERVAL
    gone = lookup("TLSA", LookupOutcome.NO_SUCH_NAME)
    assert tlsa_of(route_now(absorb_route(before, with_tlsa(later, gone)), later, INTERVAL)) == (gone,)
    assert tlsa_of(route_now(absorb_route(before, with_tlsa(later, secure=False)), later, INTERVAL)) == ()
    assert tlsa_of(route_now(absorb_route(before, route(later, a=LookupOutcome.NO_DATA)), later, INTERVAL)) == ()
    failed = lookup("TLSA", LookupOutcome.TIMED_OUT)
    assert tlsa_of(route_now(absorb_route(None, with_tlsa(NOW, failed)), NOW, INTERVAL)) == (failed,)


def test_what_a_host_published_is_forgotten_with_the_host() -> None:
    track = absorb_route(absorb_route(None, with_tlsa(NOW, TLSA)), route(NOW + INTERVAL, LookupOutcome.NO_SUCH_NAME))
    assert track.settled == {}


def declaring(at: datetime, outcome: LookupOutcome, mx: LookupOutcome = LookupOutcome.ANSWERED) -> RouteEvidence:
    said = ('"v=STSv1; id=1"',) if outcome is LookupOutcome.ANSWERED else ()
    return replace(route(at, mx), mta_sts=StsEvidence(lookup("TXT", outcome, *said)), tls_rpt=lookup("TXT", outcome, *said))


def test_what_a_domain_declares_is_held_like_its_route_and_apart_from_it() -> None:
    answered = LookupOutcome.ANSWERED
    for outcome in FAILED:
        track = absorb_route(None, declaring(NOW, answered))
        for turn in (1, 2, 3):
            at = NOW + turn * INTERVAL
            track = absorb_route(track, declaring(at, outcome))
            now = route_now(track, at, INTERVAL)
            assert now.mta_sts is not None
            assert now.mta_sts.record == now.tls_rpt == lookup("TXT", answered, '"v=STSv1; id=1"')
        late = route_now(track, NOW + 3 * INTERVAL + timedelta(seconds=1), INTERVAL)
        assert late.mta_sts is not None
        assert late.mta_sts.record.outcome is outcome
        assert addresses(late) == ["192.0.2.1"]
    track = absorb_route(absorb_route(None, declaring(NOW, answered)), declaring(NOW + INTERVAL, LookupOutcome.NO_DATA, LookupOutcome.TIMED_OUT))
    mixed = route_now(track, NOW + INTERVAL, INTERVAL)
    assert addresses(mixed) == ["192.0.2.1"]
    assert mixed.mta_sts is not None
    assert mixed.mta_sts.record.outcome is LookupOutcome.NO_DATA
    excluded = RouteEvidence("a.example", None, failure=Failure(Cause.NOT_ATTEMPTED, Stage.DNS, "excluded"), began=NOW + INTERVAL)
    assert route_now(absorb_route(track, excluded), NOW + INTERVAL, INTERVAL) is excluded
