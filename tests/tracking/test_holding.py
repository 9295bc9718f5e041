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
    Offer,
    ProbeEvidence,
    Purpose,
    ScanEvidence,
)
from mailtls.hellos import Accepted, Asked, HelloEvidence, HelloOffer
from mailtls.model import Absent, Cause, Endpoint, Known, MXObservation, Stage, Unknown, Verdict
from mailtls.policy.judge import Judge, Observed
from mailtls.tracking.holding import Held, absorb, is_full_scan_due, is_of_other_certificates, observe

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


def test_what_a_clock_that_was_ahead_saw_is_not_held_for_as_long_as_it_was_ahead(authority, anchors) -> None:
    track = absorb(None, good(chain_of(authority), NOW + timedelta(days=100)), anchors)
    track = absorb(track, silent(NOW), anchors)
    assert isinstance(observe(track, ENDPOINT, NOW, INTERVAL).readings["starttls_offered"], Unknown)


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
        judged = Judge().judge("a.example", Observed({}, (MXObservation("mx.example", 10, {}, (seen,)),), None))
        assert (judged.verdict, judged.findings) == (Verdict.UNKNOWN, ())


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
