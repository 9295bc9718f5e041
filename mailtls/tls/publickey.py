"""A certificate's public key, measured from its DER (RFC 5280 section 4.1.2.7): the number itself is never computed with.

So a modulus of a hundred thousand bits has a size like any other; whether to verify with it is for :attr:`PublicKey.is_bounded` to say.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from mailtls.tls import oids
from mailtls.tls.der import BIT_STRING, INTEGER, OID, SEQUENCE, Element, NotDER, bits_of, oid_name, read_element

MAX_MODULUS = 16_384
"""Bits of an RSA or DSA modulus with which a signature is verified. It is OpenSSL's own limit, and so that of whoever uses it: with less,
what works for a mail sender would not count here. Authorities have 4,096; one signature of the largest takes some milliseconds at worst."""
MAX_EXPONENT = 64
"""Bits of an RSA exponent with which a signature is verified. OpenSSL's own limit for large moduli; nearly all have 17 bits."""

SPELT_OUT = "spelt out"
CURVES = tuple(name for name, _bits in oids.CURVES.values())
"""The names of the curves that are known."""
KINDS = ("RSA", "ECDSA", "Ed25519", "Ed448", "DSA", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87")
"""The kinds of key that are known."""
_FIXED = {
    oids.ED25519: ("Ed25519", 32), oids.ED448: ("Ed448", 57), oids.ML_DSA_44: ("ML-DSA-44", 1_312), oids.ML_DSA_65: ("ML-DSA-65", 1_952),
    oids.ML_DSA_87: ("ML-DSA-87", 2_592),
}  # fmt: skip
"""Octets of the keys that have but one size (RFC 8032 section 5, FIPS 204 section 4)."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What a public key is.

    Args:
        sha256: of the SubjectPublicKeyInfo, lower-case hex; equal keys have equal ones, whatever certificate they stand in.
        kind: ``RSA``, ``ECDSA``, ``Ed25519``, ``Ed448``, ``DSA`` or ``ML-DSA-44``, ``-65``, ``-87``; ``None`` for any other.
        bits: size of the modulus or of the curve's field; of ML-DSA the octets of the key, in bits; ``None`` together with the kind.
        exponent_bits: of an RSA key; else 0.
        is_bounded: whether a signature may be verified with it, at a cost that is known beforehand.
        oddity: what is wrong with its numbers, or empty.
        curve: of an ECDSA key: its name, or ``spelt out`` where it has none.
        problem: why kind and size are not known, or empty.

    """

    sha256: str
    kind: str | None = None
    bits: int | None = None
    exponent_bits: int = 0
    is_bounded: bool = False
    oddity: str = ""
    curve: str | None = None
    problem: str = ""


def read_public_key(der: bytes) -> PublicKey:
    """Read a SubjectPublicKeyInfo. Never raises: what cannot be read is a problem."""
    sha256 = hashlib.sha256(der).hexdigest()
    try:
        parts = read_element(der, SEQUENCE).inside()
        algorithm = parts[0].inside() if parts else []
        if len(parts) != 2 or parts[1].tag != BIT_STRING or not algorithm or algorithm[0].tag != OID:
            return PublicKey(sha256, problem="no algorithm with a key")
        return _read(sha256, oid_name(algorithm[0].content), algorithm[1:], parts[1].content[1:])
    except NotDER as error:
        return PublicKey(sha256, problem=str(error))


def _read(sha256: str, algorithm: str, parameters: list[Element], key: bytes) -> PublicKey:
    if algorithm in (oids.RSA, oids.RSA_PSS):
        return _rsa(sha256, key)
    if algorithm == oids.EC:
        return _curve(sha256, parameters, key)
    if algorithm in _FIXED:
        kind, size = _FIXED[algorithm]
        if len(key) != size:
            raise NotDER(f"a key of {kind} that has not its {size} octets")
        return PublicKey(sha256, kind, 8 * size, is_bounded=True)
    if algorithm == oids.DSA:
        if not parameters or parameters[0].tag != SEQUENCE:
            raise NotDER("a DSA key without its parameters")
        bits = bits_of(_numbers(parameters[0].inside(), 3)[0])
        return PublicKey(sha256, "DSA", bits, is_bounded=bits <= MAX_MODULUS)
    raise NotDER(f"a key of the algorithm {algorithm}, which is not known here")


def _curve(sha256: str, parameters: list[Element], point: bytes) -> PublicKey:
    if parameters and parameters[0].tag == SEQUENCE:  # X9.62: version, field, curve, base point, order
        spelt = parameters[0].inside()
        field = spelt[1].inside() if len(spelt) > 1 else []
        if len(field) != 2 or field[0].tag != OID or oid_name(field[0].content) != oids.PRIME_FIELD:
            raise NotDER("a curve that is spelt out, over a field that is not known here")
        oddity = "its curve is spelt out instead of named (RFC 5480 section 2.1.1)"
        return PublicKey(sha256, "ECDSA", bits_of(_numbers(field[1:], 1)[0]), oddity=oddity, curve=SPELT_OUT)
    if not parameters or parameters[0].tag != OID:
        raise NotDER("a key without its curve")
    curve = oid_name(parameters[0].content)
    if curve not in oids.CURVES:
        raise NotDER(f"the curve {curve}, which is not known here")
    name, bits = oids.CURVES[curve]
    size = (bits + 7) // 8
    if len(point) not in (1 + size, 1 + 2 * size):
        raise NotDER(f"no point of the curve {curve}")
    return PublicKey(sha256, "ECDSA", bits, is_bounded=True, curve=name)


def _rsa(sha256: str, key: bytes) -> PublicKey:
    modulus, exponent = _numbers(read_element(key, SEQUENCE).inside(), 2)
    bits, exponent_bits = bits_of(modulus), bits_of(exponent)
    oddity = ""
    if exponent_bits < 2 or not exponent[-1] & 1:
        oddity = "its RSA exponent is even, or 1"
    elif exponent_bits > MAX_EXPONENT:
        oddity = f"its RSA exponent has {exponent_bits} bits"
    elif not modulus[-1] & 1:
        oddity = "its RSA modulus is even"
    return PublicKey(sha256, "RSA", bits, exponent_bits, bits <= MAX_MODULUS and exponent_bits <= MAX_EXPONENT, oddity)


def _numbers(found: list[Element], count: int) -> list[bytes]:
    if len(found) != count or any(element.tag != INTEGER for element in found):
        raise NotDER("no numbers where they belong")
    return [element.content for element in found]
