"""What the ledger tells the rest of the program."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mailtls.tracking.changes import Subject
    from mailtls.tracking.revisits import Again
    from mailtls.tracking.settling import JointRegression


@dataclass(frozen=True, slots=True, order=True)
class Suspicion:
    """A loss that is held back as this vantage's own fault.

    Args:
        subject: of what.
        check: which.
        held_to: what it is held to, as a person reads it.
        seen: what is seen of it, alike.
        since: when that was first seen.
        operators: at how many operators the check seems to be lost now.
        of: how many had something to lose.

    """

    subject: Subject
    check: str
    held_to: str
    seen: str
    since: datetime
    operators: int
    of: int


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of regressions at one moment.

    Args:
        regressions: those that are open, and those that ended lately.
        again: who should be looked at again before its usual turn, the most urgent first.
        blind: this vantage cannot measure now.
        led: of each MX host that a regression is of, the domains that lead to it.
        suspect: the checks whose losses are held back as this vantage's own fault, and at how many operators each was seen at once.
        held_back: those losses, at every level, in order.

    """

    regressions: tuple[JointRegression, ...] = ()
    again: tuple[Again, ...] = ()
    blind: bool = False
    led: Mapping[str, frozenset[str]] = field(default_factory=dict)
    suspect: Mapping[str, int] = field(default_factory=dict)
    held_back: tuple[Suspicion, ...] = ()

    def concerned(self, regression: JointRegression) -> frozenset[str]:
        """Return the domains that a regression concerns: its own, or all that lead to its host."""
        subject = regression.subject
        return frozenset({subject.domain}) if subject.domain else self.led.get(subject.host, frozenset())


def level(regression: JointRegression) -> int:
    """Return how near to a domain's own word a regression is: 0 is of the domain, then with one of its hosts, of a host, of an address of it."""
    subject = regression.subject
    return 3 if subject.address else 2 if not subject.domain else 1 if subject.host else 0
