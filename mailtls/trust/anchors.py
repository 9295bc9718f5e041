"""Trust anchors, the authorities that were met below them, and whether a path leads from a certificate to one of them (RFC 5280)."""

from __future__ import annotations

import hashlib
import warnings
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification

from mailtls.readable import readable
from mailtls.remembering import MIB, remembered
from mailtls.tls.certificate import MAX_CHAIN, UNREADABLE, load, read_certificate
from mailtls.trust.dane import has_unknown_critical, is_for_servers
from mailtls.trust.distinguished import distinguished
from mailtls.trust.links import is_self_signed
from mailtls.trust.senders import leads_to

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_KNOWN = 2_000
"""Authorities that are remembered. All partners of the world together have a few hundred."""

MAX_TRIED = 4
"""Anchors of the right name that are tried where the library finds no path."""
_SECOND = timedelta(seconds=1)

# Where the library gives up, instead of finding that there is no path: its limits are ours, and no fault of the chain.
_GAVE_UP = ("signature check limit", "exceeds max depth")


class NoAnchors(ValueError):  # noqa: N818 - it names what the file holds
    """A trust store without a single usable certificate."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownAuthorities:
    """Certificates of authorities that were met between an end entity and a trust anchor, by their names in DER.

    Only what an anchor vouched for is in it, so that no stranger can put anything here, or push anything out.
    """

    by_name: Mapping[bytes, tuple[bytes, ...]] = field(default_factory=dict)

    def learn(self, path: Path) -> KnownAuthorities:
        """Return these authorities, and those of a path; names that were learnt first go where there are too many."""
        new = [(name, der) for der in path.between if der not in self.named(name := read_certificate(der).subject_name)]
        if not new:
            return self
        by_name = dict(self.by_name)
        for name, der in new:
            by_name[name] = (*by_name.get(name, ()), der)
        while sum(map(len, by_name.values())) > MAX_KNOWN:
            del by_name[next(iter(by_name))]
        return KnownAuthorities(by_name)

    def named(self, name: bytes) -> tuple[bytes, ...]:
        """Return the authorities of a name."""
        return self.by_name.get(name, ())


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
        read = [read_certificate(certificate.public_bytes(Encoding.DER)) for certificate in certificates]
        self.subjects = frozenset(anchor.subject_name for anchor in read)
        self._by_name: dict[object, list[bytes]] = {}
        for der in (certificate.public_bytes(Encoding.DER) for certificate in certificates):
            self._by_name.setdefault(distinguished(der, "subject"), []).append(der)
        self._keys = frozenset((anchor.subject_name, anchor.key.sha256) for anchor in read if anchor.key is not None)
        self.known = KnownAuthorities()
        """Authorities met below the anchors. No judgement of trust rests on them; they explain one."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Anchors) and other.sha256 == self.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def knowing(self, known: KnownAuthorities) -> Anchors:
        """Return the same anchors, with other authorities known below them."""
        other = copy(self)
        other.known = known
        return other

    def named_as_issuers_of(self, chain: tuple[bytes, ...]) -> list[bytes]:
        """Return the anchors, as DER, by whose names the certificates of a chain are issued, however these are written."""
        names = dict.fromkeys(name for der in chain if (name := distinguished(der, "issuer")) is not None)
        return [der for name in names for der in self._by_name.get(name, ())]

    def are_those_of(self, der: bytes) -> bool:
        """Whether a certificate has the name and the key of one of the anchors."""
        read = read_certificate(der)
        return read.key is not None and (read.subject_name, read.key.sha256) in self._keys


@dataclass(frozen=True, slots=True)
class Path:
    """A path that leads to an anchor: DER of the end entity first, of the anchor last."""

    certificates: tuple[bytes, ...]

    @property
    def between(self) -> tuple[bytes, ...]:
        """Its authorities without the anchor."""
        return self.certificates[1:-1]


@dataclass(frozen=True, slots=True)
class NoPath:
    """No path was found: why, and whether that is for a limit of ours, so that it says nothing about the chain."""

    why: str
    is_undecided: bool = False


