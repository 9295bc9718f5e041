"""Each policy that ships, on each provider of the lab: played once, over real sockets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from mailtls import assembly, config
from mailtls.evidence import Purpose
from mailtls.facts.shapes import Form, Shape
from mailtls.lab import Delay, Lab
from mailtls.model import DomainObservation, Known, Verdict
from mailtls.policy.shipped import NAMES

GOOD, SUFFICIENT, PHASE_OUT, INSUFFICIENT, NONE = "good", "sufficient", "phase-out", "insufficient", None
UNMEASURED = ("unknown", NONE, NONE, NONE, NONE, NONE)
WITHOUT_TLS = ("unprotected", INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT)

# The verdict, then the grades by rfc9325, ncsc-nl-2025, mozilla-6.0-intermediate, mozilla-6.0-modern and pledge-2013.
TABLE: dict[str, tuple[str | None, ...]] = {
    "excellent": ("protected", GOOD, SUFFICIENT, GOOD, INSUFFICIENT, GOOD),
    "solid": ("protected", PHASE_OUT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, GOOD),
    "solid-mail": ("protected", PHASE_OUT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, GOOD),
    "legacy-only": ("degraded", INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT),
    "no-starttls": WITHOUT_TLS,
    "stripped": WITHOUT_TLS,
    "expired": ("degraded", SUFFICIENT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, GOOD),
    "self-signed": ("degraded", SUFFICIENT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, GOOD),
    "wrong-name": ("degraded", SUFFICIENT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, GOOD),
    "dane": ("protected", PHASE_OUT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, GOOD),
    "dane-stale": ("degraded", SUFFICIENT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, GOOD),
    "dane-unusable": ("protected", SUFFICIENT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, GOOD),
    "ratelimited": UNMEASURED,
    "blocklisting": UNMEASURED,
    "tarpit": UNMEASURED,
    "tls-unavailable": WITHOUT_TLS,
    "greylisting": UNMEASURED,
    "null-mx": ("no-mail", NONE, NONE, NONE, NONE, NONE),
    "nxdomain": UNMEASURED,
    "dns-servfail": UNMEASURED,
    "dnssec-bogus": UNMEASURED,
    "plaintext-injection": ("degraded", SUFFICIENT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, GOOD),
    "helo-only": WITHOUT_TLS,
    "postscreen": ("protected", SUFFICIENT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, GOOD),
    "sts-mismatch": ("protected", SUFFICIENT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, GOOD),
    "downgraded": ("protected", SUFFICIENT, INSUFFICIENT, INSUFFICIENT, INSUFFICIENT, GOOD),
}


async def _play() -> dict[str, DomainObservation]:
    async with await Lab.start() as lab:
        patient = lab.server("mx.postscreen.example")
        shorter = tuple(replace(step, seconds=0.05) if isinstance(step, Delay) else step for step in patient.behaviour.greeting or ())
        patient.behaviour = replace(patient.behaviour, greeting=shorter)  # it pauses on every connection, and a scan makes forty
        settings: Any = lab.configuration()
        settings["limits"] |= {"pace": "0s", "scan_deadline": "20s"}
        settings["network"]["probe_deadline"] = "2500ms"
        settings["policies"] = list(NAMES)
        measurer = assembly.measurer(config.Configuration.model_validate(settings))

        async def one(domain: str) -> DomainObservation:
            route = await measurer.route(domain)
            await measurer.measure(route, Purpose.FULL)
            assert route.began is not None
            return measurer.observe(domain, route, route.began)

        observed = await asyncio.gather(*(one(domain) for provider in lab.providers for domain in provider.domains))
        return {domain.domain.removesuffix(".example"): domain for domain in observed}


@pytest.fixture(scope="module")
def lab() -> dict[str, DomainObservation]:
    return asyncio.run(_play())


def test_every_provider_has_a_row(lab: dict[str, DomainObservation]) -> None:
    assert set(lab) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_the_verdict_and_the_grades_of_a_provider(name: str, lab: dict[str, DomainObservation]) -> None:
    domain = lab[name]
    verdict, *levels = TABLE[name]
    assert domain.verdict.value == verdict
    assert [grade.level for grade in domain.grades] == levels


def test_a_grade_is_missing_exactly_where_something_is_unknown_or_nothing_applies(lab: dict[str, DomainObservation]) -> None:
    for name, domain in lab.items():
        for grade in domain.grades:
            assert (grade.level is None) == (grade.met is None) == (bool(grade.missing) or domain.verdict is Verdict.NO_MAIL), name
            assert (grade.coverage == 1.0) == (not grade.missing)


def test_every_value_that_was_read_is_of_the_shape_that_its_fact_declares(lab: dict[str, DomainObservation]) -> None:
    from mailtls import facts

    shapes = {fact.name: fact.shape for fact in facts.ALL}
    readings = [
        (name, reading)
        for domain in lab.values()
        for some in (domain.readings, *(host.readings for host in domain.mx), *(e.readings for host in domain.mx for e in host.endpoints))
        for name, reading in some.items()
    ]
    assert len({name for name, reading in readings if isinstance(reading, Known)}) > 40
    for name, reading in readings:
        if isinstance(reading, Known):
            fits(reading.value, shapes[name], name)


def fits(value: Any, shape: Shape, where: str) -> None:
    """Fail where a value is not of a shape, or has a part that the shape does not name."""
    if value is None:
        return
    kinds = {Form.TRUTH: bool, Form.NUMBER: int | float, Form.WORD: str, Form.LIST: list, Form.OBJECT: dict}
    assert isinstance(value, kinds[shape.form]), (where, value)
    if shape.form is Form.WORD and shape.words is not None:
        assert value in shape.words(), (where, value)
    if shape.form is Form.LIST:
        assert shape.element is not None
        for element in value:
            fits(element, shape.element, f"{where}[]")
    if shape.form is Form.OBJECT:
        for key, part in value.items():
            assert key in shape.fields, f"{where}.{key} is not declared"
            fits(part, shape.fields[key], f"{where}.{key}")
