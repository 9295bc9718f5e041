"""A certificate is read field by field, as far as it goes; what cannot be read takes nothing else with it."""

from __future__ import annotations

import warnings

import certmaking
import pytest
import vectors
from certmaking import DAY, elements, integer, rsa_spki, tlv, with_key
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from examples import examples
from harmless import is_harmless
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from mailtls.tls.certificate import MAX_CERTIFICATE, Certificate, all_names, load, read_certificate
from mailtls.tls.extensions import MAX_NAMES
from mailtls.tls.publickey import MAX_EXPONENT, MAX_MODULUS, read_public_key

CA = certmaking.root()
LEAF = CA.sign("mx.example", names=("MX.Example", "*.example"), must_staple=True, timestamps=(bytes(32), b"\1" * 32))
KINDS = {
    "RSA": rsa.RSAPublicKey, "ECDSA": ec.EllipticCurvePublicKey, "DSA": dsa.DSAPublicKey,
    "Ed25519": ed25519.Ed25519PublicKey, "Ed448": ed448.Ed448PublicKey,
}  # fmt: skip


def texts(read: Certificate) -> tuple[str, ...]:
    return (*read.names, read.subject, read.issuer, read.signature_algorithm or "", *read.problems, read.key.oddity if read.key else "")


def test_what_a_good_certificate_says_is_read() -> None:
    read = read_certificate(LEAF.der)
    assert read.problems == ()
    assert (read.key_type, read.key_bits) == ("ECDSA", 256)
    assert (read.signature_algorithm, read.signature_hash) == ("ecdsa-with-SHA256", "SHA-256")
    assert (read.not_before, read.not_after) == tuple(d.replace(microsecond=0) for d in (certmaking.NOW - 10 * DAY, certmaking.NOW + 80 * DAY))
    assert read.names == ("mx.example", "*.example")
    assert (read.subject, read.issuer) == ("CN=mx.example", "CN=a root")
    assert read.extensions.must_staple
    assert read.extensions.logs == ("00" * 32, "01" * 32)
    assert read.extensions.is_authority is False
    assert read.extensions.purposes == ("1.3.6.1.5.5.7.3.1",)
    assert read.extensions.key_usage == {0}
    assert read.extensions.authority_key == read_certificate(CA.der).extensions.subject_key
    assert not read.self_issued
    assert read_certificate(CA.der).self_issued


@pytest.mark.parametrize("name", vectors.files())
def test_every_vector_is_read_and_agrees_with_the_library_where_that_can_read_it(name: str) -> None:
    for der in vectors.files()[name]:
        read = read_certificate(der)
        assert all(is_harmless(text) for text in texts(read))
        parsed = load(der)
        if parsed is None:
            assert read.problems
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            agrees_about_key(read, parsed)
            agrees_about_extensions(read, parsed)
            agrees_about_frame(read, parsed)


def agrees_about_frame(read: Certificate, parsed: x509.Certificate) -> None:
    assert read.subject_name == octets(parsed, "subject", read.subject_name)
    assert read.issuer_name == octets(parsed, "issuer", read.issuer_name)
    assert int.from_bytes(read.serial, "big", signed=True) == parsed.serial_number
    try:
        digest = parsed.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        return
    assert digest is None or digest.name == (read.signature_hash or "").lower().replace("-", "")


def octets(parsed: x509.Certificate, field: str, otherwise: bytes) -> bytes:
    try:
        return getattr(parsed, field).public_bytes()
    except ValueError:
        return otherwise


def agrees_about_key(read: Certificate, parsed: x509.Certificate) -> None:
    assert read.key is not None
    assert (read.key_type is None) == (read.key_bits is None) == bool(read.key.problem)
    try:
        key = parsed.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return
    assert read.key_type is not None
    if read.key_type in KINDS:
        assert isinstance(key, KINDS[read.key_type])
        assert getattr(key, "key_size", read.key_bits) == read.key_bits
    else:
        assert type(key).__name__.upper().replace("PUBLICKEY", "") == read.key_type.replace("-", "")


