"""What is due when, and under which lock it is done, where several processes share the work of a vantage. Pure.

Each domain has a moment of its own within each interval, which follows from its name: so all processes of a vantage agree on it without
talking to each other, and two vantages, which have other names, come to one operator at different moments.

A lock is a place with an operator: as many as may be visited at a time have each a lock of their own, and each address always the same one.
So there are never more visits to an operator than locks, and never two to one address.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from mailtls.evidence import Purpose
from mailtls.model import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_FIRST_ROUND = timedelta(seconds=30)
_TICKS = (1, 2, 3, 5, 10, 15)
"""Seconds between two plannings: each a divisor of a minute, as a crontab needs it."""
_LEAST_GAP = 0.7
"""Share of an interval that lies at least between two looks; addresses are not scanned again sooner than that."""
_MOST_TAKEN_OVER = 3
_LONGEST_SILENCE = timedelta(seconds=30)
_SHORTEST_SILENCE = timedelta(seconds=3)
_LONGEST_NAME = 32
"""Octets of a vantage's name in that of its queue, which is a part of the name of a channel, and a channel's has 63 in PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a vantage looks at its domains.

    Args:
        vantage: its name.
        interval: between two looks at a domain.
        jitter: share of the interval by which that may be shorter or longer.

    """

    vantage: str
    interval: timedelta
    jitter: float = 0.0

    @property
    def tick(self) -> int:
        """Seconds between two plannings: a sixtieth of the interval, within bounds."""
        wanted = self.interval.total_seconds() / 60
        return max((tick for tick in _TICKS if tick <= wanted), default=_TICKS[0])

    @property
    def silence(self) -> timedelta:
        """After how long without a word from it a process counts as dead: half a minute, or a quarter of a short interval."""
        return min(_LONGEST_SILENCE, max(_SHORTEST_SILENCE, self.interval / 4))

    def moment(self, domain: str, number: int) -> datetime:
        """Return when a domain is due in an interval, counted from a moment long ago."""
        share = _share(self.vantage, domain) + self.jitter / 2 * (2 * _share(self.vantage, domain, number) - 1)
        return _EPOCH + self.interval * (number + share)

    def next_due(self, domain: str, last: datetime | None, now: datetime) -> datetime:
        """Return when a domain is to be looked at next.

        Args:
            domain: which.
            last: when the last look at it began; ``None`` where there was none yet.
            now: for a domain that was never looked at, or by a clock that was ahead.

        """
        if last is None or last - now > 2 * self.interval:
            return now
        earliest = last + self.interval * min(_LEAST_GAP, 1 - self.jitter)  # the first look comes at any moment, and so may a late one
        number = int((earliest - _EPOCH) / self.interval) - 2
        while (due := self.moment(domain, number)) <= earliest:
            number += 1
        return due

    def looks_due(self, looked: Mapping[str, datetime | None], now: datetime) -> list[tuple[str, datetime]]:
        """Return which domains are to be looked at now, and since when: the latest first, and not all at once where many are.

        Args:
            looked: for each domain when the last look at it began; ``None`` where there was none yet.
            now: until when.

        """
        due = sorted((self.next_due(domain, last, now), domain) for domain, last in looked.items())
        # All of a new list, and all that were left behind while nobody worked, are spread over half a minute, or half an interval.
        most = -(-len(looked) * self.tick // max(1, int(min(_FIRST_ROUND, self.interval / 2).total_seconds())))
        return [(domain, since) for since, domain in due if since <= now][:most]


def _share(*names: object) -> float:
    """Return a number from 0 to below 1 that follows from names, and looks like chance."""
    return int.from_bytes(hashlib.sha256("\0".join(map(str, names)).encode()).digest()[:6], "big") / 2**48


def _key(*parts: str | int) -> str:
    """Return a name that no other parts have, and that a person can read."""
    return json.dumps(parts, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Look:
    """A job: find out where the mail of a domain goes, and have its addresses scanned.

    Args:
        vantage: whose.
        domain: at which.
        due: since when.
        again: what its records said is to be confirmed.
        taken_over: how often a process that did it has died.

    """

    vantage: str
    domain: str
    due: datetime
    again: bool = False
    taken_over: int = 0

    @property
    def lock(self) -> str:
        """Who holds it is the only one to do this."""
        return _key(self.vantage, "look", self.domain)

    @property
    def name(self) -> str:
        """Of jobs with one name, one waits."""
        return _key(self.vantage, "look again" if self.again else "look", self.domain)

    def written(self) -> dict[str, Any]:
        """Return it as JSON."""
        told = {"vantage": self.vantage, "domain": self.domain, "due": self.due.isoformat()}
        return {**told, "again": self.again, "taken_over": self.taken_over}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Look:
        """Return what was written. Raises ``ValueError`` or ``KeyError`` for what was not."""
        due = datetime.fromisoformat(document["due"])
        return cls(document["vantage"], document["domain"], due, bool(document["again"]), int(document["taken_over"]))


@dataclass(frozen=True, slots=True)
class Scan:
    """A job: scan an address.

    Args:
        vantage: whose.
        endpoint: which.
        operator: whose address it is.
        slots: visits at a time to that operator.
        due: since when.
        purpose: of the scan, where something is to be confirmed; ``None`` lets what is remembered decide.
        taken_over: how often a process that did it has died.

    """

    vantage: str
    endpoint: Endpoint
    operator: str
    slots: int
    due: datetime
    purpose: Purpose | None = None
    taken_over: int = 0

    @property
    def lock(self) -> str:
        """Who holds it has a place with the operator."""
        return _key(self.vantage, "operator", self.operator, slot_of(self.endpoint, self.slots))

    @property
    def name(self) -> str:
        """Of jobs with one name, one waits."""
        return _key(self.vantage, "scan", str(self.endpoint), self.endpoint.server_name, self.purpose or "")

    def written(self) -> dict[str, Any]:
        """Return it as JSON."""
        endpoint = self.endpoint
        where = {"host": endpoint.host, "address": str(endpoint.address), "port": endpoint.port, "server_name": endpoint.server_name}
        whose = {"vantage": self.vantage, "operator": self.operator, "slots": self.slots}
        how = {"due": self.due.isoformat(), "purpose": self.purpose, "taken_over": self.taken_over}
        return {**whose, **where, **how}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Scan:
        """Return what was written. Raises ``ValueError`` or ``KeyError`` for what was not."""
        endpoint = Endpoint(document["host"], ip_address(document["address"]), int(document["port"]), document["server_name"])
        due = datetime.fromisoformat(document["due"])
        purpose = None if document["purpose"] is None else Purpose(document["purpose"])
        return cls(document["vantage"], endpoint, document["operator"], int(document["slots"]), due, purpose, int(document["taken_over"]))


def slot_of(endpoint: Endpoint, slots: int) -> int:
    """Return which of an operator's places visits to an endpoint take: always the same."""
    return int(_share(endpoint.host, endpoint.address, endpoint.port, endpoint.server_name) * slots)


def heir(job: Look | Scan) -> Look | Scan | None:
    """Return the job that takes the place of one whose process died; ``None`` where it has been the end of too many of them."""
    return None if job.taken_over >= _MOST_TAKEN_OVER else replace(job, taken_over=job.taken_over + 1)


def queue_of(vantage: str) -> str:
    """Return the name of a vantage's queue."""
    octets = vantage.encode()
    return f"mailtls {vantage if len(octets) <= _LONGEST_NAME else hashlib.sha256(octets).hexdigest()[:_LONGEST_NAME]}"
