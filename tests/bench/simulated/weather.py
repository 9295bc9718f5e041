"""The noise: what goes wrong without anybody having become weaker. docs/simulation.md says where the numbers come from.

Rates are per year, lengths in seconds. Whatever lasts is drawn as gaps and lengths, so that nothing has to be asked each cycle.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulated.timeline import FULL, SILENT, Span, Timeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulated.fleet import Address, Domain, Fleet, Turns

YEAR = 365 * 86400.0
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True)
class Noise:
    """How much of each there is. Rates per year of one endpoint, host, operator or domain, or of the vantage."""

    lost_scans: float = 0.003  # share of the scans of an endpoint that come to nothing, each by itself
    lost_looks: float = 0.002  # the same of the looks at a domain (SERVFAIL, time-out)
    storms: float = 12.0  # 421 from all of an operator, 10 minutes to 3 hours
    greylistings: float = 6.0  # 450 from an endpoint, 5 to 15 minutes
    outages: float = 6.0  # of a host, an hour in the middle, 12 at most
    long_outages: float = 0.3  # 1 to 3 days
    reboots: float = 12.0  # of an endpoint: 3 to 10 minutes of silence
    starting: float = 0.3  # share of those after which it has no TLS for up to 4 minutes more
    hiccups: float = 4.0  # of an endpoint: 454, or another machine with an old configuration, for 20 seconds to 6 minutes
    rollovers: float = 5.0  # of a host's certificates
    bad_rollovers: float = 0.05  # share of those in which the wrong chain is served for 2 to 10 minutes first
    vantage_outages: float = 6.0  # 5 minutes to 6 hours
    local_stripping: float = 2.0  # a firewall near us takes STARTTLS from everybody, 20 minutes to 4 hours
    resolver_outages: float = 6.0  # 10 minutes to 2 hours
    resolver_blind: float = 2.0  # our resolver does not validate, 1 to 12 hours


def _times(rng: random.Random, rate: float, length: float) -> Iterator[float]:
    """Yield the times of a Poisson process."""
    at = 0.0
    while rate:
        at += rng.expovariate(rate / YEAR)
        if at >= length:
            return
        yield at


def _lost_turns(rng: random.Random, turns: Turns, share: float, length: float, cause: str) -> Iterator[Span]:
    number = 0
    while share:
        number += 1 + int(math.log(1.0 - rng.random()) / math.log(1.0 - share))
        at = turns.at(number)
        if at >= length:
            return
        yield Span(at - 1, at + 1, SILENT, cause)


@dataclass
class Weather:
    """What happens to whom."""

    addresses: dict[Address, Timeline]
    domains: dict[Domain, Timeline]
    vantage: Timeline
    resolver: Timeline


def make_weather(fleet: Fleet, noise: Noise, length: float, seed: int) -> Weather:
    """Draw the noise of a simulation.

    Args:
        fleet: whom it befalls.
        noise: how much of it there is.
        length: of the simulation.
        seed: from which all of it follows.

    """

    def rng(*of: object) -> random.Random:
        return random.Random(f"{seed} {of}")

    storms = {operator: [*_spans(rng(operator, "storms"), noise.storms, length, 10 * MINUTE, 3 * HOUR, SILENT, "rate-limited")]
              for operator in {host.operator for host in fleet.hosts}}  # fmt: skip
    addresses = {}
    for host in fleet.hosts:
        shared = [*storms[host.operator], *_outages(rng(host.name, "outages"), noise, length), *_rollovers(rng(host.name, "rolls"), noise, length)]
        for address in host.addresses:
            own = rng(address.subject.address)
            timeline = Timeline(shared)
            timeline.add(
                *_lost_turns(own, address.turns, noise.lost_scans, length, "connect-timeout"),
                *_spans(own, noise.greylistings, length, 5 * MINUTE, 15 * MINUTE, SILENT, "deferred"),
                *_reboots(own, noise, length),
                *_hiccups(own, noise, length),
            )
            addresses[address] = timeline
    domains = {
        domain: Timeline(_lost_turns(rng(domain.name), domain.turns, noise.lost_looks, length, "dns-timeout")) for domain in fleet.domains
    }
    vantage = Timeline(_spans(rng("vantage"), noise.vantage_outages, length, 5 * MINUTE, 6 * HOUR, SILENT, "unreachable"))
    vantage.add(*_spans(rng("stripping"), noise.local_stripping, length, 20 * MINUTE, 4 * HOUR, "none"))
    resolver = Timeline(_spans(rng("resolver"), noise.resolver_outages, length, 10 * MINUTE, 2 * HOUR, SILENT, "dns-failure"))
    resolver.add(*_spans(rng("validation"), noise.resolver_blind, length, HOUR, 12 * HOUR, "dnssec"))
    return Weather(addresses, domains, vantage, resolver)


def _spans(rng: random.Random, rate: float, length: float, shortest: float, longest: float, kind: str, cause: str = "") -> Iterator[Span]:
    for at in _times(rng, rate, length):
        yield Span(at, at + shortest * (longest / shortest) ** rng.random(), kind, cause)  # as often in one octave as in another


def _outages(rng: random.Random, noise: Noise, length: float) -> Iterator[Span]:
    for at in _times(rng, noise.outages, length):
        yield Span(at, at + min(12 * HOUR, HOUR * rng.lognormvariate(0, 1)), SILENT, "connect-timeout")
    yield from _spans(rng, noise.long_outages, length, DAY, 3 * DAY, SILENT, "connect-refused")


def _rollovers(rng: random.Random, noise: Noise, length: float) -> Iterator[Span]:
    for at in _times(rng, noise.rollovers, length):
        yield Span(at, at + 20 * MINUTE, FULL)  # machine by machine: for as long another certificate may be met each time
        if rng.random() < noise.bad_rollovers:
            yield Span(at, at + rng.uniform(2 * MINUTE, 10 * MINUTE), rng.choice(["untrusted", "name"]))


def _reboots(rng: random.Random, noise: Noise, length: float) -> Iterator[Span]:
    for at in _times(rng, noise.reboots, length):
        up = at + rng.uniform(3 * MINUTE, 10 * MINUTE)
        yield Span(at, up, SILENT, "connect-refused")
        if rng.random() < noise.starting:
            yield Span(up, up + rng.uniform(0, 4 * MINUTE), rng.choice(["none", "refused"]))


def _hiccups(rng: random.Random, noise: Noise, length: float) -> Iterator[Span]:
    for at in _times(rng, noise.hiccups, length):
        yield Span(at, at + 20.0 * 18 ** rng.random(), rng.choice(["refused", "refused", "none", "v12", "no_pq", "untrusted"]))
