"""How the certificates of a chain hang together: which of those that were sent signed which, whatever their order.

A link is the issuer's name and, where it can be verified, the signature; where it cannot, what the key identifiers say. The work is
bounded whatever was sent: so many certificates, so many signatures, and no key of a size that nobody uses.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature

from mailtls.remembering import MIB, remembered
from mailtls.tls.certificate import UNREADABLE, load, read_certificate

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHAIN = 20
"""Certificates of one chain that are looked at; real chains have two to five."""
MAX_SIGNATURES = 60
"""Signatures that are verified to arrange one chain; a real one takes as many as it has certificates."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A chain as its certificates hang together.

    Args:
        sent: each certificate once, in the order in which they came, the first :data:`MAX_CHAIN` of them.
        issuers: for the end entity, and everything that is above it, which of the others signed it; none where that was not sent.

    """

    sent: tuple[bytes, ...]
    issuers: Mapping[bytes, tuple[bytes, ...]]

    @property
    def tops(self) -> tuple[bytes, ...]:
        """The certificates at which the chain ends, as it was sent."""
        return tuple(der for der, issuers in self.issuers.items() if not issuers)

    @property
    def is_ordered(self) -> bool:
        """Whether no certificate stands before all those that it signed (RFC 8446 section 4.4.2)."""
        place = {der: number for number, der in enumerate(self.sent)}
        first: dict[bytes, int] = {}
        for der, issuers in self.issuers.items():
            for issuer in issuers:
                first[issuer] = min(place[der], first.get(issuer, place[der]))
        return all(place[issuer] > number for issuer, number in first.items())


@remembered(16 * MIB)
def is_signed_by(der: bytes, issuer: bytes) -> bool | None:
    """Whether a certificate's signature is another's; ``None`` where that cannot be verified, or would cost too much."""
    key = read_certificate(issuer).key
    child, parent = load(der), load(issuer)
    if key is None or not key.is_bounded or child is None or parent is None:
        return None
    try:
        child.verify_directly_issued_by(parent)
    except InvalidSignature:
        return False
    except UNREADABLE:
        return None
    return True


def is_self_signed(der: bytes) -> bool:
    """Whether a certificate is signed by its own key, as far as that can be told."""
    return read_certificate(der).self_issued and is_signed_by(der, der) is not False


@remembered(8 * MIB)
def arrange(chain: tuple[bytes, ...]) -> Arrangement:
    """Find out how a chain hangs together, from its end entity upwards.

    Args:
        chain: DER as sent, end entity first.

    """
    sent = tuple(dict.fromkeys(chain[:MAX_CHAIN]))
    issuers: dict[bytes, tuple[bytes, ...]] = {}
    waiting = deque(sent[:1])
    left = MAX_SIGNATURES
    while waiting:
        der = waiting.popleft()
        if der in issuers or load(der) is None:
            continue
        name = read_certificate(der).issuer_name
        found = []
        for other in sent:
            if other == der or read_certificate(other).subject_name != name:
                continue
            signed = is_signed_by(der, other) if left > 0 else None
            left -= 1
            if signed or (signed is None and _may_be_of(der, other)):
                found.append(other)
        issuers[der] = tuple(found)
        waiting.extend(found)
    return Arrangement(sent, issuers)


def _may_be_of(der: bytes, issuer: bytes) -> bool:
    """Whether the key identifiers of two certificates do not speak against a link."""
    wanted, has = read_certificate(der).extensions.authority_key, read_certificate(issuer).extensions.subject_key
    return wanted is None or has is None or wanted == has
