"""Whether a vantage can measure at all is a fact about the vantage, and is told only where it shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from mailtls.model import Cause, Endpoint, EndpointObservation, Known, Reading, Stage, Unknown
from mailtls.tracking.reach import Attempt, as_seen_blind, reachable

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


def test_what_was_tried_by_a_clock_that_was_ahead_tells_nothing() -> None:
    assert told(attempt("one", answered=True, ago=-100_000)) == {}


def observed(cause: Cause, stage: Stage = Stage.CONNECT, held: Reading[object] | None = None) -> EndpointObservation:
    why = Unknown(cause, stage, "no answer in 10 s")
    endpoint = Endpoint("mx.a.example", ip_address("192.0.2.1"), 25)
    return EndpointObservation(endpoint, {"starttls_offered": held or why}, conclusive=False, inconclusive=why)


@pytest.mark.parametrize("cause", [Cause.CONNECT_TIMEOUT, Cause.CONNECT_REFUSED, Cause.UNREACHABLE])
def test_while_the_vantage_is_blind_an_endpoint_out_of_reach_is_laid_to_the_vantage_and_the_detail_keeps_what_was_met(cause: Cause) -> None:
    shown = as_seen_blind(observed(cause))
    laid = Unknown(Cause.VANTAGE_BLIND, Stage.CONNECT, f"this vantage cannot measure now; met {cause.value}: no answer in 10 s")
    assert (shown.inconclusive, shown.readings["starttls_offered"], shown.conclusive) == (laid, laid, False)


def test_what_was_seen_before_and_what_came_back_is_left_as_it_is_while_the_vantage_is_blind() -> None:
    held = Known(value=True)
    assert as_seen_blind(observed(Cause.CONNECT_TIMEOUT, held=held)).readings["starttls_offered"] is held
    limited = observed(Cause.RATE_LIMITED, Stage.GREETING)
    assert as_seen_blind(limited) is limited
