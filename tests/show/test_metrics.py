"""Metrics say what was measured, and nothing where nothing was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from mailtls import facts
from mailtls.facts.declaration import Better, Fact, Kind, Metric, Scope, fold, truth_gauge
from mailtls.model import (
    Absent,
    Cause,
    DomainObservation,
    Endpoint,
    EndpointObservation,
    Grade,
    Known,
    Level,
    MXObservation,
    Snapshot,
    Stage,
    Unknown,
    Verdict,
)
from mailtls.show.daemon_metrics import DaemonMetrics
from mailtls.show.metrics import SnapshotCollector
from mailtls.show.reference import metrics_page

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


def test_a_grade_is_a_share_and_is_missing_where_the_evidence_is_incomplete() -> None:
    grades = (Grade("rfc9325", "1", Level.PHASE_OUT, 1.0, 0.875), Grade("pledge-2013", "1", None, 0.5))
    text = several(replace(a_domain("a.example", "mx.a.example", endpoint("192.0.2.1", Known(value=True))), grades=grades))
    assert [line for line in text.splitlines() if line.startswith("mailtls_domain_grade")] == [
        'mailtls_domain_grade{domain="a.example",policy="rfc9325"} 0.875'
    ]


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
    assert fold([Known(4096), Known(1024), Known(2048), Absent()], Better.MORE) == Known(1024)
    assert fold([Known(4096), LATE], Better.MORE) == LATE


def test_every_fact_is_declared_once_with_a_source() -> None:
    names = [fact.name for fact in facts.ALL]
    assert len(names) == len(set(names))
    assert all(fact.source and fact.help.endswith(".") for fact in facts.ALL)


def several(*domains: DomainObservation, waiting: tuple[tuple[str, str], ...] = ()) -> str:
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(lambda: Snapshot(domains, waiting)))
    return generate_latest(registry).decode()


def a_domain(name: str, host: str, *endpoints: EndpointObservation) -> DomainObservation:
    return DomainObservation(name, "A", Verdict.PROTECTED, (), {}, (MXObservation(host, 10, {}, endpoints),), NOW)


def test_the_names_of_the_contract_are_there() -> None:
    text = page(endpoint("192.0.2.1", Known(value=True)))
    for name in (
        "domain_info", "domain_mx_info", "domain_state", "mx_starttls_offered", "mx_probe_conclusive", "mx_last_attempt_timestamp_seconds",
        "mx_addresses", "mx_addresses_failing",
    ):  # fmt: skip
        assert f"\nmailtls_{name}{{" in text, name
    assert "\nmailtls_series_dropped 0.0" in text
    assert all(f"# HELP mailtls_{line.split()[2].removeprefix('mailtls_')} " in text for line in text.splitlines() if line.startswith("# TYPE"))


def test_no_cause_at_all_makes_a_nought_of_what_was_not_measured() -> None:
    for cause in Cause:
        text = page(endpoint("192.0.2.1", Unknown(cause, Stage.GREETING)))
        results = [f"mailtls_{metric.name}{{" for fact in facts.ENDPOINT for metric in fact.metrics]
        assert results
        assert not any(line.startswith(tuple(results)) for line in text.splitlines()), cause


def test_what_does_not_apply_is_a_missing_series_too() -> None:
    assert "mailtls_mx_starttls_accepted{" not in page(endpoint("192.0.2.1", Absent()))


def test_families_are_kept_apart() -> None:
    text = page(endpoint("192.0.2.1", Known(value=True)), endpoint("2001:db8::1", Known(value=False)))
    assert 'mailtls_mx_starttls_offered{family="ipv4",mx="mx.a.example"} 1.0' in text
    assert 'mailtls_mx_starttls_offered{family="ipv6",mx="mx.a.example"} 0.0' in text


def test_all_good_addresses_make_a_good_host_and_one_failing_is_counted() -> None:
    good = endpoint("192.0.2.1", Known(value=True)), endpoint("192.0.2.2", Known(value=True))
    assert 'mailtls_mx_starttls_offered{family="ipv4",mx="mx.a.example"} 1.0' in page(*good)
    text = page(*good, endpoint("192.0.2.3", LATE))
    assert 'mailtls_mx_addresses{family="ipv4",mx="mx.a.example"} 3.0' in text
    assert 'mailtls_mx_addresses_failing{family="ipv4",mx="mx.a.example"} 1.0' in text


def test_a_host_that_two_domains_share_stands_once() -> None:
    seen = endpoint("192.0.2.1", Known(value=True))
    text = several(a_domain("a.example", "mx.a.example", seen), a_domain("b.example", "mx.a.example", seen))
    assert text.count("\nmailtls_mx_starttls_offered{") == 1
    assert 'mailtls_mx_addresses{family="ipv4",mx="mx.a.example"} 1.0' in text
    assert text.count("\nmailtls_domain_mx_info{") == 2


def test_vanished_targets_vanish() -> None:
    shown = [Snapshot((a_domain("a.example", "mx.a.example", endpoint("192.0.2.1", LATE)),)), Snapshot()]
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(lambda: shown[0]))
    assert "a.example" in generate_latest(registry).decode()
    del shown[0]
    assert "a.example" not in generate_latest(registry).decode()


def test_a_domain_that_waits_is_unknown_and_has_exactly_one_state() -> None:
    states = [line for line in several(waiting=(("A", "a.example"),)).splitlines() if line.startswith("mailtls_domain_state{")]
    assert [line for line in states if line.endswith(" 1.0")] == ['mailtls_domain_state{domain="a.example",state="unknown"} 1.0']
    assert len(states) == len(Verdict)


def test_the_cap_counts_exactly_what_it_leaves_out() -> None:
    whole = page(endpoint("192.0.2.1", Known(value=True)))
    samples = [line for line in whole.splitlines() if line.startswith("mailtls_") and not line.startswith("mailtls_series")]
    text = page(endpoint("192.0.2.1", Known(value=True)), max_series=4)
    left = [line for line in text.splitlines() if line.startswith("mailtls_") and not line.startswith("mailtls_series")]
    assert len(left) == 4
    assert f"mailtls_series_dropped {len(samples) - 4}.0" in text
    assert "\nmailtls_series 4.0\n" in text
    assert "\nmailtls_series_limit 4.0\n" in text


def test_a_label_is_escaped() -> None:
    assert 'provider="A \\"quoted\\"\\n"' in page(endpoint("192.0.2.1", LATE))


MX = 'family="ipv4",mx="mx.a.example"'


@pytest.fixture
def told(monkeypatch):
    """Declare one fact whose metric is given, and return the samples of it for the readings of several addresses."""

    def page_of(metric: Metric, *readings: object, better: Better = Better.NEITHER) -> list[str]:
        fact = Fact("made_up", Scope.ENDPOINT, Kind.BOOL, better, "Help.", "RFC 1", lambda _scan, _anchors: LATE, metrics=(metric,))
        monkeypatch.setattr(facts, "ENDPOINT", (fact,))
        seen = [replace(endpoint(f"192.0.2.{n}", LATE), readings={"made_up": r}) for n, r in enumerate(readings)]  # type: ignore[dict-item]
        return [line for line in page(*seen).splitlines() if line.startswith("mailtls_mx_made_up")]

    return page_of


@pytest.mark.parametrize(
    ("values", "samples"), [((True, True), ["1.0"]), ((False, False), ["0.0"]), ((True, False), []), ((False, True), []), ((True,), ["1.0"])]
)
def test_addresses_that_disagree_on_what_is_neither_better_nor_worse_make_no_sample(values, samples, told) -> None:
    gauge = truth_gauge("mx_made_up", "Whether it is so at every address.")
    lines = told(gauge, *(Known(value) for value in values))
    assert lines == [f"mailtls_mx_made_up{{{MX}}} {sample}" for sample in samples]


SIZES = Metric("mx_made_up", "Size, the smallest of all addresses.", lambda value: [((k,), v) for k, v in value.items()], ("algorithm",))


def test_the_smallest_of_the_addresses_that_were_measured_is_told_whatever_the_others_are(told) -> None:
    small, large = Known({"RSA": 1024.0, "ECDSA": 256.0}), Known({"RSA": 2048.0})
    whole = [f'mailtls_mx_made_up{{algorithm="ECDSA",{MX}}} 256.0', f'mailtls_mx_made_up{{algorithm="RSA",{MX}}} 1024.0']
    assert sorted(told(SIZES, small, large)) == sorted(told(SIZES, large, small)) == whole
    assert sorted(told(SIZES, small, large, Absent())) == whole
    assert sorted(told(SIZES, small, large, LATE)) == whole
    assert told(SIZES, LATE) == []


def test_an_info_metric_says_what_each_known_address_has(told) -> None:
    info = Metric("mx_made_up_info", "What is there.", lambda value: [((value,), 1.0)], ("version",))
    lines = told(info, Known("TLSv1.3"), Known("TLSv1.2"), LATE)
    assert lines == [f'mailtls_mx_made_up_info{{{MX},version="{version}"}} 1.0' for version in ("TLSv1.3", "TLSv1.2")]


def test_why_a_domain_or_a_host_could_not_be_looked_up_is_told_while_it_holds() -> None:
    late, none = Unknown(Cause.DNS_TIMEOUT, Stage.DNS), Unknown(Cause.NO_ADDRESS, Stage.DNS)
    hosts = (MXObservation("mx1.a.example", 10, {}, (), none), MXObservation("mx2.a.example", 20, {}, (endpoint("192.0.2.1", LATE),)))
    failed = DomainObservation("a.example", "A", Verdict.UNKNOWN, (), {}, hosts, NOW, late)
    lines = {line for line in several(failed).splitlines() if line.startswith("mailtls_domain_inconclusive_info{")}
    assert lines == {
        'mailtls_domain_inconclusive_info{cause="dns-timeout",domain="a.example",mx="",stage="dns"} 1.0',
        'mailtls_domain_inconclusive_info{cause="no-address",domain="a.example",mx="mx1.a.example",stage="dns"} 1.0',
    }
    assert "mailtls_domain_inconclusive_info{" not in several(a_domain("a.example", "mx.a.example", endpoint("192.0.2.1", LATE)))


def test_every_failure_that_may_end_a_visit_begins_at_nought() -> None:
    registry = CollectorRegistry()
    DaemonMetrics(registry)
    text = generate_latest(registry).decode()
    for stage, cause in ((Stage.CONNECT, Cause.CONNECT_REFUSED), (Stage.GREETING, Cause.BLOCKED), (Stage.HELLO, Cause.TLS_LOCAL_LIMIT)):
        assert f'mailtls_probe_failures_total{{cause="{cause}",stage="{stage}"}} 0.0' in text
    assert 'cause="dns-failure"' not in text
    assert 'stage="https"' not in text


def of_host(domain: str, mx: str, dane: object, records: object) -> DomainObservation:
    host = MXObservation(mx, 10, {"dane": dane, "tlsa_records": records}, ())  # type: ignore[dict-item]
    return DomainObservation(domain, "A", Verdict.UNKNOWN, (), {}, (host,), NOW)


def lines_of(name: str, *domains: DomainObservation) -> set[str]:
    return {line for line in several(*domains).splitlines() if line.startswith(f"mailtls_{name}{{")}


def test_what_depends_on_domain_and_host_has_both_for_labels_and_what_depends_on_the_host_has_one() -> None:
    domains = (
        of_host("a.example", "mx.example", Known("valid"), Known([1, 2])), of_host("b.example", "mx.example", Known("invalid"), Known([1, 2])),
        of_host("c.example", "mx.c.example", Known("none"), Known([])),
    )  # fmt: skip
    assert lines_of("domain_mx_dane_valid", *domains) == {
        'mailtls_domain_mx_dane_valid{domain="a.example",mx="mx.example"} 1.0',
        'mailtls_domain_mx_dane_valid{domain="b.example",mx="mx.example"} 0.0',
    }
    assert lines_of("mx_tlsa_records", *domains) == {
        'mailtls_mx_tlsa_records{mx="mx.example"} 2.0',
        'mailtls_mx_tlsa_records{mx="mx.c.example"} 0.0',
    }


@pytest.mark.parametrize("reading", [LATE, Absent(), Unknown(Cause.DNSSEC_BOGUS, Stage.DNS)])
def test_a_host_of_which_nothing_is_known_has_no_series(reading: object) -> None:
    domain = of_host("a.example", "mx.example", reading, reading)
    assert lines_of("domain_mx_dane_valid", domain) == lines_of("mx_tlsa_records", domain) == set()


def test_a_new_fact_of_an_mx_host_has_its_metric_by_its_declaration_alone(monkeypatch) -> None:
    metric = Metric("domain_mx_made_up", "Help.", lambda value: [((value,), 1.0)], ("mode",))
    fact = Fact("made_up", Scope.MX, Kind.TEXT, Better.NEITHER, "Help.", "RFC 1", lambda _host, _anchors: LATE, metrics=(metric,))
    monkeypatch.setattr(facts, "MX", (fact,))
    domain = DomainObservation("a.example", "A", Verdict.UNKNOWN, (), {}, (MXObservation("mx.example", 10, {"made_up": Known("x")}),), NOW)
    assert lines_of("domain_mx_made_up", domain) == {'mailtls_domain_mx_made_up{domain="a.example",mode="x",mx="mx.example"} 1.0'}
    assert "| `mailtls_domain_mx_made_up` | domain, mx, mode | Help. |" in metrics_page()
