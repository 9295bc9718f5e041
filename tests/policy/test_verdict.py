"""The verdict of a domain: what was measured to be bad decides before what could not be measured, and that before what is good."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from mailtls.model import Absent, Cause, Endpoint, EndpointObservation, Finding, Known, MXObservation, Stage, Unknown, Verdict
from mailtls.policy.judge import Judge, Observed

LATE = Unknown(Cause.READ_TIMEOUT, Stage.HANDSHAKE)
YES, NO, ABSENT = Known(value=True), Known(value=False), Absent()
GOOD = {
    "starttls_offered": YES,
    "starttls_accepted": YES,
    "starttls_stripped": NO,
    "plaintext_after_starttls": NO,
    "smtp_inside_tls": YES,
    "negotiated": Known({"version": "TLSv1.3", "cipher_suite": "TLS_AES_128_GCM_SHA256", "group": "x25519"}),
    "forward_secrecy_negotiated": YES,
    "certificate_trusted": YES,
    "certificate_problems": Known([]),
    "certificate_name_match": YES,
    "certificate_key_sufficient": YES,
    "tls_versions": Known(["TLSv1.2", "TLSv1.3"]),
    "dh_bits": ABSENT,
}
NO_TLS = dict.fromkeys(GOOD, ABSENT) | {"starttls_offered": NO, "starttls_stripped": NO}
REQUIRED = (
    "starttls_offered", "starttls_accepted", "smtp_inside_tls", "forward_secrecy_negotiated", "certificate_trusted",
    "certificate_name_match", "certificate_key_sufficient",
)  # fmt: skip


def endpoint(number: int = 1, **readings: object) -> EndpointObservation:
    where = Endpoint("mx.a.example", ip_address(f"192.0.2.{number}"))
    return EndpointObservation(where, GOOD | readings, conclusive=True)  # type: ignore[arg-type]


def host(*endpoints: EndpointObservation, unresolved: Unknown | None = None) -> MXObservation:
    return MXObservation("mx.a.example", 10, {"dane": Known("none")}, endpoints, unresolved)


DOMAIN = {"null_mx": NO, "dnssec": Known("insecure")}


def judge_domain(readings, hosts, unresolved) -> tuple[Verdict, tuple[Finding, ...]]:
    judged = Judge().judge("a.example", Observed(readings, tuple(hosts), unresolved))
    return judged.verdict, judged.findings


def judge(*endpoints: EndpointObservation) -> tuple[str, list[str]]:
    verdict, findings = judge_domain(DOMAIN, [host(*endpoints)], None)
    return verdict.value, [finding.code for finding in findings]


def spoken(version: str) -> Known[dict[str, str]]:
    return Known({"version": version, "cipher_suite": "a", "group": "b"})


@pytest.mark.parametrize(
    ("readings", "verdict", "codes"),
    [
        ({}, "protected", []),
        (NO_TLS, "unprotected", ["starttls-not-supported"]),
        ({"starttls_accepted": NO}, "unprotected", ["starttls-not-supported"]),
        ({"smtp_inside_tls": NO}, "unprotected", ["starttls-not-supported"]),
        ({"certificate_trusted": NO}, "degraded", ["certificate-not-trusted"]),
        ({"certificate_name_match": NO}, "degraded", ["certificate-host-mismatch"]),
        ({"forward_secrecy_negotiated": NO}, "degraded", ["no-forward-secrecy"]),
        ({"certificate_key_sufficient": NO}, "degraded", ["key-too-small"]),
        ({"plaintext_after_starttls": YES}, "degraded", ["plaintext-after-starttls"]),
        ({"certificate_trusted": NO, "certificate_key_sufficient": NO}, "degraded", ["certificate-not-trusted", "key-too-small"]),
        ({"certificate_trusted": NO, "certificate_name_match": LATE}, "degraded", ["certificate-not-trusted"]),
        ({"starttls_accepted": NO, "certificate_trusted": NO}, "unprotected", ["starttls-not-supported", "certificate-not-trusted"]),
        (dict.fromkeys(GOOD, LATE), "unknown", []),
        (dict.fromkeys(GOOD, ABSENT), "unknown", []),
        (dict.fromkeys(GOOD, ABSENT) | {"starttls_offered": YES, "starttls_accepted": YES}, "unknown", []),
    ],
)
def test_the_verdict_on_one_address(readings: dict[str, object], verdict: str, codes: list[str]) -> None:
    assert judge(endpoint(**readings)) == (verdict, codes)


OVER_A_FIELD = Known({"version": "TLSv1.2", "cipher_suite": "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "group": "dhe"})


@pytest.mark.parametrize(
    ("bits", "verdict", "codes"),
    [(Known(2048), "protected", []), (Known(1024), "degraded", ["key-too-small"]), (LATE, "unknown", []), (ABSENT, "unknown", [])],
)
def test_a_finite_field_that_a_modern_sender_gets_must_be_large_enough(bits: object, verdict: str, codes: list[str]) -> None:
    assert judge(endpoint(negotiated=OVER_A_FIELD, dh_bits=bits)) == (verdict, codes)
    assert judge(endpoint(dh_bits=bits)) == ("protected", [])  # a curve is negotiated


def test_a_server_that_speaks_nothing_our_own_library_does_is_told_its_versions_by_raw_hellos() -> None:
    too_old = {"negotiated": LATE, "tls_versions": Known(["SSLv3"])}
    assert judge(endpoint(**too_old)) == ("degraded", ["version-too-old"])
    assert judge(endpoint(negotiated=LATE, tls_versions=Known(["TLSv1.2"]))) == ("unknown", [])


@pytest.mark.parametrize("name", [*REQUIRED, "negotiated"])
@pytest.mark.parametrize("reading", [LATE, ABSENT])
def test_what_protected_needs_must_have_been_measured(name: str, reading: object) -> None:
    assert judge(endpoint(**{name: reading})) == ("unknown", [])


@pytest.mark.parametrize("name", REQUIRED)
def test_what_protected_needs_is_bad_where_it_was_measured_not_to_be_so(name: str) -> None:
    verdict, codes = judge(endpoint(**{name: NO}))
    assert verdict in ("degraded", "unprotected")
    assert len(codes) == 1


@pytest.mark.parametrize(
    ("version", "verdict", "codes"),
    [
        ("TLSv1.3", "protected", []),
        ("TLSv1.2", "protected", []),
        ("TLSv1.1", "degraded", ["version-too-old"]),
        ("TLSv1.0", "degraded", ["version-too-old"]),
        ("SSLv3", "degraded", ["version-too-old"]),
    ],
)
def test_a_version_before_tls_1_2_falls_short(version: str, verdict: str, codes: list[str]) -> None:
    assert judge(endpoint(negotiated=spoken(version))) == (verdict, codes)


def test_the_problems_of_a_chain_are_named_where_they_are_known() -> None:
    problems = Known([{"code": "certificate-expired", "why": "it ended"}])
    assert judge(endpoint(certificate_trusted=NO, certificate_problems=problems)) == ("degraded", ["certificate-expired"])


def test_a_keyword_that_was_overwritten_is_said_to_be() -> None:
    lost = judge_domain({}, [host(endpoint(**NO_TLS | {"starttls_stripped": YES}))], None)[1]
    assert lost[0].text == "a keyword was overwritten with X on the way, as inspecting firewalls do to STARTTLS"
    assert "overwritten" not in judge_domain({}, [host(endpoint(**NO_TLS))], None)[1][0].text


def test_over_several_addresses_a_bad_goes_before_an_unknown_and_an_unknown_before_a_good() -> None:
    good, late, short, lost = endpoint(1), endpoint(2, negotiated=LATE), endpoint(3, certificate_trusted=NO), endpoint(4, **NO_TLS)
    assert judge(good)[0] == "protected"
    assert judge(good, late)[0] == "unknown"
    assert judge(good, late, short)[0] == "degraded"
    verdict, codes = judge(good, late, short, lost)
    assert verdict == "unprotected"
    assert codes == ["starttls-not-supported", "certificate-not-trusted"]


def test_an_address_out_of_scope_decides_nothing() -> None:
    away = replace(endpoint(2, **NO_TLS), in_scope=False)
    assert judge(endpoint(1), away)[0] == "protected"
    assert judge(away)[0] == "unknown"


def test_a_null_mx_is_no_mail_and_the_lack_of_one_is_not() -> None:
    assert judge_domain({"null_mx": YES}, [], LATE) == (Verdict.NO_MAIL, ())
    assert judge_domain({"null_mx": LATE}, [], LATE) == (Verdict.UNKNOWN, ())
    assert judge_domain({}, [], None) == (Verdict.UNKNOWN, ())


def test_a_way_that_could_not_be_found_leaves_a_good_domain_unknown_and_a_bad_one_bad() -> None:
    failed = Unknown(Cause.DNS_FAILURE, Stage.DNS)
    assert judge_domain({}, [host(endpoint())], failed)[0] is Verdict.UNKNOWN
    assert judge_domain({}, [host(endpoint(), unresolved=failed)], None)[0] is Verdict.UNKNOWN
    assert judge_domain({}, [host(endpoint(**NO_TLS))], failed)[0] is Verdict.UNPROTECTED
    assert judge_domain(DOMAIN, [host(endpoint(certificate_trusted=NO))], failed)[0] is Verdict.DEGRADED


def test_a_host_that_has_no_address_decides_nothing_beside_others() -> None:
    empty = host(unresolved=Unknown(Cause.NO_ADDRESS, Stage.DNS))
    assert judge_domain({}, [host(endpoint()), empty], None)[0] is Verdict.PROTECTED
    assert judge_domain({}, [empty], None)[0] is Verdict.UNKNOWN


SECURE, INSECURE = Known("secure"), Known("insecure")
UNTOLD = Unknown(Cause.NOT_ATTEMPTED, Stage.DNS, "the resolver is not trusted")
UNTRUSTED = {"certificate_trusted": NO, "certificate_name_match": NO}


def judge_by_dane(dane: object, dnssec: object, **readings: object) -> tuple[str, list[str]]:
    hosts = [replace(host(endpoint(**readings)), readings={"dane": dane})]
    verdict, findings = judge_domain({"null_mx": NO, "dnssec": dnssec}, hosts, None)  # type: ignore[arg-type]
    return verdict.value, [finding.code for finding in findings]


BOTH_SHORT = ["certificate-not-trusted", "certificate-host-mismatch"]


@pytest.mark.parametrize(
    ("dane", "dnssec", "readings", "verdict", "codes"),
    [
        (Known("valid"), SECURE, {}, "protected", []),
        (Known("valid"), SECURE, UNTRUSTED, "protected", []),
        (Known("valid"), SECURE, {"certificate_trusted": LATE, "certificate_name_match": LATE}, "protected", []),
        (Known("valid"), INSECURE, UNTRUSTED, "degraded", BOTH_SHORT),
        (Known("valid"), Known("bogus"), UNTRUSTED, "degraded", BOTH_SHORT),
        (Known("none"), SECURE, UNTRUSTED, "degraded", BOTH_SHORT),
        (Known("unusable"), SECURE, UNTRUSTED, "degraded", BOTH_SHORT),
        (ABSENT, SECURE, UNTRUSTED, "degraded", BOTH_SHORT),
        (Known("none"), SECURE, {}, "protected", []),
        (Known("unusable"), SECURE, {}, "protected", []),
        (Known("invalid"), SECURE, {}, "degraded", ["tlsa-invalid"]),
        (Known("invalid"), SECURE, UNTRUSTED, "degraded", [*BOTH_SHORT, "tlsa-invalid"]),
        # Nobody can tell: of a server that Web PKI vouches for that is no matter, of another it is.
        (UNTOLD, SECURE, {}, "protected", []),
        (UNTOLD, UNTOLD, {}, "protected", []),
        (UNTOLD, UNTOLD, UNTRUSTED, "unknown", []),
        (UNTOLD, INSECURE, UNTRUSTED, "degraded", BOTH_SHORT),
        (Known("valid"), UNTOLD, UNTRUSTED, "unknown", []),
        (Known("none"), UNTOLD, UNTRUSTED, "degraded", BOTH_SHORT),
        (Known("valid"), SECURE, {"certificate_key_sufficient": NO}, "degraded", ["key-too-small"]),
    ],
)
def test_dane_vouches_where_web_pki_does_not_and_what_matches_nothing_is_bad(dane, dnssec, readings, verdict: str, codes: list[str]) -> None:
    assert judge_by_dane(dane, dnssec, **readings) == (verdict, codes)


def test_every_finding_names_its_rule_its_reason_and_its_source() -> None:
    hosts = [host(endpoint(**NO_TLS), endpoint(2, certificate_trusted=NO, negotiated=spoken("TLSv1.0")))]
    for finding in judge_domain(DOMAIN, hosts, None)[1]:
        assert finding.clause is not None
        assert (finding.clause.policy, finding.clause.version) == ("verdict", "2")
        assert finding.clause.source is not None
        assert finding.level in ("degraded", "unprotected")
