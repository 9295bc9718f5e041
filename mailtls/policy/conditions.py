"""Conditions: what a rule says of readings. A few forms, from which every rule is put together.

- ``value``: what the fact says is one of these words;
- ``each``: so is each element of a list, and the worst of them counts;
- ``includes``: a list has one of these words;
- ``at_least``, ``at_most``: a number keeps within a bound;
- ``any_of``: the best of several conditions counts; ``all_of``: the worst.

A condition comes to a level, or to nothing where it does not apply; or it stays undecided, for the facts that could not be measured.
What was measured to fall short so far is said all the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import translate
from typing import TYPE_CHECKING, Any

from mailtls.model import Absent, Cause, Known, Stage, Unknown
from mailtls.policy.paths import EACH, Unread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailtls.model import Reading
    from mailtls.policy.paths import Path

Readings = tuple["Mapping[str, Reading[Any]]", ...]
"""Of the domain; then, where it is about one, of the MX host; then of the endpoint."""

NOTHING = -1
"""The rank of what does not apply, or of what is not decided."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a condition comes to.

    Args:
        rank: of the level, the best being 0; :data:`NOTHING` where it does not apply. Where there are gaps: of what falls short so far.
        seen: the values that fall short.
        gaps: the facts, and why they are not known, that leave it undecided.

    """

    rank: int = NOTHING
    seen: tuple[Any, ...] = ()
    gaps: tuple[tuple[str, Unknown], ...] = ()


DOES_NOT_APPLY = Outcome()
_DECIDED = tuple(Outcome(rank) for rank in range(8))
_UNREAD = Unknown(Cause.PROTOCOL_ERROR, Stage.HANDSHAKE, "this part of it could not be read")
_NOT_TOLD = Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, "nobody has read this fact")
_NOT_VOUCHED = Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, "it does not apply, and so vouches for nothing")


@dataclass(frozen=True, slots=True)
class Words:
    """Levels of words, truths and null; a word that stands in the list goes before a pattern, and of patterns the worst counts."""

    ranks: Mapping[Any, int]
    patterns: tuple[tuple[re.Pattern[str], int], ...] = ()
    otherwise: int = 0

    def rank(self, value: Any) -> int:
        """Return the rank of a value."""
        rank = self.ranks.get(value)
        if rank is not None:
            return rank
        if not self.patterns or not isinstance(value, str):
            return self.otherwise
        return max((rank for pattern, rank in self.patterns if pattern.match(value)), default=self.otherwise)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Levels of numbers: the best whose bound is kept."""

    bounds: tuple[tuple[float, int], ...]
    least: bool
    otherwise: int = 0

    def rank(self, value: Any) -> int:
        """Return the rank of a number."""
        for bound, rank in self.bounds:
            if value >= bound if self.least else value <= bound:
                return rank
        return self.otherwise


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Levels of lists: the best of which the list has a word."""

    wanted: tuple[tuple[Words, int], ...]
    otherwise: int = 0

    def rank(self, value: Sequence[Any]) -> int:
        """Return the rank of a list."""
        return next((rank for words, rank in self.wanted if any(words.rank(element) == 0 for element in value)), self.otherwise)


def pattern(text: str) -> re.Pattern[str]:
    """Return a pattern of words, in which an asterisk stands for any letters."""
    return re.compile(translate(text))


@dataclass(frozen=True, slots=True)
class Leaf:
    """A condition on one fact.

    Args:
        path: to what it looks at.
        judge: gives the level.
        met: the first rank that falls short.
        elementwise: whether each element of a list is judged, and not the list.
        where: which objects of a list count, by their fields.
        absent: the rank of what does not apply; :data:`NOTHING` where the condition then does not apply either.
        vouched: whether what does not apply leaves it undecided: only what was measured vouches for it.
        required: whether the fact must be known; else it counts only where it was measured to fall short.

    """

    path: Path
    judge: Words | Bounds | Inclusion
    met: int
    elementwise: bool = False
    where: Mapping[str, frozenset[Any]] = field(default_factory=dict)
    absent: int = NOTHING
    vouched: bool = False
    required: bool = True

    @property
    def scope(self) -> int:
        """The narrowest scope that it reads."""
        return self.path.scope

    @property
    def first(self) -> str:
        """The path to what it looks at."""
        return self.path.text

    def facts(self) -> tuple[str, ...]:
        """Return the facts that it reads."""
        return (self.path.fact,)

    def __call__(self, readings: Readings) -> Outcome:
        """Judge readings."""
        outcome = self._held(readings[self.path.scope].get(self.path.fact, _NOT_TOLD))
        return outcome if self.required or not outcome.gaps else Outcome(outcome.rank, outcome.seen)

    def _held(self, reading: Reading[Any]) -> Outcome:
        if isinstance(reading, Known):
            try:
                return self._judge(reading.value)
            except Unread:
                return Outcome(gaps=((self.path.text, _UNREAD),))
        if isinstance(reading, Absent):
            return self._without()
        return self._so_far(reading)

    def _judge(self, value: Any) -> Outcome:
        if self.path.steps:
            values = self.path.values(value, self.where)
            if not values:  # an empty list has nothing bad in it; one without the part that is asked for says nothing of it
                return _DECIDED[0] if value == [] else self._without()
            if self.elementwise:
                values = [element for one in values for element in one]
        else:
            values = value if self.elementwise else [value]
        ranks = [*map(self.judge.rank, values)]
        worst = max(ranks, default=0)
        if worst < self.met:
            return _DECIDED[worst]
        return Outcome(worst, tuple(one for one, rank in zip(values, ranks, strict=True) if rank >= self.met))

    def _without(self) -> Outcome:
        if self.vouched:
            return Outcome(gaps=((self.path.text, _NOT_VOUCHED),))
        return _DECIDED[self.absent] if self.absent >= 0 else DOES_NOT_APPLY

    def _so_far(self, unknown: Unknown) -> Outcome:
        """Return what an interrupted set leaves undecided, and what of it falls short already: each of its elements was measured."""
        gaps = ((self.path.text, unknown),)
        if unknown.seen is not None and (self.elementwise or EACH in self.path.steps):
            try:
                found = self._judge(unknown.seen)
            except Unread:
                return Outcome(gaps=gaps)
            if found.rank >= self.met and found.seen:
                return Outcome(found.rank, found.seen, gaps)
        return Outcome(gaps=gaps)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Several conditions, of which the worst counts. One that is as bad as can be decides before what is not known."""

    conditions: tuple[Condition, ...]
    worst: int

    @property
    def scope(self) -> int:
        """The narrowest scope that it reads."""
        return max(condition.scope for condition in self.conditions)

    @property
    def first(self) -> str:
        """The path to what it looks at first."""
        return self.conditions[0].first

    def facts(self) -> tuple[str, ...]:
        """Return the facts that it reads, in order."""
        return tuple(dict.fromkeys(fact for condition in self.conditions for fact in condition.facts()))

    def __call__(self, readings: Readings) -> Outcome:
        """Judge readings."""
        outcomes = [condition(readings) for condition in self.conditions]
        rank = max(outcome.rank for outcome in outcomes)
        seen = tuple(value for outcome in outcomes for value in outcome.seen)
        settled = any(outcome.rank == self.worst and not outcome.gaps for outcome in outcomes)
        return Outcome(rank, seen, () if settled else _all_gaps(outcomes))


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Several conditions, of which the best counts. One decides before what is not known, where that can be no better any more."""

    conditions: tuple[Condition, ...]

    @property
    def scope(self) -> int:
        """The narrowest scope that it reads."""
        return max(condition.scope for condition in self.conditions)

    @property
    def first(self) -> str:
        """The path to what it looks at first."""
        return self.conditions[0].first

    def facts(self) -> tuple[str, ...]:
        """Return the facts that it reads, in order."""
        return tuple(dict.fromkeys(fact for condition in self.conditions for fact in condition.facts()))

    def __call__(self, readings: Readings) -> Outcome:
        """Judge readings."""
        outcomes = [condition(readings) for condition in self.conditions]
        best = min((outcome.rank for outcome in outcomes if outcome.rank >= 0 and not outcome.gaps), default=NOTHING)
        if best == 0:
            return _DECIDED[0]
        gaps = _all_gaps(outcomes)
        if gaps and (best == NOTHING or any(max(outcome.rank, 0) < best for outcome in outcomes if outcome.gaps)):
            return Outcome(gaps=gaps)  # what is not known may be better
        if best == NOTHING:
            return DOES_NOT_APPLY
        return Outcome(best, tuple(value for outcome in outcomes for value in outcome.seen))


Condition = Leaf | AllOf | AnyOf


def _all_gaps(outcomes: Sequence[Outcome]) -> tuple[tuple[str, Unknown], ...]:
    return tuple(gap for outcome in outcomes for gap in outcome.gaps)
