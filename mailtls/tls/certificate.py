"""Certificates read from DER. Reading one never decides whether it is to be trusted, and a bad one is read as far as it goes."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning

from mailtls.smtp.reply import readable

if TYPE_CHECKING:
    from datetime import datetime

MAX_CERTIFICATE = 65_536
"""Octets of one certificate. A key of 65,536 bits still fits; what is larger is not parsed at all."""
MAX_NAMES = 1_000
"""Names read from one certificate. The largest seen in public have a few hundred."""

# Parsing hostile DER fails in as many ways as there are fields; each means "this field cannot be read".
UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, OverflowError, x509.InvalidVersion)

_SIGNATURES = {
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.10": "rsassaPss",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
    "1.2.840.10040.4.3": "dsa-with-sha1",
    "2.16.840.1.101.3.4.3.2": "dsa-with-sha256",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
}  # RFC 3279, 4055, 5758, 8410


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says. A field that cannot be read is ``None`` (or empty), and ``problems`` says why.

    Args:
        sha256: of the DER, lower-case hex.
        key_type: ``RSA``, ``ECDSA``, ``Ed25519``, ``Ed448`` or ``DSA``.
        key_bits: size of the modulus or of the curve's order.
        signature_algorithm: the name in the RFC that defines it, or the dotted number.
        not_before: in UTC.
        not_after: in UTC.
        names: the dNSName entries of the subject alternative name, escaped, in lower case.
        subject: RFC 4514 text, escaped.
        issuer: RFC 4514 text, escaped.
        self_issued: whether issuer and subject are the same name.
        problems: what could not be read, and why.

    """

    sha256: str
    key_type: str | None
    key_bits: int | None
    signature_algorithm: str | None
    not_before: datetime | None
    not_after: datetime | None
    names: tuple[str, ...]
    subject: str
    issuer: str
    self_issued: bool
    problems: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def load(der: bytes) -> x509.Certificate | None:
    """Return the parsed certificate, or ``None`` where the bytes are none or too many."""
    if len(der) > MAX_CERTIFICATE:
        return None
    try:
        with warnings.catch_warnings():
            # Odd serial numbers and the like are the server's; a warning on our own stderr would tell nobody.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return x509.load_der_x509_certificate(der)
    except UNREADABLE:
        return None


@lru_cache(maxsize=4096)
def read_certificate(der: bytes) -> Certificate:
    """Read a certificate. Never raises: what cannot be read is listed in ``problems``."""
    sha256 = hashlib.sha256(der).hexdigest()
    parsed = load(der)
    if parsed is None:
        why = f"larger than {MAX_CERTIFICATE} octets" if len(der) > MAX_CERTIFICATE else "not a certificate in DER"
        return Certificate(sha256, None, None, None, None, None, (), "", "", self_issued=False, problems=(why,))
    problems: list[str] = []
    key_type, key_bits = _key(parsed, problems)
    return Certificate(
        sha256=sha256,
        key_type=key_type,
        key_bits=key_bits,
        signature_algorithm=_signature(parsed, problems),
        not_before=_date(parsed, "not_valid_before_utc", problems),
        not_after=_date(parsed, "not_valid_after_utc", problems),
        names=_names(parsed, problems),
        subject=_distinguished(parsed, "subject", problems),
        issuer=_distinguished(parsed, "issuer", problems),
        self_issued=_self_issued(parsed),
        problems=tuple(problems),
    )


def _key(parsed: x509.Certificate, problems: list[str]) -> tuple[str | None, int | None]:
    try:
        key = parsed.public_key()
    except UNREADABLE as error:
        problems.append(f"public key: {_said(error)}")
        return None, None
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ECDSA", key.key_size
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", 256
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448", 456
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size
    problems.append(f"public key: of the kind {type(key).__name__}")
    return None, None


def _signature(parsed: x509.Certificate, problems: list[str]) -> str | None:
    try:
        dotted = parsed.signature_algorithm_oid.dotted_string
    except UNREADABLE as error:
        problems.append(f"signature algorithm: {_said(error)}")
        return None
    return _SIGNATURES.get(dotted, dotted)


def _date(parsed: x509.Certificate, field: str, problems: list[str]) -> datetime | None:
    try:
        date: datetime = getattr(parsed, field)
    except UNREADABLE as error:
        problems.append(f"{field}: {_said(error)}")
        return None
    return date


def _names(parsed: x509.Certificate, problems: list[str]) -> tuple[str, ...]:
    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        return ()
    except (*UNREADABLE, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        problems.append(f"subject alternative names: {_said(error)}")
        return ()
    if len(names) > MAX_NAMES:
        problems.append(f"subject alternative names: {len(names)}, of which {MAX_NAMES} were read")
    return tuple(readable(name.lower(), 255) for name in names[:MAX_NAMES])


def _distinguished(parsed: x509.Certificate, field: str, problems: list[str]) -> str:
    try:
        name: x509.Name = getattr(parsed, field)
        return readable(name.rfc4514_string(), 300)
    except UNREADABLE as error:
        problems.append(f"{field}: {_said(error)}")
        return ""


def _self_issued(parsed: x509.Certificate) -> bool:
    try:
        return parsed.issuer.public_bytes() == parsed.subject.public_bytes()
    except UNREADABLE:
        return False


def _said(error: BaseException) -> str:
    return readable(str(error), 160)
