"""Politeness is a budget: who asks us to stay away is heeded, and all hosts of one operator share it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from mailtls.accounts import Accounts
from mailtls.budget import Budget, Limits, Pause
from mailtls.dial import Ended
from mailtls.evidence import Failure
from mailtls.model import Cause, Endpoint, Stage

ONE, TWO = Endpoint("mx1.big.co.uk", ip_address("192.0.2.1")), Endpoint("mx2.big.co.uk", ip_address("192.0.2.2"))
OTHER = Endpoint("mx.other.co.uk", ip_address("192.0.2.3"))


def test_an_operator_is_the_organizational_domain_unless_it_is_named() -> None:
    budget = Budget(Limits(operators={"other.co.uk": "Big"}))
    assert budget.operator_of("mx1.big.co.uk") == "big.co.uk"
    assert budget.operator_of("mx.other.co.uk") == "Big"


class Clock:
    """A clock that stands still but for those who sleep by it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def budget_by(clock: Clock, vary: float = 1.0, **limits: float) -> Budget:
    return Budget(Limits(**limits), clock, clock.sleep, lambda: vary)  # type: ignore[arg-type]


def refuse(budget: Budget, endpoint: Endpoint = ONE, cause: Cause = Cause.RATE_LIMITED) -> None:
    budget.report(endpoint, Failure(cause, Stage.GREETING))


async def test_no_more_visits_at_a_time_than_the_operator_is_granted() -> None:
    clock = Clock()
    budget = budget_by(clock, per_operator=2, pace=0.0)
    running = most = 0

    async def visit(number: int) -> None:
        nonlocal running, most
        async with budget.place(Endpoint(f"mx{number}.big.co.uk", ip_address(f"192.0.2.{number}")), clock.now + 30):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1

    await asyncio.gather(*(visit(number) for number in range(10)))
    assert most == 2


async def test_visits_to_one_operator_start_a_pace_apart_and_others_do_not_wait() -> None:
    clock = Clock()
    budget = budget_by(clock, pace=2.0)
    started = []
    for endpoint in (ONE, TWO, ONE, OTHER):
        async with budget.place(endpoint, clock.now + 30):
            started.append(clock.now)
    assert started == [1000.0, 1002.0, 1004.0, 1004.0]
    assert clock.slept == [2.0, 2.0]


@pytest.mark.parametrize(("cause", "closes_operator"), [(Cause.RATE_LIMITED, True), (Cause.BLOCKED, True), (Cause.READ_TIMEOUT, False)])
async def test_a_refusal_closes_the_operator_and_a_stall_only_the_address(cause: Cause, closes_operator: bool) -> None:
    clock = Clock()
    budget = budget_by(clock)
    refuse(budget, ONE, cause)
    assert budget.closed_for(ONE) == 60
    assert budget.closed_for(TWO) == (60 if closes_operator else 0)
    assert budget.closed_for(OTHER) == 0
    with pytest.raises(Ended) as end:
        async with budget.place(ONE, clock.now + 59):
            pass
    assert end.value.failure.cause is Cause.BUDGET_EXHAUSTED
    assert clock.slept == []


async def test_who_asked_us_to_leave_is_visited_when_the_pause_is_over_and_not_before() -> None:
    clock = Clock()
    budget = budget_by(clock)
    refuse(budget)
    async with budget.place(TWO, clock.now + 61):
        assert clock.now == 1060


@pytest.mark.parametrize(("pace", "pauses"), [(1.0, (60, 120, 240, 480, 960, 1920, 3600, 3600)), (2.0, (120, 240)), (0.0, (3, 6, 12))])
def test_each_refusal_doubles_the_pause_up_to_an_hour_of_paces(pace: float, pauses: tuple[float, ...]) -> None:
    clock = Clock()
    budget = budget_by(clock, pace=pace)
    for pause in pauses:
        refuse(budget)
        assert budget.closed_for(ONE) == pytest.approx(pause)
        clock.now += pause + 0.001


def test_refusals_of_visits_that_were_under_way_together_count_once() -> None:
    clock = Clock()
    budget = budget_by(clock)
    for _ in range(3):
        refuse(budget)
    assert budget.closed_for(ONE) == 60
    clock.now += 61
    refuse(budget)
    assert budget.closed_for(ONE) == 120


def test_a_visit_that_goes_through_ends_the_doubling() -> None:
    clock = Clock()
    budget = budget_by(clock)
    refuse(budget)
    clock.now += 61
    budget.report(TWO, None)
    assert budget.closed_for(ONE) == 0
    refuse(budget, TWO)
    assert budget.closed_for(TWO) == 60


