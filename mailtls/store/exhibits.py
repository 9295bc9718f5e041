"""Evidence that is kept beside a state: a scan without its raw hellos, or a route, with its certificates and other large parts apart.

A certificate is kept once, however many scans show it: in a document its SHA-256 stands in its place. What takes a connection works within a
transaction of its caller's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import select

from mailtls.evidence import Handshake, RouteEvidence, ScanEvidence
from mailtls.store.codec import Unreadable
from mailtls.store.compact import deflated, inflated
from mailtls.store.documents import TooLarge, decode, encode
from mailtls.store.engine import put
from mailtls.store.schema import blobs, evidence, states, subjects

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

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


def keep(
    connection: Connection, found: ScanEvidence | RouteEvidence | None, kept: dict[int, bytes | None], now: datetime
) -> tuple[bytes | None, int]:
    """Keep evidence. Returns its name, ``None`` where it is not kept; and whether that is so because it is too large."""
    if found is None:
        return None, 0
    if id(found) not in kept:
        try:
            exhibit = packed(found)
        except TooLarge:
            kept[id(found)] = None
            return None, 1
        rows = [{"id": digest, "saved_at": now, "octets": deflated(octets)} for digest, octets in exhibit.parts.items()]
        put(connection, blobs, rows)
        row = {
            "id": exhibit.id,
            "at": found.began or now,
            "saved_at": now,
            "document": exhibit.document,
            "parts": b"".join(exhibit.parts),
        }
        put(connection, evidence, [row])
        kept[id(found)] = exhibit.id
    return kept[id(found)], 0


def find(connection: Connection, name: str) -> tuple[str, ScanEvidence | RouteEvidence] | None:
    """Return evidence, and its whole name; ``None`` where there is none. Raises ``Unreadable``.

    Args:
        connection: with an open transaction.
        name: in hexadecimal, or the beginning of it: eight digits or more. Where several begin so, there is none.

    """
    low = bytes.fromhex(name[: len(name) // 2 * 2])
    found = connection.execute(
        select(evidence.c.id, evidence.c.document).where(evidence.c.id >= low, evidence.c.id <= low + b"\xff" * (32 - len(low)))
    )
    rows = [row for row in found if row.id.hex().startswith(name)]
    if len(rows) != 1:
        return None

    def part(digest: bytes) -> bytes | None:
        octets = connection.scalar(select(blobs.c.octets).where(blobs.c.id == digest))
        if octets is None:
            return None
        try:
            return inflated(octets)
        except ValueError as error:
            raise Unreadable(f"a part is damaged: {error}") from error

    return rows[0].id.hex(), unpacked(rows[0].document, part)


def about(connection: Connection, vantages: Collection[str], at: datetime) -> tuple[str, str]:
    """Return the names of the evidence before and after what a scan, or a look, saw change; empty where none is kept.

    Args:
        connection: with an open transaction.
        vantages: whose scan it was: one of these.
        at: when it began, which tells it from all others.

    """
    theirs = states.join(subjects, states.c.subject_id == subjects.c.id)
    names = []
    for column, moment in ((states.c.last_evidence, states.c.ended_at), (states.c.evidence, states.c.first_seen)):
        wanted = select(column).select_from(theirs).where(moment == at, column.is_not(None), subjects.c.vantage.in_(vantages)).limit(1)
        found = connection.scalar(wanted)
        names.append("" if found is None else found.hex())
    return names[0], names[1]


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
