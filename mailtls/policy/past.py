"""History graded again: what a policy would have said at each moment at which something changed, by the readings of that time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from mailtls import facts
from mailtls.model import Cause, Endpoint, EndpointObservation, Grade, Known, MXObservation, Stage, Unknown
from mailtls.policy.judge import Judge, Observed
from mailtls.tracking.changes import Subject
from mailtls.tracking.history import State, reading_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mailtls.facts.declaration import Fact
    from mailtls.model import Reading
    from mailtls.policy.rules import Policy
    from mailtls.tracking.history import Story

HOLDS = timedelta(days=3)
"""For how long after it was last seen a reading is still taken to hold: three full scans at the default schedule."""
_UNSEEN = Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, "not known of that time")
_VARIES = Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, "went to and fro at that time")


@dataclass(frozen=True, slots=True)
class PastGrade:
    """A grade, and from when on it would have stood."""

    at: datetime
    grade: Grade


def grades_over_time(domain: str, stories: Iterable[Story], policy: Policy, since: datetime | None = None) -> Iterator[PastGrade]:
    """Yield the grades of a domain over time, each that differs from the one before it.

    Args:
        domain: its name.
        stories: of one vantage, of all that belongs to the domain.
        policy: to grade by.
        since: from when on; ``None`` for the beginning.

    """
    told = list(stories)
    judge = Judge((policy,))
    moments = {
        at for story in told for state in story.states for at in (state.first_seen, state.ended_at, _end(state)) if at is not None
    }
    now = max((state.last_seen for story in told for state in story.states), default=None)
    last: tuple[object, ...] | None = None
    for at in sorted(moment for moment in moments if now is not None and moment <= now):
        (grade,) = judge.judge(domain, observed_at(domain, told, at)).grades
        if last is None and not grade.coverage and grade.level is None and grade.missing:
            continue  # not all of it has been measured yet
        said = (grade.level, round(grade.coverage, 4), tuple((finding.path, finding.where) for finding in grade.findings))
        if said != last and (since is None or at >= since):
            last = said
            yield PastGrade(at, grade)


def _end(state: State) -> datetime | None:
    """Return when a current state is not taken to hold any more."""
    return None if state.ended_at is not None else state.last_seen + HOLDS


def observed_at(domain: str, stories: Sequence[Story], at: datetime) -> Observed:
    """Return what was known of a domain at a moment, as far as its states say; the rest is unknown."""
    by_subject = {story.subject: story for story in stories}
    readings = _readings(by_subject.get(Subject(domain)), facts.DOMAIN, at)
    records = readings["mx_records"]
    hosts = []
    unresolved = records if isinstance(records, Unknown) else None
    for record in records.value if isinstance(records, Known) else ():
        host, preference = str(record["host"]), int(record["preference"])
        endpoints = tuple(
            EndpointObservation(_endpoint(story.subject), _readings(story, facts.ENDPOINT, at), conclusive=True)
            for story in stories
            if not story.subject.domain and story.subject.host == host and _was_there(story, at)
        )
        hosts.append(MXObservation(host, preference, _readings(by_subject.get(Subject(domain, host)), facts.MX, at), endpoints))
    return Observed(readings, tuple(hosts), unresolved)


def _was_there(story: Story, at: datetime) -> bool:
    """Whether an endpoint was known before a moment, and seen within some time of it or later."""
    return any(state.first_seen <= at for state in story.states) and any(at <= state.last_seen + HOLDS for state in story.states)


def _readings(story: Story | None, declared: Iterable[Fact[Any]], at: datetime) -> Mapping[str, Reading[Any]]:
    found: dict[str, Reading[Any]] = {fact.name: _UNSEEN for fact in declared}
    for state in story.states if story is not None else ():
        until = state.ended_at if state.ended_at is not None else state.last_seen + HOLDS
        if state.fact in found and state.first_seen <= at < until:
            found[state.fact] = reading_of(state.value) or _VARIES
    return found


def _endpoint(subject: Subject) -> Endpoint:
    address, _, port = subject.address.rpartition(":")
    return Endpoint(subject.host, ip_address(address.strip("[]")), int(port))
