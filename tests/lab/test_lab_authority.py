from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import verification

from mailtls.lab import Authority

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority():
    return Authority.create(NOW)


def verify(authority, identity, name, now=NOW):
    store = verification.Store(x509.load_pem_x509_certificates(authority.root_pem))
    verifier = verification.PolicyBuilder().store(store).time(now).build_server_verifier(x509.DNSName(name))
    return verifier.verify(identity.chain[0], list(identity.chain[1:]))


@pytest.mark.parametrize("key", ["p256", "p384", "rsa2048", "rsa3072"])
def test_a_certificate_satisfies_the_web_pki_profile(authority, key):
    assert len(verify(authority, authority.issue(["mx.good.example"], key=key), "mx.good.example")) == 3


def test_a_wildcard_covers_a_host(authority):
    verify(authority, authority.issue(["*.good.example"]), "mx.good.example")


@pytest.mark.parametrize(
    ("key", "kind", "bits"),
    [
        ("p256", ec.EllipticCurvePrivateKey, 256),
        ("p384", ec.EllipticCurvePrivateKey, 384),
        ("rsa1024", rsa.RSAPrivateKey, 1024),
        ("ed25519", ed25519.Ed25519PrivateKey, None),
    ],
)
def test_every_kind_of_key_can_be_issued(authority, key, kind, bits):
    identity = authority.issue(["mx.good.example"], key=key)
    assert isinstance(identity.private_key, kind)
    assert getattr(identity.private_key, "key_size", None) == bits
    assert identity.certificate.public_key() == identity.private_key.public_key()


def test_a_pem_holds_the_key_and_the_chain(authority):
    identity = authority.issue(["mx.good.example"])
    assert identity.pem.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert tuple(x509.load_pem_x509_certificates(identity.pem)) == identity.chain


@pytest.mark.parametrize("key", ["p256", "ed25519", "rsa2048"])
def test_a_self_signed_certificate_is_its_own_issuer_and_trusted_by_nobody(authority, key):
    identity = authority.issue(["mx.good.example"], key=key, self_signed=True)
    assert len(identity.chain) == 1
    identity.certificate.verify_directly_issued_by(identity.certificate)
    with pytest.raises(verification.VerificationError):
        verify(authority, identity, "mx.good.example")


def test_another_authority_is_not_trusted(authority):
    with pytest.raises(verification.VerificationError):
        verify(authority, Authority.create(NOW).issue(["mx.good.example"]), "mx.good.example")


def test_a_chain_without_the_intermediate_does_not_verify(authority):
    identity = authority.issue(["mx.good.example"], send_intermediate=False)
    assert len(identity.chain) == 1
    with pytest.raises(verification.VerificationError):
        verify(authority, identity, "mx.good.example")


def test_only_the_date_is_wrong_with_an_expired_certificate(authority):
    identity = authority.issue(["mx.good.example"], not_before=NOW - timedelta(days=100), not_after=NOW - timedelta(days=10))
    verify(authority, identity, "mx.good.example", NOW - timedelta(days=11))
    with pytest.raises(verification.VerificationError):
        verify(authority, identity, "mx.good.example")


def test_a_naive_time_is_refused():
    with pytest.raises(ValueError, match="aware"):
        Authority.create(datetime(2026, 3, 1))  # noqa: DTZ001


def test_a_certificate_without_names_is_refused(authority):
    with pytest.raises(ValueError, match="name"):
        authority.issue([])
