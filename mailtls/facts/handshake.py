"""Facts of the handshake that an ordinary, modern sender would have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.evidence import Handshake, Purpose
from mailtls.facts.declaration import Better, Check, Fact, Kind, Metric, Scope, truth_gauge
from mailtls.facts.shapes import SUITE, VERSION, made_of, words, words_of
from mailtls.facts.starttls import accepted
from mailtls.facts.visits import all_visits, unknown_of, usual_handshake, vouched, why_not
from mailtls.hellos import Refused
from mailtls.model import Absent, Cause, Known, Stage, Unknown
from mailtls.tls.names import group_of, groups, has_forward_secrecy, version_rank

if TYPE_CHECKING:
    from mailtls.evidence import ScanEvidence
    from mailtls.model import Reading
    from mailtls.trust.pkix import Anchors


def without_tls(scan: ScanEvidence, anchors: Anchors) -> Absent | Unknown:
    """Return the reading of a TLS fact where no handshake was completed: Absent where TLS was measured not to be there."""
    answer = accepted(scan, anchors)
    if isinstance(answer, Absent) or answer == Known(value=False):
        return Absent()
    return why_not(scan)


def _negotiated(scan: ScanEvidence, anchors: Anchors) -> Reading[dict[str, str | None]]:
    handshake = usual_handshake(scan)
    if handshake is None:
        return without_tls(scan, anchors)
    return Known({"version": handshake.version, "cipher_suite": handshake.cipher_suite, "group": handshake.group})


def _group_names() -> list[str]:
    return ["dhe", *(group_of(code) for code in groups())]


def _forward_secrecy(scan: ScanEvidence, anchors: Anchors) -> Reading[bool]:
    handshake = usual_handshake(scan)
    if handshake is None:
        return without_tls(scan, anchors)
    return Known(has_forward_secrecy(handshake.version, handshake.cipher_suite))


def _without_sni(scan: ScanEvidence, anchors: Anchors) -> Reading[str]:
    usual = usual_handshake(scan)
    if usual is None:
        return without_tls(scan, anchors)
    for probe in reversed(all_visits(scan)):
        if probe.offer.with_sni:
            continue
        if isinstance(probe.handshake, Handshake):
            return Known("same certificate" if probe.handshake.chain[:1] == usual.chain[:1] else "other certificate")
        if isinstance(probe.handshake, Refused):
            unvouched = Unknown(Cause.PROTOCOL_ERROR, Stage.HELLO, "no later visit vouches for the refusal of a hello without SNI")
            return Known("refused") if vouched(scan, probe) else unvouched
        if probe.failure is not None:
            return unknown_of(probe.failure)
    ended_early = next((probe.failure for probe in reversed(scan.probes) if probe.failure is not None), scan.failure)
    if scan.purpose is Purpose.FULL and ended_early is not None:
        return unknown_of(ended_early)
    return Unknown(Cause.NOT_ATTEMPTED, Stage.HELLO, "a visit without SNI belongs to the full scan")


FACTS: tuple[Fact[ScanEvidence], ...] = (
    Fact(
        "negotiated", Scope.ENDPOINT, Kind.OBJECT, Better.NEITHER,
        "Version, cipher suite and named group that the server chooses from a modern sender's offer.",
        "RFC 8446 section 4.1.3", _negotiated,
        metrics=(
            Metric(
                "mx_tls_info", "What was negotiated with a modern offer.",
                lambda value: [((value["version"], value["cipher_suite"], value["group"] or "none"), 1.0)],
                ("version", "cipher_suite", "group"),
            ),
        ),
        parts=made_of(version=VERSION, cipher_suite=SUITE, group=words_of(_group_names, null="no ephemeral key")),
        checks=(
            Check(
                "tls_version", "a modern sender gets an older version of TLS than before",
                lambda value: float(version_rank(value["version"])), shown=lambda value: str(value["version"]),
            ),
            Check(
                "post_quantum", "a modern sender gets no hybrid post-quantum group any more",
                lambda value: float("MLKEM" in (value["group"] or "")), shown=lambda value: value["group"] or "no group",
            ),
        ),
    ),
    Fact(
        "forward_secrecy_negotiated", Scope.ENDPOINT, Kind.BOOL, Better.TRUE,
        "A client that offers forward secrecy gets it.",
        "RFC 9325 section 4.1", _forward_secrecy,
        metrics=(truth_gauge("mx_forward_secrecy", "Whether a client that offers forward secrecy gets it at every address."),),
        checks=(Check("forward_secrecy", "a sender that offers forward secrecy does not get it any more"),),
    ),
    Fact(
        "without_sni", Scope.ENDPOINT, Kind.TEXT, Better.NEITHER,
        "What a client that sends no server name gets: the same certificate, another certificate, or a refusal.",
        "RFC 6066 section 3", _without_sni, quick=False,
        parts=words("same certificate", "other certificate", "refused"),
    ),
)  # fmt: skip
