"""Holding: a probe that could not decide does not wipe out what the one before it saw, it lets it age.

A reading changes on a scan that could read it. One that could not keeps the last value for a while (three intervals); then the
reading is Unknown, with the cause of the last failure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mailtls import facts
from mailtls.evidence import Handshake, Purpose
from mailtls.facts.visits import usual_handshake
from mailtls.model import Absent, Cause, EndpointObservation, Known, Stage, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from mailtls.evidence import ScanEvidence
    from mailtls.model import Endpoint, Reading
    from mailtls.trust.pkix import Anchors

INTERVALS_HELD = 3
"""For how many intervals a reading outlives the scans that could not renew it."""


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
        attempted_at: when the last scan began.
        concluded_at: when the last conclusive scan began.

    """

    endpoint: Endpoint
    held: Mapping[str, Held]
    missing: Mapping[str, Unknown]
    latest: ScanEvidence
    full: ScanEvidence | None
    attempted_at: datetime
    concluded_at: datetime | None


def absorb(track: Track | None, scan: ScanEvidence, anchors: Anchors) -> Track:
    """Return what is remembered after one more scan."""
    full = None if track is None else track.full
    if scan.purpose is Purpose.FULL and usual_handshake(scan) is not None:
        full = scan
    elif full is not None and not shows_another_certificate(full, scan):
        scan = replace(scan, carried=full.probes)
    readings = {fact.name: fact.read(scan, anchors) for fact in facts.ENDPOINT}
    held = {} if track is None else dict(track.held)
    missing = {}
    for name, reading in readings.items():
        if isinstance(reading, Unknown):
            missing[name] = reading
        else:
            held[name] = Held(reading, scan.began)
    concluded_at = None if track is None else track.concluded_at
    if why_inconclusive(readings) is None:
        concluded_at = scan.began
    return Track(scan.endpoint, held, missing, scan, full, scan.began, concluded_at)


def shows_another_certificate(full: ScanEvidence, scan: ScanEvidence) -> bool:
    """Whether a scan met a certificate that the last full scan did not: then what the full one found no longer holds."""
    handshake = usual_handshake(scan)
    if handshake is None:
        return False
    known = {p.handshake.chain[:1] for p in full.probes if isinstance(p.handshake, Handshake)}
    return handshake.chain[:1] not in known


def is_full_scan_due(track: Track | None, now: datetime, enumeration_interval: timedelta) -> bool:
    """Whether the next scan of an endpoint should be a full one: none so far, too old, or overtaken by another certificate."""
    if track is None or track.full is None:
        return True
    if any(fact.name in track.missing for fact in facts.ENDPOINT if not fact.quick) and track.concluded_at == track.attempted_at:
        return True  # the last full scan was interrupted, and the endpoint answers again
    return now - track.full.began >= enumeration_interval or shows_another_certificate(track.full, track.latest)


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
        return EndpointObservation(endpoint, readings, conclusive=False, inconclusive=waiting)
    readings = {}
    last_scan: dict[str, Reading[object]] = {}
    for fact in facts.ENDPOINT:
        kept = track.held.get(fact.name)
        gap = track.missing.get(fact.name)
        last_scan[fact.name] = gap if gap is not None else track.held[fact.name].reading
        if kept is not None and (interval is None or now - kept.measured_at <= INTERVALS_HELD * interval):
            readings[fact.name] = kept.reading
        else:
            readings[fact.name] = gap or Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, "last measured too long ago")
    inconclusive = why_inconclusive(last_scan)
    return EndpointObservation(
        endpoint,
        readings,
        conclusive=inconclusive is None,
        in_scope=track.latest.out_of_scope is None,
        attempted_at=track.attempted_at,
        concluded_at=track.concluded_at,
        inconclusive=inconclusive,
    )

