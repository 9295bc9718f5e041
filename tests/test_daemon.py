"""The daemon before it runs: what it goes by, what it has to show, and that a configuration in memory is not read again."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from prometheus_client import generate_latest

from mailtls.config import BadConfiguration, Configuration
from mailtls.daemon import Daemon
from mailtls.evidence import Failure, Offer, ProbeEvidence
from mailtls.listening import CannotListen
from mailtls.model import Cause, Stage

PROVIDERS = [{"name": "A", "domains": ["a.example"]}]


@pytest.fixture
async def daemon() -> Daemon:
    return Daemon(Configuration.model_validate({"providers": PROVIDERS, "storage": {"url": "sqlite://"}}))


async def test_before_it_looked_at_anybody_it_is_healthy_and_not_ready_and_holds_nobody_to_anything(daemon: Daemon) -> None:
    assert (daemon.is_healthy(), daemon.is_ready()) == (True, False)
    assert not daemon.is_held_to("a.example", "starttls")
    assert daemon.told().regressions == ()
    assert daemon.snapshot().domains == ()


async def test_a_domain_is_its_providers_and_another_nobodys(daemon: Daemon) -> None:
    assert (daemon.owner_of("a.example"), daemon.owner_of("b.example")) == ("A", None)


async def test_a_single_question_is_under_the_budget_of_the_schedule_and_leaves_no_trace(daemon: Daemon) -> None:
    asking = daemon.one_off()
    assert asking.prober is daemon.schedule.measurer.prober
    assert asking.tracks is not daemon.schedule.measurer.tracks


async def test_what_was_made_in_memory_is_not_read_again(daemon: Daemon) -> None:
    with pytest.raises(BadConfiguration):
        await daemon.reload()


async def test_an_address_that_is_not_ours_ends_the_start(daemon: Daemon) -> None:
    with pytest.raises(CannotListen, match=r"^cannot listen on 192\.0\.2\.1:80: "):
        await daemon.run([("192.0.2.1", 80)], lambda _url: None)


def lines_of(daemon: Daemon, name: str) -> list[str]:
    daemon.refresh()
    return [line for line in generate_latest(daemon.registry).decode().splitlines() if line.startswith(f"mailtls_{name}")]


async def test_before_the_first_cycle_its_time_is_missing_and_not_1970(daemon: Daemon) -> None:
    assert lines_of(daemon, "cycle_last") == []
    daemon.schedule.last_cycle_at = datetime(2026, 11, 24, tzinfo=UTC)
    assert lines_of(daemon, "cycle_last") == ["mailtls_cycle_last_success_timestamp_seconds 1.7954784e+09"]


async def test_a_connection_counts_for_its_operator_until_no_mail_host_is_his(daemon: Daemon) -> None:
    blocked = ProbeEvidence(Offer(), datetime(2026, 11, 24, tzinfo=UTC), failure=Failure(Cause.BLOCKED, Stage.GREETING))
    daemon._count(daemon.schedule.measurer.prober.budget.operator_of("mx.mail.a.example"), blocked)
    shown = ['mailtls_operator_visits_total{operator="a.example"} 1.0', 'mailtls_operator_visits_blocked_total{operator="a.example"} 1.0']
    assert lines_of(daemon, "operator_visits") == shown
    daemon.schedule.leads_to({"mx2.a.example"})
    assert lines_of(daemon, "operator_visits") == shown
    daemon.schedule.leads_to({"mx.b.example"})
    assert lines_of(daemon, "operator_visits") == []


async def test_whether_the_resolver_validates_is_missing_until_it_has_answered(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines_of(daemon, "resolver_validates") == []
    for seen, shown in ((True, "1.0"), (False, "0.0")):
        monkeypatch.setattr(daemon.schedule.measurer.resolver, "validates", lambda _within, seen=seen: seen)
        assert lines_of(daemon, "resolver_validates") == [f"mailtls_resolver_validates {shown}"]


async def test_the_skew_of_our_clock_is_missing_until_three_hosts_have_told_the_time(daemon: Daemon) -> None:
    clocks = daemon.schedule.measurer.sts.fetcher.clocks  # type: ignore[union-attr]
    for host in "ab":
        clocks.note(host, "Sun, 06 Nov 1994 08:49:37 GMT", time.monotonic(), 0)
    assert lines_of(daemon, "clock_skew") == []
    clocks.note("c", "Sun, 06 Nov 1994 08:49:37 GMT", time.monotonic(), 0)
    ((_name, ahead),) = (line.split() for line in lines_of(daemon, "clock_skew"))
    assert float(ahead) > 86_400
