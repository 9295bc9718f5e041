"""Incidents: what was confirmed to have become weaker, and what came of it, as it is published."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from mailtls import facts
from mailtls.facts.declaration import Scope
from mailtls.model import Endpoint, Place
from mailtls.policy.telling import command_for
from mailtls.publication import SCHEMA
from mailtls.show.regression_document import regression_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from mailtls.model import DomainObservation
    from mailtls.publication import Document
    from mailtls.publication.statements import Statement
    from mailtls.tracking.settling import JointRegression

MOST_INCIDENTS = 5000
"""Incidents that are published, the newest of them."""
_FACTS = {check.name: fact for fact in facts.ALL for check in fact.checks}


@dataclass(frozen=True, slots=True)
class Way:
    """That the mail of a domain went to a host, for some time.

    Args:
        domain: whose.
        host: which.
        since: when that was first seen.
        until: when it was seen to be otherwise; ``None`` while it is so.

    """

    domain: str
    host: str
    since: datetime
    until: datetime | None = None


def incidents(
    regressions: Iterable[JointRegression],
    owners: Mapping[str, str],
    ways: Iterable[Way],
    endpoints: Mapping[str, Sequence[Endpoint]],
    statements: Mapping[str, Sequence[Statement]],
) -> tuple[Document, ...]:
    """Return the incidents of some domains, the newest first.

    Those are regressions that count, or did: what only a minority of vantages saw is told in the history, and accuses nobody in public. What
    is seen of an address is told of its host, unless that speaks for itself; and what a host lost is told once, and not again of each domain
    that leads to it.

    Args:
        regressions: open and ended.
        owners: of each domain that is published, the provider.
        ways: which hosts they led to, and when.
        endpoints: of each MX host, those that there are now.
        statements: by incident.

    """
    led: dict[str, list[Way]] = {}
    for way in ways:
        led.setdefault(way.host, []).append(way)
    told = [each for each in regressions if each.id and (each.counts or each.told) and (each.alone or not each.subject.address)]
    concerned = [(each, domains) for each in told if (domains := _concerned(each, led.get(each.subject.host, ()), owners))]
    of_hosts: dict[tuple[str, str], list[JointRegression]] = {}
    for each, domains in concerned:
        for domain in domains if each.subject.host else ():
            of_hosts.setdefault((domain, each.check), []).append(each)
    found = [
        (each, domains)
        for each, domains in concerned
        if each.subject.host or not any(_overlap(each, other) for other in of_hosts.get((each.subject.domain, each.check), ()))
    ]
    found.sort(key=lambda pair: (pair[0].confirmed_at, pair[0].id), reverse=True)
    return tuple(_document(each, domains, owners, endpoints, statements.get(each.id, ())) for each, domains in found[:MOST_INCIDENTS])


def _overlap(one: JointRegression, other: JointRegression) -> bool:
    """Whether there was a time at which both were open."""
    return (one.ended_at is None or other.after.at <= one.ended_at) and (other.ended_at is None or one.after.at <= other.ended_at)


def _concerned(each: JointRegression, ways: Iterable[Way], owners: Mapping[str, str]) -> list[str]:
    """Return the domains that are published and that an incident concerns: its own, or those that led to its host meanwhile."""
    own = each.subject.domain
    if own:
        return [own] if own in owners else []
    return sorted(
        {
            way.domain
            for way in ways
            if way.domain in owners
            and (each.ended_at is None or way.since <= each.ended_at)
            and (way.until is None or way.until > each.after.at)
        }
    )


def _document(
    each: JointRegression,
    domains: list[str],
    owners: Mapping[str, str],
    endpoints: Mapping[str, Sequence[Endpoint]],
    statements: Sequence[Statement],
) -> Document:
    told = regression_document(each)
    told.pop("domain")
    return {
        "schema": SCHEMA,
        "id": each.id,
        "providers": sorted({owners[domain] for domain in domains}),
        "domains": domains,
        **told,
        "reproduce": _command(each, domains[0], endpoints.get(each.subject.host, ())),
        "statements": [statement.document() for statement in statements],
    }


def _command(each: JointRegression, domain: str, endpoints: Sequence[Endpoint]) -> str | None:
    """Return a command that shows whether it is still so; ``None`` where there is none."""
    fact = _FACTS.get(each.check)
    if fact is None:
        return None
    subject = each.subject
    place = Place(subject.domain or domain, subject.host)
    if fact.scope is Scope.ENDPOINT:
        mine = [one for one in endpoints if one.family == subject.family or not subject.family]
        if subject.address:
            address, _, port = subject.address.rpartition(":")
            mine = [Endpoint(subject.host, ip_address(address.strip("[]")), int(port))]
        if not mine:
            return None
        place = Place(place.domain, subject.host, mine[0])
    return command_for(fact.name, place) or None


def endpoints_of(domains: Iterable[DomainObservation]) -> Mapping[str, tuple[Endpoint, ...]]:
    """Return of each MX host the endpoints that there are now."""
    found: dict[str, dict[Endpoint, None]] = {}
    for domain in domains:
        for host in domain.mx:
            found.setdefault(host.host, {}).update(dict.fromkeys(endpoint.endpoint for endpoint in host.endpoints))
    return {host: tuple(several) for host, several in found.items()}

