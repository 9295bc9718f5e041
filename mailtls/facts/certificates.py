"""Facts of the certificates that an endpoint serves. They are read whether or not the certificate is trusted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mailtls.evidence import Handshake, Purpose
from mailtls.facts.declaration import Better, Fact, Kind, Metric, Scope, truth_gauge
from mailtls.facts.handshake import without_tls
from mailtls.facts.visits import all_visits, unknown_of, usual_handshake, vouched
from mailtls.hellos import Accepted, Refused
from mailtls.model import Cause, Known, Stage, Unknown
from mailtls.tls.certificate import read_certificate
from mailtls.trust.names import any_name_matches
from mailtls.trust.pkix import judge_chain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.evidence import ScanEvidence
    from mailtls.model import Reading
    from mailtls.trust.pkix import Anchors

MAX_CHAIN_SHOWN = 20


def _chains(scan: ScanEvidence) -> list[tuple[bytes, ...]]:
    """Return one chain for each distinct end-entity certificate that the server shows to clients which name it."""
    if usual_handshake(scan) is None:
        return []  # what an earlier visit saw does not speak for a server that now shows nothing
    chains: dict[bytes, tuple[bytes, ...]] = {}
    for probe in all_visits(scan):
        if probe.offer.with_sni and isinstance(probe.handshake, Handshake) and probe.handshake.chain:
            chains.setdefault(probe.handshake.chain[0], probe.handshake.chain)
    for item in scan.hellos.asked if scan.hellos is not None else ():
        if isinstance(item.answer, Accepted) and item.answer.chain and item.offer.server_name == "host":
            chains.setdefault(item.answer.chain[0], item.answer.chain)
    return list(chains.values())


def _gap(scan: ScanEvidence) -> Unknown | None:
    """Return why the set of certificates may lack one, or ``None`` where every kind was asked for and answered."""
    if scan.purpose is Purpose.QUICK and not scan.carried:
        return Unknown(Cause.NOT_ATTEMPTED, Stage.HELLO, "a quick visit sees one certificate; the full scan asks for each kind")
    for probe in all_visits(scan):
        if not probe.offer.with_sni:
            continue
        if any(other.offer == probe.offer and isinstance(other.handshake, Handshake) for other in all_visits(scan)):
            continue  # perhaps asked again, but answered
        if probe.handshake is None:
            ended_early = Unknown(Cause.PROTOCOL_ERROR, Stage.STARTTLS, "a visit that asked for another kind of certificate came to no TLS")
            return ended_early if probe.failure is None else unknown_of(probe.failure)
        if isinstance(probe.handshake, Refused) and not vouched(scan, probe):
            return Unknown(Cause.PROTOCOL_ERROR, Stage.HELLO, f"no later visit vouches for the refusal of {probe.offer.key_type}")
    return None if scan.failure is None else unknown_of(scan.failure)


def _shown(chain: tuple[bytes, ...]) -> dict[str, Any]:
    leaf = read_certificate(chain[0])
    issuers = [read_certificate(der) for der in chain[:MAX_CHAIN_SHOWN]]
    return {
        "key_type": leaf.key_type,
        "key_bits": leaf.key_bits,
        "signature_algorithm": leaf.signature_algorithm,
        "not_before": _rfc3339(leaf.not_before),
        "not_after": _rfc3339(leaf.not_after),
        "names": list(leaf.names),
        "sha256": leaf.sha256,
        "subject": leaf.subject,
        "issuer": leaf.issuer,
        "chain": [{"sha256": c.sha256, "subject": c.subject, "issuer": c.issuer, "not_after": _rfc3339(c.not_after)} for c in issuers],
        "problems": list(leaf.problems),
    }


def _rfc3339(date: datetime | None) -> str | None:
    return None if date is None else date.strftime("%Y-%m-%dT%H:%M:%SZ")


def _certificates(scan: ScanEvidence, anchors: Anchors) -> Reading[list[dict[str, Any]]]:
    chains = _chains(scan)
    if not chains:
        return without_tls(scan, anchors)
    shown = [_shown(chain) for chain in chains]
    gap = _gap(scan)
    return Known(shown) if gap is None else Unknown(gap.cause, gap.stage, gap.detail, shown)


def _all_chains(scan: ScanEvidence, anchors: Anchors) -> Reading[tuple[tuple[bytes, ...], ...]]:
    chains = tuple(_chains(scan))
    if not chains:
        return without_tls(scan, anchors)
    gap = _gap(scan)
    return Known(chains) if gap is None else Unknown(gap.cause, gap.stage, gap.detail, chains)


def _judged(scan: ScanEvidence, anchors: Anchors) -> Iterator[tuple[str, str]]:
    """Yield a code and a sentence for each served chain that is not trusted."""
    for chain in _chains(scan):
        judgement = judge_chain(chain, anchors, scan.probes[-1].began)
        if not judgement.trusted:
            yield judgement.code, judgement.why


def _trusted(scan: ScanEvidence, anchors: Anchors) -> Reading[bool]:
    if not _chains(scan):
        return without_tls(scan, anchors)
    return Known(not any(_judged(scan, anchors)))


def _trust_problems(scan: ScanEvidence, anchors: Anchors) -> Reading[list[dict[str, str]]]:
    if not _chains(scan):
        return without_tls(scan, anchors)
    return Known([{"code": code, "why": why} for code, why in _judged(scan, anchors)])


def _name_match(scan: ScanEvidence, anchors: Anchors) -> Reading[bool]:
    chains = _chains(scan)
    if not chains:
        return without_tls(scan, anchors)
    return Known(all(any_name_matches(read_certificate(chain[0]).names, scan.endpoint.host) for chain in chains))


def _smallest_key(scan: ScanEvidence, anchors: Anchors) -> Reading[bool]:
    """Whether every key is worth at least 2048 bits of RSA: RSA and DSA by their modulus, curves by their order."""
    chains = _chains(scan)
    if not chains:
        return without_tls(scan, anchors)
    leaves = [read_certificate(chain[0]) for chain in chains]
    if any(leaf.key_bits is None for leaf in leaves):
        return Unknown(Cause.PROTOCOL_ERROR, Stage.HANDSHAKE, "; ".join(leaf.problems[0] for leaf in leaves if leaf.problems))
    floor = {"RSA": 2048, "DSA": 2048}
    return Known(all((leaf.key_bits or 0) >= floor.get(leaf.key_type or "", 224) for leaf in leaves))


def _staple(scan: ScanEvidence, anchors: Anchors) -> Reading[bool]:
    staples = [p.handshake.ocsp_staple for p in scan.probes if isinstance(p.handshake, Handshake) and p.offer.is_usual]
    return without_tls(scan, anchors) if not staples else Known(bool(staples[-1]))


def _dated(certificates: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, ...], float]]:
    for certificate in certificates:
        if certificate["not_after"] is not None:
            until = datetime.strptime(certificate["not_after"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            yield (certificate["key_type"] or "unknown",), until.timestamp()


CHAINS: Fact[ScanEvidence] = Fact(
    "chains", Scope.ENDPOINT, Kind.LIST, Better.NEITHER,
    "DER of every distinct chain that the server shows to clients which name it.",
    "RFC 8446 section 4.4.2", _all_chains, quick=False,
)  # fmt: skip
"""Held like the facts that are shown, and shown nowhere: DANE is decided from it."""

FACTS: tuple[Fact[ScanEvidence], ...] = (
    Fact(
        "certificates", Scope.ENDPOINT, Kind.LIST, Better.NEITHER,
        "Every distinct end-entity certificate that the server shows to clients which name it: one for each kind of key it has.",
        "RFC 5280 section 4.1", _certificates, quick=False,
        metrics=(
            Metric(
                "mx_certificate_key_size", "Size of the certificate's key in bits, the smallest of the addresses that were measured.",
                lambda value: [((c["key_type"],), float(c["key_bits"])) for c in value if c["key_bits"]], ("algorithm",),
            ),
            Metric(
                "mx_certificate_not_after_timestamp_seconds",
                "When the first of the certificates expires, of the addresses that were measured.", _dated, ("algorithm",),
            ),
            Metric(
                "mx_certificate_info", "The certificates that are served.",
                lambda value: [((c["key_type"] or "unknown", c["issuer"][:120], c["sha256"]), 1.0) for c in value],
                ("algorithm", "issuer", "sha256"),
            ),
        ),
    ),
    Fact(
        "certificate_trusted", Scope.ENDPOINT, Kind.BOOL, Better.TRUE,
        "Each chain that was seen leads to a trust anchor, whatever its names are.",
        "RFC 5280 section 6", _trusted,
        metrics=(truth_gauge("mx_certificate_trusted", "Whether every chain that was seen leads to a trust anchor."),),
    ),
    Fact(
        "certificate_problems", Scope.ENDPOINT, Kind.LIST, Better.NEITHER,
        "What speaks against the chains that are not trusted, with the TLS-RPT code.",
        "RFC 8460 section 4.3.2", _trust_problems,
    ),
    Fact(
        "certificate_name_match", Scope.ENDPOINT, Kind.BOOL, Better.TRUE,
        "Each certificate that was seen has the MX host's name among its dNSNames.",
        "RFC 9525 section 6.3", _name_match,
        metrics=(truth_gauge("mx_certificate_name_match", "Whether every certificate that was seen names the MX host."),),
    ),
    Fact(
        "certificate_key_sufficient", Scope.ENDPOINT, Kind.BOOL, Better.TRUE,
        "The key of each certificate that was seen has at least 2048 bits (RSA), or 224 (elliptic curves).",
        "RFC 9325 section 4.5", _smallest_key,
    ),
    Fact(
        "ocsp_stapled", Scope.ENDPOINT, Kind.BOOL, Better.NEITHER,
        "The server staples an OCSP response to its certificate.",
        "RFC 6066 section 8", _staple,
    ),
)  # fmt: skip
