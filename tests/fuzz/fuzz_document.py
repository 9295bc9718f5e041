"""Fuzz target: stored documents; evidence as JSON, compressed, and raw hellos."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from ipaddress import ip_address

from mailtls.evidence import (
    Exchange,
    Handshake,
    HostRoute,
    Lookup,
    LookupOutcome,
    Offer,
    ProbeEvidence,
    Purpose,
    RouteEvidence,
    ScanEvidence,
    StsEvidence,
    StsFetch,
)
from mailtls.hellos import Accepted, Asked, HelloEvidence, HelloOffer, Refused
from mailtls.model import Cause, Endpoint, Failure, Stage
from mailtls.store import codec
from mailtls.store.codec import Unreadable
from mailtls.store.compact import inflated
from mailtls.store.documents import decode, encode
from mailtls.tracking.sts import StsState, StsTrack

COVERS = ()
NOW = datetime(2026, 2, 1, tzinfo=UTC)
KINDS = (ScanEvidence, RouteEvidence, StsTrack)


def one(data: bytes) -> None:
    """No octets, compressed or not, make reading do anything but read or refuse;
    what is read is, written again, the same."""
    for octets in (data, zlib.compress(data)):
        for kind in KINDS:
            try:
                read = decode(kind, octets)
            except Unreadable:
                continue
            assert encode(decode(kind, encode(read))) == encode(read)
        try:
            codec.encode(codec.decode(octets))
        except Unreadable:
            continue


def seeds() -> list[bytes]:
    chain = (b"\x30\x82leaf", b"\x30\x82intermediate")
    accepted = Asked(HelloOffer("TLSv1.2", (0xC02F,)), Accepted("TLSv1.2", 0xC02F, 29, chain=chain))
    hellos = HelloEvidence((accepted, Asked(HelloOffer("SSLv2", (0x010080,)), Refused(40, ""))), NOW)
    greeted = (Exchange(Stage.GREETING, b"", b"220 mx.example\r\n", 0.0, 0.1), Exchange(Stage.EHLO, b"EHLO us\r\n", b"\xff\x00", 0.1, 0.1))
    probes = (ProbeEvidence(Offer(), NOW, greeted, Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519", chain)),)
    probes += (ProbeEvidence(Offer(with_sni=False), NOW, greeted, Refused(40, "handshake_failure")),)
    scan = ScanEvidence(Endpoint("mx.example", ip_address("192.0.2.1")), Purpose.FULL, NOW, probes, hellos=hellos, rechecked=hellos)
    lookup = Lookup("a.example.", "MX", LookupOutcome.ANSWERED, ("10 mx.example.",), authenticated=True, ttl=60)
    place = ("https://mta-sts.a.example/", "mta-sts.a.example", "1", NOW)
    fetch = StsFetch(*place, (lookup,), "192.0.2.1", chain, status=200, body=b"version: STSv1\r\n")
    failed = StsFetch(*place, failure=Failure(Cause.CONNECT_TIMEOUT, Stage.CONNECT))
    host = HostRoute("mx.example", 10, (lookup,), tlsa=(lookup,))
    route = RouteEvidence("a.example", lookup, (host,), began=NOW, mta_sts=StsEvidence(lookup, failed, fetch))
    track = StsTrack(failed, fetch, 1, StsState("enforce", 60, "1", ("*.example",), ("mx.example",)))
    written = [encode(item) for item in (scan, route, track)] + [codec.encode(hellos)]
    return written + [inflated(octets) for octets in written] + [json.dumps({"format": 1}).encode()]
