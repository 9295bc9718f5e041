"""Hunted: servers that were mended since the last look must not be judged by what they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

from playing import AUTHORITY, HOST, NO, YES

from mailtls.budget import Budget, Limits
from mailtls.dial import Network
from mailtls.evidence import Purpose
from mailtls.lab import TLS, Behaviour, MailServer
from mailtls.model import Endpoint
from mailtls.probe import Prober, Visitor
from mailtls.tracking.holding import absorb, observe
from mailtls.trust.pkix import Anchors


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
