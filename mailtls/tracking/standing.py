"""Standing: what one check of one subject is held to, and whether it has fallen short of that for good.

A *sighting* is one conclusive reading of a check, as a strength that can be compared. What could not be measured is no sighting: it is
not passed in, and so neither counts nor resets anything.

    settling --enough sightings--> young --a day--> steady
    steady --weaker--> candidate --enough weaker ones--> regressed --enough good ones--> steady
                       candidate --as good as before--> steady (dismissed)

Enough are so many fresh connections that agree, over more than one cycle (:class:`Confirmation`). One sighting that disagrees dismisses
what was about to be confirmed; the next candidate then needs twice as many. While a subject is settling, its weakest sighting is what it is
held to; where a candidate is dismissed while it is young, it is held to that, too: it goes to and fro, and did so when we met it.

A subject that goes to and fro without end (several machines behind one address that are not alike) is *flapping*: that is told, and until it
has been calm for a day nothing is confirmed of it, neither that it became weaker nor that it recovered. So of a farm that becomes mixed one
regression is told at most.

The baseline rises by itself when an improvement has held for a while. It falls only by an operator's word, so that a regression stays
until it is recovered or accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from mailtls.tracking.held_back import withdrawn_into

if TYPE_CHECKING:
    from datetime import datetime

    from mailtls.tracking.held_back import HeldBack

FLAPPING_TURNS = 4
"""Turns from good to weaker or back, within the time that an improvement has to hold, at which a subject is flapping."""
SLOW = 7
"""What only full scans show is seen once a day instead of once a cycle: so many times longer turns are remembered of it."""


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
        full: a full scan was needed to see it, and another is to see it again.

    """

    at: datetime
    strength: float
    shown: str = ""
    connections: int = 1
    evidence: str = ""
    full: bool = False


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

    def is_enough(self, confirmation: Confirmation, times: int = 1) -> bool:
        """Whether so many fresh connections over so many cycles agree.

        Args:
            confirmation: how many that is.
            times: as many times as usual: of connections; of cycles where each of them has many (a full scan).

        """
        cycles = confirmation.cycles * (times if self.first.full else 1)
        return self.connections >= confirmation.probes * times and self.cycles >= cycles


@dataclass(frozen=True, slots=True)
class Regression:
    """A check that is confirmed to be weaker than its baseline.

    Args:
        before: the baseline.
        after: the first sighting that was so weak.
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
        settling: the first sightings, while they are not enough to hold it to their weakest for good.
        candidate: sightings that are weaker than the baseline, or than what is confirmed already, and not enough yet.
        improvement: sightings that are stronger than the baseline, and have not held for long enough yet.
        regression: that is confirmed, and neither recovered nor accepted.
        recovery: sightings as good as the baseline since then, and not enough yet.
        latest: the last sighting.
        turns: when the last sightings were on the other side of the baseline than those before them.
        flapping: whether it was told that it goes to and fro.
        since: when it was first seen, by which it is told whether it is young; ``None`` where it is held to more than its own sightings.
        held_back: weaker sightings that were not learnt, since half of the operators had the same; of a fold, those of a part of it.

    """

    baseline: Sighting | None = None
    settling: Streak | None = None
    candidate: Streak | None = None
    improvement: Streak | None = None
    regression: Regression | None = None
    recovery: Streak | None = None
    latest: Sighting | None = None
    turns: tuple[datetime, ...] = ()
    flapping: bool = False
    since: datetime | None = None
    held_back: HeldBack | None = None

    @property
    def times(self) -> int:
        """How many times as much as usual has to agree, since it went to and fro lately."""
        return 1 if len(self.turns) < FLAPPING_TURNS - 1 else 2

    @property
    def is_steady(self) -> bool:
        """Whether nothing is being counted: to be seen again as it was last leads to nothing, for however long."""
        return not (self.settling or self.candidate or self.improvement or self.recovery or self.flapping or self.held_back)

    @property
    def is_weaker(self) -> bool:
        """Whether the last sighting was weaker than what it is held to."""
        return self.latest is not None and self.baseline is not None and self.latest.strength < self.baseline.strength


