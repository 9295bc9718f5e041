"""How the certificates of a chain hang together: which of those that were sent signed which, whatever their order.

A link is the issuer's name and, where it can be verified, the signature; where it cannot, what the key identifiers say. The work is
bounded whatever was sent: so many certificates, so many signatures, and no key of a size that nobody uses.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailtls.remembering import MIB, remembered
from mailtls.tls.certificate import MAX_CERTIFICATE, MAX_CHAIN, load, read_certificate
from mailtls.tls.publickey import read_public_key
from mailtls.trust.distinguished import is_named_as_issuer
from mailtls.trust.tlsa import public_key_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SIGNATURES = 40
"""Signatures that are verified to arrange or to follow one chain; a real one takes as many as it has certificates."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A chain as its certificates hang together.

    Args:
        sent: each certificate once, in the order in which they came, the first :data:`~mailtls.tls.certificate.MAX_CHAIN` of them.
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


def is_signed_by(der: bytes, issuer: bytes) -> bool | None:
    """Whether a certificate's signature is by another's key; ``None`` where that cannot be verified, or would cost too much."""
    key = public_key_of(issuer)
    return None if key is None else is_signed_by_key(der, key)


@remembered(16 * MIB)
def is_signed_by_key(der: bytes, key: bytes) -> bool | None:
    """Whether a certificate's signature is by a key; ``None`` as in :func:`is_signed_by`.

    Args:
        der: the certificate.
        key: a SubjectPublicKeyInfo, as it stands in a certificate or in a TLSA record.

    """
    certificate = load(der)
    if certificate is None or len(key) > MAX_CERTIFICATE or not read_public_key(key).is_bounded:
        return None
    try:
        issuer = load_der_public_key(key)
        signature, octets = certificate.signature, certificate.tbs_certificate_bytes
        if isinstance(issuer, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            issuer.verify(signature, octets)
            return True
        digest = certificate.signature_hash_algorithm
        if digest is None:
            return None
        if isinstance(issuer, rsa.RSAPublicKey):
            issuer.verify(signature, octets, certificate.signature_algorithm_parameters, digest)  # type: ignore[arg-type]  # else it raises
        elif isinstance(issuer, dsa.DSAPublicKey):
            issuer.verify(signature, octets, digest)
        elif isinstance(issuer, ec.EllipticCurvePublicKey):
            issuer.verify(signature, octets, ec.ECDSA(digest))
        else:
            return None
    except InvalidSignature:
        return False
    except Exception:  # noqa: BLE001 - what hostile DER makes a library raise is in no list of it; nothing can be said then
        return None
    return True


def is_self_signed(der: bytes) -> bool:
    """Whether a certificate is signed by its own key, as far as that can be told."""
    return read_certificate(der).self_issued and is_signed_by(der, der) is not False


@remembered(8 * MIB)
def arrange(chain: tuple[bytes, ...]) -> Arrangement:
    """Find out how a chain hangs together, from its end entity upwards: every link of it, for who explains why it leads nowhere.

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


@remembered(8 * MIB)
def path_from(chain: tuple[bytes, ...], unsent: bytes, at: datetime) -> tuple[bytes, ...]:
    """Return the certificates from the end entity on, each signed by the next, up to one that signed itself: the one path that a sender takes.

    As OpenSSL does, the first certificate that fits and is valid is taken at each step, else of those that fit the one that was valid last;
    and there is no way back. Servers send what works with that. A signature that cannot be verified fits nowhere, since no sender verifies it
    either.

    Args:
        chain: DER as sent, end entity first.
        unsent: a certificate of a TLSA record, that need not be sent (RFC 7671 section 5.2.3); or none.
        at: the time that validity is judged for, in UTC.

    """
    pool = [der for der in dict.fromkeys((*chain[1:], unsent)) if der and der != chain[0]]
    path = [chain[0]]
    patience = MAX_SIGNATURES
    while not (is_named_as_issuer(path[-1], path[-1]) and is_signed_by(path[-1], path[-1])):
        fitting = [der for der in pool if der not in path and is_named_as_issuer(der, path[-1])][:patience]
        patience -= len(fitting)
        signers: list[bytes] = []
        for der in fitting:
            if is_signed_by(path[-1], der):
                signers.append(der)
                if is_valid_at(der, at):
                    break
        if not signers:
            break
        path.append(signers[-1] if is_valid_at(signers[-1], at) else max(signers, key=_end))
    return tuple(path)


def is_valid_at(der: bytes, at: datetime) -> bool:
    """Whether a time lies within a certificate's validity; not where that cannot be read."""
    read = read_certificate(der)
    return read.not_before is not None and read.not_after is not None and read.not_before <= at <= read.not_after


def _end(der: bytes) -> datetime:
    return read_certificate(der).not_after or datetime.min.replace(tzinfo=UTC)
