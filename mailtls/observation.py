"""From evidence to what may be said of a domain: reads every fact, puts hosts and endpoints together, asks for the verdict."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from mailtls import facts
from mailtls.facts.routing import is_null_mx, unknown_lookup, why_no_address, why_no_route
from mailtls.model import Cause, DomainObservation, Endpoint, MXObservation, Stage, Unknown
from mailtls.policy.verdict import judge_domain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailtls.evidence import HostRoute, RouteEvidence
    from mailtls.model import EndpointObservation
    from mailtls.trust.pkix import Anchors


def endpoints_of(host: HostRoute, port: int) -> tuple[Endpoint, ...]:
    """Return an endpoint for each address of an MX host, in the resolver's order, each once."""
    addresses = dict.fromkeys(record for lookup in host.addresses for record in lookup.records)
    return tuple(Endpoint(host.host, ip_address(address), port) for address in addresses)


def observe_domain(
    provider: str, route: RouteEvidence, port: int, observed: Callable[[Endpoint], EndpointObservation], anchors: Anchors
) -> DomainObservation:
    """Put together what may be said of a domain.

    Args:
        provider: the partner's name.
        route: where its mail goes.
        port: the SMTP port of every endpoint.
        observed: what may be said of an endpoint.
        anchors: the trust anchors.

    """
    readings = {fact.name: fact.read(route, anchors) for fact in facts.DOMAIN}
    hosts = []
    for host in route.hosts:
        observations = tuple(observed(endpoint) for endpoint in endpoints_of(host, port))
        host_readings = {fact.name: fact.read(host, anchors) for fact in facts.MX}
        hosts.append(MXObservation(host.host, host.preference, host_readings, observations, why_no_address(host)))
    unresolved = why_no_route(route)
    if unresolved is None and not hosts and not (route.mx is not None and is_null_mx(route.mx)):
        unresolved = Unknown(Cause.NO_ADDRESS, Stage.DNS, "none of its MX records names a host")
    if unresolved is None and route.omitted_hosts:
        detail = f"{route.omitted_hosts} MX hosts are beyond the cap and were not visited"
        unresolved = Unknown(Cause.LIMIT_EXCEEDED, Stage.DNS, detail)
    if unresolved is None and hosts and all(host.unresolved is not None for host in hosts):
        unresolved = hosts[0].unresolved
    if unresolved is None:
        unresolved = next(_half_resolved(route), None)
    verdict, findings = judge_domain(readings, hosts, unresolved)
    measured = [e.attempted_at for host in hosts for e in host.endpoints if e.attempted_at is not None]
    measured_at = max(measured, default=route.began)
    return DomainObservation(route.domain, provider, verdict, findings, readings, tuple(hosts), measured_at, unresolved)


def _half_resolved(route: RouteEvidence) -> Iterator[Unknown]:
    """Yield why addresses may be missing from the picture: a family whose look-up failed, or a cap that left some out."""
    for host in route.hosts:
        if any(lookup.records for lookup in host.addresses):
            yield from (unknown_lookup(lookup) for lookup in host.addresses if not lookup.is_answer)
        for lookup in host.addresses:
            if lookup.omitted:
                detail = f"{host.host}: {lookup.omitted} addresses are beyond the cap and were not visited"
                yield Unknown(Cause.LIMIT_EXCEEDED, Stage.DNS, detail)
