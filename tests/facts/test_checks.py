"""What of a fact can regress: each check has a name of its own, and a strength that grows with what is better."""

from __future__ import annotations

import pytest

from mailtls import facts
from mailtls.facts.declaration import Better, Check, Fact, Kind, Scope
from mailtls.facts.enumerated import suite_class
from mailtls.model import Absent, Cause, Known, Reading, Stage, Unknown
from mailtls.show.reference import facts_page
from mailtls.tls.strength import key_strength

UNKNOWN = Unknown(Cause.READ_TIMEOUT, Stage.EHLO)


def strength(name: str, reading: Reading[object]) -> float | None:
    fact, check = next((fact, check) for fact in facts.ALL for check in fact.checks if check.name == name)
    return fact.strength(check, reading)


def test_every_check_has_a_name_of_its_own_and_stands_in_the_documentation() -> None:
    named = [check.name for fact in facts.ALL for check in fact.checks]
    assert len(named) == len(set(named)) == len(facts.CHECKS)
    assert all(f"| `{name}` |" in facts_page() for name in named)


@pytest.mark.parametrize("name", sorted(facts.CHECKS))
def test_silence_says_nothing_whatever_is_checked(name: str) -> None:
    assert strength(name, UNKNOWN) is None


NEGOTIATED = {"version": "TLSv1.3", "cipher_suite": "TLS_AES_128_GCM_SHA256", "group": "X25519MLKEM768"}
STRONG, CBC, STATIC, RC4, NULL = (
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_NULL_SHA",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "better", "worse"),
    [
        ("starttls", Known(value=True), Known(value=False)),
        ("starttls", Known(value=True), Absent()),
        ("starttls_stripped", Known(value=False), Known(value=True)),
        ("plaintext_after_starttls", Known(value=False), Known(value=True)),
        ("requiretls", Known(value=True), Known(value=False)),
        ("tls_version", Known(NEGOTIATED), Known(NEGOTIATED | {"version": "TLSv1.2"})),
        ("post_quantum", Known(NEGOTIATED), Known(NEGOTIATED | {"group": "x25519"})),
        ("post_quantum", Known(NEGOTIATED), Known(NEGOTIATED | {"group": None})),
        ("post_quantum_accepted", Known(value=True), Known(value=False)),
        ("forward_secrecy", Known(value=True), Known(value=False)),
        ("oldest_version", Known(["TLSv1.2", "TLSv1.3"]), Known(["TLSv1.0", "TLSv1.2", "TLSv1.3"])),
        ("weakest_suite", Known({"TLSv1.2": [STRONG]}), Known({"TLSv1.2": [STRONG, CBC]})),
        ("weakest_suite", Known({"TLSv1.2": [CBC]}), Known({"TLSv1.2": [STATIC, CBC]})),
        ("weakest_suite", Known({"TLSv1.2": [STATIC]}), Known({"TLSv1.2": [STATIC, RC4]})),
        ("weakest_suite", Known({"TLSv1.2": [RC4]}), Known({"TLSv1.2": [RC4, NULL]})),
        ("dh_size", Known(2048), Known(1024)),
        ("dh_size", Absent(), Known(1024)),
        ("key_strength", Known(128), Known(80)),
        ("certificate_trusted", Known(value=True), Known(value=False)),
        ("certificate_name_match", Known(value=True), Known(value=False)),
        ("dane", Known("valid"), Known("none")),
        ("dane", Known("none"), Known("invalid")),
        ("mta_sts", Known({"mode": "enforce"}), Known({"mode": "testing"})),
        ("mta_sts", Known({"mode": "testing"}), Absent()),
        ("mta_sts_match", Known(value=True), Known(value=False)),
        ("tls_rpt", Known(["mailto:tls@example.org"]), Absent()),
        ("dnssec", Known("secure"), Known("insecure")),
    ],
)
def test_what_is_better_is_stronger(name: str, better: Reading[object], worse: Reading[object]) -> None:
    strong, weak = strength(name, better), strength(name, worse)
    assert strong is not None
    assert weak is not None
    assert strong > weak


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("key_strength", Known(128), Known(112)),
        ("dh_size", Absent(), Known(3072)),
        ("weakest_suite", Known({"TLSv1.3": ["TLS_AES_128_GCM_SHA256"]}), Known({"TLSv1.2": [STRONG]})),
        ("mta_sts", Known({"mode": "none"}), Absent()),
    ],
)
def test_what_nobody_needs_to_be_told_of_is_equally_strong(name: str, one: Reading[object], other: Reading[object]) -> None:
    assert strength(name, one) == strength(name, other) is not None


@pytest.mark.parametrize(
    ("name", "reading"),
    [
        ("dnssec", Known("bogus")),
        ("key_strength", Absent()),
        ("certificate_trusted", Absent()),
        ("tls_version", Absent()),
        ("mta_sts_match", Absent()),
        ("weakest_suite", Known({})),
        ("oldest_version", Known([])),
    ],
)
def test_what_does_not_apply_says_nothing_unless_the_check_says_so(name: str, reading: Reading[object]) -> None:
    assert strength(name, reading) is None


@pytest.mark.parametrize(
    ("key_type", "bits", "wanted"),
    [
        ("RSA", 512, 0), ("RSA", 1024, 80), ("RSA", 2047, 80), ("RSA", 2048, 112), ("RSA", 3072, 128), ("RSA", 4096, 128), ("RSA", 7680, 192),
        ("RSA", 16384, 256), ("DSA", 1024, 80), ("ECDSA", 128, 0), ("ECDSA", 192, 80), ("ECDSA", 224, 112), ("ECDSA", 256, 128),
        ("ECDSA", 384, 192),
        ("ECDSA", 521, 256), ("Ed25519", 256, 128), ("Ed448", 456, 224), ("ML-DSA-65", 0, 192), ("GOST", 512, None),
    ],
)  # fmt: skip
def test_keys_of_different_kinds_compare_by_their_bits_of_security(key_type: str, bits: int, wanted: int | None) -> None:
    assert key_strength(key_type, bits) == wanted


@pytest.mark.parametrize(
    ("version", "suite", "wanted"),
    [
        ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", 4), ("TLSv1.2", STRONG, 4), ("TLSv1.2", CBC, 3), ("TLSv1.2", STATIC, 2), ("TLSv1.2", RC4, 1),
        ("TLSv1.0", "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", 1), ("TLSv1.2", NULL, 0), ("TLSv1.2", "TLS_ECDH_anon_WITH_AES_128_CBC_SHA", 0),
        ("SSLv3", "TLS_RSA_EXPORT_WITH_RC4_40_MD5", 0), ("SSLv2", "SSL_CK_DES_192_EDE3_CBC_WITH_MD5", 0),
    ],
)  # fmt: skip
def test_cipher_suites_fall_into_five_classes(version: str, suite: str, wanted: int) -> None:
    assert suite_class(version, suite) == wanted


def test_a_direction_is_enough_for_a_check() -> None:
    check = Check("small", "it is large")
    fact = Fact("small", Scope.ENDPOINT, Kind.BOOL, Better.FALSE, "It is small.", "-", lambda _e, _a: Absent(), checks=(check,))
    assert fact.strength(check, Known(value=False)) == 1
    assert fact.strength(check, Known(value=True)) == 0
    assert (fact.shown(check, Known(value=True)), fact.shown(check, Absent())) == ("yes", "none")
