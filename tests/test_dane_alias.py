"""An MX host that is an alias: its TLSA base domain is what goes into the SNI, and what is then said of the certificate's names."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

import pytest

from mailtls.budget import Budget, Limits
from mailtls.dial import Network
from mailtls.evidence import Purpose
from mailtls.lab import TLS, Behaviour, MailServer, Nameserver
from mailtls.measure import Measurer
from mailtls.model import Cause, Endpoint, Known, Unknown
from mailtls.probe import Prober
from mailtls.resolve import Nameservers, Resolver
from mailtls.visit import Visitor

HOST, BASE = "mx.dane.example", "real.dane.example"


@pytest.fixture
async def world(authority, anchors):
    """A server that shows the certificate of its TLSA record only to clients that ask for the TLSA base domain."""
    due, other = authority.issue([BASE]), authority.issue([HOST], self_signed=True)
    server = await MailServer.start("127.0.0.1", 0, Behaviour(hostname=BASE, tls=TLS((other,), by_sni={BASE: (due,)})))
    port = server.address[1]
    records = {
        ("dane.example", "MX"): [f"10 {HOST}."], (HOST, "CNAME"): [f"{BASE}."], (BASE, "A"): ["127.0.0.1"],
        (f"_{port}._tcp.{BASE}", "TLSA"): [due.tlsa()],
    }  # fmt: skip
    names = await Nameserver.start(records=records, secure={"dane.example", HOST, BASE, f"_{port}._tcp.{BASE}"})
    prober = Prober(
        Visitor(Network((ip_network("127.0.0.0/8"),), connect_timeout=1), "probe.example", 2), Budget(Limits(pace=0.0, scan_deadline=20))
    )
    yield Measurer(Resolver(Nameservers((names.address,), 1.0), port=port), prober, anchors, port), server, names
    await names.stop()
    await server.stop()


async def test_the_tlsa_base_domain_is_asked_for_in_handshakes_and_in_raw_hellos(world) -> None:
    measurer, server, _names = world
    route = await measurer.route("dane.example")
    await measurer.measure(route, Purpose.FULL)
    (host,) = measurer.observe("A", route, datetime.now(UTC)).mx
    assert host.readings["dane"] == Known("valid")
    assert host.readings["tlsa_base_domain"] == Known(BASE)
    assert host.endpoints[0].endpoint == Endpoint(HOST, ip_address("127.0.0.1"), server.address[1], BASE)
    asked = set(server.server_names)
    assert BASE in asked
    assert HOST not in asked
    assert len(server.server_names) > 10, "the enumeration asked as well"


async def test_what_a_client_gets_that_asks_for_the_host_was_not_seen_and_is_not_said(world) -> None:
    measurer, _server, _names = world
    route = await measurer.route("dane.example")
    await measurer.measure(route, Purpose.QUICK)
    (endpoint,) = measurer.observe("A", route, datetime.now(UTC)).mx[0].endpoints
    assert endpoint.readings["certificate_trusted"] == Known(value=True)
    named = endpoint.readings["certificate_name_match"]
    assert isinstance(named, Unknown)
    assert (named.cause, BASE in named.detail) == (Cause.NOT_ATTEMPTED, True)


async def test_without_records_that_a_sender_uses_the_host_itself_is_asked_for(world) -> None:
    measurer, server, names = world
    names.records[f"_{server.address[1]}._tcp.{BASE}", "TLSA"] = ["1 1 1 " + "ab" * 32]
    route = await measurer.route("dane.example")
    await measurer.measure(route, Purpose.QUICK)
    (host,) = measurer.observe("A", route, datetime.now(UTC)).mx
    assert host.readings["dane"] == Known("unusable")
    assert set(server.server_names) == {HOST}
    assert host.endpoints[0].readings["certificate_name_match"] == Known(value=True)
    assert host.endpoints[0].readings["certificate_trusted"] == Known(value=False)


def test_an_endpoint_asks_for_its_host_where_nothing_else_is_said_and_two_names_are_two_endpoints() -> None:
    plain = Endpoint(HOST, ip_address("192.0.2.1"))
    assert plain.server_name == HOST
    assert plain == Endpoint(HOST, ip_address("192.0.2.1"), 25, HOST)
    assert plain != Endpoint(HOST, ip_address("192.0.2.1"), 25, BASE)
    assert len({plain, Endpoint(HOST, ip_address("192.0.2.1"), server_name=HOST)}) == 1
