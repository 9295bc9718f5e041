"""Holding: a probe that could not decide does not wipe out what the one before it saw, it lets it age.

A reading changes on a scan that could read it. One that could not keeps the last value for a while (three intervals); then the
reading is Unknown, with the cause of the last failure. ``routes`` holds the answers of the resolver alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mailtls import facts
from mailtls.evidence import Handshake, Purpose
from mailtls.facts.certificates import CHAINS
from mailtls.facts.visits import usual_handshake
from mailtls.hellos import Accepted, Refused
from mailtls.model import Absent, Cause, EndpointObservation, Known, Stage, Unknown
from mailtls.tls.certificate import read_certificate
from mailtls.tls.names import version_rank

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from mailtls.evidence import ScanEvidence
    from mailtls.hellos import HelloEvidence
    from mailtls.model import Endpoint, Reading
    from mailtls.trust.pkix import Anchors

INTERVALS_HELD = 3
"""For how many intervals a reading outlives the scans that could not renew it, and an answer the look-ups that failed."""
RESUMED_WITHIN = 8
"""An enumeration that was interrupted goes on after this part of the interval between two."""
_OF_FULL_VISITS = ("certificates", "without_sni")


def still_holds(measured_at: datetime, now: datetime, interval: timedelta) -> bool:
    """Whether what was measured is not too old to be said again; nor of a time that is far from having come, by a clock that was wrong then."""
    return abs(now - measured_at) <= INTERVALS_HELD * interval


@dataclass(frozen=True, slots=True)
class Held:
    """A reading and when the visit began that it was read from."""

    reading: Reading[Any]
    measured_at: datetime


@dataclass(frozen=True, slots=True)
class Track:
    """What is remembered of one endpoint between scans.

    Args:
        endpoint: of what.
        held: the last reading of each fact that was no Unknown.
        missing: the readings of the last scan that are Unknown.
        latest: the last scan.
        full: the last full scan that completed a handshake.
        hellos: the raw hellos of the last enumeration.
        attempted_at: when the last scan began.
        concluded_at: when the last conclusive scan began.
        enumerated_at: when the raw hellos were last seen to hold, by an enumeration or a recheck that was answered as expected.

    """

    endpoint: Endpoint
    held: Mapping[str, Held]
    missing: Mapping[str, Unknown]
    latest: ScanEvidence
    full: ScanEvidence | None
    hellos: HelloEvidence | None
    attempted_at: datetime
    concluded_at: datetime | None
    enumerated_at: datetime | None = None


def absorb(track: Track | None, scan: ScanEvidence, anchors: Anchors, enumeration_interval: timedelta | None = None) -> Track:
    """Return what is remembered after one more scan.

    Args:
        track: what was remembered before it.
        scan: the scan.
        anchors: the trust anchors.
        enumeration_interval: the schedule's; an enumeration that no recheck has seen to hold for three of these is not shown any more.
            ``None`` for a single check.

    """
    full = None if track is None else track.full
    hellos = scan.hellos if scan.hellos is not None or track is None else track.hellos
    enumerated_at = scan.began if is_of_now(scan) else None if track is None else track.enumerated_at
    if scan.purpose is Purpose.FULL and usual_handshake(scan) is not None:
        if scan.hellos is None and full is not None and shows_another_certificate(full, scan):
            hellos = None  # they hold the certificate that was replaced
        full = scan
    elif full is not None and not shows_another_certificate(full, scan):
        scan = replace(scan, carried=full.probes)
    renewed = _speaks_tls(scan) and not (scan.hellos is None and _has_lost_its_best(scan, hellos))
    if renewed and (full is None or not shows_another_certificate(full, scan)):
        scan = replace(scan, hellos=hellos)  # of a host that does not answer, nothing is renewed
    if enumerated_at is None or (enumeration_interval is not None and not still_holds(enumerated_at, scan.began, enumeration_interval)):
        scan = replace(scan, hellos=None)  # a recheck begins with them all the same
    readings = {fact.name: fact.read(scan, anchors) for fact in (*facts.ENDPOINT, CHAINS)}
    held = {} if track is None else _still_applying(track.held, readings)
    missing = {}
    for name, reading in readings.items():
        if isinstance(reading, Unknown):
            missing[name] = reading
        else:
            held[name] = Held(reading, scan.began)
    concluded_at = None if track is None else track.concluded_at
    if why_inconclusive(readings) is None:
        concluded_at = scan.began
    return Track(scan.endpoint, held, missing, scan, full, hellos, scan.began, concluded_at, enumerated_at)


def is_of_now(scan: ScanEvidence) -> bool:
    """Whether the raw hellos of a scan were made in it, or seen to hold by it."""
    again = scan.rechecked
    return scan.hellos is not None and (again is None or again.complete or again is scan.hellos)


def _has_lost_its_best(scan: ScanEvidence, hellos: HelloEvidence | None) -> bool:
    """Whether a modern offer met an older version than the best that was enumerated: then the enumeration is not renewed."""
    handshake = usual_handshake(scan)
    if handshake is None or hellos is None:
        return False
    spoken = [version_rank(item.answer.version) for item in hellos.asked if isinstance(item.answer, Accepted)]
    return version_rank(handshake.version) < max(spoken, default=0)


def _speaks_tls(scan: ScanEvidence) -> bool:
    """Whether the server answered a hello of this scan, if only with what our own TLS library will not use."""
    return usual_handshake(scan) is not None or any(
        isinstance(probe.handshake, Refused) or (probe.failure is not None and probe.failure.cause is Cause.TLS_LOCAL_LIMIT)
        for probe in scan.probes
    )


def _still_applying(held: Mapping[str, Held], readings: Mapping[str, Reading[Any]]) -> dict[str, Held]:
    """Return what is held without that to which a scan gave the lie: "no TLS, so no certificate" ends with the first sign of TLS."""
    before = held["starttls_accepted"].reading if "starttls_accepted" in held else None
    appeared = isinstance(before, Absent) and Known(value=True) in (readings["starttls_offered"], readings["starttls_accepted"])
    mended = before == Known(value=False) and readings["starttls_accepted"] == Known(value=True)
    return {name: kept for name, kept in held.items() if not ((appeared or mended) and isinstance(kept.reading, Absent))}


def shows_another_certificate(full: ScanEvidence, scan: ScanEvidence) -> bool:
    """Whether a scan met a certificate that the last full scan did not: then what the full one found no longer holds."""
    handshake = usual_handshake(scan)
    if handshake is None:
        return False
    known = {p.handshake.chain[:1] for p in full.probes if isinstance(p.handshake, Handshake)}
    return handshake.chain[:1] not in known


def is_of_other_certificates(hellos: HelloEvidence, scan: ScanEvidence) -> bool:
    """Whether a scan met a certificate of a kind of which the hellos show others: then they are no evidence of the server of now."""
    known: dict[str | None, set[bytes]] = {}
    for item in hellos.asked:
        if isinstance(item.answer, Accepted) and item.answer.chain and item.offer.server_name == "host":
            known.setdefault(read_certificate(item.answer.chain[0]).key_type, set()).add(item.answer.chain[0])
    met = {p.handshake.chain[0] for p in scan.probes if p.offer.with_sni and isinstance(p.handshake, Handshake) and p.handshake.chain}
    return any(leaf not in known.get(read_certificate(leaf).key_type, {leaf}) for leaf in met)


def is_full_scan_due(track: Track | None, now: datetime, enumeration_interval: timedelta) -> bool:
    """Whether the next scan of an endpoint should be a full one: none so far, too old, or overtaken by another certificate."""
    if track is None or track.full is None:
        return True
    answers = track.concluded_at == track.attempted_at
    if any(name in track.missing for name in _OF_FULL_VISITS) and answers:
        return True  # the last full scan was interrupted, and the endpoint answers again
    if track.hellos is not None and not track.hellos.complete and answers:
        return abs(now - track.full.began) >= enumeration_interval / RESUMED_WITHIN
    return abs(now - track.full.began) >= enumeration_interval or shows_another_certificate(track.full, track.latest)


def why_inconclusive(readings: Mapping[str, Reading[Any]]) -> Unknown | None:
    """Return why a scan could not decide about STARTTLS, or ``None`` where it could: the first open question on the way."""
    for name in ("starttls_offered", "starttls_accepted", "negotiated"):
        reading = readings[name]
        if isinstance(reading, Unknown):
            return reading
        if isinstance(reading, Absent) or reading == Known(value=False):
            return None
    return None


def observe(track: Track | None, endpoint: Endpoint, now: datetime, interval: timedelta | None) -> EndpointObservation:
    """Return what may be said of an endpoint now.

    Args:
        track: what is remembered of it.
        endpoint: which it is.
        now: the time at which it is said.
        interval: the schedule's; ``None`` for a single check, where nothing is held from earlier.

    """
    if track is None:
        waiting = Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, "not measured yet")
        readings: dict[str, Reading[object]] = {fact.name: waiting for fact in facts.ENDPOINT}
        return EndpointObservation(endpoint, readings, conclusive=False, inconclusive=waiting, chains=waiting)
    readings = {}
    last_scan: dict[str, Reading[object]] = {}
    for fact in (*facts.ENDPOINT, CHAINS):
        kept = track.held.get(fact.name)
        gap = track.missing.get(fact.name)
        last_scan[fact.name] = gap if gap is not None else track.held[fact.name].reading
        if kept is not None and (interval is None or still_holds(kept.measured_at, now, interval)):
            readings[fact.name] = kept.reading
        else:
            readings[fact.name] = gap or Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, "last measured too long ago")
    inconclusive = why_inconclusive(last_scan)
    chains: Reading[Any] = readings.pop(CHAINS.name)
    return EndpointObservation(
        endpoint,
        readings,
        conclusive=inconclusive is None,
        in_scope=track.latest.out_of_scope is None,
        attempted_at=track.attempted_at,
        concluded_at=track.concluded_at,
        inconclusive=inconclusive,
        chains=chains,
    )