def find_path(chain: tuple[bytes, ...], anchors: Anchors, at: datetime) -> Path | NoPath:
    """Look for a path from an end entity to an anchor, for a TLS server, whatever its names are.

    Args:
        chain: DER as sent, end entity first.
        anchors: the trust anchors.
        at: the time at which it has to hold, in UTC. Rounded to the hour, so that a chain met at many endpoints is verified once;
            but never back to before one of its certificates, or an anchor that it names, was issued or expired.

    """
    looked_at = chain[:MAX_CHAIN]
    read = [read_certificate(der) for der in (*looked_at, *anchors.named_as_issuers_of(looked_at))]
    turns = [each.not_before for each in read if each.not_before is not None and each.not_before <= at]
    turns += [each.not_after + _SECOND for each in read if each.not_after is not None and each.not_after < at]
    found = _find_path(looked_at, anchors, max(at.replace(minute=0, second=0, microsecond=0), *turns, datetime.min.replace(tzinfo=UTC)))
    if isinstance(found, NoPath) and len(chain) > MAX_CHAIN:
        return NoPath(f"the chain has {len(chain)} certificates, of which {MAX_CHAIN} were looked at", is_undecided=True)
    return found


def _serves(_policy: verification.Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage is not None and not is_for_servers(usage):
        raise ValueError("its extended key usage does not include serverAuth")


def _is_for_tls(_policy: verification.Policy, _leaf: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not (usage.digital_signature or usage.key_encipherment or usage.key_agreement):
        raise ValueError("its key usage allows nothing that TLS needs")


# The library checks a name with every server chain; its client verifier with our own rule for the key usage judges the chain alone.
# Left to itself, that verifier would ask for clientAuth of authorities, too, and turn away those that certify servers only.
_AGNOSTIC = verification.Criticality.AGNOSTIC
_LEAF = (
    verification.ExtensionPolicy.permit_all()
    .may_be_present(x509.ExtendedKeyUsage, _AGNOSTIC, _serves)
    .may_be_present(x509.KeyUsage, _AGNOSTIC, _is_for_tls)
)
_CA = verification.ExtensionPolicy.webpki_defaults_ca().may_be_present(x509.ExtendedKeyUsage, _AGNOSTIC, _serves)


@remembered(16 * MIB)
def _find_path(chain: tuple[bytes, ...], anchors: Anchors, at: datetime) -> Path | NoPath:
    leaf = load(chain[0])
    if leaf is None:
        return NoPath("the certificate cannot be read")
    # One that signed itself is an anchor, or no step of any path; the library would go round in it.
    others = {parsed: der for der in chain[1:] if (parsed := load(der)) is not None and not is_self_signed(der)}
    dear = [der for der in others.values() if _is_dear(der)]
    cheap = [parsed for parsed, der in others.items() if der not in dear]
    builder = verification.PolicyBuilder().store(anchors.store).time(at).max_chain_depth(MAX_CHAIN)
    whole = {leaf: chain[0], **others}
    try:
        verified = builder.extension_policies(ca_policy=_CA, ee_policy=_LEAF).build_client_verifier().verify(leaf, cheap)
        found = tuple(whole.get(certificate) or certificate.public_bytes(Encoding.DER) for certificate in verified.chain)
        if not any(map(has_unknown_critical, found)):
            return Path(found)
        why = "a certificate has a critical extension that senders do not know"
    except (verification.VerificationError, *UNREADABLE) as error:
        why = readable(str(error).split("(encountered processing")[0].strip(), 200)
    # The library asks for more than those do with which mail is sent: what satisfies them is trusted.
    for anchor in anchors.named_as_issuers_of(chain)[:MAX_TRIED]:
        if path := leads_to(chain, anchor, at):
            return Path(path)
    wanted = {read_certificate(der).issuer_name for der in chain}
    in_the_way = next((read for der in dear if (read := read_certificate(der)).subject_name in wanted), None)
    if in_the_way is not None:
        return NoPath(f"the key of '{in_the_way.subject}' is too large to verify a signature with", is_undecided=True)
    return NoPath(why, is_undecided=any(words in why for words in _GAVE_UP))


def _is_dear(der: bytes) -> bool:
    key = read_certificate(der).key
    return key is not None and key.kind in ("RSA", "DSA") and not key.is_bounded
