"""How a suite agrees on keys is read from its name, and a hello of each version names what it can, the usual suites first."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import server_model as model

from mailtls.tls.names import VERSIONS, cipher_suite_name, cipher_suites, sslv2_kinds
from mailtls.tls.suites import (
    FIRST_OFFER,
    SCHEMES,
    SCHEMES_13,
    KeyExchange,
    groups_before_13,
    groups_of_13,
    key_exchange,
    needs_group,
    offerable,
    strength,
)

SIGNALS = {0x0000, 0x00FF, 0x5600}
USUAL = {
    0x002F, 0x0035, 0x000A, 0x0005, 0x0033, 0x0039, 0x0016, 0xC013, 0xC014, 0xC009, 0xC00A, 0xC011, 0xC012,
}  # fmt: skip
USUAL_12 = USUAL | {
    0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8, 0xCCA9, 0xCCAA, 0x009C, 0x009D, 0x009E, 0x009F, 0xC023, 0xC024, 0xC027, 0xC028, 0x003C, 0x003D,
    0x0067, 0x006B,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "traits", "authentication"),
    [
        ("TLS_RSA_WITH_AES_128_CBC_SHA", "needs_certificate is_optional", "RSA"),
        ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", "field signed needs_certificate", "RSA"),
        ("TLS_DHE_DSS_WITH_AES_128_CBC_SHA", "field signed needs_certificate", "DSS"),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "curve signed needs_certificate", "RSA"),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "curve signed needs_certificate", "ECDSA"),
        ("TLS_ECDH_RSA_WITH_AES_128_CBC_SHA", "needs_certificate is_optional", "RSA"),
        ("TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA", "needs_certificate is_optional", "ECDSA"),
        ("TLS_DH_RSA_WITH_AES_128_CBC_SHA", "needs_certificate is_optional", "RSA"),
        ("TLS_ECDH_anon_WITH_AES_128_CBC_SHA", "curve", "anon"),
        ("TLS_DH_anon_WITH_AES_128_CBC_SHA", "field", "anon"),
        ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", "temporary signed? needs_certificate is_optional", "RSA"),
        ("TLS_RSA_EXPORT1024_WITH_RC4_56_SHA", "temporary signed? needs_certificate is_optional", "RSA"),
        ("TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", "field signed needs_certificate is_optional?", "RSA"),
        ("TLS_DH_anon_EXPORT_WITH_RC4_40_MD5", "field is_optional?", "anon"),
        ("TLS_PSK_WITH_AES_128_CBC_SHA", "has_hint is_optional", "PSK"),
        ("TLS_DHE_PSK_WITH_AES_128_CBC_SHA", "field has_hint", "PSK"),
        ("TLS_PSK_DHE_WITH_AES_128_CCM_8", "field has_hint", "DHE"),
        ("TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA", "curve has_hint", "PSK"),
        ("TLS_RSA_PSK_WITH_AES_128_CBC_SHA", "needs_certificate has_hint is_optional", "PSK"),
        ("TLS_SRP_SHA_WITH_AES_128_CBC_SHA", "temporary", "SHA"),
        ("TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA", "temporary signed needs_certificate", "RSA"),
        ("TLS_KRB5_WITH_RC4_128_SHA", "is_optional", "KRB5"),
        ("TLS_KRB5_EXPORT_WITH_RC4_40_SHA", "is_optional", "KRB5"),
    ],
)
def test_a_key_exchange_is_read_from_the_name(name: str, traits: str, authentication: str) -> None:
    """A trait with a question mark is one that no answer depends on, or about which the RFCs differ."""
    code = next(code for code, each in cipher_suites().items() if each == name)
    exchange = key_exchange(code)
    found = {trait for trait, value in asdict(exchange).items() if value is True}
    perhaps = {trait.removesuffix("?") for trait in traits.split() if trait.endswith("?")}
    assert found - perhaps == {trait for trait in traits.split() if not trait.endswith("?")}
    assert exchange.authentication == authentication
    assert exchange.is_ephemeral is bool(found & {"curve", "field", "temporary"})


@pytest.mark.parametrize("code", [0x1301, 0x5600, 0x00FF, 0xFFFF, 0x5A5A])
def test_what_names_no_key_exchange_has_none(code: int) -> None:
    assert key_exchange(code) == KeyExchange()
    assert not key_exchange(code).is_ephemeral


def test_the_model_of_a_server_reads_the_same_from_every_name_it_knows() -> None:
    for code, suite in model.SUITES.items():
        if suite.exchange in ("", "1.3") or not cipher_suite_name(code).startswith("TLS_"):
            continue
        exchange = key_exchange(code)
        assert exchange.curve is (suite.exchange == "ECDHE"), suite.name
        assert exchange.field is suite.exchange.startswith("DHE"), suite.name
        assert exchange.temporary is suite.exchange.startswith("RSA_EXPORT"), suite.name
        assert exchange.needs_certificate is (suite.authentication != "anon"), suite.name
        assert needs_group(code) is (suite.exchange == "ECDHE"), suite.name


@pytest.mark.parametrize("version", VERSIONS)
def test_no_signal_is_offered_as_a_suite_and_none_twice(version: str) -> None:
    offered = offerable(version)
    assert offered
    assert not SIGNALS & set(offered) or version == "SSLv2"
    assert len(set(offered)) == len(offered)
    assert all(not cipher_suite_name(code).startswith("0x") for code in offered)
    assert not any(cipher_suite_name(code).endswith("_SCSV") for code in offered)


def test_sslv2_is_offered_with_its_own_kinds() -> None:
    assert set(offerable("SSLv2")) == set(sslv2_kinds())


def test_a_hello_of_tls13_names_its_own_suites_and_no_other_does() -> None:
    own = set(offerable("TLSv1.3"))
    assert {0x1301, 0x1302, 0x1303, 0x1304, 0x1305} <= own
    assert not any("_WITH_" in cipher_suite_name(code) for code in own)
    for version in VERSIONS[:-1]:
        assert not own & set(offerable(version))


@pytest.mark.parametrize(("version", "usual"), [("SSLv3", USUAL), ("TLSv1.0", USUAL), ("TLSv1.1", USUAL), ("TLSv1.2", USUAL_12)])
def test_the_usual_suites_stand_among_the_first_of_an_offer(version: str, usual: set[int]) -> None:
    missing = usual - set(offerable(version)[:FIRST_OFFER])
    assert not missing, [cipher_suite_name(code) for code in missing]


@pytest.mark.parametrize("version", ["SSLv3", "TLSv1.0", "TLSv1.1"])
def test_suites_that_need_tls12_are_not_offered_before_it(version: str) -> None:
    offered = set(offerable(version))
    assert offered < set(offerable("TLSv1.2"))
    assert not offered & {0xC02F, 0xC030, 0xCCA8, 0x009C, 0xC027, 0x003C, 0xC09C, 0xCC13}
    assert not any("GCM" in cipher_suite_name(code) or "POLY1305" in cipher_suite_name(code) for code in offered)


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_each_part_of_an_offer_goes_from_weak_to_strong(version: str) -> None:
    offered = offerable(version)
    for part in (offered[:FIRST_OFFER], offered[FIRST_OFFER:]):
        assert list(part) == sorted(part, key=strength)


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [(0x0005, 0x002F), (0x0001, 0x000A), (0x002F, 0x0035), (0x0035, 0xC013), (0xC013, 0xC02F), (0xC02F, 0xC030), (0x1304, 0x1302)],
)
def test_a_suite_that_anyone_would_call_weaker_is(weaker: int, stronger: int) -> None:
    order = sorted((stronger, weaker), key=strength)
    assert [cipher_suite_name(code) for code in order] == [cipher_suite_name(weaker), cipher_suite_name(stronger)]


def test_groups_are_each_offered_once_and_p256_last_before_tls13() -> None:
    older, newer = groups_before_13(), groups_of_13()
    assert len(set(older)) == len(older)
    assert len(set(newer)) == len(newer)
    assert older[-1] == 23
    assert older[:2] == (29, 30)
    assert max(older) <= 30
    assert {4587, 4588, 4589, 29, 23, 24, 25, 256} <= set(newer)


def test_schemes_are_each_offered_once_and_tls13_brings_those_a_server_must_have() -> None:
    assert len(set(SCHEMES)) == len(SCHEMES)
    assert len(set(SCHEMES_13)) == len(SCHEMES_13)
    assert {0x0804, 0x0403, 0x0401} <= set(SCHEMES_13)  # RFC 8446 section 9.1
