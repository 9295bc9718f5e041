"""Connections to operators are counted within a bound, whatever MX records call them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mailtls.evidence import Failure, Offer, ProbeEvidence
from mailtls.hellos import Asked, HelloOffer, Silent
from mailtls.model import Cause, Stage
from mailtls.show.operators import OperatorVisits

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def visit(cause: Cause | None = None, stage: Stage = Stage.GREETING) -> ProbeEvidence:
    return ProbeEvidence(Offer(), NOW, failure=None if cause is None else Failure(cause, stage))


def hello(cause: Cause, stage: Stage) -> Asked:
    return Asked(HelloOffer("TLSv1.2", (0xC02F,)), Silent(cause, stage))


def page(visits: OperatorVisits) -> dict[str, tuple[float, float]]:
    registry = CollectorRegistry()
    registry.register(visits)
    found: dict[str, dict[str, float]] = {"mailtls_operator_visits_total": {}, "mailtls_operator_visits_blocked_total": {}}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found[sample.name][sample.labels["operator"]] = sample.value
    every, blocked = found.values()
    assert every.keys() == blocked.keys()
    return {operator: (every[operator], blocked[operator]) for operator in every}


@pytest.mark.parametrize("cause", Cause)
def test_four_causes_are_being_turned_away_and_what_was_never_dialled_is_no_connection(cause: Cause) -> None:
    visits = OperatorVisits()
    visits.count("a.example", visit())
    visits.count("a.example", visit(cause))
    turned_away = cause in {Cause.BLOCKED, Cause.RATE_LIMITED, Cause.DEFERRED, Cause.TARPIT}
    never = cause in {Cause.NOT_ATTEMPTED, Cause.BUDGET_EXHAUSTED, Cause.VANTAGE_BLIND, Cause.ADDRESS_FORBIDDEN, Cause.NO_ADDRESS}
    assert page(visits) == {"a.example": (1 if never else 2, int(turned_away))}


def test_a_raw_hello_that_is_stalled_tells_of_the_hello_and_the_dialogue_before_it_of_us() -> None:
    visits = OperatorVisits()
    visits.count("a.example", hello(Cause.TARPIT, Stage.HELLO))
    visits.count("a.example", hello(Cause.BLOCKED, Stage.GREETING))
    visits.count("a.example", hello(Cause.BUDGET_EXHAUSTED, Stage.CONNECT))
    assert page(visits) == {"a.example": (2, 1)}


def test_operators_beyond_the_cap_are_counted_together_and_those_that_nothing_leads_to_go() -> None:
    visits = OperatorVisits(most=2)
    for operator in ("a.example", "b.example", "c.example", "d.example", "a.example", "other"):
        visits.count(operator, visit(Cause.DEFERRED))
    assert page(visits) == {"a.example": (2, 2), "b.example": (1, 1), "other": (3, 3)}
    visits.keep_only({"b.example", "c.example"})
    visits.count("c.example", visit())
    assert page(visits) == {"b.example": (1, 1), "c.example": (1, 0), "other": (3, 3)}


@pytest.mark.parametrize("operator", ['a"} 1\nforged 7', "a\\b.example", "\x1b[31m.example", "x" * 5000, "\u202eelpmaxe.a", "\udcff"])
def test_a_name_cannot_forge_a_line_nor_be_of_any_length(operator: str) -> None:
    visits = OperatorVisits()
    visits.count(operator, visit())
    ((shown, counted),) = page(visits).items()
    assert counted == (1, 0)
    assert len(shown) < 300
    assert shown.isprintable()
