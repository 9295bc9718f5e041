"""Several vantages: who counts, and where a weakness lies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.tracking.votes import Attribution, Sight, Vote, are_too_many, are_unreachable, count

SERVER, PATH, UNEXPLAINED = Attribution.SERVER, Attribution.PATH, Attribution.UNEXPLAINED


def votes(said: str) -> list[Vote]:
    """Return a vote for each letter: `w` weaker, `g` well, `?` could not measure."""
    return [Vote(f"v{number}", {"w": True, "g": False, "?": None}[letter]) for number, letter in enumerate(said)]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("", (False, None)),
        ("?", (False, None)),
        ("g", (False, None)),
        ("ggg", (False, None)),
        ("w", (True, UNEXPLAINED)),
        ("w??", (True, UNEXPLAINED)),
        ("ww", (True, SERVER)),
        ("ww?", (True, SERVER)),
        ("www", (True, SERVER)),
        ("wg", (False, PATH)),
        ("wgg", (False, PATH)),
        ("wwg", (True, PATH)),
        ("wwgg", (False, PATH)),
        ("wwwgg", (True, PATH)),
    ],
)
def test_more_than_half_of_those_that_could_measure_must_see_it(said: str, wanted: tuple[bool, Attribution | None]) -> None:
    assert count(votes(said)) == wanted


@given(st.text("wg", max_size=8), st.integers(0, 8))
def test_a_vantage_that_could_not_measure_changes_nothing(said: str, silent: int) -> None:
    assert count(votes(said + "?" * silent)) == count(votes(said))


def test_a_blind_vantage_has_no_vote() -> None:
    assert count(votes("wwg"), {"v0", "v1"}) == (False, None)
    assert count(votes("wg"), {"v1"}) == (True, UNEXPLAINED)


@pytest.mark.parametrize(
    ("controls", "wanted"), [({}, False), ({"a": True, "b": False}, False), ({"a": False, "b": False}, True), ({"a": False}, True)]
)
def test_one_control_endpoint_that_is_reached_is_enough(controls: dict[str, bool], wanted: bool) -> None:
    assert are_unreachable(controls) is wanted


@pytest.mark.parametrize(("in_trouble", "looked_at", "wanted"), [(0, 0, False), (2, 2, False), (3, 3, True), (4, 10, False), (5, 10, True)])
def test_half_of_the_operators_and_at_least_three_are_too_many(in_trouble: int, looked_at: int, wanted: bool) -> None:
    names = [f"operator{number}" for number in range(looked_at)]
    assert are_too_many(names[:in_trouble], names, Sight()) is wanted


def test_three_of_forty_operators_in_trouble_are_their_own_trouble() -> None:
    names = [str(number) for number in range(40)]
    assert not are_too_many(names[:3], names, Sight())
    assert are_too_many(names[:20], names, Sight())
