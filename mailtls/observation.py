"""From evidence to what may be said of a domain: reads every fact, puts hosts and endpoints together, asks for the verdict."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from mailtls import facts
from mailtls.facts.declaration import HostEvidence
from mailtls.facts.published import server_name
from mailtls.facts.routing import is_null_mx, why_incomplete, why_no_address, why_no_route
from mailtls.model import Cause, DomainObservation, Endpoint, MXObservation, Stage, Unknown
from mailtls.policy.judge import Judge, Observed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtls.evidence import HostRoute, RouteEvidence
    from mailtls.model import EndpointObservation, Reading
    from mailtls.trust.pkix import Anchors


def endpoints_of(host: HostRoute, port: int) -> tuple[Endpoint, ...]:
    """Return an endpoint for each address of an MX host, in the resolver's order, each once."""
    addresses = dict.fromkeys(record for lookup in host.addresses for record in lookup.records)
    name = server_name(host)
    return tuple(Endpoint(host.host, ip_address(address), port, name) for address in addresses)


def observe_domain(
    provider: str,
    route: RouteEvidence,
    port: int,
    observed: Callable[[Endpoint], EndpointObservation],
    anchors: Anchors,
    latest: RouteEvidence | None = None,
    judge: Judge | None = None,
) -> DomainObservation:
    """Put together what may be said of a domain.

    Args:
        provider: the partner's name.
        route: where its mail goes; the verdict rests on it.
        port: the SMTP port of every endpoint.
        observed: what may be said of an endpoint.
        anchors: the trust anchors.
        latest: what came of the last look-up, where answers of an earlier one stand in for it in ``route``.
        judge: says what that comes to; by default one that grades by no policy.

    """
    latest = latest or route
    readings = {fact.name: fact.read(latest, anchors) for fact in facts.DOMAIN}
    readings |= {fact.name: fact.read(route, anchors) for fact in facts.DOMAIN if isinstance(readings[fact.name], Unknown)}
    hosts = []
    for host in route.hosts:
        observations = tuple(observed(endpoint) for endpoint in endpoints_of(host, port))
        evidence = HostEvidence(route, host, observations)
        host_readings: dict[str, Reading[object]] = {fact.name: fact.read(evidence, anchors) for fact in facts.MX}
        hosts.append(MXObservation(host.host, host.preference, host_readings, observations, why_no_address(host)))
    judged = (judge or Judge()).judge(route.domain, Observed(readings, tuple(hosts), _why_unresolved(route)))
    failed = {host.host: why_no_address(host) for host in latest.hosts}
    shown = tuple(replace(host, unresolved=failed.get(host.host, host.unresolved)) for host in judged.observed.hosts)
    measured = [e.attempted_at for host in shown for e in host.endpoints if e.attempted_at is not None]
    return DomainObservation(
        domain=route.domain,
        provider=provider,
        verdict=judged.verdict,
        findings=judged.findings,
        readings=judged.observed.readings,
        mx=shown,
        measured_at=max(measured, default=latest.began),
        unresolved=_why_unresolved(latest),
        grades=judged.grades,
        missing=judged.missing,
    )


def _why_unresolved(route: RouteEvidence) -> Unknown | None:
    """Return why the picture of a domain's mail hosts is not whole, or ``None`` where it is."""
    missing = why_no_route(route)
    if missing is not None:
        return missing
    if not route.hosts and not (route.mx is not None and is_null_mx(route.mx)):
        return Unknown(Cause.NO_ADDRESS, Stage.DNS, "none of its MX records names a host")
    if route.omitted_hosts:
        return Unknown(Cause.LIMIT_EXCEEDED, Stage.DNS, f"{route.omitted_hosts} MX hosts are beyond the cap and were not visited")
    without = [why_no_address(host) for host in route.hosts]
    if without and None not in without:
        return without[0]
    found = [host for host, gap in zip(route.hosts, without, strict=True) if gap is None]
    return next((gap for gap in map(why_incomplete, found) if gap is not None), None)
