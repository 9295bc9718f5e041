"""Standing: what one check of one subject is held to, and whether it has fallen short of that for good.

A *sighting* is one conclusive reading of a check, as a strength that can be compared. What could not be measured is no sighting: it is
not passed in, and so neither counts nor resets anything.

    steady --weaker--> candidate --enough weaker ones--> regressed --enough good ones--> steady
                       candidate --as good as before--> steady (dismissed)

Enough are so many fresh connections that agree, over more than one cycle (:class:`Confirmation`). One sighting that disagrees dismisses
what was about to be confirmed; a subject that goes to and fro without end is *flapping*, which is told, and is no regression.

The baseline rises by itself when an improvement has held for a while. It falls only by an operator's word, so that a regression stays
until it is recovered or accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

FLAPPING_TURNS = 4
"""Turns from good to weaker or back, within the time that an improvement has to hold, at which a subject is flapping."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """When sightings are enough.

    Args:
        probes: fresh connections that must agree.
        cycles: cycles that they must come from.
        cycle: the time between two of them.
        holds: for how long an improvement must have been seen before the baseline rises to it.

    """

    probes: int = 3
    cycles: int = 2
    cycle: timedelta = timedelta(minutes=15)
    holds: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One conclusive reading of a check.

    Args:
        at: when the scan began.
        strength: more is better.
        shown: the value, as a person reads it.
        connections: how many fresh connections of the scan say so.
        evidence: where what was seen on the wire is kept.

    """

    at: datetime
    strength: float
    shown: str = ""
    connections: int = 1
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Streak:
    """Sightings that agree, one after the other.

    Args:
        first: of them.
        weakest: of them.
        connections: of all of them.
        cycles: how many cycles they come from.
        counted: when the last of those cycles was counted.
        last: when the last of them was.

    """

    first: Sighting
    weakest: Sighting
    connections: int
    cycles: int
    counted: datetime
    last: datetime

    @classmethod
    def of(cls, sighting: Sighting) -> Streak:
        """Return a streak of one."""
        return cls(sighting, sighting, sighting.connections, 1, sighting.at, sighting.at)

    def joined_by(self, sighting: Sighting, cycle: timedelta) -> Streak:
        """Return the streak with one more sighting; jitter brings cycles nearer to each other than they should be, but not by half."""
        is_another = sighting.at - self.counted > cycle / 2
        return replace(
            self,
            weakest=sighting if sighting.strength < self.weakest.strength else self.weakest,
            connections=self.connections + sighting.connections,
            cycles=self.cycles + is_another,
            counted=sighting.at if is_another else self.counted,
            last=max(self.last, sighting.at),
        )

    def is_enough(self, confirmation: Confirmation) -> bool:
        """Whether so many fresh connections over so many cycles agree."""
        return self.connections >= confirmation.probes and self.cycles >= confirmation.cycles


@dataclass(frozen=True, slots=True)
class Regression:
    """A check that is confirmed to be weaker than its baseline.

    Args:
        before: the baseline.
        after: the first sighting that was weaker.
        confirmed_at: when the sightings were enough.

    """

    before: Sighting
    after: Sighting
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What is remembered of one check of one subject.

    Args:
        baseline: what it is held to; ``None`` before the first sighting.
        candidate: sightings that are weaker than the baseline, and not enough yet.
        improvement: sightings that are stronger than the baseline, and have not held for long enough yet.
        regression: that is confirmed, and neither recovered nor accepted.
        recovery: sightings as good as the baseline since then, and not enough yet.
        latest: the last sighting.
        turns: when the last sightings were on the other side of the baseline than those before them.
        flapping: whether it was told that it goes to and fro.

    """

    baseline: Sighting | None = None
    candidate: Streak | None = None
    improvement: Streak | None = None
    regression: Regression | None = None
    recovery: Streak | None = None
    latest: Sighting | None = None
    turns: tuple[datetime, ...] = ()
    flapping: bool = False


class Event(StrEnum):
    """What a sighting, or an operator's word, leads to."""

    CANDIDATE = "candidate"
    DISMISSED = "dismissed"
    CONFIRMED = "confirmed"
    RECOVERED = "recovered"
    IMPROVED = "improved"
    ACCEPTED = "accepted"
    FLAPPING = "flapping"
    CALM = "calm"
    OUTAGE = "outage"
    """It could not be measured for so long that what was seen last is no longer said."""
    MEASURED_AGAIN = "measured-again"
    CHANGED = "changed"
    """It became another, and neither is the better (MX hosts, certificates)."""
    RETIRED = "retired"
    """The subject is no longer there: DNS does not lead to it any more."""


