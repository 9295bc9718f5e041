"""Certificates of every odd kind, made for a test: the names, dates and extensions that it asks for, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    key: object
    x509: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.x509.public_bytes(Encoding.DER)

    @property
    def spki(self) -> bytes:
        return self.x509.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def make(
    subject: str,
    issuer: Made | None = None,
    *,
    key: object = None,
    starts: timedelta = -DAY,
    ends: timedelta = 90 * DAY,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> Made:
    """Sign a certificate; without an issuer by its own key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    signer = issuer.key if issuer is not None else key
    builder = x509.CertificateBuilder(
        issuer_name=issuer.x509.subject if issuer is not None else name(subject),
        subject_name=name(subject),
        public_key=key.public_key(),  # type: ignore[attr-defined]
        serial_number=x509.random_serial_number(),
        not_valid_before=NOW + starts,
        not_valid_after=NOW + ends,
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    digest = hashes.SHA256() if isinstance(signer, ec.EllipticCurvePrivateKey) or hasattr(signer, "private_numbers") else None
    return Made(key, builder.sign(signer, digest))  # type: ignore[arg-type]


def authority(subject: str, issuer: Made | None = None, *more: tuple[x509.ExtensionType, bool], length: int | None = None, **options) -> Made:
    """Make a certification authority."""
    constraints = x509.BasicConstraints(ca=True, path_length=length), True
    return make(subject, issuer, extensions=(constraints, *more), **options)


def leaf(issuer: Made | None, *names: str, more: Sequence[tuple[x509.ExtensionType, bool]] = (), **options) -> Made:
    """Make a server's certificate; without names it has no subject alternative name, and the common name is mx.example."""
    alternative = [(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)] if names else []
    return make(names[0] if names else "mx.example", issuer, extensions=(*alternative, *more), **options)


def usage(**true: bool) -> x509.KeyUsage:
    flags = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
    return x509.KeyUsage(**{flag: flag in true for flag in flags}, encipher_only=False, decipher_only=False)
