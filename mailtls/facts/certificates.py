"""Facts of the certificates that an endpoint serves. They are read whether or not the certificate is trusted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mailtls.evidence import Handshake, Purpose
from mailtls.facts.declaration import Better, Check, Fact, Kind, Metric, Scope, truth_gauge
from mailtls.facts.handshake import without_tls
from mailtls.facts.shapes import NUMBER, TEXT, TRUTH, listed, made_of, words
from mailtls.facts.visits import all_visits, unknown_of, usual_handshake, vouched
from mailtls.hellos import Accepted, Refused
from mailtls.instants import moment_of, rfc3339
from mailtls.model import Cause, Known, Stage, Unknown
from mailtls.tls.certificate import MAX_CHAIN, read_certificate
from mailtls.tls.kept import MAX_LEAVES
from mailtls.tls.publickey import CURVES, KINDS, SPELT_OUT
from mailtls.trust.names import names_host
from mailtls.trust.pkix import judge_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailtls.evidence import ScanEvidence
    from mailtls.model import Reading
    from mailtls.tls.certificate import Certificate
    from mailtls.trust.pkix import Anchors, ChainJudgement


def chains_of(scan: ScanEvidence) -> list[tuple[bytes, ...]]:
    """Return one chain for each distinct end-entity certificate that the server shows to clients which name it, up to so many of them."""
    return _all_chains_of(scan)[:MAX_LEAVES]


def excess_of(scan: ScanEvidence) -> Unknown | None:
    """Return that there are more certificates than are read, or ``None``: what is told of some of them is no verdict on all."""
    if len(_all_chains_of(scan)) <= MAX_LEAVES:
        return None
    return Unknown(Cause.LIMIT_EXCEEDED, Stage.HANDSHAKE, f"more than {MAX_LEAVES} different certificates of the server")


def _all_chains_of(scan: ScanEvidence) -> list[tuple[bytes, ...]]:
    if usual_handshake(scan) is None:
        return []  # what an earlier visit saw does not speak for a server that now shows nothing
    chains: dict[bytes, tuple[bytes, ...]] = {}
    for probe in all_visits(scan):
        if probe.offer.with_sni and isinstance(probe.handshake, Handshake) and probe.handshake.chain:
            chains[probe.handshake.chain[0]] = probe.handshake.chain  # the last one counts: what stands above the end entity can change
    for item in scan.hellos.asked if scan.hellos is not None else ():
        if isinstance(item.answer, Accepted) and item.answer.chain and item.offer.server_name == "host":
            chains.setdefault(item.answer.chain[0], item.answer.chain)
    return list(chains.values())


def gap_of(scan: ScanEvidence) -> Unknown | None:
    """Return why the set of certificates may lack one, or ``None`` where every kind was asked for and answered."""
    excess = excess_of(scan)
    if excess is not None:
        return excess
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


def of_all(scan: ScanEvidence, anchors: Anchors, values: Callable[[list[tuple[bytes, ...]]], Any]) -> Reading[Any]:
    """Return the reading of something that is told of all chains: a gap among them leaves it open, with what was seen.

    Args:
        scan: the evidence.
        anchors: the trust anchors.
        values: returns it, from the chains; there is at least one.

    """
    chains = chains_of(scan)
    if not chains:
        return without_tls(scan, anchors)
    gap = gap_of(scan)
    return Known(values(chains)) if gap is None else Unknown(gap.cause, gap.stage, gap.detail, values(chains))


def _shown(chain: tuple[bytes, ...]) -> dict[str, Any]:
    leaf = read_certificate(chain[0])
    issuers = [read_certificate(der) for der in chain[:MAX_CHAIN]]
    return {
        "key_type": leaf.key_type,
        "key_bits": leaf.key_bits,
        "curve": None if leaf.key is None else leaf.key.curve,
        "spki_sha256": None if leaf.key is None else leaf.key.sha256,
        "signature_algorithm": leaf.signature_algorithm,
        "not_before": rfc3339(leaf.not_before),
        "not_after": rfc3339(leaf.not_after),
        "names": list(leaf.names),
        "sha256": leaf.sha256,
        "subject": leaf.subject,
        "issuer": leaf.issuer,
        "must_staple": leaf.extensions.must_staple,
        "chain": [_member(certificate) for certificate in issuers],
        "problems": list(leaf.problems),
    }


def _member(certificate: Certificate) -> dict[str, Any]:
    return {
        "sha256": certificate.sha256,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "key_type": certificate.key_type,
        "key_bits": certificate.key_bits,
        "signature_algorithm": certificate.signature_algorithm,
        "not_after": rfc3339(certificate.not_after),
    }


def _certificates(scan: ScanEvidence, anchors: Anchors) -> Reading[list[dict[str, Any]]]:
    return of_all(scan, anchors, lambda chains: [_shown(chain) for chain in chains])


def _all_chains(scan: ScanEvidence, anchors: Anchors) -> Reading[tuple[tuple[bytes, ...], ...]]:
    return of_all(scan, anchors, tuple)


def _judged(scan: ScanEvidence, anchors: Anchors) -> tuple[list[ChainJudgement], Unknown | None]:
    """Return the judgements of the served chains that are not trusted; and why that of another is open, or ``None``."""
    judgements = [judge_chain(chain, anchors, scan.probes[-1].began) for chain in chains_of(scan)]
    undecided = next((judgement for judgement in judgements if judgement.undecided), None)
    against = [judgement for judgement in judgements if not judgement.trusted and not judgement.undecided]
    return against, None if undecided is None else Unknown(Cause.TLS_LOCAL_LIMIT, Stage.HANDSHAKE, undecided.why)


def _trusted(scan: ScanEvidence, anchors: Anchors) -> Reading[bool]:
    if not chains_of(scan):
        return without_tls(scan, anchors)
    against, undecided = _judged(scan, anchors)
    return Known(value=False) if against else good_so_far(scan, undecided)


def good_so_far(scan: ScanEvidence, undecided: Unknown | None = None) -> Reading[bool]:
    """Return what is told when nothing bad was measured: a measured bad decides, whatever is open beside it; a good one needs all."""
    excess = excess_of(scan)
    if excess is not None:
        return replace(excess, seen=True)
    return Known(value=True) if undecided is None else undecided


def _trust_problems(scan: ScanEvidence, anchors: Anchors) -> Reading[list[dict[str, str]]]:
    if not chains_of(scan):
        return without_tls(scan, anchors)
    against, undecided = _judged(scan, anchors)
    undecided = excess_of(scan) or undecided
    problems = [{"code": judgement.code, "why": judgement.why} for judgement in against]
    return Known(problems) if undecided is None else Unknown(undecided.cause, undecided.stage, undecided.detail, problems)


def _name_match(scan: ScanEvidence, anchors: Anchors) -> Reading[bool]:
    chains = chains_of(scan)
    if not chains:
        return without_tls(scan, anchors)
    named = all(names_host(chain[0], scan.endpoint.host) for chain in chains)
    if not named and scan.endpoint.server_name != scan.endpoint.host:
        detail = f"{scan.endpoint.server_name} was asked for, as DANE wants it; what a client gets that asks for the MX host was not seen"
        return Unknown(Cause.NOT_ATTEMPTED, Stage.HANDSHAKE, detail)
    return good_so_far(scan) if named else Known(value=False)


def _dated(certificates: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, ...], float]]:
    for certificate in certificates:
        if certificate["not_after"] is not None:
            yield (certificate["key_type"] or "unknown",), moment_of(certificate["not_after"]).timestamp()


_PARTS = made_of(
    key_type=words(*KINDS), key_bits=NUMBER, curve=words(*CURVES, SPELT_OUT), spki_sha256=TEXT, signature_algorithm=TEXT, not_before=TEXT,
    not_after=TEXT, names=listed(TEXT), sha256=TEXT, subject=TEXT, issuer=TEXT, must_staple=TRUTH,
    chain=listed(
        made_of(sha256=TEXT, subject=TEXT, issuer=TEXT, key_type=words(*KINDS), key_bits=NUMBER, signature_algorithm=TEXT, not_after=TEXT)
    ),
    problems=listed(TEXT),
)  # fmt: skip

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
        parts=listed(_PARTS),
    ),
    Fact(
        "certificate_trusted", Scope.ENDPOINT, Kind.BOOL, Better.TRUE,
        "Each chain that was seen leads to a trust anchor, whatever its names are.",
        "RFC 5280 section 6", _trusted,
        metrics=(truth_gauge("mx_certificate_trusted", "Whether every chain that was seen leads to a trust anchor."),),
        checks=(Check("certificate_trusted", "a chain leads to no trust anchor any more, or its certificate has expired"),),
    ),
    Fact(
        "certificate_problems", Scope.ENDPOINT, Kind.LIST, Better.NEITHER,
        "What speaks against the chains that are not trusted, with the TLS-RPT code.",
        "RFC 8460 section 4.3.2", _trust_problems,
        parts=listed(made_of(code=TEXT, why=TEXT)),
    ),
    Fact(
        "certificate_name_match", Scope.ENDPOINT, Kind.BOOL, Better.TRUE,
        "Each certificate that was seen has the MX host's name among its dNSNames.",
        "RFC 9525 section 6.3", _name_match,
        metrics=(truth_gauge("mx_certificate_name_match", "Whether every certificate that was seen names the MX host."),),
        checks=(Check("certificate_name_match", "a certificate does not name the MX host any more"),),
    ),
)  # fmt: skip
