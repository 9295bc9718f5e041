"""Facts of DANE (RFC 7672): what an MX host publishes in TLSA records, and whether what it serves agrees.

They are decided from the look-ups of the host and the chains of its endpoints. A certificate that was seen and that no record vouches for
is a measured bad, however little was seen besides: a sender that meets it keeps the mail. That all is well can be said only when every
kind of certificate was asked for at every address, since the one that was not seen may be the one that nobody put into DNS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mailtls.facts.declaration import Better, Check, Fact, HostEvidence, Kind, Metric, Scope
from mailtls.facts.published import Published, published, reference_identifiers
from mailtls.facts.routing import why_incomplete
from mailtls.facts.shapes import NUMBER, TEXT, TRUTH, listed, made_of
from mailtls.model import Absent, Cause, Known, Stage, Unknown
from mailtls.tls.certificate import read_certificate
from mailtls.trust.dane import Vouching, first_that_holds, vouch
from mailtls.trust.tlsa import TLSA, TRUST_ANCHOR, Assessed

if TYPE_CHECKING:
    from mailtls.model import EndpointObservation, Reading
    from mailtls.trust.pkix import Anchors

MAX_SHOWN = 256
"""Octets of a record's data that are shown; digests have at most 64."""


@dataclass(frozen=True, slots=True)
class _Served:
    """What the endpoints of a host serve, held against its records.

    Args:
        used: the records that a sender uses.
        chains: by the address that serves it and the sha256 of its end entity's certificate, what each used record says of a chain.
        without_tls: addresses that were measured without STARTTLS.
        gap: why this may not be all; ``None`` where it is.

    """

    used: tuple[TLSA, ...]
    chains: dict[tuple[str, str], tuple[Vouching, ...]]
    without_tls: tuple[str, ...]
    gap: Unknown | None

    @property
    def refused(self) -> dict[tuple[str, str], Vouching]:
        """The chains for which no record vouches, with what came nearest to it."""
        found = {place: first_that_holds(said) for place, said in self.chains.items()}
        return {place: best for place, best in found.items() if best is not None and not best.holds}

    @property
    def unmatched(self) -> tuple[TLSA, ...]:
        """The records that are of no certificate that was seen."""
        return tuple(record for n, record in enumerate(self.used) if all(said[n].depth is None for said in self.chains.values()))


def _served(evidence: HostEvidence, found: Published) -> _Served:
    names = reference_identifiers(evidence.route, found.base)
    chains, without, gap = {}, [], why_incomplete(evidence.host)
    in_scope = [endpoint for endpoint in evidence.endpoints if endpoint.in_scope]
    for endpoint in in_scope:
        address = str(endpoint.endpoint.address)
        if _is_without_tls(endpoint):
            without.append(address)
            continue
        at = max((time for time in (endpoint.attempted_at, evidence.route.began) if time is not None), default=None)
        gap = gap or _why_not_all(endpoint)
        if at is not None:
            for chain in _chains(endpoint):
                said = tuple(vouch(record, chain, names, at) for record in found.used)
                chains[address, read_certificate(chain[0]).sha256] = said
    if not in_scope:
        gap = gap or Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, "no address of it is in scope of this vantage")
    return _Served(found.used, chains, tuple(without), gap)


def _is_without_tls(endpoint: EndpointObservation) -> bool:
    return any(endpoint.readings.get(name) == Known(value=False) for name in ("starttls_offered", "starttls_accepted"))


def _chains(endpoint: EndpointObservation) -> tuple[tuple[bytes, ...], ...]:
    """Return the chains that were seen, be they all or not."""
    reading = endpoint.chains
    if isinstance(reading, Known):
        return reading.value
    return reading.seen if isinstance(reading, Unknown) and isinstance(reading.seen, tuple) else ()


def _why_not_all(endpoint: EndpointObservation) -> Unknown | None:
    reading = endpoint.chains
    if isinstance(reading, Known):
        return None
    if isinstance(reading, Absent):
        return Unknown(Cause.NOT_ATTEMPTED, Stage.HANDSHAKE, "no certificate was seen")
    return Unknown(reading.cause, reading.stage, reading.detail)


# The readings.


def _dane(evidence: HostEvidence, _anchors: Anchors) -> Reading[str]:
    found = published(evidence.host)
    if isinstance(found, Absent | Unknown):
        return found
    if found is None:
        return Known("none")
    if not found.used:
        return Known("unusable")
    served = _served(evidence, found)
    if served.without_tls or served.refused:
        return Known("invalid")
    return served.gap or Known("valid")


def _problems(evidence: HostEvidence, _anchors: Anchors) -> Reading[list[dict[str, Any]]]:
    served = _held_against(evidence)
    if isinstance(served, Absent | Unknown):
        return served
    seen: list[dict[str, Any]] = [
        {"code": "starttls-not-supported", "address": address, "certificate": None, "why": "no STARTTLS, which TLSA records demand"}
        for address in served.without_tls
    ]
    for (address, sha256), nearest in served.refused.items():
        why = "no TLSA record vouches for it" if nearest.depth is None else f"{nearest.record} is of its chain, but {nearest.why}"
        seen.append({"code": nearest.code, "address": address, "certificate": sha256, "why": why})
    return Known(seen) if served.gap is None else replace(served.gap, seen=seen)


