"""A visit that could not decide does not wipe out what the one before it saw; it lets it age."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography.hazmat.primitives.serialization import Encoding

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
    StsEvidence,
)
from mailtls.hellos import Accepted, Asked, HelloEvidence, HelloOffer
from mailtls.model import Absent, Cause, Endpoint, Known, MXObservation, Stage, Unknown, Verdict
from mailtls.policy.verdict import judge_domain
from mailtls.tracking.holding import Held, absorb, absorb_route, is_full_scan_due, is_of_other_certificates, observe, route_now

NOW = datetime(2026, 11, 24, tzinfo=UTC)
INTERVAL = timedelta(minutes=15)
ENDPOINT = Endpoint("mx.example", ip_address("192.0.2.1"))


def exchanges(*, offers: bool = True) -> tuple[Exchange, ...]:
    keywords = b"250-mx\r\n250 STARTTLS\r\n" if offers else b"250-mx\r\n250 SIZE\r\n"
    before = (Exchange(Stage.GREETING, b"", b"220 mx\r\n", 0, 0), Exchange(Stage.EHLO, b"EHLO p\r\n", keywords, 0, 0))
    after = (
        Exchange(Stage.STARTTLS, b"STARTTLS\r\n", b"220 go\r\n", 0, 0),
        Exchange(Stage.EHLO_TLS, b"EHLO p\r\n", b"250 mx\r\n", 0, 0),
    )
    return before + after if offers else before


def good(chain: tuple[bytes, ...], at: datetime, purpose: Purpose = Purpose.FULL) -> ScanEvidence:
    handshake = Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519", chain)
    visits = (ProbeEvidence(Offer(), at, exchanges(), handshake),)
    if purpose is Purpose.FULL:
        visits += (ProbeEvidence(Offer(with_sni=False), at, exchanges(), handshake),)
    return ScanEvidence(ENDPOINT, purpose, at, visits)


def silent(at: datetime, purpose: Purpose = Purpose.QUICK) -> ScanEvidence:
    failure = Failure(Cause.READ_TIMEOUT, Stage.GREETING, "no reply")
    return ScanEvidence(ENDPOINT, purpose, at, (ProbeEvidence(Offer(), at, failure=failure),))


def chain_of(authority, name: str = "mx.example") -> tuple[bytes, ...]:
    return tuple(c.public_bytes(Encoding.DER) for c in authority.issue([name]).chain)


def test_silence_keeps_the_last_value_for_three_intervals_and_says_why_it_is_old(authority, anchors) -> None:
    track = absorb(None, good(chain_of(authority), NOW), anchors)
    track = absorb(track, silent(NOW + INTERVAL), anchors)
    held = observe(track, ENDPOINT, NOW + 3 * INTERVAL, INTERVAL)
    assert held.readings["starttls_offered"] == Known(value=True)
    assert not held.conclusive
    assert held.inconclusive is not None
    assert held.inconclusive.cause is Cause.READ_TIMEOUT
    aged = observe(track, ENDPOINT, NOW + 3 * INTERVAL + timedelta(seconds=1), INTERVAL)
    assert isinstance(aged.readings["starttls_offered"], Unknown)


def test_a_measured_loss_counts_at_once_and_what_hung_on_tls_no_longer_applies(authority, anchors) -> None:
    track = absorb(None, good(chain_of(authority), NOW), anchors)
    lost = ScanEvidence(ENDPOINT, Purpose.QUICK, NOW + INTERVAL, (ProbeEvidence(Offer(), NOW, exchanges(offers=False)),))
    seen = observe(absorb(track, lost, anchors), ENDPOINT, NOW + INTERVAL, INTERVAL)
    assert seen.readings["starttls_offered"] == Known(value=False)
    assert seen.readings["certificates"] == Absent()
    assert seen.readings["certificate_trusted"] == Absent()


def test_a_quick_visit_carries_the_certificates_of_the_full_scan_until_it_meets_another(authority, anchors) -> None:
    first, second = chain_of(authority), chain_of(authority)
    track = absorb(None, good(first, NOW), anchors)
    track = absorb(track, good(first, NOW + INTERVAL, Purpose.QUICK), anchors)
    assert isinstance(observe(track, ENDPOINT, NOW + INTERVAL, INTERVAL).readings["certificates"], Known)
    assert not is_full_scan_due(track, NOW + INTERVAL, timedelta(hours=24))
    track = absorb(track, good(second, NOW + 2 * INTERVAL, Purpose.QUICK), anchors)
    assert is_full_scan_due(track, NOW + 2 * INTERVAL, timedelta(hours=24))


def test_no_failure_of_a_visit_makes_any_fact_known(anchors) -> None:
    for cause in Cause:
        for stage in (Stage.CONNECT, Stage.GREETING, Stage.EHLO):
            at = NOW
            scan = ScanEvidence(ENDPOINT, Purpose.FULL, at, (ProbeEvidence(Offer(), at, failure=Failure(cause, stage)),))
            seen = observe(absorb(None, scan, anchors), ENDPOINT, at, None)
            assert all(isinstance(reading, Unknown) for reading in seen.readings.values()), (cause, stage)


def ended_at(stage: Stage, at: datetime, *replies: tuple[Stage, bytes, bytes]) -> ScanEvidence:
    """Return a scan whose only visit stalled: after EHLO with STARTTLS, and what else was answered."""
    said = exchanges()[:2] + tuple(Exchange(where, sent, received, 0, 0) for where, sent, received in replies)
    probe = ProbeEvidence(Offer(), at, said, failure=Failure(Cause.READ_TIMEOUT, stage, "no more"))
    return ScanEvidence(ENDPOINT, Purpose.QUICK, at, (probe,))


def without_starttls(at: datetime) -> ScanEvidence:
    return ScanEvidence(ENDPOINT, Purpose.FULL, at, (ProbeEvidence(Offer(), at, exchanges(offers=False)),))


def failing_starttls(at: datetime) -> ScanEvidence:
    said = (*exchanges()[:2], Exchange(Stage.STARTTLS, b"STARTTLS\r\n", b"454 4.7.0 TLS not available\r\n", 0, 0))
    return ScanEvidence(ENDPOINT, Purpose.FULL, at, (ProbeEvidence(Offer(), at, said), ProbeEvidence(Offer(), at, said)))


ASKED = (Stage.STARTTLS, b"STARTTLS\r\n", b"220 go\r\n")


def test_tls_that_never_worked_is_not_vouched_for_by_its_absence_before(anchors) -> None:
    for before in (without_starttls, failing_starttls):
        track = absorb(absorb(None, before(NOW), anchors), ended_at(Stage.HANDSHAKE, NOW + INTERVAL, ASKED), anchors)
        seen = observe(track, ENDPOINT, NOW + INTERVAL, INTERVAL)
        assert seen.readings["starttls_accepted"] == Known(value=True)
        for name in ("negotiated", "certificate_trusted", "certificate_name_match", "smtp_inside_tls", "certificates"):
            reading = seen.readings[name]
            assert isinstance(reading, Unknown), name
            assert reading.cause is Cause.READ_TIMEOUT, name
        assert judge_domain({}, [MXObservation("mx.example", 10, {}, (seen,))], None) == (Verdict.UNKNOWN, ())


def test_what_did_not_apply_without_starttls_is_unknown_once_it_is_offered_and_stalls(anchors) -> None:
    track = absorb(absorb(None, without_starttls(NOW), anchors), ended_at(Stage.STARTTLS, NOW + INTERVAL), anchors)
    seen = observe(track, ENDPOINT, NOW + INTERVAL, INTERVAL)
    assert seen.readings["starttls_offered"] == Known(value=True)
    assert isinstance(seen.readings["starttls_accepted"], Unknown)
    assert isinstance(seen.readings["certificates"], Unknown)


def test_a_starttls_that_failed_before_and_stalls_now_is_still_held_to_fail(anchors) -> None:
    track = absorb(absorb(None, failing_starttls(NOW), anchors), ended_at(Stage.STARTTLS, NOW + INTERVAL), anchors)
    seen = observe(track, ENDPOINT, NOW + INTERVAL, INTERVAL)
    assert seen.readings["starttls_accepted"] == Known(value=False)
    assert seen.readings["certificates"] == Absent()


def test_silence_keeps_what_did_not_apply_too(anchors) -> None:
    track = absorb(absorb(None, without_starttls(NOW), anchors), silent(NOW + INTERVAL), anchors)
    assert observe(track, ENDPOINT, NOW + INTERVAL, INTERVAL).readings["certificates"] == Absent()


def test_what_did_not_apply_to_working_tls_is_held_when_a_handshake_stalls(authority, anchors) -> None:
    track = absorb(None, good(chain_of(authority), NOW), anchors)
    track = replace(track, held={**track.held, "without_sni": Held(Absent(), NOW)})
    track = absorb(track, ended_at(Stage.HANDSHAKE, NOW + INTERVAL, ASKED), anchors)
    seen = observe(track, ENDPOINT, NOW + INTERVAL, INTERVAL)
    assert seen.readings["without_sni"] == Absent()
    assert seen.readings["certificate_name_match"] == Known(value=True)


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


def hellos_with(*chains: tuple[bytes, ...], server_name: str = "host") -> HelloEvidence:
    offer = HelloOffer("TLSv1.2", (0xC02F,), server_name=server_name)
    return HelloEvidence(tuple(Asked(offer, Accepted("TLSv1.2", 0xC02F, chain=chain)) for chain in chains), NOW)


def test_hellos_are_of_other_certificates_where_a_scan_meets_another_of_the_same_kind(authority) -> None:
    def chain(key: str) -> tuple[bytes, ...]:
        return tuple(c.public_bytes(Encoding.DER) for c in authority.issue(["mx.example"], key=key).chain)

    one, other, of_another_kind = chain("p256"), chain("p256"), chain("rsa2048")
    scan = good(one, NOW)
    assert not is_of_other_certificates(hellos_with(one), scan)
    assert not is_of_other_certificates(hellos_with(other, one), scan)  # several machines behind one address
    assert is_of_other_certificates(hellos_with(other), scan)
    assert not is_of_other_certificates(hellos_with(of_another_kind), scan)  # perhaps interrupted before this kind was seen
    assert not is_of_other_certificates(hellos_with((), ()), scan)  # TLS 1.3 alone: certificates are encrypted
    assert not is_of_other_certificates(hellos_with(other, server_name="none"), scan)
    assert not is_of_other_certificates(hellos_with(other), silent(NOW))  # silence says nothing


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
