"""Facts of what comes along with a certificate: stapled OCSP responses, and the timestamps of public logs."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mailtls.evidence import Handshake
from mailtls.facts.certificates import chains_of, excess_of, gap_of, of_all
from mailtls.facts.declaration import Better, Fact, Kind, Scope, truth_gauge
from mailtls.facts.handshake import without_tls
from mailtls.facts.shapes import NUMBER, TEXT, listed, made_of, words
from mailtls.facts.visits import all_visits
from mailtls.instants import rfc3339
from mailtls.model import Absent, Cause, Known, Stage, Unknown
from mailtls.tls.certificate import read_certificate
from mailtls.tls.staple import read_staple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mailtls.evidence import ScanEvidence
    from mailtls.model import Reading
    from mailtls.tls.certificate import Certificate
    from mailtls.tls.staple import Staple, StapleAnswer
    from mailtls.trust.pkix import Anchors

STAPLE_PROBLEMS = ("unreadable", "responder-error", "other-certificate", "not-yet-valid", "expired")
"""Why a staple is of no use: the codes in ``ocsp_staple``."""
_SKEW = timedelta(minutes=5)
"""By how much the clocks of a responder and ours may differ."""


def _stapled(scan: ScanEvidence, anchors: Anchors) -> Reading[bool]:
    staples = [p.handshake.ocsp_staple for p in scan.probes if isinstance(p.handshake, Handshake) and p.offer.is_usual]
    return without_tls(scan, anchors) if not staples else Known(bool(staples[-1]))


def _last_staples(scan: ScanEvidence) -> dict[bytes, tuple[bytes, datetime]]:
    """Return what was last stapled to each end-entity certificate (perhaps nothing), and when.

    A certificate that was met by raw hellos alone is not among them: they end before a staple.
    """
    found = {}
    for probe in all_visits(scan):
        if probe.offer.with_sni and isinstance(probe.handshake, Handshake) and probe.handshake.chain:
            found[probe.handshake.chain[0]] = probe.handshake.ocsp_staple, probe.began
    return found


def _answer_for(leaf: Certificate, staple: Staple) -> StapleAnswer | None:
    """Return what a response says of a certificate: by its serial number, and its issuer's name where the hash is known."""

    def names(answer: StapleAnswer) -> bool:
        digest = answer.digest
        return not digest or hashlib.new(digest, leaf.issuer_name, usedforsecurity=False).digest() == answer.issuer_name

    return next((answer for answer in staple.answers if answer.serial == leaf.serial and names(answer)), None)


def _read(der: bytes, octets: bytes, at: datetime) -> dict[str, Any]:
    leaf, staple = read_certificate(der), read_staple(octets)
    answer = _answer_for(leaf, staple)
    return {
        "certificate": leaf.sha256,
        "status": None if answer is None else answer.status,
        "this_update": None if answer is None else rfc3339(answer.this_update),
        "next_update": None if answer is None else rfc3339(answer.next_update),
        "problems": list(_problems(staple, answer, at)),
        "detail": staple.problem or ("" if staple.outcome == "successful" else staple.outcome),
    }


def _problems(staple: Staple, answer: StapleAnswer | None, at: datetime) -> Iterator[str]:
    if staple.outcome != "successful":
        yield "unreadable" if staple.outcome == "unreadable" else "responder-error"
    elif answer is None:
        yield "other-certificate"
    elif answer.this_update > at + _SKEW:
        yield "not-yet-valid"
    elif answer.next_update is not None and answer.next_update < at - _SKEW:
        yield "expired"


def _staples(scan: ScanEvidence, anchors: Anchors) -> Reading[list[dict[str, Any]]]:
    last = _last_staples(scan)
    reading = of_all(scan, anchors, lambda chains: [_read(c[0], *last[c[0]]) for c in chains if last.get(c[0], (b"",))[0]])
    return Absent() if reading == Known([]) else reading


def _honoured(scan: ScanEvidence, anchors: Anchors) -> Reading[bool]:
    """Whether each certificate that demands a staple came with one that is of use."""
    chains, last = chains_of(scan), _last_staples(scan)
    if not chains:
        return without_tls(scan, anchors)
    demanding = [chain[0] for chain in chains if read_certificate(chain[0]).extensions.must_staple]
    met = [der for der in demanding if der in last]
    if excess_of(scan) is None and any(not last[der][0] or _read(der, *last[der])["problems"] for der in met):
        return Known(value=False)
    gap = gap_of(scan)
    if gap is not None:
        return gap
    if len(met) < len(demanding):
        return Unknown(Cause.NOT_ATTEMPTED, Stage.HANDSHAKE, "a certificate that demands a staple was met by raw hellos alone")
    return Known(value=True) if demanding else Absent()


def _timestamps(scan: ScanEvidence, anchors: Anchors) -> Reading[list[dict[str, Any]]]:
    last = _last_staples(scan)

    def of(der: bytes) -> dict[str, Any]:
        leaf = read_certificate(der)
        answer = _answer_for(leaf, read_staple(last[der][0])) if last.get(der, (b"",))[0] else None
        embedded, stapled = leaf.extensions.logs, () if answer is None else answer.logs
        return {
            "certificate": leaf.sha256,
            "embedded": None if embedded is None else len(embedded),
            "stapled": len(stapled),
            "logs": len({*(embedded or ()), *stapled}),
        }

    return of_all(scan, anchors, lambda chains: [of(chain[0]) for chain in chains])


FACTS: tuple[Fact[ScanEvidence], ...] = (
    Fact(
        "ocsp_stapled", Scope.ENDPOINT, Kind.BOOL, Better.NEITHER,
        "The server staples an OCSP response to its certificate.",
        "RFC 6066 section 8", _stapled,
    ),
    Fact(
        "ocsp_staple", Scope.ENDPOINT, Kind.LIST, Better.NEITHER,
        "What each stapled OCSP response says, and whether it is of use: of this certificate, and of this time. Its signature is not verified.",
        "RFC 6960 section 4.2", _staples, quick=False,
        parts=listed(
            made_of(
                certificate=TEXT, status=TEXT, this_update=TEXT, next_update=TEXT, problems=listed(words(*STAPLE_PROBLEMS)), detail=TEXT,
            )
        ),
    ),
    Fact(
        "must_staple_honoured", Scope.ENDPOINT, Kind.BOOL, Better.TRUE,
        "Each certificate that demands a stapled OCSP response comes with one that is of use; absent where none demands it.",
        "RFC 7633 section 4.2.3", _honoured, quick=False,
        metrics=(truth_gauge("mx_must_staple_honoured", "Whether every certificate that demands a stapled OCSP response comes with one."),),
    ),
    Fact(
        "scts", Scope.ENDPOINT, Kind.LIST, Better.NEITHER,
        "How many timestamps of public logs come with each certificate, embedded in it or in its stapled OCSP response, and of how many logs. "
        "The TLS extension for them is not asked for.",
        "RFC 6962 section 3.3", _timestamps, quick=False,
        parts=listed(made_of(certificate=TEXT, embedded=NUMBER, stapled=NUMBER, logs=NUMBER)),
    ),
)  # fmt: skip
