"""Past verdicts: what would have been said of a domain on each day, judged again at the moments at which something changed."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING

from mailtls.model import Verdict
from mailtls.policy.evaluation import survey, takes_no_mail
from mailtls.policy.past import HOLDS, observed_at
from mailtls.policy.shipped import VERDICT, shipped
from mailtls.policy.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailtls.tracking.history import Story

_NEVER = datetime.min.replace(tzinfo=UTC)
MOST_MOMENTS = 1000
"""Moments at which a domain is judged again, the latest of them: one whose mail hosts change their addresses every hour has more."""


def verdicts(domain: str, stories: Sequence[Story], since: date | None, now: datetime) -> Mapping[date, tuple[str, ...]]:
    """Return the verdicts of each day on which there was one, from a day on, in order of time; ``unknown`` is none.

    Args:
        domain: its name.
        stories: of one vantage, of all that belongs to it.
        since: the first day; ``None`` for no day at all.
        now: the time.

    """
    if since is None:
        return {}
    begin = datetime.combine(since, time(), UTC)
    moments = [at for at in _moments(stories) if at <= now]
    earlier = bisect_right(moments, begin)
    kept = [max(begin, moments[earlier - 1])] if earlier else []
    kept += moments[earlier:][-MOST_MOMENTS:]
    lives = [(story, *_life(story)) for story in stories]
    judged = {at: _verdict(domain, [story for story, first, last in lives if first <= at <= last], at) for at in kept}
    really_ended = _ended(stories)
    found: dict[date, tuple[str, ...]] = {}
    carried = Verdict.UNKNOWN
    day = since
    while day <= now.date():
        today = [at for at in kept if at.date() == day]
        told = [judged[at] for at in today]
        # What held when the day began was seen on it, unless something ended on it that had not been seen since the day before.
        if not today or really_ended.get(day, True):
            told.insert(0, carried)
        carried = told[-1] if told else carried
        known = tuple(dict.fromkeys(verdict.value for verdict in told if verdict is not Verdict.UNKNOWN))
        if known:
            found[day] = known
        day += timedelta(days=1)
    return found


@cache
def _that_matter() -> frozenset[str]:
    """Return the facts that the verdict rests on."""
    return frozenset({"mx_records", "null_mx", *(fact for rule in shipped(VERDICT).rules for fact in rule.facts)})


def _moments(stories: Sequence[Story]) -> list[datetime]:
    """Return the moments at which something changed that matters, in order."""
    wanted = _that_matter()
    found = set()
    for story in stories:
        for state in story.states:
            if state.fact in wanted:
                found.add(state.first_seen)
                found.add(state.ended_at if state.ended_at is not None else state.last_seen + HOLDS)
    return sorted(found)


def _life(story: Story) -> tuple[datetime, datetime]:
    """Return from when to when anything is known of a subject: large providers have had many addresses by now, and few at a time."""
    seen = [state.first_seen for state in story.states]
    return min(seen, default=_NEVER), max((state.ended_at or state.last_seen + HOLDS for state in story.states), default=_NEVER)


def _ended(stories: Sequence[Story]) -> Mapping[date, bool]:
    """Return for each day on which a state ended that matters, whether one of them was still seen on it."""
    wanted = _that_matter()
    found: dict[date, bool] = {}
    for story in stories:
        for state in story.states:
            if state.ended_at is not None and state.fact in wanted:
                day = state.ended_at.date()
                found[day] = found.get(day, False) or state.last_seen.date() == day
    return found


def _verdict(domain: str, stories: Sequence[Story], at: datetime) -> Verdict:
    observed = observed_at(domain, stories, at)
    if takes_no_mail(observed.readings):
        return Verdict.NO_MAIL
    return judge(survey(domain, observed.readings, observed.hosts, observed.unresolved))[0]
