"""What several vantages hold of a check comes to one regression, or to none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mailtls.tracking.changes import Subject
from mailtls.tracking.held_back import HeldBack
from mailtls.tracking.settling import JointRegression, Settled, settle
from mailtls.tracking.standing import Event, Regression, Sighting, Standing, Streak
from mailtls.tracking.votes import Attribution

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SUBJECT = Subject("a.example")
GOOD, BAD = Sighting(NOW - timedelta(days=9), 1.0, "yes"), Sighting(NOW - timedelta(hours=1), 0.0, "no")
WELL = Standing(baseline=GOOD, latest=GOOD)
WEAK = Standing(baseline=GOOD, latest=BAD, regression=Regression(GOOD, BAD, NOW - timedelta(minutes=30)))


def settled(known: JointRegression | None = None, unable: tuple[str, ...] = (), **held: Standing) -> JointRegression | None:
    return settle(SUBJECT, "starttls", known, held, unable, NOW)


def told(found: JointRegression | None) -> tuple[bool, Attribution, tuple[str, ...]]:
    assert found is not None
    return found.counts, found.attribution, found.vantages


def test_where_all_is_well_there_is_nothing_to_tell() -> None:
    assert settled(fra=WELL, nyc=WELL) is None
    assert settled() is None


def test_one_vantage_alone_is_believed_and_cannot_tell_where_it_lies() -> None:
    assert told(settled(fra=WEAK)) == (True, Attribution.UNEXPLAINED, ("fra",))


def test_all_vantages_together_point_to_the_server() -> None:
    assert told(settled(fra=WEAK, nyc=WEAK)) == (True, Attribution.SERVER, ("fra", "nyc"))


def test_one_of_three_sees_something_on_its_path_which_is_told_and_does_not_count() -> None:
    assert told(settled(fra=WEAK, nyc=WELL, sin=WELL)) == (False, Attribution.PATH, ("fra",))


def test_two_of_three_count_and_it_lies_on_their_paths() -> None:
    assert told(settled(fra=WEAK, nyc=WEAK, sin=WELL)) == (True, Attribution.PATH, ("fra", "nyc"))


def test_a_vantage_that_cannot_measure_casts_no_vote() -> None:
    assert told(settled(unable=("sin",), fra=WEAK, nyc=WEAK, sin=WELL)) == (True, Attribution.SERVER, ("fra", "nyc"))
    assert told(settled(unable=("nyc", "sin"), fra=WEAK, nyc=WELL, sin=WELL)) == (True, Attribution.UNEXPLAINED, ("fra",))


def test_a_vantage_that_has_never_measured_the_check_casts_none_either() -> None:
    assert told(settled(fra=WEAK, nyc=WEAK, sin=Standing())) == (True, Attribution.SERVER, ("fra", "nyc"))


def test_a_vantage_that_is_still_counting_says_neither() -> None:
    counting = replace(WELL, candidate=Streak.of(BAD), latest=BAD)
    assert told(settled(fra=WEAK, nyc=counting)) == (True, Attribution.UNEXPLAINED, ("fra",))
    assert told(settled(fra=WEAK, nyc=counting, sin=WELL)) == (False, Attribution.PATH, ("fra",))


def test_a_vantage_that_holds_back_the_same_loss_says_neither() -> None:
    holding = replace(WELL, held_back=HeldBack(BAD, BAD))
    assert told(settled(fra=WEAK, nyc=holding)) == (True, Attribution.UNEXPLAINED, ("fra",))
    assert told(settled(fra=WEAK, nyc=holding, sin=WEAK)) == (True, Attribution.SERVER, ("fra", "sin"))
    assert told(settled(fra=WEAK, nyc=replace(holding, latest=None), sin=WELL)) == (False, Attribution.PATH, ("fra",))
    assert told(settled(fra=WEAK, nyc=replace(WEAK, held_back=HeldBack(BAD, BAD)))) == (True, Attribution.SERVER, ("fra", "nyc"))


def test_it_stays_as_it_was_while_those_who_saw_it_are_blind() -> None:
    known = settled(fra=WEAK, nyc=WEAK)
    assert settled(known, ("fra", "nyc"), fra=WEAK, nyc=WEAK, sin=WELL) == known
    assert settled(known, ("fra", "nyc"), fra=WEAK, nyc=WEAK) == known


def test_it_recovers_when_all_that_saw_it_have_seen_it_recovered() -> None:
    known = settled(fra=WEAK, nyc=WEAK)
    half = settled(known, fra=WEAK, nyc=WELL)
    assert told(half) == (False, Attribution.PATH, ("fra",))
    whole = settled(half, fra=WELL, nyc=WELL)
    assert whole is not None
    assert (whole.ended_by, whole.ended_at) == (Event.RECOVERED, NOW)


def test_it_ends_without_recovery_when_those_that_saw_it_are_gone_for_good() -> None:
    known = settled(fra=WEAK)
    gone = settled(known, nyc=WELL)
    assert gone is not None
    assert gone.ended_by is Event.RETIRED


def test_before_and_after_are_those_of_who_confirmed_first() -> None:
    later = replace(WEAK, regression=Regression(GOOD, replace(BAD, shown="later"), NOW))
    found = settled(fra=later, nyc=WEAK)
    assert found is not None
    assert found.after.shown == "no"
    assert found.confirmed_at == NOW - timedelta(minutes=30)


def test_what_is_open_keeps_its_before_and_after_and_its_name() -> None:
    known = replace(settled(fra=WEAK) or WEAK, id="7")  # type: ignore[type-var]
    later = settled(known, fra=WEAK, nyc=WEAK)  # type: ignore[arg-type]
    assert later is not None
    assert (later.id, later.before, later.attribution) == ("7", GOOD, Attribution.SERVER)


OPEN = JointRegression(SUBJECT, "starttls", GOOD, BAD, NOW, Attribution.SERVER, ("fra",), counts=True)


def test_it_is_told_at_once_or_after_the_maintenance_window_that_it_falls_into() -> None:
    assert OPEN.telling("") == replace(OPEN, told=True)
    muted = OPEN.telling("move")
    assert muted == replace(OPEN, muted="move")
    assert muted.telling("move") == muted
    assert muted.telling("") == replace(OPEN, told=True)


def test_nothing_more_is_told_of_what_was_told_of_what_does_not_count_and_of_what_has_ended() -> None:
    for done in (replace(OPEN, told=True), replace(OPEN, counts=False), replace(OPEN, ended_at=NOW)):
        assert done.telling("") == done
        assert done.telling("move") == done


def change(before: JointRegression | None, after: JointRegression) -> tuple[Event, str, str] | None:
    found = Settled(before, after).change
    return None if found is None else (found.event, found.before.shown if found.before else "", found.muted)


def test_that_one_counts_is_a_change_once() -> None:
    told = replace(OPEN, told=True)
    assert change(None, told) == (Event.CONFIRMED, "yes", "")
    assert change(replace(OPEN, counts=False), told) == (Event.CONFIRMED, "yes", "")
    assert change(told, replace(told, vantages=("fra", "nyc"))) is None
    assert change(None, replace(OPEN, counts=False)) is None
    assert change(told, replace(told, counts=False)) is None


def test_one_in_a_maintenance_window_is_a_change_that_says_so_and_another_when_that_is_over() -> None:
    muted = replace(OPEN, muted="move")
    assert change(None, muted) == (Event.CONFIRMED, "yes", "move")
    assert change(muted, muted) is None
    over = Settled(muted, replace(OPEN, told=True)).change
    assert over is not None
    assert (over.event, over.why, over.muted) == (Event.CONFIRMED, "the maintenance window is over", "")


def test_an_end_is_a_change_of_what_counted_or_was_told_and_leads_from_what_it_had_become() -> None:
    over = {"ended_at": NOW, "ended_by": Event.RECOVERED}
    assert change(OPEN, replace(OPEN, **over)) == (Event.RECOVERED, "no", "")
    told = replace(OPEN, told=True, counts=False)
    assert change(told, replace(told, **over)) == (Event.RECOVERED, "no", "")
    alone = replace(OPEN, counts=False)
    assert change(alone, replace(alone, **over)) is None
    assert change(None, replace(OPEN, **over)) is None
    assert change(OPEN, replace(OPEN, ended_at=NOW, ended_by=Event.ACCEPTED)) == (Event.ACCEPTED, "yes", "")
