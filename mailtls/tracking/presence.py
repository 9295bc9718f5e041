"""Presence: is a subject still there, and can it still be measured? Neither is ever a regression.

An *outage* is told when nothing conclusive came of a subject for three intervals. An address, or a host of a domain, *retires* when DNS has
answered without naming it for a while (:data:`RETIRED_AFTER`); a resolver that does not answer retires nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mailtls.tracking.holding import INTERVALS_HELD, still_holds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

RETIRED_AFTER = timedelta(hours=24)
"""For how long DNS must have answered without naming something before it counts as gone. Large providers come back to an address sooner."""


@dataclass(frozen=True, slots=True)
class Presence:
    """What is remembered of a subject itself, whatever its checks are.

    Args:
        since: when it was first met.
        attempted_at: when it was last tried to be measured.
        concluded_at: when something conclusive last came of that; ``None`` for never.
        failures: attempts in a row, until the last, of which nothing conclusive came.
        cause: why nothing came of the last; empty where something did.
        out_at: when its outage was told; ``None`` without one.
        domains: that lead to it, or did until it was missed.
        missed_at: when DNS first answered without naming it; ``None`` while it is named.
        muted: the maintenance window in which its outage began, while nobody was told of that; empty for none.
        operator: whose it is; empty where an older version wrote it.
        silent_since: when the first of these failures began; ``None`` without any.

    """

    since: datetime
    attempted_at: datetime
    concluded_at: datetime | None = None
    failures: int = 0
    cause: str = ""
    out_at: datetime | None = None
    domains: frozenset[str] = frozenset()
    missed_at: datetime | None = None
    muted: str = ""
    operator: str = ""
    silent_since: datetime | None = None


def attempted(presence: Presence | None, at: datetime, cause: str, operator: str = "") -> Presence:
    """Return what is remembered after one more attempt.

    Args:
        presence: what was remembered.
        at: when it began.
        cause: why nothing conclusive came of it; empty where something did.
        operator: whose it is.

    """
    presence = presence or Presence(at, at)
    if max(presence.since, presence.concluded_at or at) > at:  # of a clock that ran ahead
        concluded_at = None if presence.concluded_at is None else min(presence.concluded_at, at)
        presence = replace(presence, since=min(presence.since, at), concluded_at=concluded_at)
    if cause:
        since = presence.silent_since if presence.failures else at
        return replace(presence, attempted_at=at, failures=presence.failures + 1, cause=cause, operator=operator, silent_since=since)
    return replace(presence, attempted_at=at, concluded_at=at, failures=0, cause="", operator=operator, silent_since=None)


def is_out(presence: Presence, now: datetime, interval: timedelta) -> bool:
    """Whether it could not be measured for so long that what was seen last is no longer said."""
    last = presence.concluded_at or presence.since
    if last > now:
        return False  # our clock was set back
    # When it was last measured is stored once an hour only: so a process that has just begun does not take one failure for an outage.
    return presence.failures >= INTERVALS_HELD and not still_holds(last, now, interval)


def is_gone(presence: Presence, now: datetime, retired_after: timedelta = RETIRED_AFTER) -> bool:
    """Whether DNS has answered without naming it for long enough; to be asked when it has just done so again."""
    return presence.missed_at is not None and now - presence.missed_at >= retired_after


FORGOTTEN_AFTER = timedelta(days=7)
"""For how long is kept what a domain was held to that the configuration does not name any more: a slip of the pen must not cost that."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where DNS last said that the mail of a domain goes, as far as it answered.

    Args:
        at: when the last look began at which it answered.
        hosts: its MX hosts.
        addresses: of each host and family; of what was not answered, those known before.
        left_at: since when the domain is left out of the configuration; ``None`` while it is not.

    """

    at: datetime
    hosts: frozenset[str] = frozenset()
    addresses: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    left_at: datetime | None = None


def followed(way: Way | None, at: datetime, hosts: frozenset[str] | None, addresses: Mapping[tuple[str, str], frozenset[str]]) -> Way | None:
    """Return the way to a domain after one more look.

    Args:
        way: that was known.
        at: when the look began.
        hosts: its MX hosts; ``None`` where DNS did not answer.
        addresses: of those of its hosts and families whose look-up was answered.

    """
    if hosts is None:
        return way
    known = {} if way is None else {key: found for key, found in way.addresses.items() if key[0] in hosts}
    return Way(at, hosts, known | {key: found for key, found in addresses.items() if key[0] in hosts})
