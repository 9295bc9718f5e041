"""The way to a domain over time: what a failed look-up could not renew is held, as long as a reading is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mailtls.evidence import StsEvidence
from mailtls.tracking.holding import still_holds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from mailtls.evidence import HostRoute, Lookup, RouteEvidence


@dataclass(frozen=True, slots=True)
class RouteTrack:
    """What is remembered of the way to one domain between look-ups.

    Args:
        latest: the last route, whatever came of it.
        answered: the last one whose MX look-up was answered, or that was not looked for; ``None`` where there was none.
        addresses: for host and record type the last answer, and when it came.
        settled: hosts whose look-ups for DANE last came to an end, and when.
        texts: the same for the TXT records of MTA-STS and TLS-RPT, by the name of their field in a route.

    """

    latest: RouteEvidence
    answered: RouteEvidence | None
    addresses: Mapping[tuple[str, str], tuple[Lookup, datetime]]
    settled: Mapping[str, tuple[HostRoute, datetime]] = field(default_factory=dict)
    texts: Mapping[str, tuple[Lookup, datetime]] = field(default_factory=dict)


def absorb_route(track: RouteTrack | None, route: RouteEvidence) -> RouteTrack:
    """Return what is remembered after one more look-up."""
    answered = route if route.mx is None or route.mx.is_answer else None if track is None else track.answered
    hosts = () if answered is None else answered.hosts
    known = {} if track is None else dict(track.addresses)
    settled = {} if track is None else dict(track.settled)
    if route.began is not None:
        known |= {(host.host, found.rdtype): (found, route.began) for host in route.hosts for found in host.addresses if found.is_answer}
        settled |= {host.host: (host, route.began) for host in route.hosts if is_settled(host)}
    names = {host.host for host in hosts}
    texts = {} if track is None else dict(track.texts)
    if route.began is not None:
        texts |= {name: (found, route.began) for name, found in texts_of(route).items() if found.is_answer}
    return RouteTrack(
        route,
        answered,
        {key: answer for key, answer in known.items() if key[0] in names},
        {name: kept for name, kept in settled.items() if name in names},
        texts,
    )


def is_settled(host: HostRoute) -> bool:
    """Whether it was found out what a host publishes for DANE, or that it publishes nothing that counts."""
    if not any(lookup.records for lookup in host.addresses):
        return all(lookup.is_answer for lookup in host.addresses)
    return (host.alias is None or bool(host.alias.records)) and all(lookup.is_answer for lookup in host.tlsa)


def texts_of(route: RouteEvidence) -> dict[str, Lookup]:
    """Return the look-ups of TXT records of a route, by the name of their field."""
    found = {"mta_sts": None if route.mta_sts is None else route.mta_sts.record, "tls_rpt": route.tls_rpt}
    return {name: lookup for name, lookup in found.items() if lookup is not None}


def route_now(track: RouteTrack, now: datetime, interval: timedelta) -> RouteEvidence:
    """Return the way to a domain: the latest answers, and in the place of what failed the ones before it, while they hold."""
    route = track.latest
    if route is not track.answered and track.answered is not None and track.answered.began is not None:
        route = track.answered if still_holds(track.answered.began, now, interval) else route

    def answer(lookup: Lookup, kept: tuple[Lookup, datetime] | None) -> Lookup:
        return kept[0] if not lookup.is_answer and kept is not None and still_holds(kept[1], now, interval) else lookup

    def settled(host: HostRoute) -> HostRoute:
        kept = None if is_settled(host) else track.settled.get(host.host)
        fresh = kept is not None and still_holds(kept[1], now, interval)
        return replace(host, alias=kept[0].alias, tlsa=kept[0].tlsa) if kept is not None and fresh else host

    def addresses(host: HostRoute) -> tuple[Lookup, ...]:
        return tuple(answer(lookup, track.addresses.get((host.host, lookup.rdtype))) for lookup in host.addresses)

    hosts = tuple(replace(settled(host), addresses=addresses(host)) for host in route.hosts)
    texts = {name: answer(lookup, track.texts.get(name)) for name, lookup in texts_of(track.latest).items()}
    said = StsEvidence(texts["mta_sts"]) if "mta_sts" in texts else None
    held = replace(route, hosts=hosts, mta_sts=said, tls_rpt=texts.get("tls_rpt"))
    return route if held == route else held
