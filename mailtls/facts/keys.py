"""Facts of the keys of an endpoint's certificates: whether they are strong enough, and how strong the weakest is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailtls.facts.certificates import chains_of, excess_of, good_so_far
from mailtls.facts.declaration import Better, Check, Fact, Kind, Scope
from mailtls.facts.handshake import without_tls
from mailtls.model import Cause, Known, Stage, Unknown
from mailtls.tls.certificate import read_certificate
from mailtls.tls.strength import SUFFICIENT, key_strength

if TYPE_CHECKING:
    from mailtls.evidence import ScanEvidence
    from mailtls.model import Reading
    from mailtls.tls.certificate import Certificate
    from mailtls.trust.pkix import Anchors


def _strengths(scan: ScanEvidence) -> list[int | Unknown]:
    return [_strength(read_certificate(chain[0])) for chain in chains_of(scan)]


def _strength(leaf: Certificate) -> int | Unknown:
    strength = key_strength(leaf.key_type or "", leaf.key_bits or 0)
    if strength is not None and leaf.key_bits is not None:
        return strength
    why = leaf.problems[0] if leaf.problems else f"how strong a key of the kind {leaf.key_type} is, is not known"
    return Unknown(Cause.PROTOCOL_ERROR, Stage.HANDSHAKE, why)


def _is_sufficient(scan: ScanEvidence, anchors: Anchors) -> Reading[bool]:
    """Whether every key is worth at least 2048 bits of RSA: one that is not decides, whatever is open beside it."""
    strengths = _strengths(scan)
    if not strengths:
        return without_tls(scan, anchors)
    if any(isinstance(strength, int) and strength < SUFFICIENT for strength in strengths):
        return Known(value=False)
    return good_so_far(scan, next((strength for strength in strengths if isinstance(strength, Unknown)), None))


def _weakest(scan: ScanEvidence, anchors: Anchors) -> Reading[int]:
    strengths = _strengths(scan)
    if not strengths:
        return without_tls(scan, anchors)
    found = []
    for strength in strengths:
        if isinstance(strength, Unknown):
            return strength
        found.append(strength)
    excess = excess_of(scan)
    return Known(min(found)) if excess is None else replace(excess, seen=min(found))


FACTS: tuple[Fact[ScanEvidence], ...] = (
    Fact(
        "certificate_key_sufficient", Scope.ENDPOINT, Kind.BOOL, Better.TRUE,
        "The key of each certificate that was seen has at least 2048 bits (RSA), or 224 (elliptic curves).",
        "RFC 9325 section 4.5", _is_sufficient,
    ),
    Fact(
        "certificate_key_strength", Scope.ENDPOINT, Kind.NUMBER, Better.MORE,
        "Bits of security of the weakest key of the certificates that were seen, by which RSA and elliptic curves compare: RSA with 2048 bits "
        "has 112, a curve of 256 bits 128.",
        "NIST SP 800-57 part 1 revision 5 section 5.6.1", _weakest, unit="bits",
        checks=(
            Check(
                "key_strength", "a key is smaller than before, and worth less than 2048 bits of RSA",
                lambda bits: float(min(bits, SUFFICIENT)), shown=lambda bits: f"{bits} bits of security",
            ),
        ),
    ),
)  # fmt: skip
