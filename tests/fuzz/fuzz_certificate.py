"""Fuzz target: certificates."""

from __future__ import annotations

import hashlib

from fuzz_seeds import certificates
from harmless import is_harmless

from mailtls.tls.certificate import MAX_NAMES, load, read_certificate
from mailtls.tls.curve import curve_of

COVERS = (read_certificate, load)
ECDSA_KEY = bytes.fromhex("2a8648ce3d0201")
"""The object identifier of a key of an elliptic curve (RFC 5480 section 2.1.1)."""


def one(data: bytes) -> None:
    """No bytes make it raise; what cannot be read is a problem and not a value,
    and what a person may see of it is harmless."""
    read = read_certificate(data)
    assert read.sha256 == hashlib.sha256(data).hexdigest()
    assert len(read.names) <= MAX_NAMES
    assert load(data) is not None or (read.key_type is None and read.problems)
    assert (read.key_type is None) == (read.key_bits is None)
    assert read.key_type is not None or any("key" in problem or "not a certificate" in problem for problem in read.problems)
    assert curve_of((data,)) is None or ECDSA_KEY in data
    for text in (*read.names, read.subject, read.issuer, read.signature_algorithm or "", *read.problems):
        assert is_harmless(text)


def seeds() -> list[bytes]:
    return list(certificates())
