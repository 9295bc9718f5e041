"""A budget that several processes share: what the others did and were told counts as our own."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from mailtls.budget import Budget, Limits, Pause
from mailtls.dial import Ended
from mailtls.evidence import Failure
from mailtls.model import Cause, Endpoint, Stage

ONE = Endpoint("mx.a.example", ip_address("192.0.2.1"))
OPERATOR, ADDRESS = "operator a.example", "address 192.0.2.1"
NOW = datetime.now(UTC)


class Others:
    """What the other processes say."""

    def __init__(self) -> None:
        self.wait = 0.0
        self.pauses: dict[str, Pause] = {}
        self.asked: list[tuple[str, ...]] = []

    async def take(self, accounts, pace, deadline):
        self.asked.append(tuple(accounts))
        return self.wait, self.pauses


@pytest.fixture
def others() -> Others:
    return Others()


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def budget(others: Others, slept: list[float]) -> Budget:
    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    budget = Budget(Limits(pace=0.0), sleep=sleep, vary=lambda: 1.0)
    budget.shared = others
    return budget


def soon() -> float:
    return time.monotonic() + 10


async def test_a_visit_waits_for_its_turn_among_all_processes(budget: Budget, others: Others, slept: list[float]) -> None:
    others.wait = 1.5
    async with budget.place(ONE, soon()):
        assert slept == [1.5]
    assert others.asked == [(OPERATOR, ADDRESS)]


def test_a_scan_has_one_of_its_operators_places_and_so_one_visit_at_a_time(budget: Budget) -> None:
    assert budget.at_once == 1
    assert Budget(Limits(per_operator=3)).at_once == 3


@pytest.mark.parametrize("account", [OPERATOR, ADDRESS])
async def test_who_asked_another_process_to_stay_away_is_not_visited_and_not_waited_for(
    budget: Budget, others: Others, slept: list[float], account: str
) -> None:
    others.pauses = {account: Pause(datetime.now(UTC) + timedelta(seconds=5), 1)}
    assert budget.is_worth_a_trial(ONE)
    for _ in range(2):  # asked, and known
        with pytest.raises(Ended) as caught:
            async with budget.place(ONE, soon()):
                raise AssertionError("it was visited")
        assert caught.value.failure.cause is Cause.BUDGET_EXHAUSTED
        assert "stay away" in caught.value.failure.detail
    assert not budget.is_worth_a_trial(ONE)
    assert slept == []
    assert len(others.asked) == 1


async def test_a_place_that_could_not_be_had_is_free_for_the_next(others: Others) -> None:
    budget = Budget(Limits(concurrency=1, per_operator=1, pace=0.0))
    budget.shared = others
    others.pauses = {OPERATOR: Pause(datetime.now(UTC) + timedelta(seconds=0.05), 1)}
    with pytest.raises(Ended):
        async with budget.place(ONE, soon()):
            pass
    others.pauses = {}
    async with budget.place(Endpoint("mx.b.example", ip_address("192.0.2.2")), soon()):
        pass


def test_what_the_others_should_know_is_told_once_and_again_where_it_could_not_be_told(budget: Budget) -> None:
    told: list[bool] = []
    budget.changed = lambda: told.append(True)
    budget.report(ONE, Failure(Cause.RATE_LIMITED, Stage.GREETING))
    assert told
    changes = budget.changes(NOW)
    assert {account: pause.strikes for account, pause in changes.items()} == {OPERATOR: 1, ADDRESS: 1}
    assert budget.changes(NOW) == {}
    budget.remind(changes)
    assert budget.changes(NOW).keys() == {OPERATOR, ADDRESS}
    budget.report(ONE, None)
    assert {pause.strikes for pause in budget.changes(NOW).values()} == {0}


def test_what_was_told_to_us_and_not_yet_to_the_others_outweighs_what_they_say(budget: Budget) -> None:
    budget.report(ONE, Failure(Cause.RATE_LIMITED, Stage.GREETING))
    before = budget.closed_for(ONE)
    assert before > 0
    budget.heed({OPERATOR: Pause(NOW - timedelta(hours=1), 0), ADDRESS: Pause(NOW - timedelta(hours=1), 0)}, NOW)
    assert budget.closed_for(ONE) > before - 1
    assert {pause.strikes for pause in budget.changes(NOW).values()} == {1}


def test_strikes_of_another_process_count_on(budget: Budget) -> None:
    budget.heed({OPERATOR: Pause(NOW - timedelta(seconds=1), 3)}, NOW)
    budget.report(ONE, Failure(Cause.RATE_LIMITED, Stage.GREETING))
    assert budget.changes(NOW)[OPERATOR].strikes == 4


def test_no_row_however_damaged_closes_an_operator_for_longer_than_the_longest_pause(budget: Budget) -> None:
    budget.heed({OPERATOR: Pause(NOW + timedelta(days=10_000), 10**9)}, NOW)
    assert budget.closed_for(ONE) <= 3600 * 0.05 * 1.1
