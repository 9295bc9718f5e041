"""Known weaknesses that follow from what a server accepts: derived from its suites, versions and keys, never tried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.facts.pictures import is_complete, why_open
from mailtls.model import Known
from mailtls.tls.names import cipher_suite_name
from mailtls.tls.picture import Picture
from mailtls.tls.suites import is_strong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.evidence import ScanEvidence
    from mailtls.model import Reading

SMALL_PRIME = 1024
"""Bits up to which a prime can be broken by an adversary with the means of a state (the Logjam paper, 2015)."""


def weaknesses(picture: Picture) -> Iterator[str]:
    """Yield the name of each weakness that is seen, in a fixed order.

    ``null``: no encryption. ``anonymous``: no authentication. ``export``: keys of 40 or 56 bits by design. ``freak``: export with RSA.
    ``logjam``: export with DHE, or a prime of at most 1024 bits. ``rc4`` (RFC 7465), ``des``, ``sweet32`` (a block of 64 bits: 3DES,
    IDEA, RC2). ``drown``: SSLv2. ``poodle``: SSLv3 with CBC. ``cbc-only``: nothing better than CBC with an ephemeral key exchange.
    """
    yield from (name for name, holds in _held(picture).items() if holds)


def _held(picture: Picture) -> dict[str, bool]:
    names = {cipher_suite_name(code) for found in picture.accepted.values() for code in found}
    primes = [a.key_bits for answers in picture.answers.values() for a in answers if a.prime]
    export = {name for name in names if "EXPORT" in name}
    return {
        "null": any("_WITH_NULL" in name for name in names),
        "anonymous": any("_anon_" in name for name in names),
        "export": bool(export),
        "freak": any(name.startswith("TLS_RSA_EXPORT") for name in export),
        "logjam": any(name.startswith("TLS_DHE_") for name in export) or min(primes, default=2048) <= SMALL_PRIME,
        "rc4": any("RC4" in name for name in names),
        "des": any("_DES_CBC" in name or "_DES_64" in name for name in names),
        "sweet32": any(cipher in name for name in names for cipher in ("3DES", "DES_192_EDE3", "IDEA", "RC2")),
        "drown": "SSLv2" in picture.accepted,
        "poodle": any("_CBC_" in cipher_suite_name(code) for code in picture.accepted.get("SSLv3", ())),
        "cbc-only": not any(is_strong(code) for version, found in picture.accepted.items() if version != "SSLv2" for code in found),
    }


WEAKNESSES = tuple(_held(Picture()))


def read_weaknesses(picture: Picture, scan: ScanEvidence) -> Reading[list[str]]:
    """Return the whole list where the set of suites is whole, else what was seen so far."""
    seen = list(weaknesses(picture))
    return Known(seen) if is_complete(picture) else why_open(scan, seen)
