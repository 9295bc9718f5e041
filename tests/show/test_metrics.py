"""Metrics say what was measured, and nothing where nothing was."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address

from prometheus_client import CollectorRegistry, generate_latest

from mailtls import facts
from mailtls.facts.declaration import Better, fold
from mailtls.model import (
    Absent,
    Cause,
    DomainObservation,
    Endpoint,
    EndpointObservation,
    Known,
    MXObservation,
    Snapshot,
    Stage,
    Unknown,
    Verdict,
)
from mailtls.show.metrics import SnapshotCollector

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LATE = Unknown(Cause.READ_TIMEOUT, Stage.EHLO)


def endpoint(address: str, offered: object) -> EndpointObservation:
    readings = {fact.name: LATE for fact in facts.ENDPOINT} | {"starttls_offered": offered}
    missing = offered if isinstance(offered, Unknown) else None
    return EndpointObservation(Endpoint("mx.a.example", ip_address(address)), readings, missing is None, True, NOW, None, missing)  # type: ignore[arg-type]


def page(*endpoints: EndpointObservation, max_series: int = 1000) -> str:
    domain = DomainObservation("a.example", 'A "quoted"\n', Verdict.UNKNOWN, (), {}, (MXObservation("mx.a.example", 10, {}, endpoints),), NOW)
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(lambda: Snapshot((domain,)), max_series))
    return generate_latest(registry).decode()


def test_what_could_not_be_measured_is_a_missing_series_with_its_cause_beside_it() -> None:
    text = page(endpoint("192.0.2.1", LATE))
    assert "mailtls_mx_starttls_offered{" not in text
    assert 'mailtls_mx_inconclusive_info{cause="read-timeout",family="ipv4",mx="mx.a.example",stage="ehlo"} 1.0' in text
    assert 'mailtls_mx_probe_conclusive{family="ipv4",mx="mx.a.example"} 0.0' in text


def test_one_bad_address_decides_for_the_host_and_an_unmeasured_one_hides_a_good() -> None:
    assert 'mailtls_mx_starttls_offered{family="ipv4",mx="mx.a.example"} 0.0' in page(
        endpoint("192.0.2.1", Known(value=False)), endpoint("192.0.2.2", LATE)
    )
    assert "mailtls_mx_starttls_offered{" not in page(endpoint("192.0.2.1", Known(value=True)), endpoint("192.0.2.2", LATE))


def test_exactly_one_state_of_a_domain_is_one() -> None:
    states = [line for line in page(endpoint("192.0.2.1", LATE)).splitlines() if line.startswith("mailtls_domain_state{")]
    assert [line.rsplit(" ", 1)[1] for line in states].count("1.0") == 1
    assert len(states) == len(Verdict)


def test_samples_beyond_the_cap_are_left_out_and_counted() -> None:
    text = page(endpoint("192.0.2.1", LATE), max_series=3)
    dropped = next(line for line in text.splitlines() if line.startswith("mailtls_series_dropped "))
    assert float(dropped.split()[1]) > 0


def test_folding_lets_a_measured_bad_decide_before_an_unknown_and_an_unknown_before_a_good() -> None:
    good, bad = Known(value=True), Known(value=False)
    assert fold([good, LATE, bad], Better.TRUE) == bad
    assert fold([good, LATE], Better.TRUE) == LATE
    assert fold([good, Absent()], Better.TRUE) == good
    assert fold([], Better.TRUE) == Absent()


def test_every_fact_is_declared_once_with_a_source() -> None:
    names = [fact.name for fact in facts.ALL]
    assert len(names) == len(set(names))
    assert all(fact.source and fact.help.endswith(".") for fact in facts.ALL)
