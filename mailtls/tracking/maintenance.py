"""Maintenance windows: when a change of some subjects was planned, so that it is recorded and shown, and nobody is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mailtls.tracking.changes import Subject

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKLY = re.compile(r"([a-z]{3}(?:,[a-z]{3})*) ([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2}) utc")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Weekly:
    """The same hours on some days of each week, in UTC.

    Args:
        days: 0 for Monday to 6 for Sunday.
        start: of the day on which it begins.
        length: more than nothing, and at most a day; it may end on the day after.

    """

    days: frozenset[int]
    start: time
    length: timedelta

    @classmethod
    def of(cls, text: str) -> Self:
        """Read such as ``sun 02:00-04:00 UTC`` or ``mon,tue 23:30-01:00 UTC``. Raises ``ValueError`` for what is none."""
        match = _WEEKLY.fullmatch(" ".join(text.lower().split()))
        if match is None:
            raise ValueError("write days, hours and UTC, such as sun 02:00-04:00 UTC, or mon,tue 23:30-01:00 UTC")
        names = match[1].split(",")
        wrong = [name for name in names if name not in _DAYS]
        if wrong:
            raise ValueError(f"{wrong[0]} is no day; write {', '.join(_DAYS)}")
        start, end = (int(match[hour]) * 60 + int(match[hour + 1]) for hour in (2, 4))
        if int(match[3]) > 59 or int(match[5]) > 59 or start >= 24 * 60 or end > 24 * 60:
            raise ValueError("hours go from 00:00 to 24:00, and minutes to 59")
        if start == end:
            raise ValueError("it ends when it begins; a whole day is 00:00-24:00")
        length = timedelta(minutes=end - start) if end > start else timedelta(minutes=end - start) + _DAY
        return cls(frozenset(map(_DAYS.index, names)), time(start // 60, start % 60), length)

    def covers(self, at: datetime) -> bool:
        """Whether a moment lies in it; the end does not."""
        at = at.astimezone(UTC)
        for begun in (at, at - _DAY):
            start = datetime.combine(begun.date(), self.start, UTC)
            if begun.weekday() in self.days and start <= at < start + self.length:
                return True
        return False


@dataclass(frozen=True, slots=True)
class Once:
    """From one moment until another, which does not belong to it."""

    start: datetime
    end: datetime

    def covers(self, at: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class Window:
    """A planned time.

    Args:
        names: the domains and MX hosts that it is about, in ASCII.
        when: it is.
        why: in the operator's words.

    """

    names: frozenset[str]
    when: Once | Weekly
    why: str


def muting(windows: Iterable[Window], subject: Subject, at: datetime, beside: Collection[str] = ()) -> str:
    """Return the words of the first window that a change falls into; empty where it falls into none.

    What concerns a domain or host outside of all windows is never muted: a host that two domains lead to is covered by its own name, or
    where both domains are.

    Args:
        windows: of the configuration.
        subject: of the change.
        at: when it happened.
        beside: the domains that lead to a host, where the subject is a host or its address; the hosts that made a domain weaker, where it is
            a domain. All of them must be covered, where the subject's own names are not.

    """
    now = [window for window in windows if window.when.covers(at)]
    for window in now:
        if subject.domain in window.names or subject.host in window.names:
            return window.why
    covering = [next((window for window in now if name in window.names), None) for name in sorted(beside)]
    found = [window for window in covering if window is not None]
    return found[0].why if found and len(found) == len(covering) else ""
