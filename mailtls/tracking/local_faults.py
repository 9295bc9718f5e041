"""Local faults: trouble that many unrelated operators seem to have at once is no trouble of theirs, it is ours.

Two things are told from what is seen of all operators together (how many are too many, :mod:`mailtls.tracking.votes` has):

- The vantage is *blind*: its control endpoints cannot be reached, or half of the operators fell silent at once.
- A loss is *suspect*: of the operators that had something to lose in one check, half show the same loss, and none of it is confirmed yet.

While either holds, weaker sightings are not learnt, so that they can neither begin nor confirm anything, and what they have begun within
the last cycle is taken back (:class:`~mailtls.tracking.ledger.Ledger` does both). Good ones are learnt: no fault of ours makes a server
look better than it is. Confirmation takes more than one cycle, and within one all operators are met: so it is known in time.

All of it follows from what is kept of the subjects (presences and standings), whichever process of the vantage saw it, and before which
restart: so all of them come to the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailtls.tracking.votes import Sight, are_too_many, are_unreachable

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from mailtls.tracking.changes import Subject
    from mailtls.tracking.presence import Presence

AT_ONCE = 3
"""Intervals within which operators fall silent, or become weaker, at once."""


@dataclass(slots=True)
class _Operator:
    """What came of the last attempt at each of an operator's endpoints that could be measured before.

    Args:
        silent: since when each of them is silent; ``None`` while it answers.
        fell_at: when the last of them fell silent; ``None`` while one answers.

    """

    silent: dict[Subject, datetime | None] = field(default_factory=dict)
    fell_at: datetime | None = None

    def note(self) -> None:
        """See whether it has fallen silent as a whole."""
        moments = [moment for moment in self.silent.values() if moment is not None]
        self.fell_at = max(moments) if moments and len(moments) == len(self.silent) else None


@dataclass(slots=True)
class _Met:
    """What was last seen of one check at one operator: what there was to lose, and when which subjects seemed to have lost it."""

    held_to: dict[Subject, float] = field(default_factory=dict)
    weaker: dict[Subject, datetime] = field(default_factory=dict)


class LocalFaults:
    """What was last seen of each operator, as far as it tells something of this vantage."""

    def __init__(self, interval: timedelta, sight: Sight | None = None) -> None:
        """Make an empty one.

        Args:
            interval: the schedule's.
            sight: how many operators are too many.

        """
        self.interval = interval
        self.sight = sight or Sight()
        self.controls: dict[str, bool] = {}
        """For each control endpoint, whether it could be reached; empty where none is configured."""
        self.sees_since: datetime | None = None
        """When this vantage could measure again after it was blind; an attempt that failed before tells nothing. ``None`` without such."""
        self._operators: dict[str, _Operator] = {}
        self._of: dict[Subject, str] = {}
        self._is_new = False
        self._was_blind = False
        self._latest: datetime | None = None
        self._met: dict[tuple[str, str], dict[str, _Met]] = {}
        self._owner: dict[Subject, str] = {}
        self._suspect: dict[tuple[str, str], tuple[datetime, int]] = {}

    @property
    def are_several(self) -> bool:
        """Whether there are enough operators for a loss to be ours at all."""
        return len(self._operators) >= self.sight.operators

    # Blindness.

    @property
    def is_blind(self) -> bool:
        """Whether this vantage cannot measure at all now."""
        if self._is_new:
            self._is_new = False
            was_blind, self._was_blind = self._was_blind, are_unreachable(self.controls) or self._have_fallen()
            if was_blind and not self._was_blind:
                self.sees_since = self._latest
        return self._was_blind

    def control(self, name: str, at: datetime, *, answers: bool) -> None:
        """Note whether a control endpoint could be reached."""
        self.controls[name] = answers
        self._note(at)

    def forget_control(self, name: str) -> None:
        """Drop a control endpoint."""
        self.controls.pop(name, None)
        self._note(None)

    def attempted(self, subject: Subject, presence: Presence) -> None:
        """Note what is known of an endpoint after the last attempt at it; one that DNS does not name now, or that never answered, tells nothing."""
        if self._of.get(subject, presence.operator) != presence.operator or presence.missed_at is not None or presence.concluded_at is None:
            self._forget_attempts(subject)
        if not presence.operator or presence.missed_at is not None or presence.concluded_at is None:
            return
        self._of[subject] = presence.operator
        operator = self._operators.setdefault(presence.operator, _Operator())
        since = (presence.silent_since or presence.concluded_at) if presence.failures else None
        if since != operator.silent.get(subject, ...):
            operator.silent[subject] = since
            operator.note()
            self._note(presence.attempted_at)

    def _note(self, at: datetime | None) -> None:
        self._is_new = True
        if at is not None and (self._latest is None or at > self._latest):
            self._latest = at

    def _forget_attempts(self, subject: Subject) -> None:
        name = self._of.pop(subject, None)
        if name is None:
            return
        operator = self._operators[name]
        operator.silent.pop(subject, None)
        operator.note()
        if not operator.silent:
            del self._operators[name]
        self._note(None)

    def _have_fallen(self) -> bool:
        """Whether too many operators that fell silent at once are silent still: as many as those that answer."""
        fell = sorted((each.fell_at, name) for name, each in self._operators.items() if each.fell_at is not None)
        together: list[str] = []
        start = 0
        for end, (moment, _) in enumerate(fell):
            while moment - fell[start][0] > AT_ONCE * self.interval:
                start += 1
            if end + 1 - start > len(together):
                together = [name for _, name in fell[start : end + 1]]
        answering = [name for name, each in self._operators.items() if each.fell_at is None]
        return are_too_many(together, [*answering, *together], self.sight)

    # Losses.

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
        if self._owner.setdefault(subject, operator) != operator:
            self._forget_losses(subject)  # by another configuration it is another's
            self._owner[subject] = operator
        met = self._met.setdefault((sense, check), {}).setdefault(operator, _Met())
        met.held_to[subject] = held_to
        if weaker_at is None:
            met.weaker.pop(subject, None)
        else:
            met.weaker[subject] = weaker_at

    def suspects(self, sense: str, check: str, strength: float, now: datetime) -> tuple[int, int] | None:
        """Return at how many operators, of how many, a check seems to be lost at once, where that is so many that it must be ours.

        Args:
            sense: by what it was seen.
            check: which.
            strength: to which it seems to have fallen; who was no better before had nothing to lose.
            now: the time.

        """
        weaker = self._weaker(sense, check, now)
        if len(weaker) < self.sight.operators:
            return None
        had = self._had(sense, check, strength, weaker)
        if not are_too_many(weaker, had, self.sight):
            return None
        self._suspect[sense, check] = now, len(weaker)
        return len(weaker), len(had)

    def seem_lost(self, sense: str, check: str, strength: float, now: datetime) -> tuple[int, int]:
        """Return at how many operators, of how many that had something to lose, a check seems to be lost; the arguments are as above."""
        weaker = self._weaker(sense, check, now)
        return len(weaker), len(self._had(sense, check, strength, weaker))

    def _weaker(self, sense: str, check: str, now: datetime) -> set[str]:
        oldest = now - AT_ONCE * self.interval
        return {name for name, met in self._met.get((sense, check), {}).items() if any(at >= oldest for at in met.weaker.values())}

    def _had(self, sense: str, check: str, strength: float, weaker: set[str]) -> set[str]:
        operators = self._met.get((sense, check), {})
        return weaker | {name for name, met in operators.items() if any(held_to > strength for held_to in met.held_to.values())}

    def suspected(self, now: datetime) -> dict[str, int]:
        """Return the checks whose losses are held back as ours now, and at how many operators each was seen at once."""
        found: dict[str, int] = {}
        for (_sense, check), (at, operators) in self._suspect.items():
            if now - at <= AT_ONCE * self.interval:
                found[check] = max(operators, found.get(check, 0))
        return found

    def forget(self, subject: Subject) -> None:
        """Drop a subject that is not there any more, and operators that have nothing else."""
        self._forget_attempts(subject)
        self._forget_losses(subject)

    def _forget_losses(self, subject: Subject) -> None:
        name = self._owner.pop(subject, None)
        if name is None:
            return
        for key, operators in list(self._met.items()):
            met = operators.get(name)
            if met is None:
                continue
            met.weaker.pop(subject, None)
            met.held_to.pop(subject, None)
            if not met.held_to:
                del operators[name]
            if not operators:
                del self._met[key]
