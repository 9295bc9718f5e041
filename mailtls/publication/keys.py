"""Public keys as manifests name them: Ed25519 (RFC 8032) as SubjectPublicKeyInfo (RFC 8410), in base64, which is what stands within PEM."""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mailtls.publication.canonical import Malformed

_BEFORE = bytes.fromhex("302a300506032b6570032100")
"""What DER puts before the 32 octets of a key."""
SIGNATURE = 64
"""Octets of a signature."""


def named(raw: bytes) -> str:
    """Return a public key as manifests name it.

    Args:
        raw: its 32 octets.

    """
    return base64.b64encode(_BEFORE + raw).decode("ascii")


def pem(key: str) -> bytes:
    """Return a public key, as manifests name it, as a file that OpenSSL reads."""
    return f"-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n".encode("ascii")


def fingerprint(key: object) -> str:
    """Return the SHA-256 of a public key's DER, in lower-case hex. Raises :class:`Malformed` where it names none."""
    return hashlib.sha256(_BEFORE + _raw(key)).hexdigest()


def is_signed_by(key: str, signature: bytes, octets: bytes) -> bool:
    """Whether a key, as manifests name it, has made a signature over octets."""
    if len(signature) != SIGNATURE:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(_raw(key)).verify(signature, octets)
    except (InvalidSignature, ValueError):
        return False
    return True


def _raw(key: object) -> bytes:
    try:
        der = base64.b64decode(key, validate=True) if isinstance(key, str) and len(key) < 100 else b""
    except (binascii.Error, ValueError):
        der = b""
    raw = der[len(_BEFORE) :]
    if not der.startswith(_BEFORE) or len(raw) != 32 or named(raw) != key:
        raise Malformed("it names no Ed25519 key")
    return raw
