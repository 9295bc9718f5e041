"""The curve of a certificate's key, found in its DER without parsing the certificate: a scan asks for it between two hellos."""

from __future__ import annotations

_EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")  # RFC 5480 section 2.1.1, as it stands in front of the curve's own identifier
_CURVES = {
    bytes.fromhex("06082a8648ce3d030101"): 19,  # secp192r1
    bytes.fromhex("06052b81040021"): 21,  # secp224r1
    bytes.fromhex("06052b8104000a"): 22,  # secp256k1
    bytes.fromhex("06082a8648ce3d030107"): 23,  # secp256r1
    bytes.fromhex("06052b81040022"): 24,  # secp384r1
    bytes.fromhex("06052b81040023"): 25,  # secp521r1
    bytes.fromhex("06092b2403030208010107"): 26,  # brainpoolP256r1
    bytes.fromhex("06092b240303020801010b"): 27,  # brainpoolP384r1
    bytes.fromhex("06092b240303020801010d"): 28,  # brainpoolP512r1
}


def curve_of(chain: tuple[bytes, ...]) -> int | None:
    """Return the named group of the end entity's elliptic curve key, or ``None`` where none is found."""
    if not chain:
        return None
    _, found, rest = chain[0].partition(_EC_PUBLIC_KEY)
    if not found or len(rest) < 2:
        return None
    return _CURVES.get(rest[: 2 + rest[1]])
