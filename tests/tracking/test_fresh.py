"""What one scan, or one look, really saw: nothing that is held, carried or silent counts."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailtls.evidence import (
    Exchange,
    Failure,
    Handshake,
    HostRoute,
    KeyType,
    Lookup,
    LookupOutcome,
    Offer,
    ProbeEvidence,
    Purpose,
    RouteEvidence,
    ScanEvidence,
    StsEvidence,
)
from mailtls.hellos import Accepted, Asked, HelloEvidence, HelloOffer, Silent
from mailtls.lab import Authority, Identity
from mailtls.model import Cause, Endpoint, Stage, Unknown
from mailtls.tracking.changes import Subject
from mailtls.tracking.fresh import FreshLook, FreshScan, fresh_look, fresh_scan, subject_of
from mailtls.tracking.holding import Track, absorb
from mailtls.tracking.standing import Sighting
from mailtls.trust.pkix import Anchors

NOW = datetime.now(UTC)
INTERVAL = timedelta(minutes=15)
ENDPOINT = Endpoint("mx.example", ip_address("192.0.2.1"))
SUBJECT = Subject(host="mx.example", family="ipv4", address="192.0.2.1:25")
OTHER = Authority.create(NOW)


def served(identity: Identity) -> tuple[bytes, ...]:
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in identity.chain)


@pytest.fixture(scope="module")
def rsa(authority: Authority) -> tuple[bytes, ...]:
    return served(authority.issue(["mx.example"], key="rsa2048"))


@pytest.fixture(scope="module")
def ecdsa(authority: Authority) -> tuple[bytes, ...]:
    return served(authority.issue(["mx.example"]))


def before_tls(*, offers: bool = True, accepts: bool = True) -> tuple[Exchange, ...]:
    keywords = b"250-mx\r\n250 STARTTLS\r\n" if offers else b"250-mx\r\n250 SIZE\r\n"
    said = (Exchange(Stage.GREETING, b"", b"220 mx\r\n", 0, 0), Exchange(Stage.EHLO, b"EHLO p\r\n", keywords, 0, 0))
    answer = b"220 go\r\n" if accepts else b"454 4.7.0 TLS not available\r\n"
    return (*said, Exchange(Stage.STARTTLS, b"STARTTLS\r\n", answer, 0, 0)) if offers else said


def visit(chain: tuple[bytes, ...], at: datetime = NOW, offer: Offer | None = None, version: str = "TLSv1.3") -> ProbeEvidence:
    suite = "TLS_AES_128_GCM_SHA256" if version == "TLSv1.3" else "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    return ProbeEvidence(offer or Offer(), at, before_tls(), Handshake(version, suite, "X25519MLKEM768", chain))


def without(at: datetime = NOW) -> ProbeEvidence:
    return ProbeEvidence(Offer(), at, before_tls(offers=False))


def late(at: datetime = NOW, stage: Stage = Stage.GREETING) -> ProbeEvidence:
    return ProbeEvidence(Offer(), at, failure=Failure(Cause.READ_TIMEOUT, stage))


def scan(*probes: ProbeEvidence, at: datetime = NOW, purpose: Purpose = Purpose.QUICK, **more: object) -> ScanEvidence:
    return ScanEvidence(ENDPOINT, purpose, at, probes, **more)  # type: ignore[arg-type]


def full(usual: tuple[bytes, ...], other: tuple[bytes, ...], at: datetime = NOW) -> ScanEvidence:
    """Return a full scan of a server with a certificate of each kind, the usual offer meeting the first."""
    kinds = (Offer(key_type=KeyType.RSA), Offer(key_type=KeyType.EDDSA))
    refused = ProbeEvidence(kinds[1], at, before_tls(), Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519", usual))
    return scan(visit(usual, at), visit(other, at, kinds[0]), refused, visit(usual, at, Offer(with_sni=False)), at=at, purpose=Purpose.FULL)


def seen(found: FreshScan) -> dict[str, tuple[float, int]]:
    return {check: (sighting.strength, sighting.connections) for check, sighting in found.sightings.items()}


def fresh(what: ScanEvidence, anchors: Anchors, track: Track | None = None) -> FreshScan:
    return fresh_scan(what, anchors, track, "example", "e1")


def test_a_quick_visit_is_one_sighting_of_everything_that_it_shows(anchors, ecdsa) -> None:
    found = fresh(scan(visit(ecdsa)), anchors)
    assert (found.subject, found.at, found.operator, found.cause, found.in_scope) == (SUBJECT, NOW, "example", "", True)
    assert found.sightings["starttls"] == Sighting(NOW, 1, "accepted", 1, "e1")
    assert seen(found).keys() == {
        "starttls", "starttls_stripped", "plaintext_after_starttls", "tls_version", "post_quantum", "forward_secrecy", "key_strength",
        "certificate_trusted", "certificate_name_match",
    }  # fmt: skip


def test_silence_is_no_sighting(anchors, ecdsa) -> None:
    track = absorb(None, full(ecdsa, ecdsa), anchors)
    for stage in (Stage.CONNECT, Stage.GREETING, Stage.EHLO):
        found = fresh(scan(late(NOW + INTERVAL, stage), at=NOW + INTERVAL), anchors, track)
        assert (found.sightings, found.cause) == ({}, "read-timeout")


def test_what_this_vantage_has_no_family_for_says_nothing(anchors) -> None:
    away = Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, "no IPv6")
    assert not fresh(scan(out_of_scope=away), anchors).in_scope


def test_a_loss_that_was_asked_about_twice_is_two_connections_and_says_nothing_of_tls(anchors) -> None:
    found = fresh(scan(without(), without()), anchors)
    assert seen(found) == {"starttls": (0, 2), "starttls_stripped": (1, 2)}
    assert found.sightings["starttls"].shown == "not offered"
    refused = ProbeEvidence(Offer(), NOW, before_tls(accepts=False))
    assert seen(fresh(scan(refused, refused), anchors))["starttls"] == (0, 2)
    assert "starttls" not in seen(fresh(scan(refused), anchors))


def test_machines_that_disagree_within_a_scan_do_not_add_up(anchors, ecdsa) -> None:
    assert seen(fresh(scan(without(), visit(ecdsa)), anchors))["starttls"] == (1, 1)
    assert seen(fresh(scan(visit(ecdsa), without()), anchors))["starttls"] == (0, 1)


def test_a_visit_that_broke_off_does_not_add_up_either(anchors) -> None:
    assert seen(fresh(scan(without(), late()), anchors))["starttls"] == (0, 1)


def test_a_certificate_that_only_a_full_scan_shows_is_neither_good_nor_bad_to_a_quick_one(anchors, ecdsa) -> None:
    untrusted = served(OTHER.issue(["mx.example"], key="rsa2048"))
    found = fresh(full(ecdsa, untrusted), anchors)
    assert (found.sightings["certificate_trusted"].strength, found.sightings["certificate_trusted"].full) == (0, True)
    track = absorb(None, full(ecdsa, untrusted), anchors)
    quick = fresh(scan(visit(ecdsa, NOW + INTERVAL), at=NOW + INTERVAL), anchors, track)
    assert "certificate_trusted" not in quick.sightings
    assert quick.sightings["certificate_name_match"].strength == 1


def test_what_a_quick_visit_shows_itself_is_its_own_to_say(anchors, rsa) -> None:
    untrusted = served(OTHER.issue(["mx.example"]))
    track = absorb(None, full(untrusted, rsa), anchors)
    quick = fresh(scan(visit(untrusted, NOW + INTERVAL), at=NOW + INTERVAL), anchors, track)
    assert (quick.sightings["certificate_trusted"].strength, quick.sightings["certificate_trusted"].full) == (0, False)
    assert not fresh(full(untrusted, rsa), anchors).sightings["certificate_trusted"].full


def test_the_weakest_key_of_all_counts_where_all_were_asked_for(anchors, ecdsa, authority) -> None:
    small = served(authority.issue(["mx.example"], key="rsa1024"))
    assert fresh(full(ecdsa, small), anchors).sightings["key_strength"].strength == 80


def hellos(at: datetime, *answers: Accepted | Silent) -> HelloEvidence:
    offer = HelloOffer("TLSv1.2", (0xC02F,))
    return HelloEvidence(tuple(Asked(offer, answer) for answer in answers), at)


ACCEPTED = Accepted("TLSv1.2", 0xC02F, group=29)


def test_raw_hellos_of_another_day_are_no_sighting_of_this_one(anchors, ecdsa) -> None:
    now = replace(full(ecdsa, ecdsa), hellos=hellos(NOW, ACCEPTED, ACCEPTED, Silent(Cause.READ_TIMEOUT, Stage.HELLO)))
    assert "post_quantum_accepted" not in seen(fresh(now, anchors))  # TLS 1.3 was not asked about
    asked = replace(full(ecdsa, ecdsa), hellos=hellos(NOW, *[replace(ACCEPTED, version="TLSv1.3", cipher_suite=0x1301, group=4588)] * 5))
    assert seen(fresh(asked, anchors))["post_quantum_accepted"] == (1, 5)
    assert fresh(asked, anchors).sightings["post_quantum_accepted"].full
    old = replace(asked, hellos=asked.hellos, rechecked=replace(hellos(NOW, ACCEPTED), complete=False))
    assert "post_quantum_accepted" not in seen(fresh(old, anchors))
    again = replace(asked, rechecked=hellos(NOW, ACCEPTED, ACCEPTED, ACCEPTED))
    assert seen(fresh(again, anchors))["post_quantum_accepted"] == (1, 3)
    track = absorb(None, asked, anchors)
    quick = scan(visit(ecdsa, NOW + INTERVAL), at=NOW + INTERVAL)
    assert "post_quantum_accepted" not in seen(fresh(quick, anchors, track))


# Looks.


def address(*records: str, rdtype: str = "A", outcome: LookupOutcome | None = None, secure: bool = True) -> Lookup:
    said = outcome or (LookupOutcome.ANSWERED if records else LookupOutcome.NO_DATA)
    return Lookup("mx.example.", rdtype, said, records, "mx.example.", secure)


def tlsa(*chains: tuple[bytes, ...], outcome: LookupOutcome | None = None) -> Lookup:
    from cryptography.x509 import load_der_x509_certificate

    keys = [load_der_x509_certificate(c[0]).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for c in chains]
    records = tuple(f"3 1 1 {hashlib.sha256(key).hexdigest()}" for key in keys)
    said = outcome or (LookupOutcome.ANSWERED if records else LookupOutcome.NO_SUCH_NAME)
    return Lookup("_25._tcp.mx.example.", "TLSA", said, records, authenticated=True)


def txt(name: str, *records: str, outcome: LookupOutcome | None = None) -> Lookup:
    return Lookup(name, "TXT", outcome or (LookupOutcome.ANSWERED if records else LookupOutcome.NO_SUCH_NAME), records)


def route(*found: Lookup, mx: LookupOutcome = LookupOutcome.ANSWERED, addresses: tuple[Lookup, ...] | None = None) -> RouteEvidence:
    host = HostRoute("mx.example", 10, addresses or (address("192.0.2.1"), address(rdtype="AAAA")), None, found)
    answered = mx is LookupOutcome.ANSWERED
    records = ("10 mx.example.",) if answered else ()
    return RouteEvidence(
        "example", Lookup("example.", "MX", mx, records, authenticated=True), (host,) if answered else (), began=NOW,
        mta_sts=StsEvidence(txt("_mta-sts.example.")), tls_rpt=txt("_smtp._tls.example.", "v=TLSRPTv1; rua=mailto:tls@example"),
    )  # fmt: skip


def look(way: RouteEvidence, anchors: Anchors, *scans: ScanEvidence) -> FreshLook:
    track = None
    for each in scans:
        track = absorb(track, each, anchors)
    return fresh_look(way, NOW, lambda _endpoint: track, anchors, 25, INTERVAL, "example", "e2")


DOMAIN, WITH_HOST = Subject("example"), Subject("example", "mx.example")


def dane(found: FreshLook) -> tuple[str, bool] | None:
    sighting = found.sightings[WITH_HOST].get("dane")
    return None if sighting is None else (sighting.shown, sighting.full)


def test_a_look_says_what_dns_says_and_where_it_leads(anchors, ecdsa) -> None:
    found = look(route(), anchors, scan(visit(ecdsa)))
    assert found.hosts == {"mx.example"}
    assert found.addresses == {("mx.example", "ipv4"): {"192.0.2.1:25"}, ("mx.example", "ipv6"): frozenset()}
    shown = {check: sighting.shown for check, sighting in found.sightings[DOMAIN].items()}
    assert shown == {"mta_sts": "no policy", "tls_rpt": "mailto:tls@example", "dnssec": "secure"}


@pytest.mark.parametrize("outcome", [LookupOutcome.SERVER_FAILURE, LookupOutcome.TIMED_OUT, LookupOutcome.BOGUS])
def test_a_resolver_that_fails_says_nothing(anchors, outcome) -> None:
    found = look(route(mx=outcome), anchors)
    assert found.hosts is None
    assert "dnssec" not in found.sightings[DOMAIN]
    partly = look(route(addresses=(address("192.0.2.1"), address(rdtype="AAAA", outcome=outcome))), anchors)
    assert partly.addresses == {("mx.example", "ipv4"): {"192.0.2.1:25"}}
    assert dane(look(route(tlsa(outcome=outcome)), anchors)) is None


def test_a_null_mx_leads_nowhere(anchors) -> None:
    way = replace(route(), mx=Lookup("example.", "MX", LookupOutcome.ANSWERED, ("0 .",)), hosts=())
    assert look(way, anchors).hosts == frozenset()


def test_dane_is_broken_by_what_was_seen_now(anchors, ecdsa, rsa) -> None:
    assert dane(look(route(tlsa(rsa)), anchors, scan(visit(ecdsa)))) == ("invalid", False)
    assert dane(look(route(tlsa(ecdsa)), anchors, full(ecdsa, rsa))) == ("invalid", True)


def test_dane_is_well_where_nothing_of_now_and_nothing_seen_before_speaks_against_it(anchors, ecdsa, rsa) -> None:
    both = route(tlsa(ecdsa, rsa))
    assert dane(look(both, anchors, full(ecdsa, rsa))) == ("valid", False)
    before = NOW - timedelta(hours=20)
    assert dane(look(both, anchors, full(ecdsa, rsa, before), scan(visit(ecdsa)))) == ("valid", False)
    assert dane(look(both, anchors, scan(visit(ecdsa)))) is None


def test_a_certificate_of_yesterday_that_no_record_of_today_vouches_for_is_no_proof(anchors, ecdsa, rsa) -> None:
    before = NOW - timedelta(hours=20)
    assert dane(look(route(tlsa(ecdsa)), anchors, full(ecdsa, rsa, before), scan(visit(ecdsa)))) is None
    silent = scan(late())
    assert dane(look(route(tlsa(rsa)), anchors, full(ecdsa, ecdsa, NOW - INTERVAL), silent)) is None


def test_records_that_are_gone_are_seen_by_dns_alone(anchors, ecdsa) -> None:
    assert dane(look(route(tlsa()), anchors, scan(late()))) == ("none", False)
    insecure = route(addresses=(address("192.0.2.1", secure=False), address(rdtype="AAAA")))
    assert dane(look(insecure, anchors)) == ("none", False)


def test_the_subject_of_an_endpoint_names_address_and_port() -> None:
    assert subject_of(ENDPOINT) == SUBJECT
    assert subject_of(Endpoint("mx.example", ip_address("2001:db8::1"), 2525)).address == "[2001:db8::1]:2525"
