"""Learning: what a sighting of a check leads to: what it is held to, and whether it has fallen short of that for good.

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

from dataclasses import replace
from typing import TYPE_CHECKING

from mailtls.tracking.held_back import withdrawn_into
from mailtls.tracking.standing import FLAPPING_TURNS, Event, Regression, Standing, Streak

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from mailtls.tracking.standing import Confirmation, Sighting

SLOW = 7
"""What only full scans show is seen once a day instead of once a cycle: so many times longer turns are remembered of it."""


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
