"""What is said of an endpoint's chains, certificates and staples; a quick visit, or a gap, leaves it open with what was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import certmaking
import pytest
from certmaking import DAY, NOW, Issuer, rsa_spki, staple_for, with_key
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from mailtls import facts
from mailtls.evidence import Exchange, Failure, Handshake, KeyType, Offer, ProbeEvidence, Purpose, ScanEvidence
from mailtls.facts.certificates import CHAINS
from mailtls.facts.chains import ODDITIES
from mailtls.hellos import Accepted, Asked, HelloEvidence, HelloOffer
from mailtls.model import Absent, Cause, Endpoint, Known, Stage, Unknown
from mailtls.tls.certificate import read_certificate
from mailtls.tls.kept import MAX_LEAVES
from mailtls.trust.anchors import Anchors

ROOT = certmaking.root()
INTERMEDIATE = ROOT.sign("an intermediate", authority=True)
ANCHORS = Anchors(ROOT.pem, "the root")
ENDPOINT = Endpoint("mx.example", ip_address("192.0.2.1"))
FACTS = {fact.name: fact for fact in facts.ENDPOINT}
OF_CHAINS = (
    "certificates", "chain_problems", "chain_signature_algorithms", "chain_signature_hashes", "certificate_validity_days",
    "certificate_oddities", "scts",
)  # fmt: skip
LEAF = INTERMEDIATE.sign("mx.example")
DEMANDING = INTERMEDIATE.sign("mx.example", must_staple=True)


def visit(*chain: Issuer | bytes, staple: bytes = b"", offer: Offer | None = None, at=NOW) -> ProbeEvidence:
    ders = tuple(one.der if isinstance(one, Issuer) else one for one in chain)
    return ProbeEvidence(offer or Offer(), at, (), Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519", ders, staple))


def scan(*probes: ProbeEvidence, purpose: Purpose = Purpose.FULL, **more: Any) -> ScanEvidence:
    return ScanEvidence(ENDPOINT, purpose, NOW, probes, **more)


def read(name: str, evidence: ScanEvidence, anchors: Anchors = ANCHORS) -> Any:
    return FACTS[name].read(evidence, anchors)


def sha256(issuer: Issuer) -> str:
    return read_certificate(issuer.der).sha256


def test_a_good_chain_has_no_problems_and_its_measures() -> None:
    evidence = scan(visit(LEAF, INTERMEDIATE))
    assert read("chain_problems", evidence) == Known([])
    assert read("certificate_oddities", evidence) == Known([])
    assert read("chain_signature_algorithms", evidence) == Known(["ecdsa-with-SHA256"])
    assert read("chain_signature_hashes", evidence) == Known(["SHA-256"])
    assert read("certificate_validity_days", evidence) == Known(90)
    assert read("scts", evidence) == Known([{"certificate": sha256(LEAF), "embedded": 0, "stapled": 0, "logs": 0}])
    assert read("ocsp_staple", evidence) == Absent()
    assert read("must_staple_honoured", evidence) == Absent()
    (shown,) = read("certificates", evidence).value
    assert shown["spki_sha256"] == read_certificate(LEAF.der).key.sha256
    assert [member["key_bits"] for member in shown["chain"]] == [256, 256]


@pytest.mark.parametrize("name", [*OF_CHAINS, "must_staple_honoured"])
def test_a_quick_visit_leaves_open_what_other_certificates_say(name: str) -> None:
    reading = read(name, scan(visit(LEAF, INTERMEDIATE), purpose=Purpose.QUICK))
    assert isinstance(reading, Unknown)
    assert reading.cause is Cause.NOT_ATTEMPTED
    assert reading.seen == (None if name == "must_staple_honoured" else read(name, scan(visit(LEAF, INTERMEDIATE))).value)


@pytest.mark.parametrize("name", [*OF_CHAINS, "ocsp_staple", "must_staple_honoured"])
def test_without_tls_nothing_is_said_and_silence_is_unknown(name: str) -> None:
    said = (Exchange(Stage.GREETING, b"", b"220 mx\r\n", 0, 0), Exchange(Stage.EHLO, b"EHLO p\r\n", b"250-mx\r\n250 SIZE\r\n", 0, 0))
    assert read(name, scan(ProbeEvidence(Offer(), NOW, said))) == Absent()
    silent = read(name, scan(ProbeEvidence(Offer(), NOW, said[:1], failure=Failure(Cause.READ_TIMEOUT, Stage.EHLO))))
    assert isinstance(silent, Unknown)
    assert silent.cause is Cause.READ_TIMEOUT


def test_a_visit_that_was_turned_away_leaves_the_set_open() -> None:
    limited = ProbeEvidence(Offer(key_type=KeyType.RSA), NOW, failure=Failure(Cause.RATE_LIMITED, Stage.GREETING))
    reading = read("chain_problems", scan(visit(LEAF), limited))
    assert isinstance(reading, Unknown)
    assert reading.cause is Cause.RATE_LIMITED
    assert [problem["code"] for problem in reading.seen] == ["issuer-not-sent"]


def test_problems_name_the_certificate_whose_chain_has_them() -> None:
    key = rsa.generate_private_key(65537, 2048)
    other = INTERMEDIATE.sign("mx.example", key)
    evidence = scan(visit(LEAF, INTERMEDIATE), visit(other, ROOT, INTERMEDIATE, offer=Offer(key_type=KeyType.RSA)))
    problems = read("chain_problems", evidence).value
    assert {problem["certificate"] for problem in problems} == {sha256(other)}
    assert [problem["code"] for problem in problems] == ["wrong-order", "root-sent"]
    assert read("certificate_problems", evidence) == Known([])


def test_the_last_chain_of_a_certificate_counts() -> None:
    """A server that mends its chain keeps its certificate; what an earlier visit saw of the rest no longer holds."""
    for first, last in (((LEAF,), (LEAF, INTERMEDIATE)), ((LEAF, INTERMEDIATE), (LEAF,))):
        evidence = scan(visit(*last, at=NOW + timedelta(hours=1)), purpose=Purpose.QUICK, carried=(visit(*first),))
        assert read("certificate_trusted", evidence) == Known(value=len(last) == 2)
        assert CHAINS.read(evidence, ANCHORS) == Known((tuple(one.der for one in last),))


def test_a_broken_hash_anywhere_below_the_anchor_is_listed() -> None:
    key = rsa.generate_private_key(65537, 2048)
    root = certmaking.root("an authority of RSA", key)
    middle = root.sign("a middle of RSA", key, authority=True)
    sha1 = certmaking.signed_with(middle.der, key, hashes.SHA1(), "1.2.840.113549.1.1.5")
    leaf = middle.sign("mx.example")
    anchors = Anchors(root.pem, "it")
    assert read("chain_signature_hashes", scan(visit(leaf, sha1)), anchors) == Known(["SHA-1", "SHA-256"])
    assert read("chain_signature_algorithms", scan(visit(leaf, sha1)), anchors) == Known(["sha1WithRSAEncryption", "sha256WithRSAEncryption"])
    md5 = certmaking.signed_with(leaf.der, key, hashes.MD5(), "1.2.840.113549.1.1.4")
    assert read("chain_signature_hashes", scan(visit(md5, middle)), anchors) == Known(["MD5", "SHA-256"])
    assert read("chain_signature_hashes", scan(visit(leaf, middle, root)), anchors) == Known(["SHA-256"])


@pytest.mark.parametrize(("life", "days"), [(DAY * 90 - timedelta(seconds=1), 90), (DAY * 90, 90), (DAY * 90 + timedelta(seconds=1), 91)])
def test_validity_counts_days_that_have_begun_and_the_longest_certificate(life: timedelta, days: int) -> None:
    long = INTERMEDIATE.sign("mx.example", starts=-DAY, ends=life - DAY)
    short = INTERMEDIATE.sign("mx.example", rsa.generate_private_key(65537, 2048), ends=-9 * DAY)
    evidence = scan(visit(short, INTERMEDIATE), visit(long, INTERMEDIATE, offer=Offer(key_type=KeyType.ECDSA)))
    assert read("certificate_validity_days", evidence) == Known(days)


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (INTERMEDIATE.sign("mx.example", names=()), ["no-dns-name"]),
        (INTERMEDIATE.sign("mx.example", authority=True), ["no-dns-name", "authority", "cannot-sign"]),
        (INTERMEDIATE.sign("mx.example", purposes=(x509.ObjectIdentifier("1.3.6.1.5.5.7.3.4"),)), ["not-for-servers"]),
        (INTERMEDIATE.sign("mx.example", purposes=(x509.ObjectIdentifier("2.5.29.37.0"),)), ["not-for-servers"]),
        (INTERMEDIATE.sign("mx.example", purposes=()), []),
        (INTERMEDIATE.sign("mx.example", signs=False), ["cannot-sign"]),
        (with_key(LEAF.der, rsa_spki((1 << 2_047) + 1, 1)), ["odd-key"]),
        (with_key(LEAF.der, rsa_spki((1 << 2_047) + 1, (1 << 65) + 1)), ["odd-key"]),
        (b"nonsense", []),
    ],
)
def test_what_clients_may_stumble_over_has_its_code(leaf, expected: list[str]) -> None:
    found = read("certificate_oddities", scan(visit(leaf, INTERMEDIATE))).value
    assert [oddity["code"] for oddity in found] == expected
    assert set(expected) <= set(ODDITIES)


def test_a_chain_beyond_our_limits_is_no_verdict_on_its_trust() -> None:
    giant = with_key(INTERMEDIATE.der, rsa_spki((1 << 20_000) + 1, 65537))
    reading = read("certificate_trusted", scan(visit(LEAF, giant)))
    assert isinstance(reading, Unknown)
    assert (reading.cause, reading.stage) == (Cause.TLS_LOCAL_LIMIT, Stage.HANDSHAKE)
    problems = read("certificate_problems", scan(visit(LEAF, giant)))
    assert isinstance(problems, Unknown)
    assert problems.seen == []
    other = certmaking.self_signed("mx.example")
    both = scan(visit(LEAF, giant), visit(other, offer=Offer(key_type=KeyType.RSA)))
    assert read("certificate_trusted", both) == Known(value=False)  # a measured bad decides


def staple(reading: Any) -> dict[str, Any]:
    (only,) = reading.value
    return only


def test_a_staple_says_what_it_says_and_for_which_certificate() -> None:
    good = staple(read("ocsp_staple", scan(visit(LEAF, INTERMEDIATE, staple=staple_for(LEAF.der)))))
    assert good == {
        "certificate": sha256(LEAF), "status": "good", "this_update": "2026-11-23T12:30:00Z", "next_update": "2026-11-25T12:30:00Z",
        "problems": [], "detail": "",
    }  # fmt: skip
    revoked = staple_for(LEAF.der, status=b"\xa1\x11\x18\x0f20260101000000Z", ends=None)
    seen = staple(read("ocsp_staple", scan(visit(LEAF, INTERMEDIATE, staple=revoked))))
    assert (seen["status"], seen["next_update"], seen["problems"]) == ("revoked", None, [])


@pytest.mark.parametrize(
    ("octets", "problem", "status"),
    [
        (b"nonsense", "unreadable", None),
        (staple_for(LEAF.der, outcome=6), "responder-error", None),
        (staple_for(DEMANDING.der), "other-certificate", None),
        (staple_for(LEAF.der, serial=b"\x02\x01\x05"), "other-certificate", None),
        (staple_for(LEAF.der, starts=-9 * DAY, ends=-2 * DAY), "expired", "good"),
        (staple_for(LEAF.der, starts=DAY, ends=2 * DAY), "not-yet-valid", "good"),
    ],
)
def test_a_staple_that_is_of_no_use_says_why(octets: bytes, problem: str, status: str | None) -> None:
    seen = staple(read("ocsp_staple", scan(visit(LEAF, INTERMEDIATE, staple=octets))))
    assert (seen["problems"], seen["status"]) == ([problem], status)


def test_a_staple_by_the_serial_number_of_another_authority_is_of_another_certificate() -> None:
    namesake = Issuer("another issuer").sign("mx.example")
    octets = staple_for(namesake.der, serial=certmaking.tlv(2, read_certificate(LEAF.der).serial))
    assert staple(read("ocsp_staple", scan(visit(LEAF, INTERMEDIATE, staple=octets))))["problems"] == ["other-certificate"]


def test_the_last_staple_of_a_certificate_counts_at_the_time_of_its_own_visit() -> None:
    old = staple_for(LEAF.der, ends=timedelta(hours=1))
    fresh = visit(LEAF, INTERMEDIATE, staple=staple_for(LEAF.der, ends=3 * DAY), at=NOW + DAY)
    evidence = scan(fresh, purpose=Purpose.QUICK, carried=(visit(LEAF, INTERMEDIATE, staple=old),))
    assert staple(read("ocsp_staple", evidence))["next_update"] == "2026-11-27T12:30:00Z"
    late = scan(visit(LEAF, INTERMEDIATE, staple=old, at=NOW + DAY))
    assert staple(read("ocsp_staple", late))["problems"] == ["expired"]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [(staple_for(DEMANDING.der), True), (b"", False), (staple_for(LEAF.der), False), (staple_for(DEMANDING.der, ends=-DAY), False)],
)
def test_a_certificate_that_demands_a_staple_has_one_or_not(octets: bytes, expected: bool) -> None:
    assert read("must_staple_honoured", scan(visit(DEMANDING, INTERMEDIATE, staple=octets))) == Known(value=expected)


def test_a_broken_demand_decides_before_a_gap_and_one_that_raw_hellos_met_is_open() -> None:
    broken = scan(visit(DEMANDING, INTERMEDIATE), purpose=Purpose.QUICK)
    assert read("must_staple_honoured", broken) == Known(value=False)
    answer = Accepted("TLSv1.2", 0xC02F, chain=(DEMANDING.der, INTERMEDIATE.der))
    hellos = HelloEvidence((Asked(HelloOffer("TLSv1.2", (0xC02F,)), answer),), NOW)
    reading = read("must_staple_honoured", scan(visit(LEAF, INTERMEDIATE), hellos=hellos))
    assert isinstance(reading, Unknown)
    assert "raw hellos alone" in reading.detail
    both = scan(visit(LEAF, INTERMEDIATE), visit(DEMANDING, INTERMEDIATE, staple=staple_for(DEMANDING.der)), hellos=hellos)
    assert read("must_staple_honoured", both) == Known(value=True)


def test_timestamps_are_counted_by_where_they_come_from() -> None:
    logged = INTERMEDIATE.sign("mx.example", timestamps=(bytes(32), b"\1" * 32))
    octets = staple_for(logged.der, timestamps=(b"\1" * 32, b"\2" * 32))
    (seen,) = read("scts", scan(visit(logged, INTERMEDIATE, staple=octets))).value
    assert seen == {"certificate": sha256(logged), "embedded": 2, "stapled": 2, "logs": 3}
    unreadable = logged.der.replace(certmaking.sct_list(bytes(32), b"\1" * 32)[2:], b"\0\1" + certmaking.sct_list(bytes(32), b"\1" * 32)[4:])
    (seen,) = read("scts", scan(visit(unreadable, INTERMEDIATE))).value
    assert (seen["embedded"], seen["stapled"]) == (None, 0)


def test_a_moment_without_visits_is_no_crash() -> None:
    evidence = replace(scan(), failure=Failure(Cause.BUDGET_EXHAUSTED, Stage.CONNECT))
    assert all(isinstance(read(name, evidence), Unknown) for name in OF_CHAINS)


@pytest.mark.parametrize(
    "name",
    [
        *OF_CHAINS, "certificate_trusted", "certificate_problems", "certificate_name_match", "certificate_key_sufficient",
        "certificate_key_strength",
    ],
)  # fmt: skip
def test_of_a_thousand_certificates_sixteen_are_told_of_and_no_verdict_is_given(name: str) -> None:
    hello = HelloOffer("TLSv1.2", (0xC02F,))
    ders = (*(INTERMEDIATE.sign("mx.example").der for _ in range(MAX_LEAVES)), *(b"leaf %d" % number for number in range(1_000)))
    asked = tuple(Asked(hello, Accepted("TLSv1.2", 0xC02F, chain=(der, INTERMEDIATE.der))) for der in ders)
    reading = read(name, scan(visit(LEAF, INTERMEDIATE), hellos=HelloEvidence(asked, NOW)))
    assert isinstance(reading, Unknown)
    assert reading.cause is Cause.LIMIT_EXCEEDED
    assert reading.seen is not None
    if name == "certificates":
        assert isinstance(reading.seen, list)
        assert len(reading.seen) == MAX_LEAVES


BAD = {
    "certificate_trusted": certmaking.root("a root that nobody trusts").sign("mx.example").der,
    "certificate_name_match": INTERMEDIATE.sign("mx.example", names=("other.example",)).der,
    "certificate_key_sufficient": with_key(LEAF.der, rsa_spki(1 << 1023 | 1, 65537)),
}


def many(*first: bytes) -> ScanEvidence:
    asked = (*first, *(INTERMEDIATE.sign("mx.example").der for _ in range(MAX_LEAVES)))
    hello = HelloOffer("TLSv1.2", (0xC02F,))
    chains = tuple(Asked(hello, Accepted("TLSv1.2", 0xC02F, chain=(der, INTERMEDIATE.der))) for der in asked)
    return scan(visit(LEAF, INTERMEDIATE), hellos=HelloEvidence(chains, NOW))


@pytest.mark.parametrize("name", BAD)
def test_one_bad_certificate_among_those_kept_decides_however_many_more_there_are(name: str) -> None:
    assert read(name, many(BAD[name])) == Known(value=False)
    good = read(name, many())
    assert isinstance(good, Unknown)
    assert (good.cause, good.seen) == (Cause.LIMIT_EXCEEDED, True)


@pytest.mark.parametrize("year", ["0000", "0001", "0050", "0999", "1969", "9999"])
def test_no_year_that_a_stranger_chooses_keeps_the_metrics_from_being_rendered(year: str) -> None:
    """A year that has not four digits would be read by nobody, and the page of all other servers would go with it."""
    evidence = scan(visit(certmaking.dated(LEAF.der, b"00010101000000Z", f"{year}0101000000Z".encode()), INTERMEDIATE))
    for fact in facts.ENDPOINT:
        reading = fact.read(evidence, ANCHORS)
        for metric in fact.metrics if isinstance(reading, Known) else ():
            assert all(isinstance(value, float | bool | int) for _labels, value in metric.samples(reading.value))
    (shown,) = read("certificates", evidence).value
    assert shown["not_before"] == "0001-01-01T00:00:00Z"
    assert shown["not_after"] == (None if year == "0000" else f"{year}-01-01T00:00:00Z")
