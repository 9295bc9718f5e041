"""Facts of how a server's hellos are built, and of what it bears in ours: extensions, fallback, early data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.facts.declaration import Better, Fact, Kind, Scope
from mailtls.facts.handshake import without_tls
from mailtls.facts.pictures import fact_of_picture, why_open
from mailtls.facts.shapes import listed, words
from mailtls.facts.visits import usual_handshake
from mailtls.hellos import Refused
from mailtls.model import Absent, Known
from mailtls.tls.hello import (
    ENCRYPT_THEN_MAC,
    EXTENDED_MASTER_SECRET,
    HEARTBEAT,
    RENEGOTIATION_INFO,
    SESSION_TICKET,
    TRUNCATED_HMAC,
)
from mailtls.tls.names import VERSIONS, cipher_suite_name
from mailtls.tls.picture import ODDITIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtls.evidence import ScanEvidence
    from mailtls.model import Reading
    from mailtls.tls.picture import Picture
    from mailtls.trust.pkix import Anchors


def _early_data(scan: ScanEvidence, anchors: Anchors) -> Reading[bool]:
    handshake = usual_handshake(scan)
    if handshake is None:
        return without_tls(scan, anchors)
    return Known(handshake.early_data > 0) if handshake.version == "TLSv1.3" else Absent()


def _bears(picture: Picture, scan: ScanEvidence) -> Reading[list[str]]:
    not_borne = [name for name in ODDITIES if picture.bears.get(name) is False]
    refused = [probe for probe in scan.probes if probe.offer.is_usual and isinstance(probe.handshake, Refused)]
    if usual_handshake(scan) is None and len(refused) > 1 and picture.accepted and "TLSv1.3" not in picture.accepted:
        not_borne.append("tls13-offer")  # a usual hello offers it beside what is accepted here without it
    return Known(not_borne) if all(name in picture.bears for name in ODDITIES) else why_open(scan, not_borne)


def _fallback(picture: Picture, scan: ScanEvidence) -> Reading[bool]:
    if len(picture.accepted.keys() - {"SSLv2"}) < 2 and len(picture.spoken) == len(VERSIONS):
        return Absent()  # nothing to fall back to
    return why_open(scan) if picture.refuses_fallback is None else Known(picture.refuses_fallback)


_OLDER = ("TLSv1.0", "TLSv1.1", "TLSv1.2")


def _is_of_all(picture: Picture, *versions: str) -> bool:
    """Whether nothing is open about which of these versions are spoken, so that what all answers say is said of all of them."""
    return all(version in picture.spoken for version in versions)


def _sentinel(picture: Picture, scan: ScanEvidence) -> Reading[bool]:
    """Read the mark of every answer before TLS 1.3, of a server that speaks 1.3 (RFC 8446 section 4.1.3)."""
    older = [answer for version in _OLDER for answer in picture.answers.get(version, ())]
    if "TLSv1.3" in picture.accepted and not all(bool(answer.sentinel) for answer in older):
        return Known(value=False)
    if not _is_of_all(picture, *_OLDER, "TLSv1.3"):
        return why_open(scan)
    return Known(value=True) if older and "TLSv1.3" in picture.accepted else Absent()


def _echoes(extension: int, suites: Callable[[int], bool] = lambda _code: True) -> Callable[[Picture, ScanEvidence], Reading[bool]]:
    """Make a reading of whether every answer before TLS 1.3 has an extension, of those with suites for which it means anything."""

    def reading(picture: Picture, scan: ScanEvidence) -> Reading[bool]:
        answers = [a for v in _OLDER for a in picture.answers.get(v, ()) if suites(a.cipher_suite)]
        if not all(extension in answer.extensions for answer in answers):
            return Known(value=False)
        if not _is_of_all(picture, *_OLDER):
            return why_open(scan)
        return Known(value=True) if answers else Absent()

    return reading


def _shows(extension: int) -> Callable[[Picture, ScanEvidence], Reading[bool]]:
    """Make a reading of whether any answer before TLS 1.3 has an extension."""

    def reading(picture: Picture, scan: ScanEvidence) -> Reading[bool]:
        answers = [answer for version in _OLDER for answer in picture.answers.get(version, ())]
        if any(extension in answer.extensions for answer in answers):
            return Known(value=True)
        if not _is_of_all(picture, *_OLDER):
            return why_open(scan)
        return Known(value=False) if answers else Absent()

    return reading


def _compression(picture: Picture, scan: ScanEvidence) -> Reading[bool]:
    older = [answer for version, answers in picture.answers.items() if version not in ("SSLv2", "TLSv1.3") for answer in answers]
    if any(answer.compression for answer in older):
        return Known(value=True)
    if not _is_of_all(picture, "SSLv3", *_OLDER):
        return why_open(scan)
    return Known(value=False) if older else Absent()


def _is_block(code: int) -> bool:
    return "_CBC_" in cipher_suite_name(code)


FACTS: tuple[Fact[ScanEvidence], ...] = (
    fact_of_picture(
        "secure_renegotiation",
        Kind.BOOL,
        Better.TRUE,
        "Every hello before TLS 1.3 carries renegotiation_info.",
        "RFC 9325 section 3.5",
        _echoes(RENEGOTIATION_INFO),
    ),
    fact_of_picture(
        "extended_master_secret",
        Kind.BOOL,
        Better.TRUE,
        "Every hello before TLS 1.3 agrees to an extended master secret.",
        "RFC 9325 section 3.5",
        _echoes(EXTENDED_MASTER_SECRET),
    ),
    fact_of_picture(
        "encrypt_then_mac",
        Kind.BOOL,
        Better.TRUE,
        "Every hello before TLS 1.3 that chooses a CBC suite agrees to encrypt-then-MAC.",
        "RFC 7366 section 3",
        _echoes(ENCRYPT_THEN_MAC, _is_block),
    ),
    fact_of_picture(
        "session_tickets",
        Kind.BOOL,
        Better.NEITHER,
        "The server promises session tickets before TLS 1.3.",
        "RFC 5077 section 3.2",
        _shows(SESSION_TICKET),
    ),
    fact_of_picture(
        "truncated_hmac",
        Kind.BOOL,
        Better.FALSE,
        "The server agrees to a truncated HMAC.",
        "RFC 9325 section 4.6",
        _shows(TRUNCATED_HMAC),
    ),
    fact_of_picture(
        "heartbeat",
        Kind.BOOL,
        Better.NEITHER,
        "The server takes part in the heartbeat extension.",
        "RFC 6520 section 2",
        _shows(HEARTBEAT),
    ),
    fact_of_picture(
        "compression", Kind.BOOL, Better.FALSE, "The server agrees to compress (CRIME).", "RFC 9325 section 3.3", _compression
    ),
    fact_of_picture(
        "downgrade_sentinel",
        Kind.BOOL,
        Better.TRUE,
        "A server of TLS 1.3 marks each hello of an older version, so that a client can tell a forced fallback.",
        "RFC 8446 section 4.1.3",
        _sentinel,
    ),
    fact_of_picture(
        "fallback_refused",
        Kind.BOOL,
        Better.TRUE,
        "The server refuses a client that falls back without need (TLS_FALLBACK_SCSV).",
        "RFC 7507 section 3",
        _fallback,
    ),
    Fact(
        "early_data",
        Scope.ENDPOINT,
        Kind.BOOL,
        Better.FALSE,
        "The server's tickets of TLS 1.3 invite early data (0-RTT).",
        "RFC 9325 section 3.10",
        _early_data,
    ),
    fact_of_picture(
        "not_borne",
        Kind.LIST,
        Better.NEITHER,
        "Kinds of hello that the server turns away although it accepts what is offered: without or with an odd server name, large, with unknown "
        "values, with more than 64 suites, or with TLS 1.3 beside what is accepted without it.",
        "RFC 8701 section 1",
        _bears,
        parts=listed(words(*ODDITIES, "tls13-offer")),
    ),
)
