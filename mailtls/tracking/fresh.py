"""Fresh: what one scan of an endpoint, or one look at a domain, really saw, as sightings.

A reading that is held, or that rests on visits of an earlier scan, is none: it would count what was seen once for as often as it is said.
But what a quick visit does not show (a second certificate) is not gone because it did not show it. So a scan says that a check is well only
where what earlier visits showed, and this one did not ask for, is well too; and that it is weaker only where it saw that itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mailtls import facts
from mailtls.evidence import Purpose
from mailtls.facts.certificates import CHAINS
from mailtls.facts.declaration import HostEvidence, Scope
from mailtls.facts.routing import is_null_mx, why_no_route
from mailtls.facts.visits import usual_handshake
from mailtls.hellos import Silent
from mailtls.model import Cause, EndpointObservation, Known, Stage, Unknown
from mailtls.observation import endpoints_of
from mailtls.tracking.changes import Subject
from mailtls.tracking.holding import is_of_now, observe, shows_another_certificate, why_inconclusive
from mailtls.tracking.standing import Sighting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime, timedelta

    from mailtls.evidence import RouteEvidence, ScanEvidence
    from mailtls.facts.declaration import Check, Fact
    from mailtls.model import Endpoint, Reading
    from mailtls.tracking.holding import Track
    from mailtls.trust.pkix import Anchors

DNS = "dns"
"""The sense by which a domain is looked at; endpoints are met by their family."""


@dataclass(frozen=True, slots=True)
class FreshScan:
    """What one scan of an endpoint saw.

    Args:
        subject: which endpoint.
        at: when the scan began.
        operator: whose endpoint it is.
        cause: why it could not decide about STARTTLS; empty where it could.
        sightings: by the name of the check.
        in_scope: false where this vantage lacks the family: then the scan says nothing at all.

    """

    subject: Subject
    at: datetime
    operator: str
    cause: str = ""
    sightings: Mapping[str, Sighting] = field(default_factory=dict)
    in_scope: bool = True


@dataclass(frozen=True, slots=True)
class FreshLook:
    """What one look at a domain saw.

    Args:
        domain: which.
        at: when the look began.
        operator: whose domain it is.
        hosts: its MX hosts; ``None`` where DNS did not answer.
        addresses: of each host and family whose look-up was answered, as subjects name them.
        sightings: of the domain, and of it with each of its hosts, by the name of the check.

    """

    domain: str
    at: datetime
    operator: str
    hosts: frozenset[str] | None = None
    addresses: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    sightings: Mapping[Subject, Mapping[str, Sighting]] = field(default_factory=dict)


def subject_of(endpoint: Endpoint) -> Subject:
    """Return an endpoint as the subject of checks. Its server name is no part of it: that follows from the host."""
    shown = f"[{endpoint.address}]" if endpoint.address.version == 6 else str(endpoint.address)
    return Subject(host=endpoint.host, family=endpoint.family, address=f"{shown}:{endpoint.port}")


def fresh_scan(scan: ScanEvidence, anchors: Anchors, track: Track | None, operator: str, evidence: str = "") -> FreshScan:
    """Return what a scan saw.

    Args:
        scan: as the prober returned it.
        anchors: the trust anchors.
        track: what was remembered of the endpoint before it, for what its quick visit does not show.
        operator: whose endpoint it is.
        evidence: where the scan is kept.

    """
    asked = own = replace(scan, carried=(), hellos=scan.hellos if is_of_now(scan) else None)
    full = None if track is None else track.full
    if scan.purpose is Purpose.QUICK and full is not None and not shows_another_certificate(full, scan):
        asked = replace(own, carried=full.probes)
    needed = ("starttls_offered", "starttls_accepted", "negotiated")
    gap = why_inconclusive({fact.name: fact.read(own, anchors) for fact in facts.ENDPOINT if fact.name in needed})
    subject = subject_of(scan.endpoint)
    if scan.out_of_scope is not None:
        return FreshScan(subject, scan.began, operator, in_scope=False)
    seen = {
        check.name: sighting
        for fact, check in _checks(Scope.ENDPOINT)
        if (fact.quick or scan.purpose is Purpose.FULL)
        and (sighting := _of_scan(fact, check, own, asked, anchors, evidence)) is not None
    }  # fmt: skip
    return FreshScan(subject, scan.began, operator, "" if gap is None else gap.cause.value, seen)


def checks_of(scope: Scope) -> frozenset[str]:
    """Return the names of the checks that facts of a scope have."""
    return frozenset(check.name for _fact, check in _checks(scope))


def _checks(scope: Scope) -> Iterator[tuple[Fact[Any], Check]]:
    return ((fact, check) for fact in facts.ALL if fact.scope is scope for check in fact.checks)


def _of_scan(fact: Fact[Any], check: Check, own: ScanEvidence, asked: ScanEvidence, anchors: Anchors, evidence: str) -> Sighting | None:
    reading = fact.read(own, anchors)
    strength = fact.strength(check, reading)
    if strength is None:
        return None
    if asked is not own:
        before = fact.strength(check, fact.read(asked, anchors))
        if before is not None and before < strength:
            return None
    if not fact.quick:
        connections, full = _answered(own), True
    else:
        connections, weakest_usual = _usual(fact, check, own, strength, anchors)
        full = own.purpose is Purpose.FULL and weakest_usual is not None and weakest_usual > strength
    return Sighting(own.began, strength, fact.shown(check, reading), connections, evidence, full)


def _answered(scan: ScanEvidence) -> int:
    """Return how many raw hellos of this scan were answered: all of them speak for what they amount to."""
    hellos = scan.rechecked or scan.hellos
    return max(1, sum(not isinstance(item.answer, Silent) for item in hellos.asked) if hellos is not None else 0)


def _usual(fact: Fact[Any], check: Check, scan: ScanEvidence, strength: float, anchors: Anchors) -> tuple[int, float | None]:
    """Return how many of a scan's usual visits say the same, each by itself; and the least that any of them says."""
    usual = [probe for probe in scan.probes if probe.offer.is_usual]
    if len(usual) == len(scan.probes) == 1 and scan.hellos is None:
        return 1, strength
    said = []
    for probe in usual:
        single = replace(scan, purpose=Purpose.QUICK, probes=(probe,), hellos=None, rechecked=None)
        by_itself = fact.strength(check, fact.read(single, anchors))
        said.append(strength if by_itself is None and probe.failure is None else by_itself)
    return max(1, said.count(strength)), min((each for each in said if each is not None), default=None)


