"""The policies that ship say what their standards say: each rule has a reason, and the thresholds are those of the source."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from ground import endpoint, host, reading

from mailtls import facts
from mailtls.model import Absent
from mailtls.policy.conditions import Leaf
from mailtls.policy.evaluation import evaluate, survey
from mailtls.policy.grammar import NoSuchPolicy
from mailtls.policy.rules import Rule
from mailtls.policy.shipped import NAMES, VERDICT, shipped
from mailtls.policy.telling import commands_of, remedy_of

SCOPES = {fact.name: fact.scope for fact in facts.ALL}
RULES = [(name, rule) for name in (*NAMES, VERDICT) for rule in shipped(name).rules]


def rsa(bits: int) -> list[dict[str, Any]]:
    return [{"key_type": "RSA", "key_bits": bits}]


def ecdsa(bits: int) -> list[dict[str, Any]]:
    return [{"key_type": "ECDSA", "key_bits": bits}]


def on(curve: str) -> list[dict[str, Any]]:
    return [{"key_type": "ECDSA", "key_bits": 256, "curve": curve}]


def signed(algorithm: str) -> list[dict[str, Any]]:
    return [{"signature_algorithm": algorithm}]


def suites(*names: str, version: str = "TLSv1.2") -> dict[str, Any]:
    return {"cipher_suites": {version: list(names)}}


def sts(mode: str) -> dict[str, Any]:
    return {"mode": mode, "max_age": 604800, "id": "1", "mx": ["mx.a.example"]}


def spoken(version: str) -> dict[str, Any]:
    return {"negotiated": {"version": version, "cipher_suite": "a", "group": "x25519"}}


GOOD, SUFFICIENT, PHASE_OUT, INSUFFICIENT = "good", "sufficient", "phase-out", "insufficient"

# The policy, the rule, what is read, and the level that it comes to; ``None`` where it does not apply.
ROWS: list[tuple[str, str, dict[str, Any], str | None]] = [
    *((name, "starttls", {"starttls_accepted": True}, GOOD) for name in NAMES),
    *((name, "starttls", {"starttls_accepted": False}, INSUFFICIENT) for name in NAMES),
    *((name, "starttls", {"starttls_accepted": Absent()}, INSUFFICIENT) for name in NAMES),
    ("rfc9325", "versions", {"tls_versions": ["TLSv1.2", "TLSv1.3"]}, GOOD),
    ("rfc9325", "versions", {"tls_versions": ["TLSv1.1", "TLSv1.3"]}, INSUFFICIENT),
    ("rfc9325", "versions", {"tls_versions": ["SSLv2", "TLSv1.3"]}, INSUFFICIENT),
    ("rfc9325", "versions", {"tls_versions": Absent()}, None),
    ("rfc9325", "tls-1.2", {"tls_versions": ["TLSv1.3"]}, INSUFFICIENT),
    ("rfc9325", "tls-1.3", {"tls_versions": ["TLSv1.2"]}, SUFFICIENT),
    ("rfc9325", "prefers-tls-1.3", {"tls_versions": ["TLSv1.2", "TLSv1.3"]} | spoken("TLSv1.2"), INSUFFICIENT),
    ("rfc9325", "prefers-tls-1.3", {"tls_versions": ["TLSv1.2", "TLSv1.3"]} | spoken("TLSv1.3"), GOOD),
    ("rfc9325", "prefers-tls-1.3", {"tls_versions": ["TLSv1.2"]} | spoken("TLSv1.2"), None),
    ("rfc9325", "compression", {"compression": True}, PHASE_OUT),
    ("rfc9325", "renegotiation-info", {"secure_renegotiation": False}, INSUFFICIENT),
    ("rfc9325", "extended-master-secret", {"extended_master_secret": False}, INSUFFICIENT),
    ("rfc9325", "early-data", {"early_data": True}, INSUFFICIENT),
    ("rfc9325", "suites", suites("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), GOOD),
    ("rfc9325", "suites", suites("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"), SUFFICIENT),
    ("rfc9325", "suites", suites("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"), SUFFICIENT),
    ("rfc9325", "suites", suites("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"), PHASE_OUT),
    ("rfc9325", "suites", suites("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"), PHASE_OUT),
    ("rfc9325", "suites", suites("TLS_RSA_WITH_AES_128_GCM_SHA256"), PHASE_OUT),
    ("rfc9325", "suites", suites("TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256"), PHASE_OUT),
    ("rfc9325", "suites", suites("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"), PHASE_OUT),
    ("rfc9325", "suites", suites("TLS_DH_anon_WITH_AES_128_CBC_SHA"), PHASE_OUT),
    ("rfc9325", "suites", suites("TLS_ECDHE_RSA_WITH_RC4_128_SHA"), INSUFFICIENT),
    ("rfc9325", "suites", suites("TLS_ECDHE_RSA_WITH_NULL_SHA"), INSUFFICIENT),
    ("rfc9325", "suites", suites("TLS_RSA_EXPORT_WITH_RC4_40_MD5"), INSUFFICIENT),
    ("rfc9325", "suites", suites("TLS_RSA_WITH_DES_CBC_SHA"), INSUFFICIENT),
    ("rfc9325", "suites", suites("TLS_PSK_WITH_AES_128_GCM_SHA256"), INSUFFICIENT),
    ("rfc9325", "recommended-suites", suites("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"), SUFFICIENT),
    ("rfc9325", "encrypt-then-mac", {"encrypt_then_mac": False}, PHASE_OUT),
    ("rfc9325", "forward-secrecy", {"forward_secrecy_preferred": False}, INSUFFICIENT),
    ("rfc9325", "curve-p256", {"groups": ["x25519"]}, SUFFICIENT),
    ("rfc9325", "curve-x25519", {"groups": ["x25519"]}, GOOD),
    ("rfc9325", "curves", {"groups": ["secp224r1", "ffdhe2048", "x448"]}, GOOD),
    ("rfc9325", "curves", {"groups": ["secp192r1", "x25519"]}, INSUFFICIENT),
    ("rfc9325", "finite-field", {"dh_bits": 2048}, GOOD),
    ("rfc9325", "finite-field", {"dh_bits": 2047}, INSUFFICIENT),
    ("rfc9325", "finite-field", {"dh_bits": Absent()}, None),
    ("rfc9325", "rsa-key", {"certificates": rsa(2048)}, GOOD),
    ("rfc9325", "rsa-key", {"certificates": rsa(1024)}, INSUFFICIENT),
    ("rfc9325", "ecdsa-key", {"certificates": ecdsa(192)}, INSUFFICIENT),
    ("rfc9325", "ecdsa-key", {"certificates": rsa(1024)}, None),
    ("rfc9325", "certificate-hash", {"chain_signature_hashes": ["SHA-1", "SHA-256"]}, INSUFFICIENT),
    ("rfc9325", "certificate-hash", {"chain_signature_hashes": ["SHA-256", "SHA-384"]}, GOOD),
    ("rfc9325", "strict", {"mta_sts": sts("enforce"), "mta_sts_match": True, "dane": "none", "dnssec": "insecure"}, GOOD),
    ("rfc9325", "strict", {"mta_sts": sts("enforce"), "mta_sts_match": False, "dane": "none", "dnssec": "insecure"}, SUFFICIENT),
    ("rfc9325", "strict", {"mta_sts": sts("testing"), "mta_sts_match": True, "dane": "none", "dnssec": "insecure"}, SUFFICIENT),
    ("rfc9325", "strict", {"mta_sts": Absent(), "mta_sts_match": Absent(), "dane": "none", "dnssec": "secure"}, SUFFICIENT),
    ("rfc9325", "strict", {"mta_sts": Absent(), "mta_sts_match": Absent(), "dane": "valid", "dnssec": "secure"}, GOOD),
    ("rfc9325", "strict", {"mta_sts": Absent(), "mta_sts_match": Absent(), "dane": "valid", "dnssec": "insecure"}, SUFFICIENT),
    ("rfc9325", "key-exchange-hash", {"weak_signatures": True}, INSUFFICIENT),
    ("rfc9325", "truncated-hmac", {"truncated_hmac": True}, INSUFFICIENT),
    ("ncsc-nl-2025", "versions", {"tls_versions": ["TLSv1.3"]}, GOOD),
    ("ncsc-nl-2025", "versions", {"tls_versions": ["TLSv1.2", "TLSv1.3"]}, SUFFICIENT),
    ("ncsc-nl-2025", "versions", {"tls_versions": ["TLSv1.1", "TLSv1.2"]}, INSUFFICIENT),
    ("ncsc-nl-2025", "suites-1.3", suites("TLS_AES_256_GCM_SHA384", version="TLSv1.3"), GOOD),
    ("ncsc-nl-2025", "suites-1.3", suites("TLS_AES_128_GCM_SHA256", version="TLSv1.3"), SUFFICIENT),
    ("ncsc-nl-2025", "suites-1.3", suites("TLS_AES_128_CCM_8_SHA256", version="TLSv1.3"), INSUFFICIENT),
    ("ncsc-nl-2025", "suites-1.2", suites("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), SUFFICIENT),
    ("ncsc-nl-2025", "suites-1.2", suites("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"), PHASE_OUT),
    ("ncsc-nl-2025", "suites-1.2", suites("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"), PHASE_OUT),
    ("ncsc-nl-2025", "suites-1.2", suites("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"), INSUFFICIENT),
    ("ncsc-nl-2025", "suites-1.2", suites("TLS_RSA_WITH_AES_256_GCM_SHA384"), INSUFFICIENT),
    ("ncsc-nl-2025", "groups", {"groups": ["X25519MLKEM768"]}, GOOD),
    ("ncsc-nl-2025", "groups", {"groups": ["X25519MLKEM768", "x25519", "brainpoolP256r1"]}, SUFFICIENT),
    ("ncsc-nl-2025", "groups", {"groups": ["x25519", "secp224r1"]}, PHASE_OUT),
    ("ncsc-nl-2025", "groups", {"groups": ["ffdhe3072"]}, PHASE_OUT),
    ("ncsc-nl-2025", "groups", {"groups": ["ffdhe2048"]}, INSUFFICIENT),
    ("ncsc-nl-2025", "groups", {"groups": ["secp256k1"]}, INSUFFICIENT),
    ("ncsc-nl-2025", "finite-fields", {"dh_primes": [{"bits": 4096, "name": "RFC 7919 ffdhe4096", "sha256": "a"}]}, PHASE_OUT),
    ("ncsc-nl-2025", "finite-fields", {"dh_primes": [{"bits": 2048, "name": "RFC 7919 ffdhe2048", "sha256": "a"}]}, INSUFFICIENT),
    ("ncsc-nl-2025", "finite-fields", {"dh_primes": [{"bits": 8192, "name": None, "sha256": "a"}]}, INSUFFICIENT),
    ("ncsc-nl-2025", "rsa-key", {"certificates": rsa(3072)}, SUFFICIENT),
    ("ncsc-nl-2025", "rsa-key", {"certificates": rsa(2048)}, PHASE_OUT),
    ("ncsc-nl-2025", "rsa-key", {"certificates": rsa(2047)}, INSUFFICIENT),
    ("ncsc-nl-2025", "key-type", {"certificates": [{"key_type": "DSA"}]}, INSUFFICIENT),
    ("ncsc-nl-2025", "certificate-hash", {"chain_signature_hashes": ["SHA-224"]}, PHASE_OUT),
    ("ncsc-nl-2025", "certificate-hash", {"chain_signature_hashes": ["SHA-1"]}, INSUFFICIENT),
    ("ncsc-nl-2025", "ecdsa-curve", {"certificates": on("brainpoolP384r1")}, SUFFICIENT),
    ("ncsc-nl-2025", "ecdsa-curve", {"certificates": on("secp224r1")}, PHASE_OUT),
    ("ncsc-nl-2025", "ecdsa-curve", {"certificates": on("secp256k1")}, INSUFFICIENT),
    ("ncsc-nl-2025", "ecdsa-curve", {"certificates": rsa(4096)}, None),
    ("ncsc-nl-2025", "dane", {"dane": "valid", "dnssec": "secure"}, GOOD),
    *(("ncsc-nl-2025", "dane", {"dane": value, "dnssec": "secure"}, INSUFFICIENT) for value in ("none", "invalid", "unusable", Absent())),
    ("ncsc-nl-2025", "dane", {"dane": "valid", "dnssec": "insecure"}, INSUFFICIENT),
    ("ncsc-nl-2025", "key-exchange-hash-seen", {"signature_schemes": ["rsa_pss_rsae_sha256", "rsa_pkcs1_sha224"]}, PHASE_OUT),
    ("ncsc-nl-2025", "key-exchange-hash", {"weak_signatures": True}, INSUFFICIENT),
    ("ncsc-nl-2025", "compression", {"compression": True}, INSUFFICIENT),
    ("ncsc-nl-2025", "early-data", {"early_data": True}, INSUFFICIENT),
    ("ncsc-nl-2025", "extended-master-secret", {"extended_master_secret": False}, INSUFFICIENT),
    ("mozilla-6.0-intermediate", "versions", {"tls_versions": ["TLSv1.2", "TLSv1.3"]}, GOOD),
    ("mozilla-6.0-intermediate", "suites-1.2", suites("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"), INSUFFICIENT),
    ("mozilla-6.0-intermediate", "suites-1.2", suites("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"), GOOD),
    ("mozilla-6.0-intermediate", "groups", {"groups": ["X25519MLKEM768", "x25519", "secp256r1", "secp384r1"]}, GOOD),
    ("mozilla-6.0-intermediate", "groups", {"groups": ["secp521r1"]}, INSUFFICIENT),
    ("mozilla-6.0-intermediate", "order", {"server_cipher_preference": True}, SUFFICIENT),
    ("mozilla-6.0-intermediate", "rsa-key", {"certificates": rsa(2048)}, GOOD),
    ("mozilla-6.0-intermediate", "key-type", {"certificates": [{"key_type": "Ed25519"}]}, INSUFFICIENT),
    ("mozilla-6.0-intermediate", "ecdsa-curve", {"certificates": on("secp521r1")}, INSUFFICIENT),
    ("mozilla-6.0-intermediate", "certificate-life", {"certificate_validity_days": 90}, GOOD),
    ("mozilla-6.0-intermediate", "certificate-life", {"certificate_validity_days": 366}, SUFFICIENT),
    ("mozilla-6.0-intermediate", "certificate-life", {"certificate_validity_days": 367}, INSUFFICIENT),
    ("mozilla-6.0-modern", "certificate-life", {"certificate_validity_days": 91}, INSUFFICIENT),
    ("mozilla-6.0-modern", "versions", {"tls_versions": ["TLSv1.2", "TLSv1.3"]}, INSUFFICIENT),
    ("mozilla-6.0-modern", "key-type", {"certificates": rsa(4096)}, INSUFFICIENT),
    ("mozilla-6.0-modern", "certificate-hash", {"certificates": signed("sha256WithRSAEncryption")}, INSUFFICIENT),
    ("pledge-2013", "forward-secrecy", {"forward_secrecy_negotiated": False}, INSUFFICIENT),
    ("pledge-2013", "forward-secrecy-for-all", {"forward_secrecy_preferred": False}, INSUFFICIENT),
    ("pledge-2013", "rsa-key", {"certificates": rsa(2048)}, GOOD),
    ("pledge-2013", "rsa-key", {"certificates": rsa(1024)}, INSUFFICIENT),
    ("pledge-2013", "ecdsa-key", {"certificates": ecdsa(224)}, GOOD),
    ("pledge-2013", "finite-field", {"dh_bits": 1024}, INSUFFICIENT),
    ("pledge-2013", "curves", {"groups": ["secp256r1", "secp192k1"]}, INSUFFICIENT),
]


def names(rows: list[tuple[str, str, dict[str, Any], str | None]]) -> list[str]:
    return [f"{policy} {rule}: {next(iter(readings.values()))!s:.60}" for policy, rule, readings, _level in rows]


@pytest.mark.parametrize(("policy", "rule", "readings", "level"), ROWS, ids=names(ROWS))
def test_a_reading_comes_to_the_level_of_the_standard(policy: str, rule: str, readings: dict[str, Any], level: str | None) -> None:
    held = shipped(policy)
    (one,) = (one for one in held.rules if one.id == rule)
    narrow = {name: value for name, value in readings.items() if SCOPES[name] == "endpoint"}
    of_host = {name: reading(value) for name, value in readings.items() if SCOPES[name] == "mx"}
    of_domain = {name: reading(value) for name, value in readings.items() if SCOPES[name] == "domain"}
    ground = survey("a.example", of_domain, [host(endpoint(**narrow), **of_host)], None)
    outcomes = [one(subject.readings) for subject in ground.subjects[one.scope]]
    assert all(not outcome.gaps for outcome in outcomes)
    assert [None if outcome.rank < 0 else held.scale.levels[outcome.rank] for outcome in outcomes] == [level]


def test_the_data_and_the_names_are_the_same() -> None:
    data = files("mailtls.policy").joinpath("data")
    assert {entry.name.removesuffix(".yaml") for entry in data.iterdir() if entry.name.endswith(".yaml")} == {*NAMES, VERDICT}
    with pytest.raises(NoSuchPolicy, match="did you mean rfc9325"):
        shipped("rfc9326")


def test_every_shipped_policy_names_its_version_its_title_and_its_source() -> None:
    for name in NAMES:
        held = shipped(name)
        assert held.name == name
        assert held.version
        assert held.title
        assert held.about.endswith(".")
        assert held.source is not None
        assert held.source.url.startswith("https://")


@pytest.mark.parametrize(("name", "rule"), RULES, ids=lambda value: value.id if isinstance(value, Rule) else value)
def test_every_rule_has_one_sentence_of_reason_a_source_a_command_and_a_remedy(name: str, rule: Rule) -> None:
    clause = rule.clause
    assert clause.why.endswith(".")
    assert ". " not in clause.why
    assert clause.source is not None
    assert clause.source.url.startswith("https://")
    assert commands_of(clause), "add one to commands.yaml, under the fact that it reads"
    assert remedy_of(clause), "add one to remedies.yaml, under the fact that it reads"
    never_short = isinstance(rule.condition, Leaf) and rule.condition.judge.otherwise < shipped(name).scale.met
    assert rule.says or never_short, "say what falls short"


def test_a_domain_that_is_all_good_has_no_finding_in_any_policy() -> None:
    readings: dict[str, Any] = {
        "starttls_accepted": True, "smtp_inside_tls": True, "tls_versions": ["TLSv1.3"], "cipher_suites": {"TLSv1.3": ["TLS_AES_256_GCM_SHA384"]},
        "groups": ["X25519MLKEM768"], "forward_secrecy_negotiated": True, "forward_secrecy_preferred": True, "server_cipher_preference": False,
        "certificates": [{"key_type": "ECDSA", "key_bits": 256, "curve": "secp256r1", "signature_algorithm": "ecdsa-with-SHA256"}],
        "early_data": False, "chain_signature_hashes": ["SHA-256"], "certificate_validity_days": 90,
    } | spoken("TLSv1.3")  # fmt: skip
    absent = {fact.name: Absent() for fact in facts.ENDPOINT}
    of_domain = {"dnssec": reading("secure"), "mta_sts": reading(sts("enforce"))}
    ground = survey("a.example", of_domain, [host(endpoint(**absent | readings), dane="valid")], None)
    broken = {name: [finding.code for finding in evaluate(shipped(name), ground).findings] for name in NAMES}
    assert broken == {name: [] for name in NAMES} | {"rfc9325": ["tls-1.2"]}