def _held_against(evidence: HostEvidence) -> _Served | Absent | Unknown:
    found = published(evidence.host)
    if isinstance(found, Unknown):
        return found
    return _served(evidence, found) if isinstance(found, Published) and found.used else Absent()


def _base_domain(evidence: HostEvidence, _anchors: Anchors) -> Reading[str]:
    found = published(evidence.host)
    return Known(found.base) if isinstance(found, Published) else found or Absent()


def _records(evidence: HostEvidence, _anchors: Anchors) -> Reading[list[dict[str, Any]]]:
    found = published(evidence.host)
    if not isinstance(found, Published):
        return Known([]) if found is None else found
    matches: dict[TLSA, set[str]] = {}
    for (_address, sha256), said in (_served(evidence, found).chains.items() if found.used else ()):
        for vouching in said:
            if vouching.holds:
                matches.setdefault(vouching.record, set()).add(sha256)
    return Known([_record(assessed, matches.get(assessed.record, set())) for assessed in found.records])


def _record(assessed: Assessed, matches: set[str]) -> dict[str, Any]:
    record = assessed.record
    return {
        "usage": record.usage,
        "selector": record.selector,
        "matching_type": record.matching_type,
        "data": record.data[:MAX_SHOWN].hex() + ("..." if len(record.data) > MAX_SHOWN else ""),
        "usable": not assessed.why_not,
        "why_not": assessed.why_not,
        "matches": sorted(matches),
    }


def _unmatched(evidence: HostEvidence, _anchors: Anchors) -> Reading[list[str]]:
    served = _held_against(evidence)
    if isinstance(served, Absent | Unknown):
        return served
    return served.gap or Known([str(record) for record in served.unmatched])


def _rollover_ready(evidence: HostEvidence, _anchors: Anchors) -> Reading[bool]:
    served = _held_against(evidence)
    if isinstance(served, Absent | Unknown):
        return served
    if served.without_tls or served.refused:
        return Known(value=False)
    if served.gap is not None:
        return served.gap
    by_anchor = all(any(v.holds and v.record.usage == TRUST_ANCHOR for v in said) for said in served.chains.values())
    return Known(by_anchor or bool(served.unmatched))


def _one_or_nought(value: Any) -> list[tuple[tuple[str, ...], float]]:
    return [((), float(value == "valid"))] if value in ("valid", "invalid") else []


FACTS: tuple[Fact[HostEvidence], ...] = (
    Fact(
        "dane", Scope.MX, Kind.TEXT, Better.EARLIER,
        "Whether TLSA records vouch for every certificate that is served at every address (valid), or a sender that heeds them keeps the mail "
        "(invalid); unusable where there are only such as no sender uses, none where there are none that DNSSEC vouches for.",
        "RFC 7672 section 2.2", _dane, order=("valid", "unusable", "none", "invalid"), quick=False,
        checks=(Check("dane", "DANE is lost (no records of use any more), or broken (they do not vouch for what is served)"),),
        metrics=(
            Metric(
                "domain_mx_dane_valid",
                "Whether TLSA records vouch for every certificate of the host; missing where it publishes none of use.", _one_or_nought,
            ),
        ),
    ),
    Fact(
        "dane_problems", Scope.MX, Kind.LIST, Better.NEITHER,
        "What makes DANE invalid: the address, the certificate, and the TLS-RPT code.",
        "RFC 8460 section 4.3.2", _problems, quick=False,
        parts=listed(made_of(code=TEXT, address=TEXT, certificate=TEXT, why=TEXT)),
    ),
    Fact(
        "tlsa_base_domain", Scope.MX, Kind.TEXT, Better.NEITHER,
        "The name whose TLSA records count: the host's, or the one that it is an alias of.",
        "RFC 7672 section 2.2.2", _base_domain,
    ),
    Fact(
        "tlsa_records", Scope.MX, Kind.LIST, Better.NEITHER,
        "The TLSA records for which DNSSEC vouches: whether a sender uses them, and which of the certificates seen so far they vouch for.",
        "RFC 7672 section 3.1", _records,
        metrics=(Metric("mx_tlsa_records", "TLSA records for which DNSSEC vouches.", lambda value: [((), float(len(value)))]),),
        parts=listed(
            made_of(usage=NUMBER, selector=NUMBER, matching_type=NUMBER, data=TEXT, usable=TRUTH, why_not=TEXT, matches=listed(TEXT))
        ),
    ),
    Fact(
        "tlsa_unmatched", Scope.MX, Kind.LIST, Better.NEITHER,
        "Used TLSA records that are of nothing served: the next key's, or left over from the last; one look cannot tell which.",
        "RFC 7671 section 8.1", _unmatched, quick=False,
    ),
    Fact(
        "dane_rollover_ready", Scope.MX, Kind.BOOL, Better.NEITHER,
        "The server's key could be replaced at once: beside the records that vouch for what is served there is one of a key that is not, or "
        "an issuer's.",
        "RFC 7671 section 8.1", _rollover_ready, quick=False,
    ),
)  # fmt: skip
