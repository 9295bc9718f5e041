"""Fetching a policy: which addresses are tried, in what time, and within which budget. What is made of the answers is played in wild/."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from mailtls import sts_host
from mailtls.budget import Budget, Limits
from mailtls.dial import Network, dial
from mailtls.domain_name import BadName
from mailtls.evidence import Lookup, LookupOutcome, StsFetch
from mailtls.lab import TLS, Serving, StsServer
from mailtls.lab.script import Close, Delay, Stall
from mailtls.lab.sts_server import policy, response
from mailtls.model import Cause, Endpoint, Stage
from mailtls.sts_host import MAX_ADDRESSES_TRIED, Fetching, StsFetcher, sts_host_name

HOST = "mta-sts.a.example"
LOOPBACK = Network(allow_networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")), connect_timeout=1)
GOOD = response(policy("enforce", "mx.a.example"))


class Resolver:
    """Knows the addresses of any host."""

    def __init__(self, *addresses: str) -> None:
        families = {"A": [a for a in addresses if ":" not in a], "AAAA": [a for a in addresses if ":" in a]}
        self.answer = tuple(
            Lookup(f"{HOST}.", kind, LookupOutcome.ANSWERED if found else LookupOutcome.NO_DATA, tuple(found)) for kind, found in families.items()
        )
        self.asked: list[str] = []

    async def addresses(self, host: str) -> tuple[Lookup, ...]:
        self.asked.append(host)
        return self.answer


@pytest.fixture
def serving(authority) -> Serving:
    return Serving(TLS((authority.issue([HOST]),)), GOOD)


@pytest.fixture
async def server(serving: Serving):
    running = await StsServer.start("127.0.0.1", 0, serving)
    yield running
    await running.stop()


def fetcher(resolver: Any, port: int, *, network: Network = LOOPBACK, deadline: float = 20.0, budget: Budget | None = None) -> StsFetcher:
    budget = budget or Budget(Limits(pace=0.0, scan_deadline=5))
    return StsFetcher(Fetching(network, "mailtls/test", port, deadline), resolver, budget)


@pytest.fixture
def dialled(monkeypatch) -> list[str]:
    """Return a list that fills with the addresses for which a connection was asked for."""
    found: list[str] = []

    async def noted(endpoint: Endpoint, network: Network) -> Any:
        found.append(str(endpoint.address))
        return await dial(endpoint, network)

    monkeypatch.setattr(sts_host, "dial", noted)
    return found


async def test_a_policy_comes_with_everything_that_was_seen_of_it(server) -> None:
    resolver = Resolver("127.0.0.1")
    fetch = await fetcher(resolver, server.address[1]).fetch("a.example", "7")
    assert resolver.asked == [HOST] == [sts_host_name("a.example")]
    assert (fetch.id, fetch.host, fetch.address, fetch.status) == ("7", HOST, "127.0.0.1", 200)
    assert fetch.url == f"https://{HOST}:{server.address[1]}/.well-known/mta-sts.txt"
    assert (fetch.content_type, fetch.body) == ("text/plain", policy("enforce", "mx.a.example"))
    assert len(fetch.chain) == 2
    assert fetch.failure is None
    assert fetch.took > 0
    assert server.server_names == [HOST]


def test_the_usual_port_is_not_named() -> None:
    usual = Fetching(LOOPBACK, "x")
    assert usual.port == 443


async def test_addresses_of_both_families_are_tried_in_turn_until_one_responds_but_no_more_than_the_cap(server, dialled) -> None:
    several = [f"127.0.0.{number}" for number in range(2, 9)]
    fetch = await fetcher(Resolver(*several, "::1"), server.address[1]).fetch("a.example", "1")
    assert dialled == ["127.0.0.2", "::1", "127.0.0.3", "127.0.0.4"]
    assert len(dialled) == MAX_ADDRESSES_TRIED
    assert fetch.failure is not None
    assert (fetch.failure.cause, fetch.failure.stage) == (Cause.CONNECT_REFUSED, Stage.HTTPS)
    assert all(f"{address}: " in fetch.failure.detail for address in dialled)
    dialled.clear()
    fetch = await fetcher(Resolver("127.0.0.2", "127.0.0.1", "127.0.0.3"), server.address[1]).fetch("a.example", "1")
    assert dialled == ["127.0.0.2", "127.0.0.1"]
    assert (fetch.status, fetch.address, fetch.failure) == (200, "127.0.0.1", None)


async def test_a_response_whatever_it_is_ends_the_trial(server, serving, dialled) -> None:
    server.serving = replace(serving, answer=response(b"", "404 Not Found"))
    fetch = await fetcher(Resolver("127.0.0.1", "127.0.0.2"), server.address[1]).fetch("a.example", "1")
    assert (fetch.status, dialled) == (404, ["127.0.0.1"])


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "::ffff:169.254.169.254", "fd00:ec2::254", "::1"])
async def test_an_address_that_is_not_public_is_never_dialled(address: str, monkeypatch) -> None:
    async def forbidden(*_args: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", forbidden)
    fetch = await fetcher(Resolver(address), 443, network=Network(ipv6="always")).fetch("a.example", "1")
    assert fetch.failure is not None
    assert (fetch.failure.cause, fetch.failure.stage) == (Cause.ADDRESS_FORBIDDEN, Stage.HTTPS)


async def test_an_excluded_network_is_not_dialled_either(server) -> None:
    network = replace(LOOPBACK, exclude_networks=(ip_network("127.0.0.1/32"),))
    fetch = await fetcher(Resolver("127.0.0.1"), server.address[1], network=network).fetch("a.example", "1")
    assert fetch.failure is not None
    assert fetch.failure.cause is Cause.NOT_ATTEMPTED
    assert server.connections == 0


async def test_of_several_failures_the_one_that_came_furthest_is_told(server, serving) -> None:
    server.serving = replace(serving, on_hello=(Close(),))
    fetch = await fetcher(Resolver("127.0.0.2", "127.0.0.1", "10.0.0.1"), server.address[1]).fetch("a.example", "1")
    assert fetch.failure is not None
    assert fetch.failure.cause is Cause.CONNECTION_CLOSED
    assert fetch.address == "127.0.0.1"
    assert "10.0.0.1: " in fetch.failure.detail


async def test_addresses_of_a_family_that_this_place_lacks_are_left_out(server, dialled) -> None:
    network = replace(LOOPBACK, ipv6="never")
    fetch = await fetcher(Resolver("127.0.0.1", "::1"), server.address[1], network=network).fetch("a.example", "1")
    assert (fetch.status, dialled) == (200, ["127.0.0.1"])
    fetch = await fetcher(Resolver("::1"), server.address[1], network=network).fetch("a.example", "1")
    assert fetch.failure is not None
    assert fetch.failure.cause is Cause.NOT_ATTEMPTED
    assert "IPv6" in fetch.failure.detail


async def test_one_limit_holds_for_all_addresses_and_a_slow_one_leaves_time_for_the_next(server, serving) -> None:
    silent = await StsServer.start("127.0.0.2", server.address[1], replace(serving, on_hello=(Stall(),)))
    try:
        fetch = await fetcher(Resolver("127.0.0.2", "127.0.0.1"), server.address[1], deadline=1.0).fetch("a.example", "1")
        assert fetch.status == 200
        server.serving = replace(serving, answer=(Delay(5), GOOD))
        fetch = await fetcher(Resolver("127.0.0.2", "127.0.0.1"), server.address[1], deadline=1.0).fetch("a.example", "1")
        assert fetch.failure is not None
        assert fetch.failure.cause is Cause.READ_TIMEOUT
    finally:
        await silent.stop()


class Slow(Resolver):
    async def addresses(self, host: str) -> tuple[Lookup, ...]:
        await asyncio.sleep(5)
        return await super().addresses(host)


class Refusing(Resolver):
    async def addresses(self, host: str) -> tuple[Lookup, ...]:
        raise BadName(f"{host}: not a domain name")


async def test_the_limit_holds_for_the_look_ups_too_and_a_name_that_cannot_be_one_has_no_addresses() -> None:
    late = await fetcher(Slow("127.0.0.1"), 443, deadline=0.1).fetch("a.example", "1")
    assert late.failure is not None
    assert (late.failure.cause, late.failure.stage) == (Cause.DNS_TIMEOUT, Stage.DNS)
    impossible = await fetcher(Refusing(), 443).fetch("a" * 60 + ".example", "1")
    assert impossible.failure is not None
    assert impossible.failure.cause is Cause.NO_ADDRESS


async def test_it_waits_for_its_turn_and_says_when_none_came(server) -> None:
    budget = Budget(Limits(per_operator=1, pace=0.0, scan_deadline=0.05))
    endpoint = Endpoint(HOST, ip_address("127.0.0.1"), server.address[1])
    async with budget.place(endpoint, asyncio.get_running_loop().time() + 5):
        fetch = await fetcher(Resolver("127.0.0.1"), server.address[1], budget=budget).fetch("a.example", "1")
    assert fetch.failure is not None
    assert (fetch.failure.cause, fetch.failure.stage) == (Cause.BUDGET_EXHAUSTED, Stage.HTTPS)
    assert server.connections == 0


@pytest.mark.parametrize(
    ("status", "closed"),
    [("429 Too Many Requests", True), ("503 Service Unavailable", True), ("500 Internal Server Error", False), ("404 Not Found", False)],
)
async def test_a_server_that_wants_us_to_stay_away_is_left_alone(status: str, closed: bool, server, serving) -> None:
    server.serving = replace(serving, answer=response(b"", status))
    budget = Budget(Limits(pace=0.05, scan_deadline=0.2))
    fetch = await fetcher(Resolver("127.0.0.1"), server.address[1], budget=budget).fetch("a.example", "1")
    assert fetch.status == int(status[:3])
    assert (budget.closed_for(Endpoint(HOST, ip_address("127.0.0.1"), server.address[1])) > 0) is closed


async def test_a_fault_of_ours_is_no_fault_of_the_policy_hosts(server, monkeypatch) -> None:
    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("oh")

    monkeypatch.setattr(sts_host.h11, "Connection", broken)
    fetch: StsFetch = await fetcher(Resolver("127.0.0.1"), server.address[1]).fetch("a.example", "1")
    assert fetch.failure is not None
    assert fetch.failure.cause is Cause.INTERNAL_ERROR


async def test_when_it_is_cancelled_the_connection_is_closed(server, serving) -> None:
    server.serving = replace(serving, answer=(Stall(),))
    task = asyncio.create_task(fetcher(Resolver("127.0.0.1"), server.address[1], deadline=30).fetch("a.example", "1"))
    while not server.requests:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while server._tasks:
        await asyncio.sleep(0.01)


async def test_the_time_that_a_policy_host_tells_is_noted_and_that_of_a_cache_is_not(server, serving) -> None:
    fetching = fetcher(Resolver("127.0.0.1"), server.address[1])
    for age, domains in (("5", "abc"), ("", "ab"), ("0", "c")):
        assert fetching.clocks.skew(0, 0) is None
        server.serving = replace(serving, answer=response(b"", headers={"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Age": age}))
        for domain in domains:
            await fetching.fetch(f"{domain}.example", "1")
    skew = fetching.clocks.skew(784111777, time.monotonic())
    assert skew is not None
    assert -60 < skew < 0
