"""What is held against whom over time: one story a test, a letter a sighting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.tracking.standing import FLAPPING_TURNS, Confirmation, Event, Sighting, Standing, accept, learn

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
CYCLE = timedelta(minutes=15)
USUAL = Confirmation()


def told(story: str, confirmation: Confirmation = USUAL, standing: Standing | None = None, began: datetime = BEGAN) -> tuple[Standing, str]:
    """Play a story: a digit is a sighting of that strength, each in a cycle of its own; `+` repeats the last within its cycle, `.` passes one.

    Returns what is remembered, and the events with the cycle in which each came.
    """
    standing, said, at, last = standing or Standing(), [], began, 0
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
        ("1", "improved@0"),
        ("1 1 1 1", "improved@0"),
        ("1 0", "improved@0 candidate@1"),
        ("1 0++++", "improved@0 candidate@1"),
        ("1 0 0", "improved@0 candidate@1"),
        ("1 0++ 0", "improved@0 candidate@1 confirmed@2"),
        ("1 0 0 0", "improved@0 candidate@1 confirmed@3"),
        ("1 0 1 0 1", "improved@0 candidate@1 dismissed@2 candidate@3 flapping@4 dismissed@4"),
        ("1 0++ . . . 0", "improved@0 candidate@1 confirmed@5"),
        ("1 0++ 1 0++", "improved@0 candidate@1 dismissed@2 candidate@3"),
        ("1 0++ 0 1", "improved@0 candidate@1 confirmed@2"),
        ("1 0++ 0 1 1 1", "improved@0 candidate@1 confirmed@2 recovered@5"),
        ("1 0++ 0 1++ 1", "improved@0 candidate@1 confirmed@2 recovered@4"),
        ("1 0++ 0 1++ 0 1++ 1", "improved@0 candidate@1 confirmed@2 flapping@5 recovered@6"),
        ("2 1++ 1 0 0 0", "improved@0 candidate@1 confirmed@2"),
        ("2 0++ 1", "improved@0 candidate@1 confirmed@2"),
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
    assert events == "improved@0"
    assert almost.baseline is not None
    assert almost.baseline.strength == 1
    risen, events = told("1 " + "2 3 " * 49)
    assert events == "improved@0 improved@97"
    assert risen.baseline is not None
    assert risen.baseline.strength == 2


def test_an_improvement_that_is_lost_again_within_a_day_is_no_regression() -> None:
    standing, events = told("1 " + "2 " * 50 + "1 " * 50)
    assert events == "improved@0"
    assert standing.regression is None


def test_an_improvement_held_in_one_busy_hour_does_not_count() -> None:
    assert told("1 2++++++++ 2++++ 2++++ 2++++")[1] == "improved@0"


def test_an_operator_lowers_the_baseline_to_what_is_seen_now_and_no_further() -> None:
    regressed, _ = told("3 1++ 1")
    accepted, events = accept(regressed)
    assert events == (Event.ACCEPTED,)
    assert accepted.regression is None
    assert accepted.baseline is not None
    assert accepted.baseline.strength == 1
    _, events_after = told("1 1 0++ 0", standing=accepted, began=BEGAN + 10 * CYCLE)
    assert events_after == "candidate@2 confirmed@3"


@pytest.mark.parametrize("story", ["", "1", "1 1", "1 2", "1 0++ 0 1"])
def test_where_nothing_weaker_is_seen_now_nothing_is_accepted(story: str) -> None:
    standing, _ = told(story)
    assert accept(standing) == (standing, ())


def test_what_goes_to_and_fro_is_flapping_once_and_calm_after_a_day() -> None:
    standing, events = told("1 " + "0 1 " * 20 + "1 " * 100)
    assert standing.regression is None
    assert events.count("flapping") == 1
    assert events.endswith("calm@136")
    assert len(told("1 " + "0 1 " * 500)[0].turns) <= 2 * FLAPPING_TURNS


def test_what_comes_late_or_twice_changes_nothing() -> None:
    standing, _ = told("1 0++")
    for late in (BEGAN, BEGAN + CYCLE):
        assert learn(standing, Sighting(late, 0, connections=5), USUAL) == (standing, ())


STORIES = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2_000), st.integers(1, 4)), max_size=60)


@given(STORIES)
def test_nothing_is_confirmed_that_too_few_connections_or_cycles_have_seen(story: list[tuple[int, int, int]]) -> None:
    standing, at, weaker = Standing(), BEGAN, list[Sighting]()
    for strength, minutes, connections in story:
        at += timedelta(minutes=minutes)
        sighting = Sighting(at, strength, connections=connections)
        before = standing
        standing, events = learn(standing, sighting, USUAL)
        floor = None if before.baseline is None else before.baseline.strength
        weaker = [*weaker, sighting] if floor is not None and strength < floor else []
        if Event.CONFIRMED in events:
            assert sum(each.connections for each in weaker) >= USUAL.probes
            assert weaker[-1].at - weaker[0].at > CYCLE / 2
            assert all(each.strength < floor for each in weaker)
        assert (standing.regression is not None) >= (before.regression is not None) or Event.RECOVERED in events
        assert standing.candidate is None or standing.regression is None


@given(STORIES)
def test_the_baseline_never_falls_by_itself(story: list[tuple[int, int, int]]) -> None:
    standing, at = Standing(), BEGAN
    for strength, minutes, connections in story:
        at += timedelta(minutes=minutes)
        before = standing.baseline
        standing, _ = learn(standing, Sighting(at, strength, connections=connections), USUAL)
        assert standing.baseline is not None
        assert before is None or standing.baseline.strength >= before.strength
