"""One private key in the hands of operators that have nothing to do with each other: a factory key, a cloned image, a stolen key.

Most keys that are met at several operators are met there for a good reason: a hoster serves many customers, each by an MX name of his
own, with one certificate. So hosts that share a key count as *related* where any of these holds, or leads from one to the other:

- they have the same operator (the organizational domain of the host's name, or what the configuration says instead);
- they have an address in the same network (of 24 bits in IPv4, of 48 in IPv6);
- an authority vouched that one certificate, or certificates, for the key are for names of the same operator. An authority vouches where
  the chain leads to a trust anchor, be it by an intermediate that was not sent, or did while the certificate was valid; or where public
  logs know the certificate. What a self-signed certificate says of itself relates nobody: factory keys come with one.

Hosts that share a key and are not related are shown; that is a note, and no verdict: an appliance may be one hoster's after all.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from mailtls.model import Known, SharedKey, Unknown
from mailtls.tls.certificate import read_certificate
from mailtls.trust.chain import is_vouched_for

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from datetime import datetime

    from mailtls.model import DomainObservation, Endpoint, EndpointObservation, MXObservation
    from mailtls.trust.anchors import Anchors

    Chain = tuple[bytes, ...]
    Served = tuple[Endpoint, Chain]

MAX_NAMES = 100
"""Names of one certificate that relate operators; real ones have more only where one operator serves them all."""
MAX_SHOWN = 20
"""Operators, and hosts, that are named beside a key."""

_HOST_BITS = {4: 32 - 24, 6: 128 - 48}


def with_shared_keys(
    domains: Sequence[DomainObservation], operator_of: Callable[[str], str], anchors: Anchors, at: datetime
) -> tuple[DomainObservation, ...]:
    """Return domains with a note at each endpoint whose key is served by unrelated operators as well.

    Args:
        domains: all that is known; the more there is, the more is found.
        operator_of: returns the operator of a host name.
        anchors: the trust anchors, and the authorities known below them.
        at: the time, in UTC.

    """
    found = shared_keys(_served(domains), operator_of, anchors, at)
    if not found:
        return tuple(domains)

    def endpoint(seen: EndpointObservation) -> EndpointObservation:
        return replace(seen, key_shared_with=found[seen.endpoint]) if seen.endpoint in found else seen

    def host(seen: MXObservation) -> MXObservation:
        return replace(seen, endpoints=tuple(map(endpoint, seen.endpoints)))

    def is_noted(domain: DomainObservation) -> bool:
        return any(seen.endpoint in found for host in domain.mx for seen in host.endpoints)

    return tuple(replace(domain, mx=tuple(map(host, domain.mx))) if is_noted(domain) else domain for domain in domains)


def _served(domains: Sequence[DomainObservation]) -> dict[str, list[Served]]:
    """Return for each key, by the digest of its SubjectPublicKeyInfo, where it is served, and by which chain."""
    endpoints = {seen.endpoint: seen for domain in domains for host in domain.mx for seen in host.endpoints if seen.in_scope}
    served: dict[str, list[Served]] = defaultdict(list)
    for endpoint, seen in endpoints.items():
        # The digest comes with the reading, so that ten thousand certificates need not be read again for each page.
        for chain, shown in zip(_seen(seen.chains), _seen(seen.readings.get("certificates")), strict=False):
            if shown["spki_sha256"] is not None:
                served[shown["spki_sha256"]].append((endpoint, chain))
    return served


def _seen(reading: Any) -> Sequence[Any]:
    seen: Any = reading.value if isinstance(reading, Known) else reading.seen if isinstance(reading, Unknown) else None
    return seen or ()


def shared_keys(
    served: Mapping[str, Sequence[Served]], operator_of: Callable[[str], str], anchors: Anchors, at: datetime
) -> dict[Endpoint, tuple[SharedKey, ...]]:
    """Return for each endpoint whose key unrelated operators serve as well, which they are.

    Args:
        served: for each key where it is served, and by which chain.
        operator_of: returns the operator of a host name.
        anchors: the trust anchors, and the authorities known below them.
        at: the time, in UTC.

    """
    found: dict[Endpoint, tuple[SharedKey, ...]] = {}
    for key, places in served.items():
        if len({endpoint.host for endpoint, _ in places}) < 2:
            continue  # nearly all of them
        operators = {endpoint: operator_of(endpoint.host) for endpoint, _ in places}
        if len(set(operators.values())) < 2:
            continue
        group_of = _groups(places, operators, operator_of, anchors, at)
        groups = set(group_of.values())
        if len(groups) < 2:
            continue
        # An operator, and so a host, belongs to one group.
        named = sorted({operators[endpoint]: group for endpoint, group in group_of.items()}.items())
        hosts = sorted({endpoint.host: group for endpoint, group in group_of.items()}.items())
        notes = {group: SharedKey(key, _others(named, group), _others(hosts, group)) for group in groups}
        for endpoint, group in group_of.items():
            found[endpoint] = (*found.get(endpoint, ()), notes[group])
    return found


def _others(names: Sequence[tuple[str, Hashable]], group: Hashable) -> tuple[str, ...]:
    return tuple(islice((name for name, its in names if its != group), MAX_SHOWN))


def _groups(
    places: Sequence[Served], operators: Mapping[Endpoint, str], operator_of: Callable[[str], str], anchors: Anchors, at: datetime
) -> dict[Endpoint, Hashable]:
    """Return for each endpoint something that it has in common with the related ones, and with no others."""
    parent: dict[Hashable, Hashable] = {}

    def root(node: Hashable) -> Hashable:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    named: dict[Chain, list[Hashable]] = {}
    for endpoint, chain in places:
        if chain not in named:
            named[chain] = _vouched_owners(chain, operator_of, anchors, at)
        network = endpoint.address.version, int(endpoint.address) >> _HOST_BITS[endpoint.address.version]
        for node in (("operator", operators[endpoint]), network, *named[chain]):
            parent[root(endpoint)] = root(node)
    return {endpoint: root(endpoint) for endpoint in operators}


def _vouched_owners(chain: Chain, operator_of: Callable[[str], str], anchors: Anchors, at: datetime) -> list[Hashable]:
    """Return whom an authority vouched a certificate to be for: the operators of its names, and it itself."""
    if not is_vouched_for(chain, anchors, at):
        return []
    leaf = read_certificate(chain[0])
    owners = {("operator", operator_of(name.removeprefix("*."))) for name in leaf.names[:MAX_NAMES]}
    return [("certificate", leaf.sha256), *owners]
