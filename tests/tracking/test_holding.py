"""A visit that could not decide does not wipe out what the one before it saw; it lets it age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography.hazmat.primitives.serialization import Encoding

from mailtls.evidence import Exchange, Failure, Handshake, Offer, ProbeEvidence, Purpose, ScanEvidence
from mailtls.model import Absent, Cause, Endpoint, Known, Stage, Unknown
from mailtls.tracking.holding import absorb, is_full_scan_due, observe

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
