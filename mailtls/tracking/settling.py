"""Settling: from what each vantage holds of a check to the one regression that all of them together tell.

Each vantage confirms for itself (``learning``). Here their words meet: a regression is open while at least one vantage has confirmed it and
has not seen it recovered; it *counts* while most of those that can measure agree (``votes``). A vantage that cannot measure casts no vote, but
what it confirmed before stays open until it can look again, or is gone for good: silence recovers nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mailtls.tracking.changes import Change
from mailtls.tracking.standing import Event
from mailtls.tracking.votes import Attribution, Vote, count

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from mailtls.tracking.changes import Subject
    from mailtls.tracking.standing import Sighting, Standing


@dataclass(frozen=True, slots=True)
class JointRegression:
    """A check of a subject that is weaker than its baseline, as all vantages together have it.

    Args:
        subject: of what.
        check: which.
        before: the baseline, of the vantage that confirmed first.
        after: the first sighting of that vantage that was weaker.
        confirmed_at: when that vantage had seen enough.
        attribution: where it lies, as far as can be told.
        vantages: that have confirmed it and not seen it recovered, in order of their names.
        counts: most of those that can measure agree; what does not count is told, and pages nobody.
        ended_at: when it ended; ``None`` while it is open.
        ended_by: recovered, accepted or retired; ``None`` while it is open.
        why: an operator's words, where one accepted it.
        id: names it for good; empty before it was written down.
        muted: the maintenance window in which it began to count, while that lasts; empty for none.
        told: who wants to be told has been, so that its end has to be told as well.
        alone: it is of an address, and its host as a whole was always as weak, or weaker: so the host does not speak for it.

    """

    subject: Subject
    check: str
    before: Sighting
    after: Sighting
    confirmed_at: datetime
    attribution: Attribution
    vantages: tuple[str, ...]
    counts: bool
    ended_at: datetime | None = None
    ended_by: Event | None = None
    why: str = ""
    id: str = ""
    muted: str = ""
    told: bool = False
    alone: bool = False

    def telling(self, window: str) -> JointRegression:
        """Return it as it is to be told: at once where it counts, unless it falls into a maintenance window; then when that is over.

        Args:
            window: into which it falls now; empty for none.

        """
        if self.told or not self.counts or self.ended_at is not None:
            return self
        return replace(self, muted=window, told=not window)


@dataclass(frozen=True, slots=True)
class Settled:
    """What has become of a regression of all vantages together.

    Args:
        before: as it was; ``None`` where there was none.
        after: as it is now.

    """

    before: JointRegression | None
    after: JointRegression

    @property
    def change(self) -> Change | None:
        """What there is to tell: that it counts, now or beyond a maintenance window, or that one that did has ended; ``None`` for less.

        A recovery leads from what it had become to what it is held to.
        """
        now, known = self.after, self.before
        counted = known is not None and (known.counts or known.told)
        waited = known is not None and known.muted and now.told and not known.told
        if now.ended_at is not None and counted:
            event, at = now.ended_by or Event.RECOVERED, now.ended_at
        elif now.ended_at is None and now.counts and (not counted or waited):
            event, at = Event.CONFIRMED, now.confirmed_at
        else:
            return None
        before, after = (now.after, now.before) if event is Event.RECOVERED else (now.before, now.after)
        why = "the maintenance window is over" if waited else now.why
        return Change(at, now.subject, now.check, event, before, after, "", now.attribution, why, "" if now.told else now.muted)


def settle(
    subject: Subject,
    check: str,
    known: JointRegression | None,
    held: Mapping[str, Standing],
    unable: Collection[str],
    now: datetime,
) -> JointRegression | None:
    """Return the regression of all vantages together as it is now: the open one, the one that has just ended, or ``None``.

    Args:
        subject: of what.
        check: which.
        known: the one that is open so far, if there is one.
        held: what each vantage holds of the check; a vantage that is gone for good is not among them.
        unable: vantages that cannot measure now: blind, or not heard of.
        now: the time, for the end of one.

    """
    weaker = {vantage: standing.regression for vantage, standing in held.items() if standing.regression is not None}
    if not weaker:
        if known is None:
            return None
        gone = all(vantage not in held for vantage in known.vantages)
        return replace(known, ended_at=now, ended_by=Event.RETIRED if gone else Event.RECOVERED)
    votes = [_vote(vantage, standing) for vantage, standing in held.items() if standing.latest is not None]
    counts, attribution = count(votes, unable)
    vantages = tuple(sorted(weaker))
    if attribution is None:  # those who saw it cannot look now: what they said last stays said
        if known is not None:
            return replace(known, vantages=vantages)
        counts, attribution = False, Attribution.UNEXPLAINED
    if known is not None:
        return replace(known, vantages=vantages, counts=counts, attribution=attribution)
    first = min(weaker.values(), key=lambda regression: regression.confirmed_at)
    return JointRegression(subject, check, first.before, first.after, first.confirmed_at, attribution, vantages, counts)


def _vote(vantage: str, standing: Standing) -> Vote:
    """Return what a vantage says; while it is still counting something weaker, or holds that back, it says neither."""
    if standing.regression is not None:
        return Vote(vantage, weaker=True)
    return Vote(vantage, weaker=None if standing.candidate is not None or standing.held_back is not None else False)