def learn(standing: Standing, sighting: Sighting, confirmation: Confirmation) -> tuple[Standing, tuple[Event, ...]]:
    """Return what is remembered after one more sighting, and what it led to.

    A sighting that is no newer than the last is not looked at: what comes late, or twice, cannot undo what is known by then.
    """
    if standing.latest is not None and sighting.at <= standing.latest.at:
        return standing, ()
    if standing.baseline is None:
        return replace(standing, baseline=sighting, latest=sighting), (Event.IMPROVED,)
    standing, fluttered = _turned(standing, sighting, confirmation)
    standing = replace(standing, latest=sighting)
    assert standing.baseline is not None
    if sighting.strength < standing.baseline.strength:
        after, events = _weaker(standing, standing.baseline, sighting, confirmation)
    else:
        after, events = _as_good(standing, standing.baseline, sighting, confirmation)
    return after, (*fluttered, *events)


def _weaker(standing: Standing, baseline: Sighting, sighting: Sighting, confirmation: Confirmation) -> tuple[Standing, tuple[Event, ...]]:
    standing = replace(standing, improvement=None, recovery=None)
    if standing.regression is not None:
        return standing, ()
    candidate, events = standing.candidate, tuple[Event, ...]()
    if candidate is None:
        candidate, events = Streak.of(sighting), (Event.CANDIDATE,)
    else:
        candidate = candidate.joined_by(sighting, confirmation.cycle)
    if not candidate.is_enough(confirmation):
        return replace(standing, candidate=candidate), events
    regression = Regression(baseline, candidate.first, sighting.at)
    return replace(standing, candidate=None, regression=regression), (*events, Event.CONFIRMED)


def _as_good(standing: Standing, baseline: Sighting, sighting: Sighting, confirmation: Confirmation) -> tuple[Standing, tuple[Event, ...]]:
    events: tuple[Event, ...] = (Event.DISMISSED,) if standing.candidate is not None else ()
    standing = replace(standing, candidate=None)
    if standing.regression is not None:
        recovery = Streak.of(sighting) if standing.recovery is None else standing.recovery.joined_by(sighting, confirmation.cycle)
        standing = replace(standing, recovery=recovery)
        if recovery.is_enough(confirmation):
            standing, events = replace(standing, regression=None, recovery=None), (*events, Event.RECOVERED)
    if sighting.strength == baseline.strength:
        return replace(standing, improvement=None), events
    better = Streak.of(sighting) if standing.improvement is None else standing.improvement.joined_by(sighting, confirmation.cycle)
    if standing.regression is None and better.is_enough(confirmation) and better.last - better.first.at >= confirmation.holds:
        return replace(standing, baseline=better.weakest, improvement=None), (*events, Event.IMPROVED)
    return replace(standing, improvement=better), events


def _turned(standing: Standing, sighting: Sighting, confirmation: Confirmation) -> tuple[Standing, tuple[Event, ...]]:
    """Note whether this sighting is on the other side of the baseline than the one before, and how often that was so lately."""
    assert standing.baseline is not None
    assert standing.latest is not None
    floor = standing.baseline.strength
    turns = tuple(turn for turn in standing.turns if sighting.at - turn < confirmation.holds)
    if (sighting.strength < floor) != (standing.latest.strength < floor):
        turns = (*turns, sighting.at)[-2 * FLAPPING_TURNS :]
    standing = replace(standing, turns=turns)
    if not standing.flapping and len(turns) >= FLAPPING_TURNS:
        return replace(standing, flapping=True), (Event.FLAPPING,)
    if standing.flapping and not turns:
        return replace(standing, flapping=False), (Event.CALM,)
    return standing, ()


def accept(standing: Standing) -> tuple[Standing, tuple[Event, ...]]:
    """Return what is remembered after an operator has said that the check may be as weak as it is now: its baseline falls to that.

    Where nothing weaker than the baseline is seen now, nothing is accepted.
    """
    latest, baseline = standing.latest, standing.baseline
    if latest is None or baseline is None or latest.strength >= baseline.strength:
        return standing, ()
    return Standing(baseline=latest, latest=latest, turns=standing.turns, flapping=standing.flapping), (Event.ACCEPTED,)
