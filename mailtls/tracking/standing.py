"""Standing: what is remembered of one check of one subject, and the nouns of that. What a sighting leads to is ``learning``'s to say.

A *sighting* is one conclusive reading of a check, as a strength that can be compared. What could not be measured is no sighting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from mailtls.tracking.held_back import HeldBack

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