def agrees_about_extensions(read: Certificate, parsed: x509.Certificate) -> None:
    try:
        extensions = {type(extension.value): extension.value for extension in parsed.extensions}
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return
    names = extensions.get(x509.SubjectAlternativeName)
    if names is not None:
        assert read.names == tuple(name.lower().replace("\\", "\\\\") for name in names.get_values_for_type(x509.DNSName))
    if x509.BasicConstraints in extensions:
        assert read.extensions.is_authority == extensions[x509.BasicConstraints].ca
    if x509.SubjectKeyIdentifier in extensions:
        assert read.extensions.subject_key == extensions[x509.SubjectKeyIdentifier].digest
    if x509.AuthorityKeyIdentifier in extensions:
        assert read.extensions.authority_key == extensions[x509.AuthorityKeyIdentifier].key_identifier
    if x509.ExtendedKeyUsage in extensions:
        assert read.extensions.purposes == tuple(purpose.dotted_string for purpose in extensions[x509.ExtendedKeyUsage])
    if x509.KeyUsage in extensions:
        assert extensions[x509.KeyUsage].digital_signature == (0 in read.extensions.key_usage)
        assert extensions[x509.KeyUsage].key_cert_sign == (5 in read.extensions.key_usage)
    if x509.TLSFeature in extensions:
        assert read.extensions.must_staple == (x509.TLSFeatureType.status_request in extensions[x509.TLSFeature])
    if x509.PrecertificateSignedCertificateTimestamps in extensions:
        assert read.extensions.logs == tuple(sct.log_id.hex() for sct in extensions[x509.PrecertificateSignedCertificateTimestamps])


def test_the_vectors_are_many_and_few_of_them_cannot_be_read() -> None:
    ders = vectors.certificates()
    assert len(ders) > 500
    assert sum(load(der) is None for der in ders) < 60


@pytest.mark.parametrize("name", ["san_x400address.der", "badssl-sct-none-hash.der", "custom/empty-eku.pem"])
def test_one_extension_that_the_library_refuses_does_not_hide_the_others(name: str) -> None:
    der = vectors.files()[f"x509/{name}"][0]
    with pytest.raises((ValueError, x509.UnsupportedGeneralNameType)):
        _ = x509.load_der_x509_certificate(der).extensions
    read = read_certificate(der)
    assert read.problems == ()
    assert read.names == (("invalid-expected-sct.badssl.com",) if "badssl" in name else ("example.com",) if "eku" in name else ())


def test_an_extension_that_stands_there_twice_is_not_read() -> None:
    read = read_certificate(vectors.files()["x509/custom/two_basic_constraints.pem"][0])
    assert read.extensions.is_authority is None
    assert read.problems == ("basic constraints: it stands there more than once",)


@pytest.mark.parametrize(("name", "count"), [("invalid-sct-length.der", None), ("invalid-sct-version.der", None)])
def test_timestamps_that_cannot_be_read_are_not_none_at_all(name: str, count: int | None) -> None:
    read = read_certificate(vectors.files()[f"x509/custom/{name}"][0])
    assert read.extensions.logs is count
    assert any(problem.startswith("certificate timestamps") for problem in read.problems)


@pytest.mark.parametrize(
    ("bits", "exponent_bits", "bounded"),
    [
        (1_024, 17, True), (MAX_MODULUS, MAX_EXPONENT, True), (MAX_MODULUS + 1, 17, False), (3_072, MAX_EXPONENT + 1, False),
        (65_536, 17, False), (250_000, 17, False), (4_096, 200_000, False), (240_000, 240_000, False),
    ],
)  # fmt: skip
def test_a_key_is_measured_and_never_computed_with(bits: int, exponent_bits: int, bounded: bool) -> None:
    der = with_key(LEAF.der, rsa_spki((1 << (bits - 1)) + 1, (1 << (exponent_bits - 1)) + 1))
    read = read_certificate(der)
    assert (read.key_type, read.key_bits) == ("RSA", bits)
    assert read.key is not None
    assert (read.key.exponent_bits, read.key.is_bounded) == (exponent_bits, bounded)
    assert bool(read.key.oddity) == (exponent_bits > MAX_EXPONENT)
    assert read.names == ("mx.example", "*.example")


@pytest.mark.parametrize(
    ("modulus", "exponent", "words"), [(15, 1, "even, or 1"), (15, 0, "even, or 1"), (15, 4, "even, or 1"), (16, 3, "modulus is even"), (15, 3, "")]
)
def test_numbers_that_no_key_has_are_odd(modulus: int, exponent: int, words: str) -> None:
    oddity = read_public_key(rsa_spki(modulus, exponent)).oddity
    assert words in oddity if words else not oddity


def test_a_negative_modulus_is_a_problem() -> None:
    key = tlv(0x30, b"\x02\x02\x80\x01", integer(3))
    spki = tlv(0x30, tlv(0x30, bytes.fromhex("06092a864886f70d010101"), b"\x05\x00"), tlv(3, b"\0", key))
    read = read_certificate(with_key(LEAF.der, spki))
    assert (read.key_type, read.key_bits) == (None, None)
    assert read.problems == ("public key: a number that is negative, or no number",)


