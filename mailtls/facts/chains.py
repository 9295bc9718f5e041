"""Facts of the chains that an endpoint sends, and of what is odd about its certificates; none of them is about trust."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mailtls.facts.certificates import chains_of, of_all
from mailtls.facts.declaration import Better, Fact, Kind, Scope
from mailtls.facts.shapes import TEXT, listed, made_of, words
from mailtls.model import Cause, Known, Stage, Unknown
from mailtls.tls.certificate import read_certificate
from mailtls.tls.extensions import DIGITAL_SIGNATURE
from mailtls.tls.oids import SERVER_AUTH
from mailtls.trust.chain import chain_problems, signed_below_anchor
from mailtls.trust.links import is_self_signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.evidence import ScanEvidence
    from mailtls.model import Reading
    from mailtls.tls.certificate import Certificate
    from mailtls.trust.pkix import Anchors

_DAY = timedelta(days=1)

ODDITIES = {
    "no-dns-name": "it has no dNSName; its common name counts for nothing (RFC 9525 section 2)",
    "authority": "it is an authority's certificate, signed by another authority",
    "not-for-servers": "its extended key usage does not include serverAuth",
    "cannot-sign": "its key usage does not include digitalSignature (RFC 8446 section 4.4.2.2)",
    "odd-key": "its key is of a form that clients may turn away",
}
"""The codes of ``certificate_oddities``, and what each says."""


def _chain_problems(scan: ScanEvidence, anchors: Anchors) -> Reading[list[dict[str, str]]]:
    at = scan.probes[-1].began if scan.probes else scan.began

    def values(chains: list[tuple[bytes, ...]]) -> list[dict[str, str]]:
        return [
            {"certificate": read_certificate(chain[0]).sha256, "code": problem.code.value, "why": problem.why}
            for chain in chains
            for problem in chain_problems(chain, anchors, at)
        ]

    return of_all(scan, anchors, values)


def _signed(scan: ScanEvidence, anchors: Anchors, chains: list[tuple[bytes, ...]]) -> list[Certificate]:
    at = scan.probes[-1].began if scan.probes else scan.began
    return [read_certificate(der) for chain in chains for der in signed_below_anchor(chain, anchors, at)]


def _algorithms(scan: ScanEvidence, anchors: Anchors) -> Reading[list[str]]:
    return of_all(
        scan, anchors, lambda chains: sorted({read.signature_algorithm or "unreadable" for read in _signed(scan, anchors, chains)})
    )


def _hashes(scan: ScanEvidence, anchors: Anchors) -> Reading[list[str]]:
    reading = of_all(scan, anchors, lambda chains: _signed(scan, anchors, chains))
    signed: Any = reading.value if isinstance(reading, Known) else reading.seen if isinstance(reading, Unknown) else None
    if signed is None:
        return reading
    known = sorted({read.signature_hash for read in signed if read.signature_hash is not None})
    strange = next((read for read in signed if read.signature_hash is None), None)
    if isinstance(reading, Unknown):
        return replace(reading, seen=known)
    if strange is not None:
        detail = f"what the algorithm {strange.signature_algorithm or 'of a signature'} hashes with is not known"
        return Unknown(Cause.PROTOCOL_ERROR, Stage.HANDSHAKE, detail, known)
    return Known(known)


def _validity(scan: ScanEvidence, anchors: Anchors) -> Reading[int]:
    leaves = [read_certificate(chain[0]) for chain in chains_of(scan)]
    unread = next((leaf for leaf in leaves if leaf.not_before is None or leaf.not_after is None), None)
    if unread is not None:
        return Unknown(Cause.PROTOCOL_ERROR, Stage.HANDSHAKE, unread.problems[0] if unread.problems else "")
    return of_all(scan, anchors, lambda _chains: max(map(_days, leaves)))


def _days(leaf: Certificate) -> int:
    """Return the days for which a certificate is valid; one that is begun counts as a whole one."""
    assert leaf.not_before is not None
    assert leaf.not_after is not None
    return max(0, -((leaf.not_before - leaf.not_after) // _DAY))


def _oddities(scan: ScanEvidence, anchors: Anchors) -> Reading[list[dict[str, Any]]]:
    def values(chains: list[tuple[bytes, ...]]) -> list[dict[str, str]]:
        return [
            {"certificate": read_certificate(chain[0]).sha256, "code": code, "why": why}
            for chain in chains
            for code, why in _odd(chain[0], read_certificate(chain[0]))
        ]

    return of_all(scan, anchors, values)


def _odd(der: bytes, leaf: Certificate) -> Iterator[tuple[str, str]]:
    if leaf.key is None:
        return  # there is nothing that could be odd about it
    extensions = leaf.extensions
    codes = {
        "no-dns-name": not extensions.names,
        "authority": extensions.is_authority is True and not is_self_signed(der),
        "not-for-servers": extensions.purposes is not None and SERVER_AUTH not in extensions.purposes,
        "cannot-sign": extensions.key_usage is not None and DIGITAL_SIGNATURE not in extensions.key_usage,
    }
    yield from ((code, ODDITIES[code]) for code, holds in codes.items() if holds)
    if leaf.key.oddity:
        yield "odd-key", leaf.key.oddity


FACTS: tuple[Fact[ScanEvidence], ...] = (
    Fact(
        "chain_problems", Scope.ENDPOINT, Kind.LIST, Better.NEITHER,
        "What is wrong with each chain as it was sent: why it leads to no trust anchor, and what is out of order or superfluous.",
        "RFC 8446 section 4.4.2", _chain_problems, quick=False,
        parts=listed(made_of(certificate=TEXT, code=TEXT, why=TEXT)),
    ),
    Fact(
        "chain_signature_algorithms", Scope.ENDPOINT, Kind.LIST, Better.NEITHER,
        "The algorithms with which the certificates of all chains are signed, below the trust anchor.",
        "RFC 5280 section 4.1.1.2", _algorithms, quick=False,
    ),
    Fact(
        "chain_signature_hashes", Scope.ENDPOINT, Kind.LIST, Better.NEITHER,
        "The hashes of those signatures; SHA-1 and MD5 are broken.",
        "RFC 9325 section 4.5", _hashes, quick=False,
    ),
    Fact(
        "certificate_validity_days", Scope.ENDPOINT, Kind.NUMBER, Better.NEITHER,
        "For how long the certificates are valid from their first day to their last, the longest of them.",
        "RFC 5280 section 4.1.2.5", _validity, unit="days", quick=False,
    ),
    Fact(
        "certificate_oddities", Scope.ENDPOINT, Kind.LIST, Better.NEITHER,
        "What of the end-entity certificates clients may stumble over: names, key usage, or the form of the key.",
        "RFC 5280 section 4.2.1", _oddities, quick=False,
        parts=listed(made_of(certificate=TEXT, code=words(*ODDITIES), why=TEXT)),
    ),
)  # fmt: skip