def fresh_look(
    route: RouteEvidence,
    at: datetime,
    tracks: Callable[[Endpoint], Track | None],
    anchors: Anchors,
    port: int,
    interval: timedelta,
    operator: str,
    evidence: str = "",
) -> FreshLook:
    """Return what a look at a domain saw, its endpoints having been scanned in the course of it.

    Args:
        route: what DNS said this time, with what there is to say of MTA-STS now; nothing of it held from an earlier look.
        at: when the look began.
        tracks: what is remembered of an endpoint, its scan of now included.
        anchors: the trust anchors.
        port: the SMTP port of every endpoint.
        interval: the schedule's: an endpoint that was scanned within it for another domain is not scanned again.
        operator: whose domain it is.
        evidence: where the route is kept.

    """
    seen = {Subject(route.domain): _of_route(route, anchors, at, evidence)}
    for host in route.hosts:
        endpoints = [(endpoint, tracks(endpoint)) for endpoint in endpoints_of(host, port)]
        held, met, shown = [], [], []
        for endpoint, track in endpoints:
            observed = observe(track, endpoint, at, interval)
            held.append(observed)
            met.append(_as_met(observed, track, at - interval, anchors, usual_only=False))
            shown.append(_as_met(observed, track, at - interval, anchors, usual_only=True))
        views = [HostEvidence(route, host, tuple(each)) for each in (shown, met, held)]
        all_met = all(_is_met(track, at - interval) for _endpoint, track in endpoints)
        seen[Subject(route.domain, host.host)] = _of_host(views, anchors, at, evidence, all_met=all_met)
    missing = why_no_route(route)
    if missing is not None:
        return FreshLook(route.domain, at, operator, sightings=seen)
    null = route.mx is not None and is_null_mx(route.mx)
    addresses: dict[tuple[str, str], frozenset[str]] = {}
    for host in route.hosts:
        for lookup in host.addresses:
            family = {"A": "ipv4", "AAAA": "ipv6"}.get(lookup.rdtype)
            if lookup.is_answer and not lookup.omitted and family is not None:
                named = (subject_of(endpoint) for endpoint in endpoints_of(replace(host, addresses=(lookup,)), port))
                addresses[host.host, family] = frozenset(subject.address for subject in named)
    hosts = frozenset() if null else frozenset(host.host for host in route.hosts)
    return FreshLook(route.domain, at, operator, None if route.omitted_hosts else hosts, addresses, seen)


