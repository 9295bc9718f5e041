"""History: which states begin, go on and end with what one scan of an endpoint, or one look at a domain, saw.

A state is a reading of one fact of one subject, from when it was first seen to when it was last seen. An Unknown neither ends nor renews one,
and nor does a reading that is held from an earlier scan, or carried into this one: neither is passed in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mailtls.model import Absent, Known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mailtls.evidence import RouteEvidence, ScanEvidence
    from mailtls.model import Reading
    from mailtls.tracking.changes import Change, Subject
    from mailtls.tracking.standing import Standing

NOT_KEPT = frozenset({"addresses", "mta_sts_fetched_at", "mta_sts_changes", "ocsp_staple"})
"""Facts without states. Large providers name other addresses each time, and endpoints have a history of their own; the others are times."""
_SETS = frozenset({"mx_records", "tlsa_records", "ehlo_keywords", "tls_rpt"})
"""Facts whose values are lists in no order that means anything: a resolver may turn them around."""
RESTLESS = 12
"""Changes of a fact within a day at which it is said to vary, and is not written down each time any more."""
CALM = timedelta(days=1)
"""Time without a change after which it is written down again."""
VARIES = "varies"
"""Stands for the value of a fact that goes to and fro (several machines behind one address that are not alike)."""
ABSENT = "absent"
CONCLUSIVE = "conclusive"


def canonical(fact: str, reading: Reading[Any]) -> str:
    """Return a reading as text that is equal where the reading is: a known value as JSON, or ``absent``, which is no JSON.

    Raises:
        TypeError: it is an Unknown; no state is made of that.

    """
    if isinstance(reading, Absent):
        return ABSENT
    if not isinstance(reading, Known):
        raise TypeError(f"{fact} is unknown")
    value = reading.value
    if fact in _SETS and isinstance(value, (list, tuple)):
        value = sorted(value, key=_written)
    return _written(value)


def _written(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def reading_of(value: str) -> Reading[Any] | None:
    """Return the reading that :func:`canonical` wrote; ``None`` where the fact varies. Raises ``ValueError`` for what is none."""
    if value == VARIES:
        return None
    return Absent() if value == ABSENT else Known(json.loads(value))


class Purpose(StrEnum):
    """What was made to see it."""

    QUICK = "quick"
    FULL = "full"
    LOOK = "look"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one scan, or one look, saw of a subject.

    Args:
        subject: of what.
        at: when it began.
        readings: by fact, those that were really seen; no Unknown.
        purpose: what for.
        outcome: ``conclusive``, or cause and stage, as ``rate-limited at greeting``; empty where it is not counted.
        evidence: that it was read from.

    """

    subject: Subject
    at: datetime
    readings: Mapping[str, Reading[Any]]
    purpose: Purpose = Purpose.LOOK
    outcome: str = ""
    evidence: ScanEvidence | RouteEvidence | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Visits of one purpose that ended alike, one after the other.

    Args:
        outcome: how, as in :class:`Seen`.
        first: when the first of them began.
        last: when the last of them began.
        count: how many they are.

    """

    outcome: str
    first: datetime
    last: datetime
    count: int = 1


def joined(run: Run | None, other: Run) -> Run | None:
    """Return one run made of two, the later one last; ``None`` where they ended differently, or there is no earlier one."""
    if run is None or run.outcome != other.outcome:
        return None
    return Run(run.outcome, min(run.first, other.first), max(run.last, other.last), run.count + other.count)


def by_day(runs: Iterable[Run]) -> dict[str, dict[str, int]]:
    """Return how many visits of each day, in UTC, ended how. Of a run over several days, each gets its share."""
    days: dict[str, dict[str, int]] = {}
    for run in runs:
        first, last = run.first.date(), run.last.date()
        span = (last - first).days + 1
        whole, rest = divmod(run.count, span)
        for number in range(span):
            count = whole + (number < rest)
            if count:
                day = days.setdefault((first + timedelta(days=number)).isoformat(), {})
                day[run.outcome] = day.get(run.outcome, 0) + count
    return days


@dataclass(frozen=True, slots=True)
class State:
    """A reading of a fact over time.

    Args:
        fact: its name.
        value: as :func:`canonical` writes it.
        first_seen: when the scan began that saw it first.
        last_seen: when the last one began that saw it.
        ended_at: when the scan began that saw another; ``None`` while none has.
        evidence: where the first scan is kept; empty for nowhere.
        last_evidence: where the last one before its end is; empty for nowhere.

    """

    fact: str
    value: str
    first_seen: datetime
    last_seen: datetime
    ended_at: datetime | None = None
    evidence: str = ""
    last_evidence: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of one subject over time, by one vantage.

    Args:
        vantage: whose.
        subject: of what.
        states: in the order in which they began.
        changes: what happened to its checks, in order; of all vantages together too.
        runs: by purpose, how visits ended lately, in order.
        days: how visits of earlier days ended: by day, as ``2026-11-24``, and outcome, their number.
        held_back: the checks whose loss is held back now as this vantage's own fault.

    """

    vantage: str
    subject: Subject
    states: tuple[State, ...] = ()
    changes: tuple[Change, ...] = ()
    runs: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    days: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    held_back: Mapping[str, Standing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moves:
    """What becomes of the states of a subject.

    Args:
        begun: facts, with their values.
        ended: facts whose state has ended.
        renewed: facts that were seen again as they were.

    """

    begun: Mapping[str, str] = field(default_factory=dict)
    ended: frozenset[str] = frozenset()
    renewed: frozenset[str] = frozenset()


def compare(current: Mapping[str, tuple[str, datetime]], values: Mapping[str, str], at: datetime) -> Moves:
    """Return which states begin, end and go on.

    Args:
        current: of each fact the value that stands, and when it was seen last.
        values: what was seen now.
        at: when; what is no newer than what is known of a fact changes nothing of it.

    """
    begun, ended, renewed = {}, set(), set()
    for fact, value in values.items():
        if fact not in current:
            begun[fact] = value
        elif at > current[fact][1]:
            if current[fact][0] == value:
                renewed.add(fact)
            else:
                begun[fact] = value
                ended.add(fact)
    return Moves(begun, frozenset(ended), frozenset(renewed))
