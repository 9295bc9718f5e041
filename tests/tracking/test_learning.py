"""What is held against whom over time: one story a test, a letter a sighting."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.tracking.learning import accept, inherited, learn, renewed, withdraw
from mailtls.tracking.standing import FLAPPING_TURNS, Confirmation, Event, Sighting, Standing

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
CYCLE = timedelta(minutes=15)
USUAL = Confirmation()


def told(story: str, confirmation: Confirmation = USUAL, standing: Standing | None = None, began: datetime = BEGAN) -> tuple[Standing, str]:
    """Play a story: a digit is a sighting of that strength, each in a cycle of its own; `+` repeats the last within its cycle, `.` passes one.

    Where nothing else is said, it is held to its first sighting from the start. Returns what is remembered, and the events with the cycle in
    which each came.
    """
    if standing is None:
        standing = inherited(Sighting(began - CYCLE, int(story[0]))) if story else Standing()
    said, at, last = [], began, 0
    for cycle, letters in enumerate(story.split()):
        at = began + cycle * CYCLE
        for number, letter in enumerate(letters):
            if letter == ".":
                continue
            last = last if letter == "+" else int(letter)
            standing, events = learn(standing, Sighting(at + timedelta(seconds=number), last), confirmation)
            said += [f"{event}@{cycle}" for event in events]
    return standing, " ".join(said)


@pytest.mark.parametrize(
    ("story", "wanted"),
    [
        ("1", ""),
        ("1 1 1 1", ""),
        ("1 0", "candidate@1"),
        ("1 0++++", "candidate@1"),
        ("1 0 0", "candidate@1"),
        ("1 0++ 0", "candidate@1 confirmed@2"),
        ("1 0 0 0", "candidate@1 confirmed@3"),
        ("1 0 1 0 1", "candidate@1 dismissed@2 candidate@3 flapping@4 dismissed@4"),
        ("1 0 1 0++ 0", "candidate@1 dismissed@2 candidate@3"),
        ("1 0 1 0++++ 0", "candidate@1 dismissed@2 candidate@3 confirmed@4"),
        ("1 0++ . . . 0", "candidate@1 confirmed@5"),
        ("1 0++ 1 0++", "candidate@1 dismissed@2 candidate@3"),
        ("1 0++ 0 1", "candidate@1 confirmed@2"),
        ("1 0++ 0 1 1 1", "candidate@1 confirmed@2 recovered@5"),
        ("1 0++ 0 1++ 1", "candidate@1 confirmed@2 recovered@4"),
        ("1 0++ 0 1++ 0 1++ 1", "candidate@1 confirmed@2 flapping@5"),
        ("1 0++ 0 1++ 1 0++ 0", "candidate@1 confirmed@2 recovered@4 candidate@5"),
        ("1 0++ 0 1++ 1 0++++ 0", "candidate@1 confirmed@2 recovered@4 candidate@5 confirmed@6"),
        ("2 1++ 1 1 1 1", "candidate@1 confirmed@2"),
        ("2 0++ 1", "candidate@1 confirmed@2"),
    ],
)
def test_a_weakness_counts_when_enough_fresh_connections_agree_over_more_than_one_cycle(story: str, wanted: str) -> None:
    assert told(story)[1] == wanted


def test_a_regression_has_the_baseline_before_it_and_the_first_weaker_sighting() -> None:
    standing, _ = told("2 1++ 0")
    assert standing.regression is not None
    assert (standing.regression.before.strength, standing.regression.after.strength) == (2, 1)
    assert standing.regression.after.at == BEGAN + CYCLE
    assert standing.regression.confirmed_at == BEGAN + 2 * CYCLE


def test_a_regression_stays_for_as_long_as_it_is_neither_recovered_nor_accepted() -> None:
    standing, _ = told("1 0++ 0 " + "0 " * 1_000)
    assert standing.regression is not None
    assert standing.baseline is not None
    assert standing.baseline.strength == 1


def test_what_cannot_be_measured_neither_counts_nor_resets() -> None:
    silent, _ = told("1 0+ " + ". " * 200 + "0")
    assert silent.regression is not None
    assert told("1 0+ " + ". " * 200)[0].regression is None


def test_the_baseline_rises_when_an_improvement_has_held_for_a_day_and_to_no_more_than_what_held() -> None:
    almost, events = told("1 " + "2 " * 96)
    assert events == ""
    assert almost.baseline is not None
    assert almost.baseline.strength == 1
    risen, events = told("1 " + "2 3 " * 49)
    assert events == "improved@97"
    assert risen.baseline is not None
    assert risen.baseline.strength == 2


def test_an_improvement_that_is_lost_again_within_a_day_is_no_regression() -> None:
    standing, events = told("1 " + "2 " * 50 + "1 " * 50)
    assert events == ""
    assert standing.regression is None


def test_an_improvement_held_in_one_busy_hour_does_not_count() -> None:
    assert told("1 2++++++++ 2++++ 2++++ 2++++")[1] == ""


def test_an_operator_lowers_the_baseline_to_what_is_seen_now_and_no_further() -> None:
    regressed, _ = told("3 1++ 1")
    accepted, events = accept(regressed)
    assert events == (Event.ACCEPTED,)
    assert accepted.regression is None
    assert accepted.baseline is not None
    assert accepted.baseline.strength == 1
    _, events_after = told("1 1 0++ 0", standing=accepted, began=BEGAN + 10 * CYCLE)
    assert events_after == "candidate@2 confirmed@3"


def test_an_operator_can_accept_a_regression_whatever_the_last_sighting_of_a_mixed_farm_happened_to_be() -> None:
    accepted, events = accept(told("1 0++ 0 1")[0])
    assert events == (Event.ACCEPTED,)
    assert accepted.regression is None
    assert accepted.baseline is not None
    assert accepted.baseline.strength == 0


@pytest.mark.parametrize("story", ["", "1", "1 1", "1 2", "1 0++ 1"])
def test_where_nothing_weaker_is_seen_now_nothing_is_accepted(story: str) -> None:
    standing, _ = told(story)
    assert accept(standing) == (standing, ())


def test_what_goes_to_and_fro_is_flapping_once_and_calm_after_a_day() -> None:
    standing, events = told("1 " + "0 1 " * 20 + "1 " * 100)
    assert standing.regression is None
    assert events.count("flapping") == 1
    assert events.endswith("calm@136")
    assert len(told("1 " + "0 1 " * 500)[0].turns) <= 2 * FLAPPING_TURNS


def test_while_it_goes_to_and_fro_nothing_is_confirmed_and_nothing_recovers_until_it_has_been_calm_for_a_day() -> None:
    _, events = told("1 0 1 0 1 " + "0+++ " * 95)
    assert "confirmed" not in events
    _, events = told("1 0 1 0 1 " + "0+++ " * 98)
    assert events.endswith("flapping@4 dismissed@4 calm@101 confirmed@101")
    _, events = told("1 0++ 0 1 0 1 " + "1+++ " * 98)
    assert events.endswith("confirmed@2 flapping@5 calm@101 recovered@101")


def test_a_day_of_what_only_full_scans_show_is_a_week() -> None:
    standing, said = inherited(Sighting(BEGAN, 1, full=True)), []
    for day in range(1, 7):
        standing, events = learn(standing, Sighting(BEGAN + timedelta(days=day), day % 2, connections=40, full=True), USUAL)
        said += events
    assert Event.FLAPPING in said
    assert Event.CONFIRMED not in said


def test_of_what_each_has_many_connections_of_the_second_candidate_needs_twice_as_many_cycles() -> None:
    def sighting(day: float, strength: float) -> Sighting:
        return Sighting(BEGAN + timedelta(days=day), strength, connections=40, full=True)

    standing, said = inherited(sighting(0, 1)), []
    for day, strength in ((1, 0), (1.01, 1), (2, 0), (2.01, 0), (2.02, 0), (2.03, 0)):
        standing, events = learn(standing, sighting(day, strength), USUAL)
        said.append(events)
    assert said[3] == said[4] == ()
    assert said[5] == (Event.CONFIRMED,)


@pytest.mark.parametrize(
    ("story", "baseline", "events"),
    [
        ("2 1", 1, ""),
        ("2 3 1", 1, ""),
        ("1 2 2", 1, ""),
        ("2++ 2 1", 2, "candidate@2"),
        ("2++ 1 0", 1, "candidate@2"),
        ("2+++++ 1", 1, ""),
        ("2 . . . . 2 1 1", 1, ""),
    ],
)
def test_it_is_held_to_the_weakest_of_its_first_sightings_until_they_are_enough(story: str, baseline: int, events: str) -> None:
    standing, said = told(story, standing=Standing())
    assert standing.baseline is not None
    assert (standing.baseline.strength, said) == (baseline, events)


@pytest.mark.parametrize(
    ("story", "baseline", "events"),
    [
        ("2++ 2 0++ 0", 2, "candidate@2 confirmed@3"),
        ("2++ 2 0 1 2", 0, "candidate@2 dismissed@4"),
        ("2++ 2 0++ 2", 0, "candidate@2 dismissed@3"),
        ("2++ 2 0 2 0 2 0 2 0 2", 0, "candidate@2 dismissed@3"),
        ("2++ 2 0 " + "2 " * 98, 2, "candidate@2 dismissed@3 improved@99"),
        ("2++ 2 " + "2 " * 96 + "0 2", 2, "candidate@98 dismissed@99"),
    ],
)
def test_what_goes_to_and_fro_while_it_is_young_was_never_better_for_good(story: str, baseline: int, events: str) -> None:
    standing, said = told(story, standing=Standing())
    assert standing.baseline is not None
    assert (standing.baseline.strength, said) == (baseline, events)


def test_what_is_confirmed_can_become_weaker_still_and_that_is_confirmed_like_the_rest() -> None:
    standing, events = told("2 1++ 1 0 0 0 0")
    assert events == "candidate@1 confirmed@2 worsened@5"
    assert standing.regression is not None
    assert (standing.regression.before.strength, standing.regression.after.strength) == (2, 0)
    assert told("2 1++ 1 0 1 0 1 0")[1] == "candidate@1 confirmed@2"


def test_what_turned_out_to_be_ours_is_as_if_it_had_not_been_seen() -> None:
    standing, _ = told("1 0+")
    withdrawn, events = withdraw(standing)
    assert events == (Event.DISMISSED,)
    assert (withdrawn.candidate, withdrawn.latest, withdrawn.turns, withdrawn.baseline) == (None, None, (), standing.baseline)
    assert withdraw(withdrawn) == (withdrawn, ())


def test_what_comes_late_or_twice_changes_nothing() -> None:
    standing, _ = told("1 0++")
    for late in (BEGAN, BEGAN + CYCLE):
        assert learn(standing, Sighting(late, 0, connections=5), USUAL) == (standing, ())
        assert learn(standing, Sighting(late, 0, connections=5), USUAL, now=BEGAN + 9 * CYCLE) == (standing, ())


def test_after_our_clock_was_set_back_it_goes_on_and_counts_from_the_start() -> None:
    ahead = BEGAN + timedelta(days=3650)
    standing, _ = told("1 0++", began=ahead)
    standing, events = learn(standing, Sighting(BEGAN, 0), USUAL, now=BEGAN)
    assert events == (Event.CANDIDATE,)
    regressed, _ = told("1 0++ 0", began=ahead)
    again, _ = learn(regressed, Sighting(BEGAN, 0), USUAL, now=BEGAN)
    assert (again.regression, again.baseline) == (regressed.regression, regressed.baseline)


def test_while_it_is_flapping_nothing_more_is_told_of_it() -> None:
    assert told("1 " + "0 1 " * 500)[1] == "candidate@1 dismissed@2 candidate@3 flapping@4 dismissed@4"


STORIES = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2_000), st.integers(1, 4)), max_size=60)


@given(STORIES)
def test_nothing_is_confirmed_that_too_few_connections_or_cycles_have_seen(story: list[tuple[int, int, int]]) -> None:
    standing, at, weaker = Standing(), BEGAN, list[Sighting]()
    for strength, minutes, connections in story:
        at += timedelta(minutes=minutes)
        sighting = Sighting(at, strength, connections=connections)
        before = standing
        standing, events = learn(standing, sighting, USUAL)
        floor = None if before.baseline is None or before.settling is not None else before.baseline.strength
        weaker = [*weaker, sighting] if floor is not None and strength < floor else []
        if Event.CONFIRMED in events:
            assert sum(each.connections for each in weaker) >= USUAL.probes
            assert weaker[-1].at - weaker[0].at > CYCLE / 2
            assert all(each.strength < floor for each in weaker)
        assert (standing.regression is not None) >= (before.regression is not None) or Event.RECOVERED in events
        if Event.WORSENED in events:
            assert standing.regression is not None
            assert before.regression is not None
            assert standing.regression.after.strength < before.regression.after.strength


@given(STORIES)
def test_once_it_is_not_young_any_more_the_baseline_never_falls_by_itself(story: list[tuple[int, int, int]]) -> None:
    standing, at = Standing(), BEGAN
    for strength, minutes, connections in story:
        at += timedelta(minutes=minutes)
        before = standing
        standing, _ = learn(standing, Sighting(at, strength, connections=connections), USUAL)
        assert standing.baseline is not None
        grown = before.baseline is not None and before.settling is None and (standing.since is None or at - standing.since >= USUAL.holds)
        assert not grown or standing.baseline.strength >= before.baseline.strength  # type: ignore[union-attr]


@given(STORIES, st.integers(0, 3))
def test_what_is_seen_again_as_it_was_last_leads_to_nothing(story: list[tuple[int, int, int]], strength: int) -> None:
    standing, at = Standing(), BEGAN
    for last, minutes, connections in story:
        at += timedelta(minutes=minutes)
        standing, _ = learn(standing, Sighting(at, last, connections=connections), USUAL)
    again = Sighting(at + CYCLE, strength)
    same = renewed(standing, again)
    if same is not None:
        learnt, events = learn(standing, again, USUAL)
        assert events == ()
        assert replace(learnt, turns=()) == replace(same, turns=())