def test_a_pause_varies_by_a_tenth() -> None:
    clock = Clock()
    budget = budget_by(clock, vary=0.9)
    refuse(budget)
    assert budget.closed_for(ONE) == 54
    usual = Budget(Limits(), clock)
    pauses = []
    for number in range(200):
        endpoint = Endpoint(f"mx.a{number}.example", ip_address(f"192.0.2.{number}"))
        refuse(usual, endpoint)
        pauses.append(usual.closed_for(endpoint))
    assert min(pauses) >= 54
    assert max(pauses) <= 66
    assert max(pauses) - min(pauses) > 6


async def test_a_reload_takes_over_who_asked_us_to_leave_and_how_often() -> None:
    clock = Clock()
    older = budget_by(clock)
    refuse(older)
    clock.now += 61
    refuse(older)
    async with older.place(OTHER, clock.now + 1):
        pass
    newer = budget_by(clock, pace=2.0)
    newer.inherit(older)
    assert newer.closed_for(TWO) == 120
    assert newer.closed_for(OTHER) == 0
    async with newer.place(OTHER, clock.now + 5):
        assert clock.slept == [1.0]  # the pace that was begun is kept
    clock.now += 120
    refuse(newer)
    assert newer.closed_for(ONE) == 60 * 4 * 2


@pytest.mark.parametrize("late_by", [0.0, 0.001, 1000.0])
async def test_a_place_is_not_handed_out_when_its_deadline_has_passed_though_nobody_waits(late_by: float) -> None:
    clock = Clock()
    budget = budget_by(clock)
    with pytest.raises(Ended) as end:
        async with budget.place(ONE, clock.now - late_by):
            pytest.fail("it was handed out")
    assert end.value.failure.cause is Cause.BUDGET_EXHAUSTED
    async with budget.place(ONE, clock.now + 1):  # and nothing is held back
        assert clock.slept == []


NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_pause_outlives_the_process_and_so_does_its_doubling() -> None:
    clock, next_clock = Clock(), Clock()
    before, after = budget_by(clock), budget_by(next_clock)
    refuse(before)
    clock.now += 20
    next_clock.now = 7.0
    after.resume(before.pauses(NOON), NOON + timedelta(seconds=15))
    assert after.closed_for(ONE) == after.closed_for(TWO) == 25
    assert after.closed_for(OTHER) == 0
    next_clock.now += 25
    refuse(after)
    assert after.closed_for(ONE) == 120


def test_who_let_us_in_again_is_no_more_among_the_pauses_and_each_change_is_told() -> None:
    clock, changes = Clock(), list[int]()
    budget = budget_by(clock)
    budget.changed = lambda: changes.append(len(budget.pauses(NOON)))
    refuse(budget)
    refuse(budget)  # under way together: one occasion
    clock.now += 61
    assert len(budget.pauses(NOON)) == 2
    budget.report(ONE, None)
    budget.report(ONE, None)
    assert budget.pauses(NOON) == {}
    assert changes == [1, 2, 0]


def test_a_success_that_was_under_way_does_not_make_a_restart_forget_the_pause() -> None:
    budget = budget_by(Clock())
    refuse(budget)
    budget.report(ONE, None)
    assert set(budget.pauses(NOON)) == {"operator big.co.uk", "address 192.0.2.1"}


def test_what_was_asked_long_ago_is_not_held_against_anybody() -> None:
    clock, after = Clock(), budget_by(Clock())
    before = budget_by(clock)
    refuse(before)
    clock.now += 60 + 3600 * 1.1 + 1
    assert before.pauses(NOON) == {}
    after.resume({"address 192.0.2.1": Pause(NOON - timedelta(days=1), 3)}, NOON)
    assert after.pauses(NOON) == {}


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=36500)])
def test_a_clock_that_was_set_back_keeps_us_away_no_longer_than_the_longest_pause(jump: timedelta) -> None:
    budget = budget_by(Clock())
    budget.resume({"address 192.0.2.1": Pause(NOON + jump, 10**9)}, NOON)
    assert budget.closed_for(ONE) == pytest.approx(3600 * 1.1)


async def test_where_all_that_is_kept_in_mind_is_live_nobody_else_is_visited_for_now() -> None:
    clock = Clock()
    budget = budget_by(clock)
    budget._accounts = Accounts(places=2, memory=3600, most=4)
    refuse(budget)
    async with budget.place(OTHER, clock.now + 30):
        with pytest.raises(Ended) as raised:
            async with budget.place(Endpoint("mx.third.example", ip_address("192.0.2.9")), clock.now + 30):
                pass
    assert raised.value.failure.cause is Cause.BUDGET_EXHAUSTED
    assert budget.closed_for(ONE) > 0
    clock.now += 10
    async with budget.place(Endpoint("mx.third.example", ip_address("192.0.2.9")), clock.now + 30):
        pass