def _is_met(track: Track | None, since: datetime) -> bool:
    return track is not None and track.concluded_at == track.attempted_at and track.attempted_at >= since


def _as_met(
    observed: EndpointObservation, track: Track | None, since: datetime, anchors: Anchors, *, usual_only: bool
) -> EndpointObservation:
    """Return what the last scan alone showed of an endpoint, where that is of now; else nothing."""
    if track is None or not _is_met(track, since):
        silent = Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, "not met in this look")
        return replace(observed, readings={}, chains=silent)
    # What is remembered of a scan has visits and raw hellos of earlier ones with it. Its own visits asked for every kind of certificate.
    scan = replace(track.latest, carried=(), hellos=None, rechecked=None)
    if usual_only:
        scan = replace(scan, purpose=Purpose.QUICK, probes=tuple(probe for probe in scan.probes if probe.offer.is_usual))
    needed = ("starttls_offered", "starttls_accepted")
    readings = {fact.name: fact.read(scan, anchors) for fact in facts.ENDPOINT if fact.name in needed}
    chains: Reading[Any] = CHAINS.read(scan, anchors) if usual_handshake(scan) is not None else Unknown(Cause.NOT_ATTEMPTED, Stage.HANDSHAKE)
    return replace(observed, readings=readings, chains=chains)


def _of_route(route: RouteEvidence, anchors: Anchors, at: datetime, kept: str) -> dict[str, Sighting]:
    found = {}
    for fact, check in _checks(Scope.DOMAIN):
        reading = fact.read(route, anchors)
        strength = fact.strength(check, reading)
        if strength is not None:
            found[check.name] = Sighting(at, strength, fact.shown(check, reading), evidence=kept)
    return found


def _of_host(views: list[HostEvidence], anchors: Anchors, at: datetime, kept: str, *, all_met: bool) -> dict[str, Sighting]:
    """Return the sightings of a host within its domain.

    Args:
        views: what the usual visits of now showed of it; what all visits of now showed; that with what earlier ones showed.
        anchors: the trust anchors.
        at: when the look began.
        kept: where the route is kept.
        all_met: every endpoint of the host was met in this look.

    """
    found = {}
    for fact, check in _checks(Scope.MX):
        readings = [fact.read(view, anchors) for view in views]
        usual, own, told = (fact.strength(check, reading) for reading in readings)
        if own is not None and (told is None or told >= own):
            full = not _is_best(fact, readings[1]) if usual is None else usual > own
            found[check.name] = Sighting(at, own, fact.shown(check, readings[1]), evidence=kept, full=full)
        elif own is None and told is not None and all_met and _is_best(fact, readings[2]):
            # Nothing of now speaks against it, and what was seen of the rest last is well too.
            found[check.name] = Sighting(at, told, fact.shown(check, readings[2]), evidence=kept)
    return found


def _is_best(fact: Fact[Any], reading: Reading[Any]) -> bool:
    return isinstance(reading, Known) and bool(fact.order) and reading.value == fact.order[0]
