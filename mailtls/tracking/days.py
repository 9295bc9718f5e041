"""Days: what each of the last days of a domain was like, for its verdict and for each check, by what was really seen on it.

A day is told by what was measured on it, and where that is more than one thing, by the worse; it is called protected only where every address
that was looked at was met. Where nothing in scope could be measured on a day, it says that, and why; a day that was only guessed from those
around it would be a verdict made of silence. Pure: time is an argument.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from mailtls import facts
from mailtls.facts.declaration import Better, Kind, Scope
from mailtls.model import Absent, Known, Verdict
from mailtls.policy.past import HOLDS
from mailtls.tracking.changes import Subject
from mailtls.tracking.history import CONCLUSIVE, Run, by_day, reading_of
from mailtls.tracking.past_verdicts import verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailtls.facts.declaration import Check, Fact
    from mailtls.model import Reading
    from mailtls.tracking.history import State, Story

LONGEST_SHOWN = 60
"""Characters of what a day says in words; of several values the worst alone, where they are more."""
_NOT_LOOKED_AT = "not looked at"
_NOT_SHOWN = "no visit showed it"
_NO_VISITS: Counter[str] = Counter()
_DAMAGED = (KeyError, TypeError, ValueError, IndexError)
"""What a value raises that an older version of this program wrote, or a damaged row."""


class Mark(StrEnum):
    """What a day was like, the worst that was measured first."""

    LACKS = "lacks"
    """It was measured that it is not there, or not as it should be."""
    LESS = "less"
    """It was measured to be weaker than on an earlier day; of the verdict: degraded."""
    HAS = "has"
    NONE = "none"
    """It was measured that it does not apply."""
    UNMEASURED = "unmeasured"
    UNWATCHED = "unwatched"


class Span(NamedTuple):
    """Days that were alike, one after the other.

    Args:
        first: of them.
        last: of them.
        mark: what they were like.
        shown: the value in words; where nothing could be measured, why.

    """

    first: date
    last: date
    mark: Mark
    shown: str


@dataclass(frozen=True, slots=True)
class Row:
    """A check, or the verdict, over all days.

    Args:
        check: its name, or ``verdict``.
        spans: without a gap.

    """

    check: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Days:
    """What each of the last days was like.

    Args:
        first: day.
        last: day; it need not be over.
        watched_since: the day of the first look; ``None`` before that.
        rows: the verdict, then each check that applied at least once, or could never be measured though others could.

    """

    first: date
    last: date
    watched_since: date | None
    rows: tuple[Row, ...]


_APPLIES = frozenset({Mark.HAS, Mark.LESS, Mark.LACKS})


class _Value(NamedTuple):
    """What was measured of a check; no strength where it does not apply, or says nothing."""

    strength: float | None
    mark: Mark
    shown: str


class _Watched:
    """A subject: on which days visits to it ended how, and on which its states were really seen."""

    def __init__(self, story: Story, now: datetime, fresh: timedelta) -> None:
        self.story, self.now, self.fresh = story, now, fresh
        self.outcomes: dict[date, Counter[str]] = {}
        for day, counted in story.days.items():
            self._count(day, counted)
        for runs in story.runs.values():
            latest = max(runs, key=lambda run: run.last, default=None)
            for day, counted in by_day(self._until_now(run) if run is latest else run for run in runs).items():
                self._count(day, counted)
        self.seen = {at.date() for state in story.states for at in (state.first_seen, self.last_seen(state))}

    def _count(self, day: str, counted: Mapping[str, int]) -> None:
        self.outcomes.setdefault(date.fromisoformat(day), Counter()).update(counted)

    def _until_now(self, run: Run) -> Run:
        """Return a run as it goes on: it is written down once an hour, so that a day that has just begun has nothing yet."""
        is_going_on = run.last < self.now <= run.last + self.fresh
        return Run(run.outcome, run.first, self.now, run.count + 1) if is_going_on else run

    def last_seen(self, state: State) -> datetime:
        """Return when a state was seen last, as far as is known."""
        is_current = state.ended_at is None and state.last_seen < self.now <= state.last_seen + self.fresh
        return self.now if is_current else state.last_seen

    def could_decide(self, day: date) -> bool:
        """Whether a visit of a day could decide."""
        return day in self.outcomes and self.outcomes[day][CONCLUSIVE] > 0

    def was_met(self, day: date) -> bool:
        """Whether anything of it was measured on a day."""
        return self.could_decide(day) or day in self.seen


def days_of(domain: str, stories: Iterable[Story], now: datetime, length: int, fresh: timedelta) -> Days:
    """Return what each of the last days of a domain was like.

    Args:
        domain: its name.
        stories: of one vantage, of all that belongs to it.
        now: the time; its day is the last one, in UTC.
        length: how many days, from 1 on.
        fresh: for how long after it was last written down to be so something is taken to go on: an hour, and an interval or two.

    """
    watched = {story.subject: _Watched(story, now, fresh) for story in stories if story.states or story.runs or story.days}
    last = now.astimezone(UTC).date()
    window = [last - timedelta(days=back) for back in range(length - 1, -1, -1)]
    since = _watched_since(watched.get(Subject(domain)))
    if since is None:
        return Days(window[0], last, None, (_row("verdict", window, {}, None),))
    seen = _Domain(domain, watched, window, since)
    judged = seen.verdict_days()
    was_judged = any(mark in _APPLIES for mark, _ in judged.values())
    rows = [_row("verdict", window, judged, since)]
    for fact in facts.ALL:
        for check in fact.checks:
            marked = seen.check_days(fact, check)
            marks = {mark for mark, _ in marked.values()}
            # Of a domain that was measured otherwise, what never could be is told, lest it look as if it did not apply.
            if marks & _APPLIES or (was_judged and marks == {Mark.UNMEASURED}):
                rows.append(_row(check.name, window, marked, since))
    return Days(window[0], last, since, tuple(rows))


def _watched_since(of_domain: _Watched | None) -> date | None:
    if of_domain is None:
        return None
    return min((*of_domain.outcomes, *of_domain.seen), default=None)


def _row(check: str, window: Sequence[date], marked: Mapping[date, tuple[Mark, str]], since: date | None) -> Row:
    told = [
        (day, (Mark.UNWATCHED, "") if since is None or day < since else marked.get(day, (Mark.UNMEASURED, _NOT_LOOKED_AT))) for day in window
    ]
    spans = []
    for (mark, shown), several in groupby(told, key=lambda each: each[1]):
        alike = [day for day, _ in several]
        spans.append(Span(alike[0], alike[-1], mark, shown))
    return Row(check, tuple(spans))


class _Domain:
    """A domain over the days of a window."""

    def __init__(self, domain: str, watched: Mapping[Subject, _Watched], window: Sequence[date], since: date) -> None:
        self.domain, self.watched = domain, watched
        self.window = [day for day in window if day >= since]
        self.own = watched[Subject(domain)]
        self.hosts = {day: self._hosts_on(day) for day in self.window}
        self.endpoints: dict[str, list[_Watched]] = {}
        for subject, each in watched.items():
            if subject.address:
                self.endpoints.setdefault(subject.host, []).append(each)

    def _hosts_on(self, day: date) -> frozenset[str] | None:
        """Return the MX hosts of a day; those that were known last, where DNS was silent; ``None`` where it never had told any by then."""
        begin, end = _bounds(day)
        states = [state for state in self.own.story.states if state.fact == "mx_records" and state.first_seen < end]
        states = [state for state in states if state.ended_at is None or state.ended_at > begin]
        if not states:
            return None
        hosts: set[str] = set()
        for state in states:
            reading = _read(state)
            if reading is None:
                hosts |= {subject.host for subject in self.watched if subject.domain == self.domain and subject.host}
            elif isinstance(reading, Known):
                hosts |= {str(record["host"]) for record in reading.value}
        return frozenset(hosts - {"."})  # of a null MX

    def _had_no_host(self, day: date) -> bool:
        """Whether it was measured on a day that mail for the domain goes to no host."""
        hosts = self.hosts[day]
        return hosts is not None and not hosts and self.own.was_met(day)

    def endpoints_on(self, day: date) -> list[_Watched]:
        """Return the endpoints that were looked at on a day, or met."""
        mine = (each for host in self.hosts[day] or () for each in self.endpoints.get(host, ()))
        return [each for each in mine if day in each.outcomes or day in each.seen]

    def _all_were_met(self, day: date) -> bool:
        """Whether something of every endpoint that was looked at on a day was measured then, and of every host that ever had one."""
        looked_at = self.endpoints_on(day)
        dark = {host for host in self.hosts[day] or () if host in self.endpoints} - {each.story.subject.host for each in looked_at}
        return not dark and all(each.was_met(day) for each in looked_at)

    def why_not(self, day: date, *, endpoints: bool) -> str:
        """Return why nothing could be measured on a day: how the visits ended that could not decide, the most frequent first."""
        outcomes: Counter[str] = Counter()
        for each in (*(self.endpoints_on(day) if endpoints else ()), self.own):
            outcomes.update({outcome: count for outcome, count in each.outcomes.get(day, _NO_VISITS).items() if outcome != CONCLUSIVE})
            if outcomes and not endpoints:
                break
        if outcomes:
            return _few([outcome for outcome, _ in sorted(outcomes.items(), key=lambda each: (-each[1], each[0]))])
        met = self.own.was_met(day) or any(each.was_met(day) for each in self.endpoints_on(day))
        return _NOT_SHOWN if met else _NOT_LOOKED_AT

    # A check.

    def check_days(self, fact: Fact[Any], check: Check) -> dict[date, tuple[Mark, str]]:
        """Return mark and words of each day."""
        found: dict[date, list[_Value]] = {day: [] for day in self.window}
        for subject, each in self.watched.items():
            if _is_of(fact.scope, subject, self.domain):
                for state in each.story.states:
                    if state.fact == fact.name:
                        self._add(found, fact, check, each, state)
        marked = {}
        best: float | None = None
        for day in self.window:
            values = found[day]
            strengths = [value.strength for value in values if value.strength is not None]
            if not values:
                marked[day] = (Mark.UNMEASURED, self.why_not(day, endpoints=fact.scope is not Scope.DOMAIN))
                if fact.scope is not Scope.DOMAIN and self._had_no_host(day):
                    marked[day] = (Mark.NONE, "")
                continue
            worst = min(strengths, default=None)
            telling = [value for value in values if value.strength is not None] or values
            telling.sort(key=lambda value: value.strength or 0.0)
            mark = telling[0].mark
            if worst is not None:
                mark = Mark.LESS if mark is Mark.HAS and best is not None and worst < best else mark
                best = worst if best is None else max(best, worst)
            marked[day] = (mark, _few([value.shown for value in telling]))
        return marked

    def _add(self, found: dict[date, list[_Value]], fact: Fact[Any], check: Check, each: _Watched, state: State) -> None:
        """Add what a state says of a check to the days on which it was seen."""
        reading = _read(state)
        if reading is None:
            return
        try:
            value = _value(fact, check, reading)
        except _DAMAGED:
            return
        last = each.last_seen(state)
        until = last if fact.quick else min(state.ended_at or last + HOLDS, last + HOLDS)
        really = {state.first_seen.date(), last.date()}
        subject = each.story.subject
        for day in self._between(state.first_seen.date(), until.date()):
            if subject.host and subject.host not in (self.hosts[day] or ()):
                continue
            if day in really or self._could_show(day, each, fact, reading):
                found[day].append(value)

    def _between(self, first: date, last: date) -> Sequence[date]:
        """Return the days of the window from one to another."""
        if not self.window:
            return ()
        start = max(0, (first - self.window[0]).days)
        return self.window[start : max(start, (last - self.window[0]).days + 1)]

    def _could_show(self, day: date, each: _Watched, fact: Fact[Any], reading: Reading[Any]) -> bool:
        """Whether a visit of a day could show a reading that was seen before it and after."""
        subject = each.story.subject
        if fact.scope is Scope.ENDPOINT:
            return each.could_decide(day)
        if fact.scope is Scope.MX and not fact.quick and reading != Known("none"):  # what the host serves takes part in it
            return any(endpoint.could_decide(day) for endpoint in self.endpoints.get(subject.host, ()))
        return self.own.could_decide(day)

    # The verdict.

    def verdict_days(self) -> dict[date, tuple[Mark, str]]:
        """Return mark and words of each day."""
        told = verdicts(self.domain, [each.story for each in self.watched.values()], self.window[0] if self.window else None, self.own.now)
        marked = {}
        for day in self.window:
            decided = any(each.was_met(day) for each in self.endpoints_on(day)) or self._had_no_host(day)
            names = told.get(day, ()) if decided else ()
            if not self._all_were_met(day):  # what was silent may fall short; what was measured to, does all the same
                names = tuple(name for name in names if name != Verdict.PROTECTED.value)
            if names:
                marks = sorted((_VERDICTS[name], name) for name in names)
                marked[day] = (_IN_ORDER[marks[0][0]], _few([name for _, name in marks]))
            else:
                marked[day] = (Mark.UNMEASURED, self.why_not(day, endpoints=True))
        return marked


_IN_ORDER = tuple(Mark)
_VERDICTS = {"unprotected": 0, "degraded": 1, "protected": 2, "no-mail": 3}
"""By verdict, the number of its mark: the worse first."""


def _bounds(day: date) -> tuple[datetime, datetime]:
    begin = datetime.combine(day, time(), UTC)
    return begin, begin + timedelta(days=1)


def _is_of(scope: Scope, subject: Subject, domain: str) -> bool:
    """Whether facts of a scope are facts about a subject."""
    if scope is Scope.DOMAIN:
        return subject == Subject(domain)
    return bool(subject.address) if scope is Scope.ENDPOINT else subject.domain == domain and bool(subject.host)


def _read(state: State) -> Reading[Any] | None:
    try:
        return reading_of(state.value)
    except ValueError:
        return None


def _value(fact: Fact[Any], check: Check, reading: Reading[Any]) -> _Value:
    strength = fact.strength(check, reading)
    shown = fact.shown(check, reading)
    if strength is None:
        says_no = isinstance(reading, Known) and fact.kind in (Kind.BOOL, Kind.TEXT)
        return _Value(0.0 if says_no else None, Mark.LACKS if says_no else Mark.NONE, shown)
    is_there = reading == Known(fact.order[0]) if fact.better is Better.EARLIER else strength > 0
    if isinstance(reading, Absent) and strength > 0:
        return _Value(None, Mark.NONE, shown)
    return _Value(strength, Mark.HAS if is_there else Mark.LACKS, shown)


def _few(words: Iterable[str]) -> str:
    """Return different words in their order, where they are short; else the first of them alone."""
    distinct = list(dict.fromkeys(words))
    both = ", ".join(distinct)
    return both if len(both) <= LONGEST_SHOWN else distinct[0][:LONGEST_SHOWN]

