"""How far our clock is from those of others, by the ``Date`` of their HTTP responses (RFC 9110 section 6.6.1). Pure; no verdict goes by it.

What is kept of each host is its time on our steady clock: so it shows at once when ours is set.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from statistics import median

LEAST_HOSTS = 3
MOST_HOSTS = 1000
KEPT = 86_400.0
"""Seconds for which a host's word counts."""
LONGEST_TRIP = 10.0
"""Seconds from request to response beyond which a date is of no use."""
_TRUNCATED = 0.5  # a date has whole seconds, so that it is half of one behind, on average
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) ([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}}) GMT"
)


def http_date(text: str) -> float | None:
    """Return the seconds since 1970 of an IMF-fixdate (RFC 9110 section 5.6.7), ``None`` for anything else."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    day, month, *rest = found.groups()
    year, hour, minute, second = map(int, rest)
    try:
        return datetime(year, _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None


class Clocks:
    """The clocks of other hosts."""

    def __init__(self) -> None:
        self._hosts: dict[str, tuple[float, float]] = {}

    def note(self, host: str, date: str, steady: float, trip: float) -> None:
        """Take the date of a response.

        Args:
            host: whose.
            date: as it came.
            steady: our steady clock when it came, in seconds.
            trip: seconds from the request to the response.

        """
        said = http_date(date)
        if said is None or not 0 <= trip <= LONGEST_TRIP:
            return
        self._hosts.pop(host, None)
        self._hosts[host] = steady, said + _TRUNCATED + trip / 2 - steady
        while len(self._hosts) > MOST_HOSTS:
            del self._hosts[next(iter(self._hosts))]

    def skew(self, wall: float, steady: float) -> float | None:
        """Return by how many seconds our clock is ahead of the median of the others; ``None`` while too few are known.

        Args:
            wall: our clock, in seconds since 1970.
            steady: our steady clock.

        """
        ahead = [wall - (steady + others) for heard, others in self._hosts.values() if steady - heard <= KEPT]
        return median(ahead) if len(ahead) >= LEAST_HOSTS else None
