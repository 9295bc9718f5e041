"""How strong keys are, in bits of security, by which those of different kinds compare: NIST SP 800-57 part 1 revision 5, table 2.

Edwards curves: NIST SP 800-186 table 1. ML-DSA: FIPS 204 table 1.
"""

from __future__ import annotations

_FACTORED = ((15360, 256), (7680, 192), (3072, 128), (2048, 112), (1024, 80))
_CURVES = ((512, 256), (384, 192), (256, 128), (224, 112), (160, 80))
_TABLES = {"RSA": _FACTORED, "DSA": _FACTORED, "ECDSA": _CURVES}
_FIXED = {"Ed25519": 128, "Ed448": 224, "ML-DSA-44": 128, "ML-DSA-65": 192, "ML-DSA-87": 256}

SUFFICIENT = 112
"""Bits of security that RSA with 2048 bits has, and a curve of 224: the least that RFC 9325 section 4.5 lets servers have, and what NIST allows
until 2030. A key that is weaker than before, and has these, is no regression."""
SUFFICIENT_FIELD = 2048
"""Bits of a finite field that has as many (RFC 9325 section 4.1)."""


def key_strength(key_type: str, bits: int) -> int | None:
    """Return bits of security; 0 for fewer than 80, ``None`` for a kind that is not known.

    Args:
        key_type: as in :class:`~mailtls.tls.publickey.PublicKey`.
        bits: of the modulus, or of the field of a curve.

    """
    if key_type in _FIXED:
        return _FIXED[key_type]
    table = _TABLES.get(key_type)
    return None if table is None else next((strength for least, strength in table if bits >= least), 0)
