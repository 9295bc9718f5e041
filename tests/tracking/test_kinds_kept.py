"""The last scan and the last look-up of each kind, absorbed in order, come to what all of them came to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from mailtls.evidence import (
    Exchange,
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
from mailtls.model import Cause, Endpoint, Failure, Stage
from mailtls.tracking.holding import Track, absorb, is_full_scan_due
from mailtls.tracking.kept import RouteKind, ScanKind, kind_of_route, kind_of_scan
from mailtls.tracking.routes import RouteTrack, absorb_route
from mailtls.trust.pkix import Anchors

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HERE = Endpoint("mx.example", ip_address("192.0.2.1"))
SHAKEN = Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519", (b"a leaf",))
TALK = (
    Exchange(Stage.GREETING, b"", b"220 mx.example\r\n", 0.0, 0.1),
    Exchange(Stage.EHLO, b"EHLO us\r\n", b"250-mx.example\r\n250 STARTTLS\r\n", 0.1, 0.1),
    Exchange(Stage.STARTTLS, b"STARTTLS\r\n", b"220 go\r\n", 0.2, 0.1),
)
HELLOS = HelloEvidence((Asked(HelloOffer("TLSv1.3", (0x1301,)), Accepted("TLSv1.3", 0x1301, 29)),), NOW)
DAY = timedelta(days=1)


def scan(minutes: int, purpose: Purpose = Purpose.QUICK, **changes: object) -> ScanEvidence:
    began = NOW + timedelta(minutes=minutes)
    return replace(ScanEvidence(HERE, purpose, began, (ProbeEvidence(Offer(), began, TALK, SHAKEN),)), **changes)  # type: ignore[arg-type]


def silent(minutes: int, purpose: Purpose = Purpose.QUICK) -> ScanEvidence:
    return scan(minutes, purpose, probes=(), failure=Failure(Cause.CONNECT_TIMEOUT, Stage.CONNECT))


def known(track: Track) -> tuple[object, ...]:
    readings = {name: (held.reading, held.measured_at) for name, held in track.held.items()}
    return readings, track.missing, track.full, track.hellos, track.attempted_at, track.concluded_at, track.enumerated_at, track.latest


@pytest.mark.parametrize(
    "scans",
    [
        [scan(0, Purpose.FULL, hellos=HELLOS)],
        [scan(0, Purpose.FULL, hellos=HELLOS), scan(15), scan(30)],
        [scan(0, Purpose.FULL, hellos=HELLOS), scan(15), silent(30), silent(45)],
        [scan(0, Purpose.FULL, hellos=HELLOS), silent(15), scan(30)],
        [scan(0, Purpose.FULL, hellos=HELLOS), scan(15, Purpose.FULL), scan(30), silent(45, Purpose.FULL)],
        [silent(0, Purpose.FULL), silent(15)],
        [scan(0, Purpose.FULL), scan(15, Purpose.FULL, hellos=HELLOS, rechecked=replace(HELLOS, complete=False)), scan(30)],
    ],
)
def test_the_last_scan_of_each_kind_comes_to_what_all_of_them_came_to(scans: list[ScanEvidence], anchors: Anchors) -> None:
    track, kept = None, {}
    for one in scans:
        track = absorb(track, one, anchors, DAY)
        kept[kind_of_scan(one, conclusive=track.concluded_at == track.attempted_at)] = one
    again = None
    for one in sorted(kept.values(), key=lambda one: one.began):
        again = absorb(again, one, anchors, DAY)
    assert track is not None
    assert again is not None
    assert known(again) == known(track)
    assert is_full_scan_due(again, NOW + DAY / 2, DAY) == is_full_scan_due(track, NOW + DAY / 2, DAY)


def test_a_scan_is_of_the_kind_that_it_contributes() -> None:
    assert kind_of_scan(scan(0, Purpose.FULL, hellos=HELLOS), conclusive=True) is ScanKind.ENUMERATED
    assert kind_of_scan(scan(0, Purpose.FULL), conclusive=True) is ScanKind.FULL
    assert kind_of_scan(scan(0), conclusive=True) is ScanKind.CONCLUDED
    assert kind_of_scan(silent(0, Purpose.FULL), conclusive=False) is ScanKind.INCONCLUSIVE


def look(minutes: int, mx: LookupOutcome = LookupOutcome.ANSWERED, a: LookupOutcome = LookupOutcome.ANSWERED) -> RouteEvidence:
    good = LookupOutcome.ANSWERED
    address = Lookup("mx.example.", "A", a, ("192.0.2.1",) if a is good else ())
    record = StsEvidence(Lookup("_mta-sts.a.example.", "TXT", LookupOutcome.NO_SUCH_NAME))
    hosts = (HostRoute("mx.example", 10, (address,)),) if mx is good else ()
    began = NOW + timedelta(minutes=minutes)
    return RouteEvidence("a.example", Lookup("a.example.", "MX", mx, ("10 mx.example.",) if mx is good else ()), hosts, began=began, mta_sts=record)


def test_the_last_look_up_of_each_kind_comes_to_what_all_of_them_came_to() -> None:
    failed = LookupOutcome.TIMED_OUT
    looks = [look(0), look(15), look(30, a=failed), look(45, failed), look(60, failed)]
    track: RouteTrack | None = None
    kept = {}
    for one in looks:
        track = absorb_route(track, one)
        kept[kind_of_route(one)] = one
    assert {kind: one.began for kind, one in kept.items()} == {
        RouteKind.WHOLE: looks[1].began, RouteKind.ANSWERED: looks[2].began, RouteKind.FAILED: looks[4].began,
    }  # fmt: skip
    again: RouteTrack | None = None
    for one in sorted(kept.values(), key=lambda one: str(one.began)):
        again = absorb_route(again, one)
    assert track is not None
    assert again is not None
    assert (again.latest, again.answered, again.addresses, again.settled) == (track.latest, track.answered, track.addresses, track.settled)