class Event(StrEnum):
    """What a sighting, or an operator's word, leads to."""

    CANDIDATE = "candidate"
    DISMISSED = "dismissed"
    CONFIRMED = "confirmed"
    WORSENED = "worsened"
    """What is confirmed already became weaker still, and that is confirmed too."""
    RECOVERED = "recovered"
    IMPROVED = "improved"
    """An improvement has held, and is what it is held to from now on. The first sighting of all is none."""
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


def renewed(standing: Standing, sighting: Sighting) -> Standing | None:
    """Return a standing that was seen again as it was last, where nothing is being counted; ``None`` where there is more to it.

    It is what :func:`learn` comes to then, and what nearly every sighting is.
    """
    latest, baseline, confirmed = standing.latest, standing.baseline, standing.regression
    if latest is None or baseline is None or sighting.at <= latest.at or not standing.is_steady:
        return None
    if sighting.strength != latest.strength or sighting.shown != latest.shown or sighting.strength > baseline.strength:
        return None
    if sighting.strength < baseline.strength and (confirmed is None or sighting.strength < confirmed.after.strength):
        return None
    if confirmed is not None and sighting.strength == baseline.strength:
        return None
    return Standing(baseline, None, None, None, confirmed, None, sighting, standing.turns, False, standing.since)


Learnt = tuple[Standing, tuple[Event, ...]]


def learn(standing: Standing, sighting: Sighting, confirmation: Confirmation, now: datetime | None = None, *, recovers: bool = True) -> Learnt:
    """Return what is remembered after one more sighting, and what it led to.

    A sighting that is no newer than the last is not looked at: what comes late, or twice, cannot undo what is known by then. Where the last
    is of a time that is still to come, it is our clock that was wrong, and what was being counted is counted from the start.

    Args:
        standing: what was remembered.
        sighting: what was seen.
        confirmation: when sightings are enough.
        now: the time at which it is learnt; by default that of the sighting.
        recovers: whether it may recover with this sighting; false where a part of it has not yet.

    """
    if standing.latest is not None and sighting.at <= standing.latest.at:
        if now is None or standing.latest.at - now <= confirmation.cycle:
            return standing, ()
        standing = Standing(baseline=standing.baseline, regression=standing.regression)
    if standing.baseline is None:
        settling = _unless_enough(Streak.of(sighting), confirmation)
        return replace(standing, baseline=sighting, settling=settling, latest=sighting, since=sighting.at), ()
    if standing.settling is not None:
        return _settled(standing, standing.settling.joined_by(sighting, confirmation.cycle), sighting, confirmation), ()
    standing, fluttered = _turned(standing, standing.baseline, sighting, confirmation)
    standing = replace(standing, latest=sighting)
    assert standing.baseline is not None
    if sighting.strength < standing.baseline.strength:
        after, events = _weaker(standing, standing.baseline, sighting, confirmation)
    else:
        after, events = _as_good(replace(standing, held_back=None), standing.baseline, sighting, confirmation, recovers=recovers)
    if standing.flapping and Event.FLAPPING not in fluttered:
        events = tuple(event for event in events if event not in (Event.CANDIDATE, Event.DISMISSED))  # that it goes to and fro was told
    return after, (*fluttered, *events)


def _unless_enough(streak: Streak, confirmation: Confirmation) -> Streak | None:
    return None if streak.is_enough(confirmation) else streak


def _settled(standing: Standing, first: Streak, sighting: Sighting, confirmation: Confirmation) -> Standing:
    """Hold it to the weakest of its first sightings, and see whether they are enough."""
    assert standing.baseline is not None
    better = None
    if sighting.strength > first.weakest.strength:
        before = standing.improvement
        better = Streak.of(sighting) if before is None else before.joined_by(sighting, confirmation.cycle)
    baseline = first.weakest if first.weakest.strength < standing.baseline.strength else standing.baseline
    return replace(standing, baseline=baseline, settling=_unless_enough(first, confirmation), improvement=better, latest=sighting, held_back=None)


