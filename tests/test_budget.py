"""Politeness is a budget: who asks us to stay away is heeded, and all hosts of one operator share it."""

from __future__ import annotations

import asyncio
import time
from ipaddress import ip_address

import pytest

from mailtls.budget import Budget, Limits
from mailtls.dial import Ended
from mailtls.evidence import Failure
from mailtls.model import Cause, Endpoint, Stage

ONE, TWO = Endpoint("mx1.big.co.uk", ip_address("192.0.2.1")), Endpoint("mx2.big.co.uk", ip_address("192.0.2.2"))
OTHER = Endpoint("mx.other.co.uk", ip_address("192.0.2.3"))


def test_an_operator_is_the_organizational_domain_unless_it_is_named() -> None:
    budget = Budget(Limits(operators={"other.co.uk": "Big"}))
    assert budget.operator_of("mx1.big.co.uk") == "big.co.uk"
    assert budget.operator_of("mx.other.co.uk") == "Big"


async def test_no_more_visits_at_a_time_than_the_operator_is_granted() -> None:
    budget = Budget(Limits(per_operator=2, pace=0.0))
    running = most = 0

    async def visit(number: int) -> None:
        nonlocal running, most
        async with budget.place(Endpoint(f"mx{number}.big.co.uk", ip_address(f"192.0.2.{number}")), time.monotonic() + 30):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1

    await asyncio.gather(*(visit(number) for number in range(10)))
    assert most == 2


@pytest.mark.parametrize(("cause", "closes_operator"), [(Cause.RATE_LIMITED, True), (Cause.BLOCKED, True), (Cause.READ_TIMEOUT, False)])
async def test_a_refusal_closes_the_operator_and_a_stall_only_the_address(cause: Cause, closes_operator: bool) -> None:
    budget = Budget(Limits())
    budget.report(ONE, Failure(cause, Stage.GREETING))
    assert budget.closed_for(ONE) > 0
    assert (budget.closed_for(TWO) > 0) is closes_operator
    assert budget.closed_for(OTHER) == 0
    with pytest.raises(Ended) as end:
        async with budget.place(ONE, time.monotonic() + 0.1):
            pass
    assert end.value.failure.cause is Cause.BUDGET_EXHAUSTED
