"""DANE (RFC 7671, RFC 7672 section 3): whether a TLSA record vouches for a certificate chain, as the server sent it.

A chain is followed as a sender's library follows it, from the end entity to whoever signed it, and no anchor but the record counts.
Nothing is verified with a key that is beyond what such libraries bear, and not more often than any honest chain needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailtls.readable import readable
from mailtls.remembering import MIB, remembered
from mailtls.tls.certificate import MAX_CHAIN, all_names, load, quietly, read_certificate
from mailtls.trust.distinguished import comparable, distinguished, is_named_as_issuer
from mailtls.trust.links import is_signed_by_key, is_valid_at, path_from
from mailtls.trust.names import any_name_matches
from mailtls.trust.tlsa import CERTIFICATE, END_ENTITY, FULL, PUBLIC_KEY, TLSA, TRUST_ANCHOR, speaks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mailtls.tls.certificate import Certificate
    from mailtls.trust.distinguished import Name


@dataclass(frozen=True, slots=True)
class Vouching:
    """What one record says of one chain.

    Args:
        record: the record.
        depth: of the certificate in the chain that it speaks of, 0 for the end entity's; an issuer that was not sent stands one beyond the
            last. ``None`` where it speaks of none.
        code: the TLS-RPT result type (RFC 8460 section 4.3) of what stands against it; empty where the record vouches for the chain.
        why: that, in words.

    """

    record: TLSA
    depth: int | None
    code: str = ""
    why: str = ""

    @property
    def holds(self) -> bool:
        """Whether the record vouches for the chain."""
        return self.depth is not None and not self.code


def vouch(record: TLSA, chain: Sequence[bytes], names: Iterable[str], at: datetime) -> Vouching:
    """Say whether a record vouches for a chain. Never raises, whatever the chain is.

    Args:
        record: a usable one.
        chain: DER as sent, end entity first.
        names: the reference identifiers (RFC 7672 section 3.2.2), of which usage 2 needs one in the certificate.
        at: the time that validity is judged for, in UTC. It matters to usage 2 only, as the names do (RFC 7671 section 5.1).

    """
    if not chain:
        return Vouching(record, None, "tlsa-invalid", "the server sent no certificate")
    if record.usage == END_ENTITY:
        if speaks_of(record, chain[0]):
            return Vouching(record, 0)
        return Vouching(record, None, "tlsa-invalid", "it is not of the server's certificate")
    if record.usage != TRUST_ANCHOR:
        return Vouching(record, None, "tlsa-invalid", "it is of no usage that a sender takes")
    return _vouch_as_anchor(record, tuple(chain[:MAX_CHAIN]), tuple(names), at)


@remembered(8 * MIB)
@quietly()
def _vouch_as_anchor(record: TLSA, chain: tuple[bytes, ...], names: tuple[str, ...], at: datetime) -> Vouching:
    full = record.data if record.matching_type == FULL else b""
    path = path_from(chain, full if record.selector == CERTIFICATE else b"", at)
    depth = next((place for place, der in enumerate(path) if place and speaks_of(record, der)), None)
    if depth is None and record.selector == PUBLIC_KEY and full and is_signed_by_key(path[-1], full):
        depth = len(path)
    if depth is None:
        return Vouching(record, None, "tlsa-invalid", "it is of no issuer that the certificate was followed to")
    # The key of an anchor that stands in a record or was sent is all that is needed of it; of a root OpenSSL looks at the dates as well.
    dated = depth if depth < len(path) and not is_named_as_issuer(path[depth], path[depth]) else depth + 1
    objection = _objection(path[: depth + 1], names, at, dated)
    return Vouching(record, depth, *(objection or ()))


def first_that_holds(found: Sequence[Vouching]) -> Vouching | None:
    """Return what decides about a chain: a record that vouches for it, else the one that came nearest; ``None`` without records."""
    return next((v for v in found if v.holds), None) or next((v for v in found if v.depth is not None), None) or (found[0] if found else None)


# What may stand against a chain that leads to the record.


def _objection(path: Sequence[bytes], names: tuple[str, ...], at: datetime, dated: int) -> tuple[str, str] | None:
    """Return code and words of what makes a sender refuse a chain although it leads to a record's anchor; ``None`` where nothing does.

    Args:
        path: end entity first, up to the anchor, or up to what an anchor that was not sent has signed.
        names: the reference identifiers.
        at: when.
        dated: how many of them, from the end entity on, have to be valid then.

    """
    below = 0  # intermediates below an issuer, of which those that carry its own name on to another key do not count
    for place, der in enumerate(path):
        said = read_certificate(der)
        which = "the certificate" if place == 0 else f"the issuer {said.subject!r}"
        if place < dated and not is_valid_at(der, at):
            return _undated(said, which, at)
        try:
            objection = _leaf_objection(der) if place == 0 else _issuer_objection(der, below)
        except Exception:  # noqa: BLE001 - extensions are parsed only now, and hostile ones fail in many ways
            objection = "has extensions that cannot be read"
        if objection:
            return "certificate-not-trusted", f"{which} {objection}"
        below += place > 0 and not is_named_as_issuer(der, der)
    presented = presented_names(path[0])
    if any(_is_excluded(presented, path[:place], der) for place, der in enumerate(path) if place):
        return "certificate-not-trusted", "an issuer may not certify the names that it does"
    if not any(any_name_matches(presented, name) for name in names):
        return "certificate-host-mismatch", f"the certificate names none of {', '.join(names)}"
    return None


def _undated(said: Certificate, which: str, at: datetime) -> tuple[str, str]:
    if said.not_after is None or said.not_before is None:
        return "certificate-not-trusted", f"the validity of {which} cannot be read"
    if said.not_after < at:
        return "certificate-expired", f"{which} expired on {said.not_after:%Y-%m-%d}"
    return "certificate-not-trusted", f"{which} is not valid before {said.not_before:%Y-%m-%d}"


@quietly()
def presented_names(der: bytes) -> tuple[str, ...]:
    """Return the names that a certificate presents: its dNSNames, or its common names where it has none (RFC 7672 section 3.2.3); escaped."""
    said, parsed = read_certificate(der), load(der)
    if said.names or parsed is None or any(problem.startswith("subject alternative names") for problem in said.problems):
        return all_names(der)
    try:
        return tuple(readable(str(a.value).lower(), 255) for a in parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    except Exception:  # noqa: BLE001 - a name that cannot be read names nobody
        return ()


def _extension(der: bytes, kind: type[x509.ExtensionType]) -> x509.ExtensionType | None:
    parsed = load(der)
    assert parsed is not None, "a path consists of certificates that can be parsed"
    return next((extension.value for extension in parsed.extensions if isinstance(extension.value, kind)), None)


def _leaf_objection(der: bytes) -> str:
    usage, purposes = _extension(der, x509.KeyUsage), _extension(der, x509.ExtendedKeyUsage)
    if isinstance(usage, x509.KeyUsage) and not (usage.digital_signature or usage.key_encipherment or usage.key_agreement):
        return "has a key that is not for TLS, by its key usage"
    return _common_objection(der) or ("" if _serves(purposes) else "is not for TLS servers, by its extended key usage")


def _issuer_objection(der: bytes, below: int) -> str:
    constraints, usage = _extension(der, x509.BasicConstraints), _extension(der, x509.KeyUsage)
    if not isinstance(constraints, x509.BasicConstraints):
        parsed = load(der)
        first = parsed is not None and parsed.version is x509.Version.v1 and read_certificate(der).self_issued
        return "" if first else "is no certificate authority"  # before version 3 nothing could say so
    if not constraints.ca:
        return "is no certificate authority"
    if constraints.path_length is not None and below > constraints.path_length:
        return "may not stand so far above a server's certificate"
    if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
        return "may not sign certificates, by its key usage"
    return _common_objection(der) or ("" if _serves(_extension(der, x509.ExtendedKeyUsage)) else "is not for TLS servers")


# The last two are of the time when strong encryption was an exception; OpenSSL takes them, and anyExtendedKeyUsage it does not.
_FOR_SERVERS = frozenset(
    {ExtendedKeyUsageOID.SERVER_AUTH, x509.ObjectIdentifier("2.16.840.1.113730.4.1"), x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3")}
)


def is_for_servers(purposes: Iterable[x509.ObjectIdentifier]) -> bool:
    """Whether an extended key usage is one with which senders take a certificate for a server's, or for an issuer of such."""
    return not _FOR_SERVERS.isdisjoint(purposes)


