"""The fleet that is watched: operators with hosts, addresses and domains, and when each has its turn. All of it follows from a seed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from mailtls.tracking.changes import Subject

CYCLE = 900.0
"""Seconds between two turns: the default of ``schedule.interval``."""
JITTER = 0.1
FULL_EVERY = 96
"""Turns between two full scans: the default of ``schedule.enumeration_interval``."""
_MIX = 2654435761


@dataclass(eq=False)
class Turns:
    """When something has its turns: once a cycle, up to a tenth of it earlier or later, each time anew."""

    phase: float
    seed: int
    offset: float = 0.0

    def at(self, number: int) -> float:
        """Return the time of a turn, in seconds since the simulation began."""
        jitter = (((number + 1) * _MIX ^ self.seed * 40503) * _MIX & 0xFFFFFFFF) / 2**31 - 1.0
        return self.phase + self.offset + (number + JITTER * jitter) * CYCLE

    def first_from(self, time: float) -> int:
        """Return the number of the first turn that is not before a time."""
        number = max(0, int((time - self.phase - self.offset) / CYCLE) - 1)
        while self.at(number) < time:
            number += 1
        return number


@dataclass(eq=False)
class Address:
    """An address of an MX host: the endpoint that is scanned.

    ``mixed``: two unlike machines answer behind it, by turns; one of them has an older version of TLS.
    """

    subject: Subject
    operator: str
    turns: Turns
    full_turn: int
    hybrid: bool
    mixed: bool = False


@dataclass(eq=False)
class Host:
    """An MX host. ``rotates``: DNS names other addresses of a pool each time, as large providers do."""

    name: str
    operator: str
    addresses: list[Address] = field(default_factory=list)
    dane: bool = False
    rotates: bool = False


@dataclass(eq=False)
class Domain:
    """A domain, and what it says at its best."""

    name: str
    operator: str
    hosts: list[Host]
    turns: Turns
    secure: bool
    sts: float
    reports: bool

    @property
    def subject(self) -> Subject:
        """The domain as the ledger names it."""
        return Subject(self.name)


@dataclass
class Fleet:
    """Everything that is watched."""

    hosts: list[Host]
    domains: list[Domain]

    @property
    def addresses(self) -> list[Address]:
        """Return every address of every host."""
        return [address for host in self.hosts for address in host.addresses]


def make_fleet(endpoints: int, seed: int, *, mixed: int = 5, rotating: int = 1) -> Fleet:
    """Make a fleet of at least so many endpoints.

    An operator has one to four hosts with one to six addresses, of both families, and one to four domains that lead to all of its hosts.
    A third of the operators sign their zones, and half of those publish TLSA records; a quarter of the domains has an MTA-STS policy.
    """
    rng = random.Random(f"{seed} fleet")
    hosts: list[Host] = []
    domains: list[Domain] = []
    made = 0
    while made < endpoints:
        operator = f"operator{len({host.operator for host in hosts}):03}.example"
        secure = rng.random() < 1 / 3
        dane = secure and rng.random() < 0.5
        phase, mix = rng.uniform(0, CYCLE), rng.randrange(1 << 30)
        own = []
        for number in range(rng.randint(1, 4)):
            host = Host(f"mx{number}.{operator}", operator, dane=dane)
            for each in range(rng.randint(1, 6)):
                six = each >= 2 and rng.random() < 0.6
                shown = f"[2001:db8::{made:x}]:25" if six else f"198.{18 + made // 65536}.{made // 256 % 256}.{made % 256}:25"
                subject = Subject(host=host.name, family="ipv6" if six else "ipv4", address=shown)
                turns = Turns(phase, mix, 2.0 * (1 + sum(len(other.addresses) for other in own) + each))
                host.addresses.append(Address(subject, operator, turns, rng.randrange(FULL_EVERY), rng.random() < 0.4))
                made += 1
            own.append(host)
        hosts += own
        end = 2.0 * (2 + sum(len(host.addresses) for host in own))
        for number in range(rng.randint(1, 4)):
            sts = rng.choice([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0])
            turns = Turns(phase, mix, end + number)
            domains.append(Domain(f"d{number}.{operator}", operator, own, turns, secure, sts, rng.random() < 0.3))
    fleet = Fleet(hosts, domains)
    sizes = Counter(address.operator for address in fleet.addresses)
    for address in sorted(fleet.addresses, key=lambda each: sizes[each.operator])[:mixed]:  # what never rests keeps its whole operator awake
        address.mixed = True
    quiet = [host for host in fleet.hosts if not any(address.mixed for address in host.addresses) and len(host.addresses) >= 4]
    for host in sorted(quiet, key=lambda each: sizes[each.operator])[:rotating]:
        host.rotates = True
    return fleet
