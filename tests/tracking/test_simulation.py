"""The simulation of tests/bench, small: what it tells is true, it can fail, and turns that it passes over would have changed nothing."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from simulated.fleet import CYCLE, Fleet, Turns, make_fleet
from simulated.judging import Judgement, judge, percentile
from simulated.losses import Loss, draw_losses
from simulated.running import Simulation
from simulated.timeline import FOREVER, Span, Timeline
from simulated.weather import DAY, MINUTE, Noise, make_weather

from mailtls.tracking.changes import Change
from mailtls.tracking.standing import Confirmation, Event

ROUGH = Noise(
    lost_scans=0.01, hiccups=60, reboots=60, starting=0.5, rollovers=30,
    vantage_outages=100, local_stripping=60, resolver_outages=60, resolver_blind=60,
)  # fmt: skip


def simulated(
    days: float, endpoints: int = 40, *, seed: int = 3, mixed: int = 0, noise: Noise = ROUGH, losses: int = 1, **options
) -> tuple[Simulation, list[Loss]]:
    fleet: Fleet = make_fleet(endpoints, seed, mixed=mixed, rotating=mixed)
    drawn = draw_losses(fleet, losses, days * DAY, seed)
    run = Simulation(fleet, make_weather(fleet, noise, days * DAY, seed), drawn, days * DAY, seed, **options)
    run.run()
    return run, drawn


def judged(days: float, **options) -> Judgement:
    return judge(*simulated(days, **options))


def told(run: Simulation) -> set[tuple[object, ...]]:
    def seen(change: Change) -> tuple[object, ...]:
        before, after = (each and each.strength for each in (change.before, change.after))
        return change.at, change.subject, change.check, change.event, before, after

    return {seen(change) for change in run.changes}


def test_in_two_rough_weeks_nothing_false_is_told_and_nothing_is_missed() -> None:
    found = judged(14, losses=2)
    assert (found.false, found.missed, found.stuck) == ([], [], [])
    assert sum(verdict.lasting for verdict in found.kinds.values()) > 10
    times = [each for verdict in found.kinds.values() for each in verdict.from_candidate]
    assert percentile(times, 0.5) <= CYCLE + 5 * MINUTE


def test_without_confirmation_it_fails() -> None:
    assert judged(14, confirmation=replace(Confirmation(), probes=1, cycles=1)).false != []


def test_turns_that_are_passed_over_would_have_changed_nothing() -> None:
    passing, _ = simulated(4, 12, mixed=1)
    whole, _ = simulated(4, 12, mixed=1, skips=False)
    assert told(passing) == told(whole) != set()
    assert passing.done["turns"] < whole.done["turns"]
    assert passing.ledger.regressions().keys() == whole.ledger.regressions().keys()


def test_machines_that_are_not_alike_behind_one_address_are_held_to_the_weaker_one_and_are_no_regression() -> None:
    run, _ = simulated(4, 6, mixed=3, noise=Noise(), losses=0)
    assert not any(change.event is Event.CONFIRMED for change in run.changes)
    for address in run.fleet.addresses:
        baseline = run.ledger.standings[address.subject]["tls_version"].baseline
        assert baseline is not None
        assert baseline.shown == ("TLSv1.2" if address.mixed else "TLSv1.3")


def test_a_timeline_says_what_holds_and_when_that_changes() -> None:
    long, short, later = Span(10, FOREVER, "a"), Span(20, 30, "b"), Span(40, 50, "c")
    timeline = Timeline([later, short, long])
    assert (timeline.at(5), timeline.wake()) == ([], 10)
    assert (timeline.at(25), timeline.wake()) == ([long, short], 30)
    assert (timeline.at(35), timeline.wake()) == ([long], 40)


@pytest.mark.parametrize("phase", [0.0, 17.5, 899.0])
def test_turns_come_once_a_cycle_in_order_and_never_drift(phase: float) -> None:
    turns = Turns(phase, 12345, 4.0)
    times = [turns.at(number) for number in range(5_000)]
    gaps = [after - before for before, after in pairwise(times)]
    assert all(0.79 * CYCLE < gap < 1.21 * CYCLE for gap in gaps)
    assert max(gaps) - min(gaps) > 0.2 * CYCLE
    assert all(turns.at(turns.first_from(at)) >= at > (turns.at(turns.first_from(at) - 1) if turns.first_from(at) else -1) for at in times[:50])