def _serves(purposes: x509.ExtensionType | None) -> bool:
    return not isinstance(purposes, x509.ExtendedKeyUsage) or is_for_servers(purposes)


# What OpenSSL heeds where it is critical. Ours knows more (key identifiers, where to ask for status, the demand for a staple, the mark of
# what was never issued), and those make a sender refuse a certificate (RFC 5280 section 4.2).
_HEEDED = frozenset(
    map(
        x509.ObjectIdentifier,
        (
            "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.37", "2.5.29.54",
            "1.3.6.1.5.5.7.48.1.5", "2.16.840.1.113730.1.1",
        ),
    )
)  # fmt: skip


def _common_objection(der: bytes) -> str:
    return "has a critical extension that senders do not know" if has_unknown_critical(der) else ""


def has_unknown_critical(der: bytes) -> bool:
    """Whether a certificate has a critical extension for which senders refuse it. Raises what the library raises for extensions that are none."""
    parsed = load(der)
    assert parsed is not None
    return any(extension.critical and extension.oid not in _HEEDED for extension in parsed.extensions)


def _is_excluded(presented: Iterable[str], below: Sequence[bytes], issuer: bytes) -> bool:
    """Whether an issuer's name constraints exclude a name below it (RFC 5280 section 4.2.1.10): dNSNames, and subjects."""
    try:
        constraints = _extension(issuer, x509.NameConstraints)
        if not isinstance(constraints, x509.NameConstraints):
            return False
        permitted, excluded = constraints.permitted_subtrees or (), constraints.excluded_subtrees or ()
        trees = [[base.value for base in bases if isinstance(base, x509.DNSName)] for bases in (permitted, excluded)]
        if any(_lies_in(name, trees[1]) or (trees[0] and not _lies_in(name, trees[0])) for name in presented):
            return True
        heads = [[comparable(base.value) for base in bases if isinstance(base, x509.DirectoryName)] for bases in (permitted, excluded)]
        subjects = [distinguished(der, "subject") for place, der in enumerate(below) if place == 0 or not is_named_as_issuer(der, der)]
        return any(_begins(name, heads[1]) or (heads[0] and not _begins(name, heads[0])) for name in subjects if name)
    except Exception:  # noqa: BLE001 - constraints that cannot be read cannot be heeded
        return True


def _begins(name: Name, heads: Iterable[Name]) -> bool:
    return any(name[: len(head)] == head for head in heads)


def _lies_in(name: str, bases: Iterable[str]) -> bool:
    return any(not base or name == base.lower() or name.endswith(f".{base.lower().removeprefix('.')}") for base in bases)
