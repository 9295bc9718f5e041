"""What Prometheus is told of regressions: 1 while one is open, 0 for a while after it, and never anything of what only a minority sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, generate_latest

from mailtls.show.regressions import RegressionCollector, VantageCollector
from mailtls.tracking.changes import Subject
from mailtls.tracking.settling import JointRegression
from mailtls.tracking.standing import Event, Sighting
from mailtls.tracking.told import Told
from mailtls.tracking.votes import Attribution

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DOMAIN = JointRegression(
    Subject("a.example"), "starttls", Sighting(NOW, 1.0, "yes"), Sighting(NOW, 0.0, "no"), NOW, Attribution.SERVER, ("fra", "nyc"), counts=True
)
HOST = replace(DOMAIN, subject=Subject(host="mx.a.example", family="ipv4"))


def page(*regressions: JointRegression, **led: str) -> str:
    """Render them; each host is led to by the domains that are named for it, a dot being written as an underscore."""
    registry = CollectorRegistry()
    domains = {host.replace("_", "."): frozenset(names.split()) for host, names in led.items()}
    registry.register(RegressionCollector(lambda: Told(regressions, led=domains)))
    return generate_latest(registry).decode()


def test_an_open_regression_is_one_and_says_where_it_lies_and_since_when() -> None:
    text = page(DOMAIN, HOST)
    assert 'mailtls_domain_regression{check="starttls",domain="a.example"} 1.0' in text
    assert 'mailtls_mx_regression{check="starttls",family="ipv4",mx="mx.a.example"} 1.0' in text
    assert (
        'mailtls_regression_info{attribution="server",check="starttls",counts="yes",domain="a.example",family="",mx=""} 1.0' in text
    )
    assert 'mailtls_regression_confirmed_timestamp_seconds{check="starttls",domain="a.example",family="",mx=""} 1.7723232e+09' in text


def test_one_that_has_ended_is_zero_so_that_an_alert_resolves_by_a_number() -> None:
    text = page(replace(DOMAIN, ended_at=NOW, ended_by=Event.RECOVERED))
    assert 'mailtls_domain_regression{check="starttls",domain="a.example"} 0.0' in text
    assert "mailtls_regression_info{" not in text


def test_one_that_has_ended_does_not_hide_one_that_is_open() -> None:
    ended = replace(DOMAIN, ended_at=NOW, ended_by=Event.RECOVERED)
    for order in ((DOMAIN, ended), (ended, DOMAIN)):
        assert 'mailtls_domain_regression{check="starttls",domain="a.example"} 1.0' in page(*order)


def test_what_a_minority_sees_pages_nobody_and_is_told_all_the_same() -> None:
    text = page(replace(DOMAIN, counts=False, attribution=Attribution.PATH))
    assert 'mailtls_domain_regression{check="starttls",domain="a.example"} 0.0' in text
    assert 'attribution="path",check="starttls",counts="no"' in text


def test_one_address_that_lost_something_counts_for_its_host_though_the_host_as_a_whole_was_never_better() -> None:
    text = page(replace(HOST, subject=replace(HOST.subject, address="192.0.2.1:25")))
    assert 'mailtls_mx_regression{check="starttls",family="ipv4",mx="mx.a.example"} 1.0' in text
    assert 'attribution="server",check="starttls",counts="yes",domain="",family="ipv4",mx="mx.a.example"} 1.0' in text
    assert "192.0.2.1" not in text


def test_what_a_host_or_an_address_of_it_lost_counts_for_each_domain_that_leads_there_though_another_was_always_as_weak() -> None:
    for lost in (HOST, replace(HOST, subject=replace(HOST.subject, address="192.0.2.1:25"))):
        text = page(lost, mx_a_example="a.example b.example")
        for domain in ("a.example", "b.example"):
            assert f'mailtls_domain_regression{{check="starttls",domain="{domain}"}} 1.0' in text
            assert f'attribution="server",check="starttls",counts="yes",domain="{domain}",family="",mx=""}} 1.0' in text
        text = page(replace(lost, ended_at=NOW, ended_by=Event.RECOVERED), mx_a_example="a.example")
        assert 'mailtls_domain_regression{check="starttls",domain="a.example"} 0.0' in text
    text = page(replace(DOMAIN, counts=False, attribution=Attribution.PATH), HOST, mx_a_example="a.example")
    assert 'mailtls_domain_regression{check="starttls",domain="a.example"} 1.0' in text
    assert text.count('domain="a.example",family="",mx=""} 1.0\n') == 1


def test_where_there_is_nothing_to_tell_there_is_no_series() -> None:
    assert page() == ""


def test_a_vantage_says_for_each_family_whether_it_can_measure() -> None:
    registry = CollectorRegistry()
    registry.register(VantageCollector(lambda: {"ipv4": True, "ipv6": False}, lambda: False, lambda: {"starttls": 6}))
    text = generate_latest(registry).decode()
    assert 'mailtls_vantage_port25_reachable{family="ipv4"} 1.0' in text
    assert 'mailtls_vantage_port25_reachable{family="ipv6"} 0.0' in text
    assert "mailtls_vantage_blind 0.0" in text
    assert 'mailtls_vantage_suspect{check="starttls"} 6.0' in text