def _weaker(standing: Standing, baseline: Sighting, sighting: Sighting, confirmation: Confirmation) -> Learnt:
    standing = replace(standing, improvement=None, recovery=None)
    confirmed = standing.regression
    if confirmed is not None and sighting.strength >= confirmed.after.strength:
        return replace(standing, candidate=None, held_back=None), ()
    candidate, events = standing.candidate, tuple[Event, ...]()
    if candidate is None:
        candidate, events = Streak.of(sighting), (Event.CANDIDATE,) if confirmed is None else ()
    else:
        candidate = candidate.joined_by(sighting, confirmation.cycle)
    if standing.flapping or not candidate.is_enough(confirmation, standing.times):
        return replace(standing, candidate=candidate), events
    event = Event.CONFIRMED if confirmed is None else Event.WORSENED
    regression = Regression(baseline, candidate.first, sighting.at)
    return replace(standing, candidate=None, regression=regression, held_back=None), (*events, event)


def _as_good(standing: Standing, baseline: Sighting, sighting: Sighting, confirmation: Confirmation, *, recovers: bool) -> Learnt:
    events: tuple[Event, ...] = (Event.DISMISSED,) if standing.candidate is not None and standing.regression is None else ()
    if events and standing.since is not None and sighting.at - standing.since < _remembered(sighting, confirmation):
        assert standing.candidate is not None
        return replace(standing, baseline=standing.candidate.weakest, candidate=None, improvement=Streak.of(sighting)), events
    standing = replace(standing, candidate=None)
    if standing.regression is not None:
        recovery = Streak.of(sighting) if standing.recovery is None else standing.recovery.joined_by(sighting, confirmation.cycle)
        standing = replace(standing, recovery=recovery)
        if recovers and not standing.flapping and recovery.is_enough(confirmation, standing.times):
            standing, events = replace(standing, regression=None, recovery=None), (*events, Event.RECOVERED)
    if sighting.strength == baseline.strength:
        return replace(standing, improvement=None), events
    better = Streak.of(sighting) if standing.improvement is None else standing.improvement.joined_by(sighting, confirmation.cycle)
    if standing.regression is None and better.is_enough(confirmation) and better.last - better.first.at >= confirmation.holds:
        return replace(standing, baseline=better.weakest, improvement=None, since=None), (*events, Event.IMPROVED)
    return replace(standing, improvement=better), events


def _turned(standing: Standing, baseline: Sighting, sighting: Sighting, confirmation: Confirmation) -> Learnt:
    """Note whether this sighting is on the other side of the baseline than the one before, and how often that was so lately."""
    floor = baseline.strength
    turns = tuple(turn for turn in standing.turns if sighting.at - turn < _remembered(sighting, confirmation))
    if (sighting.strength < floor) != standing.is_weaker:
        turns = (*turns, sighting.at)[-2 * FLAPPING_TURNS :]
    standing = replace(standing, turns=turns)
    if not standing.flapping and len(turns) >= FLAPPING_TURNS:
        return replace(standing, flapping=True), (Event.FLAPPING,)
    if standing.flapping and not turns:
        return replace(standing, flapping=False), (Event.CALM,)
    return standing, ()


def _remembered(sighting: Sighting, confirmation: Confirmation) -> timedelta:
    return confirmation.holds * (SLOW if sighting.full else 1)


def withdraw(standing: Standing, *, hold: bool = False) -> Learnt:
    """Return what is remembered where it turned out that what was about to be confirmed is ours: as if it had not been seen.

    Args:
        standing: what was remembered.
        hold: it is held back, and may be believed later.

    """
    candidate = standing.candidate
    if candidate is None:
        return standing, ()
    turns = tuple(turn for turn in standing.turns if turn != candidate.first.at)
    events = (Event.DISMISSED,) if standing.regression is None else ()
    held_back = withdrawn_into(standing.held_back, candidate) if hold else standing.held_back
    return replace(standing, candidate=None, latest=None, turns=turns, held_back=held_back), events


def inherited(baseline: Sighting) -> Standing:
    """Return where something new begins that is held to what others like it were seen to do."""
    return Standing(baseline=baseline)


def accept(standing: Standing) -> Learnt:
    """Return what is remembered after an operator has said that the check may be as weak as it is now: its baseline falls to that.

    Where it is seen to be good now, but that is not confirmed, its regression is what is accepted. Without one, and where nothing weaker
    than the baseline is seen now, nothing is.
    """
    latest, baseline = standing.latest, standing.baseline
    accepted = latest if standing.is_weaker else None if standing.regression is None else standing.regression.after
    if accepted is None or baseline is None:
        return standing, ()
    return Standing(baseline=accepted, latest=latest, turns=standing.turns, flapping=standing.flapping), (Event.ACCEPTED,)
