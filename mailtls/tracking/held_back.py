"""Held back: a loss that is not learnt, since half of the operators seem to have it at once (:mod:`mailtls.tracking.local_faults`).

That has an end: a good sighting; or the loss is believed after all, and learnt as any other is. It is believed once it was seen for
:data:`BELIEVED_AFTER`, which no fault of ours lasts (the longest of a firewall are some hours, those of a resolver half a day); or once another
vantage sees it too, from where ours is not in the way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailtls.tracking.standing import Sighting, Streak

BELIEVED_AFTER = timedelta(hours=24)
"""For how long a loss must have been seen to be believed, however many seem to have it: twice the longest fault of ours that we know of."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Sightings of a loss that were held back.

    Args:
        first: of them.
        latest: of them.
        connections: of all of them.
        lasted: for how long it was seen; time in which it was not looked for, or in which this vantage was blind, is left out.
        elsewhere: another vantage sees it too.

    """

    first: Sighting
    latest: Sighting
    connections: int = 1
    lasted: timedelta = timedelta()
    elsewhere: bool = False

    @property
    def is_believed(self) -> bool:
        """Whether it is to be learnt after all."""
        return self.elsewhere or self.lasted >= BELIEVED_AFTER

    def says_the_same(self, other: HeldBack | None) -> bool:
        """Whether another one began with the same sighting and is believed as much: so little of it is kept of a fold."""
        return other is not None and self.first == other.first and self.is_believed is other.is_believed


def held_again(known: HeldBack | None, sighting: Sighting, gap: timedelta) -> HeldBack:
    """Return what is held back with one more sighting.

    Args:
        known: what was held back so far.
        sighting: what was seen.
        gap: the most that the time since the last sighting may count.

    """
    if known is None:
        return HeldBack(sighting, sighting, sighting.connections)
    passed = max(timedelta(), min(sighting.at - known.latest.at, gap))
    return replace(known, latest=sighting, connections=known.connections + sighting.connections, lasted=known.lasted + passed)


def withdrawn_into(known: HeldBack | None, candidate: Streak) -> HeldBack:
    """Return what is held back together with a candidate that is withdrawn."""
    latest = replace(candidate.weakest, at=candidate.last)
    if known is None:
        return HeldBack(candidate.first, latest, candidate.connections, candidate.last - candidate.first.at)
    passed = max(timedelta(), candidate.last - max(known.latest.at, candidate.first.at))
    return replace(known, latest=latest, connections=known.connections + candidate.connections, lasted=known.lasted + passed)
