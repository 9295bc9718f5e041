"""Revisits: who should be looked at again before its next turn, since something about it is to be confirmed.

The first fresh connections come a minute after a candidate, or after the first sign of a recovery, and then each minute until there are
nearly twice as many as are needed: of unlike machines behind one address, one that disagrees is met the sooner. The last has to come from
another cycle. That is the usual scan of the next one; where it could not decide, or does not show
what is to be confirmed (a full scan does), a revisit makes up for it. So confirmation comes within one interval and five minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mailtls.evidence import Purpose
from mailtls.tracking.holding import INTERVALS_HELD

if TYPE_CHECKING:
    from datetime import datetime

    from mailtls.tracking.changes import Subject
    from mailtls.tracking.presence import Presence
    from mailtls.tracking.standing import Confirmation, Standing, Streak

PAUSE = timedelta(minutes=1)
"""Between a candidate and the first revisit, and between two of them; shorter where cycles are shorter than a quarter of an hour."""

ASKED_TIMES = 2
"""As many times as many connections as are needed are asked for, where each is a quick visit."""


@dataclass(frozen=True, slots=True)
class Again:
    """Who should be looked at again.

    Args:
        due: when.
        subject: an endpoint; or a domain, or a domain with a host, whose records are to be asked for again.
        purpose: of the scan of the endpoint, or of those of the host's; ``None`` where DNS and the policy alone are to be asked.
        check: for the sake of which.

    """

    due: datetime
    subject: Subject
    purpose: Purpose | None
    check: str


def pause_of(confirmation: Confirmation) -> timedelta:
    """Return the time between two revisits."""
    return min(PAUSE, confirmation.cycle / 15)


def revisit(subject: Subject, check: str, standing: Standing, presence: Presence | None, confirmation: Confirmation) -> Again | None:
    """Return when a subject should be looked at again for the sake of a check, or ``None`` where its usual turn is soon enough."""
    streak = standing.candidate or standing.recovery
    if streak is None or standing.flapping:
        return None
    failures = 0 if presence is None else presence.failures
    attempted_at = streak.last if presence is None else max(presence.attempted_at, streak.last)
    pause = pause_of(confirmation)
    due = attempted_at + pause * 2 ** min(max(failures - 2, 0), 10)
    if not _is_first_half_done(streak, confirmation, standing.times):
        pass  # another connection of the same cycle
    elif streak.first.full or due >= streak.counted + confirmation.cycle:
        due = max(due, streak.counted + confirmation.cycle)
    else:
        due = streak.counted + confirmation.cycle + 2 * pause  # by then its usual turn has come; where that decided, this is not asked
    if due - streak.last > INTERVALS_HELD * confirmation.cycle:
        return None  # it does not answer any more: that is an outage, and its usual turns will tell when it ends
    purpose = Purpose.FULL if streak.first.full else Purpose.QUICK
    return Again(due, subject, purpose if subject.host else None, check)


def joined(one: Again, other: Again) -> Again:
    """Return the one revisit that does for two: at the earlier time, and as closely as either needs."""
    earlier = min(one, other, key=lambda each: each.due)
    return replace(earlier, purpose=Purpose.FULL if Purpose.FULL in (one.purpose, other.purpose) else earlier.purpose)


def _is_first_half_done(streak: Streak, confirmation: Confirmation, times: int) -> bool:
    """Whether nothing but another cycle, with a connection of its own, is missing."""
    wanted = confirmation.probes * times * (1 if streak.first.full else ASKED_TIMES)
    return streak.connections >= wanted - (confirmation.cycles - 1)
