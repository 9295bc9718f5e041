"""The sky: trouble that many unrelated operators seem to have at once is no trouble of theirs, it is our own weather.

Two things are told from what is seen of all operators together (whose rules :mod:`mailtls.tracking.votes` has):

- The vantage is *blind*: its control endpoints cannot be measured, or half of the operators fell silent at once.
- A weakness is *ours*: of the operators that had something to lose in one check, half show the same loss, and none of it is confirmed yet.

While either holds, weaker sightings are not learnt, so that they can neither begin nor confirm anything, and what they have begun within
the last cycle is withdrawn (:class:`~mailtls.tracking.ledger.Ledger` does both). Good ones are learnt: no weather makes a server look
better than it is. Confirmation takes more than one cycle, and within one all operators are met: so the weather is known in time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailtls.tracking.votes import Sight, are_too_many, is_blind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from mailtls.tracking.changes import Subject

REMEMBERED = 3
"""For how many intervals an operator that is not met any more still counts."""


@dataclass(slots=True)
class _Attempts:
    """What came of the last attempt at each subject of an operator, and when anything conclusive last did."""

    conclusive: dict[Subject, bool] = field(default_factory=dict)
    concluded_at: datetime | None = None

    @property
    def is_silent(self) -> bool:
        """Whether something could be measured once, and nothing can now."""
        return self.concluded_at is not None and bool(self.conclusive) and not any(self.conclusive.values())


@dataclass(slots=True)
class _Met:
    """What was last seen of one check at one operator: what there was to lose, and which subjects seem to have lost it."""

    held_to: float
    weaker: dict[Subject, datetime] = field(default_factory=dict)


class Sky:
    """What was last seen of each operator. Small, and made anew by a new process: a cycle later it knows as much."""

    def __init__(self, interval: timedelta, sight: Sight | None = None) -> None:
        """Make an empty one.

        Args:
            interval: the schedule's.
            sight: how many operators are too many.

        """
        self.interval = interval
        self.sight = sight or Sight()
        self.controls: Mapping[str, bool] = {}
        """For each control endpoint, whether it could be measured; empty where none is configured."""
        self._attempts: dict[str, _Attempts] = {}
        self._fell: set[str] = set()
        self._met: dict[tuple[str, str], dict[str, _Met]] = {}

    def attempted(self, operator: str, subject: Subject, at: datetime, *, conclusive: bool) -> None:
        """Note that a subject of an operator was tried to be measured, and whether anything came of it."""
        known = self._attempts.setdefault(operator, _Attempts())
        known.conclusive[subject] = conclusive
        if conclusive:
            known.concluded_at = at
        if not conclusive or self._fell:
            self._look_up(at)

    def _look_up(self, now: datetime) -> None:
        """See who fell silent within the last intervals, and who of them still is: blindness lasts for as long as most of them are."""
        oldest = now - REMEMBERED * self.interval
        silent = {name for name, known in self._attempts.items() if known.is_silent}
        lately = {name for name in silent if (at := self._attempts[name].concluded_at) is not None and at >= oldest}
        if self._fell:
            self._fell |= lately
            if not are_too_many(silent & self._fell, self._fell, self.sight):
                self._fell.clear()
        elif are_too_many(lately, self._attempts.keys(), self.sight):
            self._fell = lately

    @property
    def is_blind(self) -> bool:
        """Whether this vantage cannot measure at all now."""
        return bool(self._fell) or is_blind(self.controls, (), (), self.sight)

    def met(self, sense: str, check: str, operator: str, subject: Subject, held_to: float, weaker_at: datetime | None) -> None:
        """Note what was seen of a check.

        Args:
            sense: by what it was seen: a family, or DNS; each can fail us by itself.
            check: which.
            operator: whose.
            subject: of what.
            held_to: the strength that it is held to.
            weaker_at: when it was seen to be weaker than that, where that is not confirmed; ``None`` where it is as good.

        """
        operators = self._met.setdefault((sense, check), {})
        met = operators.get(operator)
        if met is None:
            met = operators[operator] = _Met(held_to)
        met.held_to = max(met.held_to, held_to)
        if weaker_at is None:
            met.weaker.pop(subject, None)
        else:
            met.weaker[subject] = weaker_at

    def is_ours(self, sense: str, check: str, strength: float, now: datetime) -> bool:
        """Whether so many operators seem to have lost a check at once that it must be ours.

        Args:
            sense: by what it was seen.
            check: which.
            strength: to which it seems to have fallen; who was no better before had nothing to lose.
            now: the time.

        """
        operators = self._met.get((sense, check), {})
        oldest = now - REMEMBERED * self.interval
        weaker = {name for name, met in operators.items() if any(at >= oldest for at in met.weaker.values())}
        return are_too_many(weaker, weaker | {name for name, met in operators.items() if met.held_to > strength}, self.sight)

    def forget(self, subject: Subject) -> None:
        """Drop a subject that is not there any more."""
        for name, known in list(self._attempts.items()):
            known.conclusive.pop(subject, None)
            if not known.conclusive:
                del self._attempts[name]
        for operators in self._met.values():
            for met in operators.values():
                met.weaker.pop(subject, None)
