"""PKIX (RFC 5280): does a chain, as the server sent it, lead to a trust anchor? Whatever its names are."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from mailtls.smtp.reply import readable
from mailtls.tls.certificate import UNREADABLE, load, read_certificate

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CHAIN = 20
"""Certificates of one chain that are looked at; real chains have two to five."""


class NoAnchors(ValueError):  # noqa: N818 - it names what the file holds
    """A trust store without a single usable certificate."""


class Anchors:
    """A set of trust anchors. Compared and hashed by content, so that judgements may be remembered."""

    def __init__(self, pem: bytes, name: str) -> None:
        """Read anchors from PEM.

        Args:
            pem: one or more certificates.
            name: what to call the store in messages, e.g. its path.

        Raises:
            NoAnchors: there is none in it, or one of them is broken.

        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # some roots have serial numbers of before the rules
                certificates = x509.load_pem_x509_certificates(pem)
        except ValueError as error:
            raise NoAnchors(f"{name}: {error}") from error
        self.name = name
        self.count = len(certificates)
        self.sha256 = hashlib.sha256(pem).hexdigest()
        self.store = verification.Store(certificates)
        self.subjects = frozenset(octets for certificate in certificates if (octets := _octets_of(certificate, "subject")) is not None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Anchors) and other.sha256 == self.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a chain is trusted; ``code`` (a TLS-RPT result type, RFC 8460 section 4.3) and ``why`` say what speaks against it."""

    trusted: bool
    code: str = ""
    why: str = ""


def judge_chain(chain: Sequence[bytes], anchors: Anchors, at: datetime) -> Judgement:
    """Decide whether a chain leads to one of the anchors, for a TLS server, at a time.

    Args:
        chain: DER as sent, end entity first.
        anchors: the trust anchors.
        at: the time of the handshake, in UTC.

    Returns:
        The judgement. Revocation is not checked, as no mail server checks it.

    """
    if not chain:
        return Judgement(trusted=False, code="certificate-not-trusted", why="the server sent no certificate")
    leaf = read_certificate(chain[0])
    if leaf.not_after is not None and leaf.not_after < at:
        return Judgement(trusted=False, code="certificate-expired", why=f"the certificate expired on {leaf.not_after:%Y-%m-%d}")
    if leaf.not_before is not None and leaf.not_before > at:
        why = f"the certificate is not valid before {leaf.not_before:%Y-%m-%d}"
        return Judgement(trusted=False, code="certificate-not-trusted", why=why)
    # Rounded to the hour, so that a chain met at many endpoints is verified once; but never back to before it was issued.
    issued = (date for der in chain[:MAX_CHAIN] if (date := read_certificate(der).not_before) is not None and date <= at)
    hour = max(at.replace(minute=0, second=0, microsecond=0), *issued, datetime.min.replace(tzinfo=UTC))
    failure = _verify(tuple(chain[:MAX_CHAIN]), anchors, hour)
    if failure is None:
        return Judgement(trusted=True)
    return Judgement(trusted=False, code="certificate-not-trusted", why=_explain(chain, anchors, at, failure))


def _serves(_policy: verification.Policy, _leaf: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage is not None and not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(usage):
        raise ValueError("its extended key usage does not include serverAuth")


# The library checks a name with every server chain; its client verifier with our own rule for the key usage judges the chain alone.
_LEAF = verification.ExtensionPolicy.permit_all().may_be_present(x509.ExtendedKeyUsage, verification.Criticality.AGNOSTIC, _serves)
_CA = verification.ExtensionPolicy.webpki_defaults_ca()


@lru_cache(maxsize=4096)
def _verify(chain: tuple[bytes, ...], anchors: Anchors, at: datetime) -> str | None:
    """Return the library's complaint, or ``None`` where the chain is trusted."""
    leaf = load(chain[0])
    if leaf is None:
        return "the certificate cannot be read"
    intermediates = [parsed for der in chain[1:] if (parsed := load(der)) is not None]
    builder = verification.PolicyBuilder().store(anchors.store).time(at).extension_policies(ca_policy=_CA, ee_policy=_LEAF)
    try:
        builder.build_client_verifier().verify(leaf, intermediates)
    except (verification.VerificationError, *UNREADABLE) as error:
        return readable(str(error).split("(encountered processing")[0].strip(), 200)
    return None


def _explain(chain: Sequence[bytes], anchors: Anchors, at: datetime, failure: str) -> str:
    """Say what is wrong in the words of mail: the library says only that no path was found."""
    parsed = [certificate for der in chain[:MAX_CHAIN] if (certificate := load(der)) is not None]
    if not parsed:
        return failure
    leaf = read_certificate(chain[0])
    if leaf.self_issued:
        return "the certificate is self-signed"
    for der in chain[1:MAX_CHAIN]:
        sent = read_certificate(der)
        if sent.not_after is not None and sent.not_after < at:
            return f"the intermediate {sent.subject!r} expired on {sent.not_after:%Y-%m-%d}"
    subjects = {name: certificate for certificate in parsed[1:] if (name := _octets_of(certificate, "subject")) is not None}
    current = parsed[0]
    for _ in parsed:
        issuer = _octets_of(current, "issuer")
        if issuer is None:
            return "the name of an issuer cannot be read"
        if issuer in anchors.subjects:
            return failure
        if issuer not in subjects or subjects[issuer] is current:
            shown = read_certificate(current.public_bytes(Encoding.DER)).issuer
            return f"its issuer {shown!r} was not sent and is no trust anchor (a missing intermediate, or a CA that is not trusted)"
        current = subjects[issuer]
    return failure


def _octets_of(certificate: x509.Certificate, field: str) -> bytes | None:
    """Return the name in DER, or ``None`` where it cannot be parsed: the library parses names only when they are asked for."""
    try:
        name: x509.Name = getattr(certificate, field)
        return name.public_bytes()
    except UNREADABLE:
        return None
