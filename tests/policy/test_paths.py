"""A path leads to what a rule looks at, or is told where it leads nowhere."""

from __future__ import annotations

import pytest

from mailtls.policy.paths import BadPath, Unread, read_path

CERTIFICATES = [{"key_type": "RSA", "key_bits": 2048}, {"key_type": "ECDSA", "key_bits": 256}]


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("tls_versions", ["TLSv1.2"], [["TLSv1.2"]]),
        ("negotiated.version", {"version": "TLSv1.3"}, ["TLSv1.3"]),
        ("negotiated.group", {"version": "TLSv1.2", "group": None}, [None]),
        ("cipher_suites.TLSv1.2", {"TLSv1.2": ["a"]}, [["a"]]),
        ("cipher_suites.TLSv1.2", {"TLSv1.3": ["a"]}, []),
        ("certificates[].key_bits", CERTIFICATES, [2048, 256]),
        ("certificates[].chain[].issuer", [{"chain": [{"issuer": "a"}, {"issuer": "b"}]}, {"chain": [{"issuer": "c"}]}], ["a", "b", "c"]),
        ("dh_primes[].name", [{"name": None}], [None]),
    ],
)
def test_a_path_leads_to_the_parts_of_a_value(path: str, value, found) -> None:
    assert read_path(path).values(value, {}) == found


def test_elements_are_picked_by_their_other_fields() -> None:
    path = read_path("certificates[].key_bits")
    assert path.values(CERTIFICATES, {"key_type": frozenset({"RSA"})}) == [2048]
    assert path.values(CERTIFICATES, {"key_type": frozenset({"Ed25519"})}) == []


@pytest.mark.parametrize(
    "certificate", [{"key_type": "RSA", "key_bits": None}, {"key_type": None, "key_bits": None}, {"key_type": None, "key_bits": 2048}]
)
def test_a_part_that_could_not_be_read_says_nothing(certificate) -> None:
    path = read_path("certificates[].key_bits")
    with pytest.raises(Unread):
        path.values([*CERTIFICATES, certificate], {"key_type": frozenset({"RSA"})})


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("tls_version", "no fact is called 'tls_version'; did you mean tls_versions?"),
        ("qqq.x", "no fact is called 'qqq'"),
        ("certificates.key_bits", "certificates is a list; for each of its elements write certificates[].key_bits"),
        ("certificates[].key_bit", "certificates[] has no 'key_bit'; did you mean key_bits?"),
        ("cipher_suites.TLSv1.4", "cipher_suites has no 'TLSv1.4'; did you mean TLSv1."),
        ("cipher_suites.TLSv1.2.x", "cipher_suites.TLSv1.2 is a list; for each of its elements write cipher_suites.TLSv1.2[].x"),
        ("dh_bits[]", "dh_bits is a number, and so has no elements"),
        ("dh_bits.size", "dh_bits is a number, and has no parts"),
        ("negotiated.", "negotiated has no ''; it has: version, cipher_suite, group"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_the_nearest_right_name(path: str, why: str) -> None:
    with pytest.raises(BadPath) as told:
        read_path(path)
    assert str(told.value).startswith(why)
