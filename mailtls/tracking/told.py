"""What the ledger tells the rest of the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailtls.tracking.revisits import Again
    from mailtls.tracking.settling import JointRegression


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of regressions at one moment.

    Args:
        regressions: those that are open, and those that ended lately.
        again: who should be looked at again before its usual turn, the most urgent first.
        blind: this vantage cannot measure now.

    """

    regressions: tuple[JointRegression, ...] = ()
    again: tuple[Again, ...] = ()
    blind: bool = False
