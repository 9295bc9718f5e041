"""Whether a vantage can measure at all is a fact about the vantage, and is told only where it shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mailtls.tracking.reach import Attempt, reachable

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PATIENCE = timedelta(minutes=45)


def attempt(operator: str, *, answered: bool, control: bool = False, family: str = "ipv4", ago: int = 5) -> Attempt:
    return Attempt(operator, family, NOW - timedelta(minutes=ago), answered, control)  # type: ignore[arg-type]


def told(*attempts: Attempt) -> dict[str, bool]:
    return dict(reachable(attempts, NOW, PATIENCE))


def test_one_endpoint_that_answers_shows_that_its_family_can_be_reached() -> None:
    assert told(attempt("a", answered=False), attempt("b", answered=True)) == {"ipv4": True}


def test_three_unrelated_operators_out_of_reach_are_the_vantages_own_fault() -> None:
    assert told(*(attempt(name, answered=False) for name in "abc")) == {"ipv4": False}


def test_many_addresses_of_one_operator_out_of_reach_tell_nothing() -> None:
    assert told(*(attempt("a", answered=False) for _ in range(9)), attempt("b", answered=False)) == {}


def test_each_family_is_told_apart() -> None:
    there = attempt("a", answered=True)
    gone = [attempt(name, answered=False, family="ipv6") for name in "abc"]
    assert told(there, *gone) == {"ipv4": True, "ipv6": False}


def test_control_endpoints_decide_alone() -> None:
    partners = [attempt(name, answered=False) for name in "abcd"]
    assert told(*partners, attempt("own", answered=True, control=True)) == {"ipv4": True}
    assert told(attempt("a", answered=True), attempt("own", answered=False, control=True)) == {"ipv4": False}


def test_what_was_tried_too_long_ago_tells_nothing() -> None:
    assert told(attempt("a", answered=True, ago=60)) == {}
