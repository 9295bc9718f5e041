"""Evidence that is kept beside a state: a scan without its raw hellos, or a route, with its certificates and other large parts apart.

A certificate is kept once, however many scans show it: in a document its SHA-256 stands in its place.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mailtls.evidence import Handshake, RouteEvidence, ScanEvidence
from mailtls.store.codec import Unreadable
from mailtls.store.documents import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailtls.evidence import ProbeEvidence

_DIGEST = 32


@dataclass(frozen=True, slots=True)
class Exhibit:
    """Evidence as it is kept.

    Args:
        id: the SHA-256 of the document.
        document: as ``documents`` writes it; a digest stands in it for each part.
        parts: by their digests.

    """

    id: bytes
    document: bytes
    parts: Mapping[bytes, bytes]


def packed(seen: ScanEvidence | RouteEvidence) -> Exhibit:
    """Return how a scan, or a route, is kept. Raises ``TooLarge``."""
    parts: dict[bytes, bytes] = {}

    def apart(octets: bytes) -> bytes:
        digest = hashlib.sha256(octets).digest()
        parts[digest] = octets
        return digest

    if isinstance(seen, ScanEvidence):
        # Raw hellos are kept once, for the last enumeration; what they amount to is in the states.
        seen = replace(seen, probes=tuple(map(_to_the_microsecond, seen.probes)), carried=(), hellos=None, rechecked=None)
    document = encode(_each_part(seen, apart))
    return Exhibit(hashlib.sha256(document).digest(), document, parts)


def unpacked(document: bytes, part: Callable[[bytes], bytes | None]) -> ScanEvidence | RouteEvidence:
    """Return what was kept. Raises ``Unreadable``.

    Args:
        document: as it was kept.
        part: returns a part by its digest; ``None`` where that is lost.

    """

    def whole(digest: bytes) -> bytes:
        found = part(digest) if len(digest) == _DIGEST else None
        if found is None:
            raise Unreadable(f"the part {digest.hex()} is lost")
        return found

    try:
        return _each_part(decode(ScanEvidence, document), whole)
    except Unreadable as error:
        if "stands where" not in str(error):
            raise
    return _each_part(decode(RouteEvidence, document), whole)


def _each_part(seen: ScanEvidence | RouteEvidence, change: Callable[[bytes], bytes]) -> ScanEvidence | RouteEvidence:
    """Return evidence with every large part changed: into its digest, or back."""
    if isinstance(seen, RouteEvidence):
        sts = seen.mta_sts
        if sts is None:
            return seen
        fetch, policy = (None if one is None else replace(one, chain=tuple(map(change, one.chain))) for one in (sts.fetch, sts.policy))
        return replace(seen, mta_sts=replace(sts, fetch=fetch, policy=policy))
    probes = []
    for probe in seen.probes:
        done = probe.handshake
        if isinstance(done, Handshake):
            staple = change(done.ocsp_staple) if done.ocsp_staple else b""
            done = replace(done, chain=tuple(map(change, done.chain)), ocsp_staple=staple)
        probes.append(replace(probe, handshake=done))
    return replace(seen, probes=tuple(probes))


def _to_the_microsecond(probe: ProbeEvidence) -> ProbeEvidence:
    """Return a visit without what of its times no clock can tell; digits that mean nothing cannot be compressed."""
    exchanges = tuple(replace(each, began=round(each.began, 6), took=round(each.took, 6)) for each in probe.exchanges)
    return replace(probe, exchanges=exchanges, took=round(probe.took, 6))
