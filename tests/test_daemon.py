"""The daemon before it runs: what it goes by, what it has to show, and that a configuration in memory is not read again."""

from __future__ import annotations

import pytest

from mailtls.config import BadConfiguration, Configuration
from mailtls.daemon import Daemon
from mailtls.listening import CannotListen

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
