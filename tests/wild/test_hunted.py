"""Hunted: servers that were mended since the last look must not be judged by what they were, and odd ones not by their oddness."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from playing import AUTHORITY, HOST, NO, YES, ChangingServer, scan_once

from mailtls.budget import Budget, Limits
from mailtls.dial import Network
from mailtls.evidence import Purpose, ScanEvidence
from mailtls.lab import TLS, Behaviour, MailServer
from mailtls.lab.channel import Channel
from mailtls.model import Cause, Endpoint, EndpointObservation, Known, Unknown
from mailtls.probe import Prober
from mailtls.tls.flight import HELLO_REQUEST
from mailtls.tracking.holding import absorb, observe
from mailtls.trust.pkix import Anchors
from mailtls.visit import Visitor

if TYPE_CHECKING:
    from OpenSSL import SSL


async def test_a_certificate_that_was_replaced_is_not_held_against_the_host_by_the_last_enumeration() -> None:
    now = datetime.now(UTC)
    expired = AUTHORITY.issue([HOST], key="rsa2048", not_before=now - timedelta(days=90), not_after=now - timedelta(days=1))
    good = AUTHORITY.issue([HOST], key="rsa2048")
    anchors = Anchors(AUTHORITY.root_pem, "the lab's root")
    network = Network(allow_networks=(ip_network("127.0.0.0/8"),), connect_timeout=1)
    prober = Prober(Visitor(network, "probe.example", 2.0), Budget(Limits(pace=0.0, scan_deadline=30)))
    server = await MailServer.start("127.0.0.1", 0, Behaviour(tls=TLS((expired,))))
    try:
        endpoint = Endpoint(HOST, ip_address("127.0.0.1"), server.address[1])
        track = absorb(None, await prober.scan(endpoint, Purpose.FULL), anchors)
        assert track.held["certificate_trusted"].reading == NO
        server.behaviour = Behaviour(tls=TLS((good,)))  # the operator mends it just before the daily full scan
        track = absorb(track, await prober.scan(endpoint, Purpose.FULL, track.hellos), anchors)
        said = observe(track, endpoint, now, timedelta(minutes=15)).readings
        assert said["certificate_trusted"] == YES
        assert len(said["certificates"].value) == 1  # type: ignore[union-attr, arg-type]
    finally:
        await server.stop()


async def test_an_enumeration_is_not_gone_on_with_where_the_server_has_changed_since() -> None:
    weak = Behaviour(tls=TLS((AUTHORITY.issue([HOST], key="rsa2048"),), min_version="TLSv1.0", ciphers="ALL:@SECLEVEL=0"))
    strong = replace(weak, tls=TLS(weak.tls.identities, min_version="TLSv1.2", ciphers="ECDHE+AESGCM"))  # type: ignore[union-attr]
    limited = replace(weak, greeting=b"421 4.7.0 too many connections\r\n")
    anchors = Anchors(AUTHORITY.root_pem, "the lab's root")
    network = Network(allow_networks=(ip_network("127.0.0.0/8"),), connect_timeout=1)
    server = await ChangingServer.start("127.0.0.1", 0, weak)
    server.turns = (*(weak,) * 16, limited)
    try:
        endpoint = Endpoint(HOST, ip_address("127.0.0.1"), server.address[1])
        visitor, limits = Visitor(network, "probe.example", 2.0), Limits(pace=0.0, scan_deadline=30)
        track = absorb(None, await Prober(visitor, Budget(limits)).scan(endpoint, Purpose.FULL), anchors)
        assert track.hellos is not None
        assert not track.hellos.complete
        server.turns = (strong, strong)
        track = absorb(track, await Prober(visitor, Budget(limits)).scan(endpoint, Purpose.FULL, track.hellos), anchors)
        said = observe(track, endpoint, track.attempted_at, timedelta(minutes=15)).readings
        assert said["tls_versions"] == Known(["TLSv1.2", "TLSv1.3"])
        assert said["weaknesses"] == Known([])
    finally:
        await server.stop()


async def test_a_plain_server_of_openssl_is_known_whole() -> None:
    _, scan = await _scan_of(Behaviour(tls=TLS((AUTHORITY.issue([HOST], key="rsa2048"),), min_version="TLSv1.2", ciphers="ECDHE+AESGCM")))
    readings = absorb(None, scan, Anchors(AUTHORITY.root_pem, "the lab's root")).held
    assert readings["tls_versions"].reading == Known(["TLSv1.2", "TLSv1.3"])
    assert {"cipher_suites", "groups", "weaknesses", "weak_signatures"} <= readings.keys()


async def _scan_of(behaviour: Behaviour) -> tuple[EndpointObservation, ScanEvidence]:
    server = await MailServer.start("127.0.0.1", 0, behaviour)
    try:
        return await scan_once(Endpoint(HOST, ip_address("127.0.0.1"), server.address[1]), Purpose.FULL, 2.0)
    finally:
        await server.stop()


async def test_a_server_that_asks_for_the_hello_it_has_got_is_known_like_any_other(monkeypatch) -> None:
    handshake = Channel.handshake

    async def asking(self: Channel, context: SSL.Context, flight: bytes) -> None:
        await self._write(b"\x16\x03\x03\x00\x04" + HELLO_REQUEST if flight.startswith(b"\x16\x03") else b"")
        await handshake(self, context, flight)

    monkeypatch.setattr(Channel, "handshake", asking)
    behaviour = Behaviour(tls=TLS((AUTHORITY.issue([HOST]),), max_version="TLSv1.2"))
    readings = (await _scan_of(behaviour))[0].readings
    assert readings["forward_secrecy_negotiated"] == YES
    assert readings["negotiated"].value["cipher_suite"].startswith("TLS_ECDHE_ECDSA_WITH_")  # type: ignore[union-attr]
    assert readings["tls_versions"] == Known(["TLSv1.2"])


async def test_a_hello_that_stands_behind_more_than_is_kept_is_no_suite(monkeypatch) -> None:
    monkeypatch.setattr("mailtls.handshake.read_suite", lambda _wire: None)
    readings = (await _scan_of(Behaviour(tls=TLS((AUTHORITY.issue([HOST]),)))))[0].readings
    for name in ("negotiated", "forward_secrecy_negotiated"):
        reading = readings[name]
        assert isinstance(reading, Unknown)
        assert reading.cause is Cause.LIMIT_EXCEEDED


async def test_that_nothing_vouches_for_a_refusal_without_a_name_is_no_visit_that_was_not_made() -> None:
    tls = TLS((AUTHORITY.issue([HOST], key="rsa2048"),))
    refusing = Behaviour(tls=tls, on_hello=(b"\x15\x03\x03\x00\x02\x02\x28",))
    server = await ChangingServer.start("127.0.0.1", 0, Behaviour(tls=tls))
    server.turns = (Behaviour(tls=tls), refusing)
    try:
        observed, _ = await scan_once(Endpoint(HOST, ip_address("127.0.0.1"), server.address[1]), Purpose.FULL, 2.0)
    finally:
        await server.stop()
    reading = observed.readings["without_sni"]
    assert isinstance(reading, Unknown)
    assert (reading.cause, "vouches" in reading.detail) == (Cause.PROTOCOL_ERROR, True)