@pytest.mark.parametrize(
    ("algorithm", "key", "words"),
    [
        ("06032b6570", bytes(31), "Ed25519 that has not its 32 octets"), ("06032b6571", bytes(32), "Ed448 that has not its 57 octets"),
        ("06072a8648ce3d020106082a8648ce3d030107", bytes(64), "no point of the curve 1.2.840.10045.3.1.7"),
        ("06072a8648ce3d02010603551d11", bytes(65), "the curve 2.5.29.17, which is not known here"),
        ("06072a8648ce3d0201", bytes(65), "a key without its curve"), ("06072a8648ce380401", bytes(65), "a DSA key without its parameters"),
        ("06072a8648ce3d02013000", bytes(65), "a curve that is spelt out, over a field that is not known"),
        ("0603551d11", b"", "a key of the algorithm 2.5.29.17"),
    ],
)  # fmt: skip
def test_a_key_that_is_none_is_a_problem(algorithm: str, key: bytes, words: str) -> None:
    read = read_public_key(tlv(0x30, tlv(0x30, bytes.fromhex(algorithm)), tlv(3, b"\0", key)))
    assert (read.kind, read.bits) == (None, None)
    assert words in read.problem


def test_equal_keys_have_equal_digests_whatever_certificate_they_stand_in() -> None:
    again = CA.sign("mx2.example", LEAF.key)
    assert again.der != LEAF.der
    assert read_certificate(again.der).key == read_certificate(LEAF.der).key
    assert read_certificate(CA.der).key != read_certificate(LEAF.der).key


def test_more_names_than_anybody_has_are_cut_and_names_are_escaped() -> None:
    many = CA.sign("mx.example", names=tuple(f"m{number}.example" for number in range(MAX_NAMES + 5)))
    read = read_certificate(many.der)
    assert len(read.names) == MAX_NAMES
    assert len(all_names(many.der)) == MAX_NAMES + 5
    assert read.problems == (f"subject alternative names: {MAX_NAMES + 5}, of which {MAX_NAMES} are shown",)
    hostile = LEAF.der.replace(b"MX.Example", b"M\x1b[31m\n\xff\x9bX")
    assert read_certificate(hostile).names == ("m\\x1b[31m\\n\\xff\\x9bx", "*.example")


def test_a_certificate_that_openssl_takes_is_read_however_large_it_is() -> None:
    large = CA.sign("mx.example", names=tuple(f"m{number:050}.example" for number in range(1_500)))
    assert 90_000 < len(large.der) < MAX_CERTIFICATE
    assert read_certificate(large.der).key_type == "ECDSA"


def test_what_is_larger_than_any_certificate_is_not_parsed() -> None:
    read = read_certificate(tlv(0x30, bytes(MAX_CERTIFICATE)))
    assert read.problems == (f"larger than {MAX_CERTIFICATE} octets",)
    assert (read.key, read.names, read.subject) == (None, (), "")


def test_a_certificate_of_the_first_version_has_no_extensions() -> None:
    read = read_certificate(vectors.files()["x509/v1_cert.pem"][0])
    assert read.names == ()
    assert read.extensions.is_authority is None
    assert (read.key_type, read.key_bits) == ("RSA", 512)


@examples(400, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_change_to_a_real_certificate_makes_reading_it_fail(data: st.DataObject) -> None:
    der = bytearray(data.draw(st.sampled_from([d for d in vectors.certificates() if len(d) < 3_000])))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(0, len(der) - 1)))
        match data.draw(st.integers(0, 3)):
            case 0:
                der[place : place + 1] = data.draw(st.binary(min_size=1, max_size=1))
            case 1:
                del der[place : place + data.draw(st.integers(1, 30))]
            case 2:
                der[place:place] = data.draw(st.binary(max_size=12))
            case 3:
                der[place:place] = der[place : place + data.draw(st.integers(1, 200))]
    read = read_certificate(bytes(der))
    assert all(is_harmless(text) for text in texts(read))
    assert (read.key_type is None) == (read.key_bits is None)


@examples(200, database=None)
@given(st.data())
def test_no_change_within_an_extension_makes_reading_it_fail(data: st.DataObject) -> None:
    """Lengths stay right, so that the change comes as far as the reader of the extension."""
    tbs, algorithm, signature = elements(LEAF.der)
    *fields, wrapped = elements(tbs)
    listed = elements(elements(wrapped)[0]) if wrapped[0] == 0xA3 else []
    which = data.draw(st.integers(0, len(listed) - 1))
    *head, value = elements(listed[which])
    content = bytearray(value[2:])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=5))
    listed[which] = tlv(0x30, *head, tlv(4, bytes(content)))
    read = read_certificate(tlv(0x30, tlv(0x30, *fields, tlv(0xA3, tlv(0x30, *listed))), algorithm, signature))
    assert all(is_harmless(text) for text in texts(read))
    assert read.key == read_certificate(LEAF.der).key
