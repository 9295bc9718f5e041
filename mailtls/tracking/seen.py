"""What one scan of an endpoint, or one look at a domain, says for history: the readings that it really renews, and how it ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mailtls import facts
from mailtls.evidence import Purpose
from mailtls.facts.declaration import HostEvidence
from mailtls.model import Absent, Cause, Known, Stage, Unknown
from mailtls.tracking import history
from mailtls.tracking.changes import Subject
from mailtls.tracking.fresh import subject_of
from mailtls.tracking.history import CONCLUSIVE, Seen
from mailtls.tracking.holding import is_of_now

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from mailtls.evidence import RouteEvidence, ScanEvidence
    from mailtls.model import DomainObservation, EndpointObservation, Reading
    from mailtls.tracking.holding import Track
    from mailtls.trust.pkix import Anchors

_SILENT = Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, "not met in this look")


def seen_in_scan(track: Track, scan: ScanEvidence, anchors: Anchors, why: Unknown | None) -> Seen | None:
    """Return what a scan saw; ``None`` where this vantage cannot speak of the endpoint at all.

    The values are those that are told of the endpoint, which earlier visits of other kinds contribute to. A fact counts as seen only where
    this scan alone tells something of it.

    Args:
        track: what is remembered of the endpoint, with this scan.
        scan: as it came from the prober.
        anchors: the trust anchors.
        why: why it could not decide about STARTTLS; ``None`` where it could.

    """
    if scan.out_of_scope is not None:
        return None
    own = replace(scan, carried=(), hellos=scan.hellos if is_of_now(scan) else None)
    is_all = (track.latest.carried, track.latest.hellos) == (own.carried, own.hellos)
    readings: dict[str, Reading[Any]] = {}
    for fact in facts.ENDPOINT:
        held = track.held.get(fact.name)
        if (
            held is None
            or held.measured_at != scan.began
            or (not fact.quick and scan.purpose is Purpose.QUICK and isinstance(held.reading, Known))
        ):
            continue
        if is_all or not isinstance(fact.read(own, anchors), Unknown):
            readings[fact.name] = held.reading
    purpose = history.Purpose.FULL if scan.purpose is Purpose.FULL else history.Purpose.QUICK
    outcome = CONCLUSIVE if why is None else _told(why)
    return Seen(subject_of(scan.endpoint), scan.began, readings, purpose, outcome, scan)


def seen_in_look(
    observed: DomainObservation, route: RouteEvidence, at: datetime, anchors: Anchors, interval: timedelta
) -> Iterator[Seen]:
    """Yield what a look at a domain saw: of itself, and of it with each of its MX hosts.

    Args:
        observed: what may be said of it now, its endpoints having been scanned in the course of the look.
        route: what DNS said this time, with what there is to say of MTA-STS; nothing of it held.
        at: when the look began.
        anchors: the trust anchors.
        interval: the schedule's: an endpoint that was scanned within it for another domain is not scanned again.

    """
    outcome = CONCLUSIVE if observed.unresolved is None else _told(observed.unresolved)
    yield Seen(
        Subject(route.domain),
        at,
        _known({fact.name: fact.read(route, anchors) for fact in facts.DOMAIN}),
        outcome=outcome,
        evidence=route,
    )
    told = {host.host: host for host in observed.mx}
    for host in route.hosts:
        if host.host not in told:
            continue
        endpoints = told[host.host].endpoints
        own = HostEvidence(route, host, _met(endpoints, at - interval))
        whole = HostEvidence(route, host, endpoints)
        readings = {
            fact.name: fact.read(whole, anchors) for fact in facts.MX if not isinstance(fact.read(own, anchors), Unknown)
        }  # fmt: skip
        yield Seen(Subject(route.domain, host.host), at, _known(readings), evidence=route)


def _met(endpoints: Sequence[EndpointObservation], since: datetime) -> tuple[EndpointObservation, ...]:
    """Return endpoints without what is only held of them."""
    return tuple(
        each if each.concluded_at is not None and each.concluded_at >= since else replace(each, readings={}, chains=_SILENT)
        for each in endpoints
    )


def _known(readings: Mapping[str, Reading[Any]]) -> dict[str, Reading[Any]]:
    return {name: reading for name, reading in readings.items() if isinstance(reading, Known | Absent)}


def _told(why: Unknown) -> str:
    return f"{why.cause.value} at {why.stage.value}"
