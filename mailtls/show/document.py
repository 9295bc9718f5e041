"""Observations as JSON: the contract of ``mailtls check --format json``, schema 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailtls.instants import rfc3339
from mailtls.model import Absent, Known
from mailtls.policy.telling import command, remedy_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailtls.model import DomainObservation, EndpointObservation, Finding, Gap, Grade, MXObservation, Reading, Unknown

SCHEMA = 1


def document(domains: Iterable[DomainObservation], *, explain: bool = False) -> dict[str, Any]:
    """Return the whole document, ready for ``json.dumps``.

    Args:
        domains: what was observed.
        explain: whether each finding says why it is one, how it can be reproduced and how it can be mended.

    """
    return {"schema": SCHEMA, "domains": [domain_document(domain, explain=explain) for domain in domains]}


def domain_document(domain: DomainObservation, *, explain: bool = False) -> dict[str, Any]:
    """Return one domain."""
    return {
        "domain": domain.domain,
        "provider": domain.provider,
        "verdict": domain.verdict.value,
        "findings": [_finding(finding, explain=explain) for finding in domain.findings],
        "missing": [_missing(gap) for gap in domain.missing],
        "measured_at": rfc3339(domain.measured_at),
        "unresolved": _gap(domain.unresolved),
        "readings": _readings(domain.readings),
        "grades": {grade.policy: grade_document(grade, explain=explain) for grade in domain.grades},
        "mx": [_host(host) for host in domain.mx],
    }


def grade_document(grade: Grade, *, explain: bool = False) -> dict[str, Any]:
    """Return one grade."""
    return {
        "version": grade.version,
        "level": None if grade.level is None else grade.level.value,
        "coverage": round(grade.coverage, 4),
        "met": None if grade.met is None else round(grade.met, 4),
        "findings": [_finding(finding, explain=explain) for finding in grade.findings],
        "missing": [_missing(gap) for gap in grade.missing],
    }


def _missing(gap: Gap) -> dict[str, Any]:
    return {"facts": list(gap.facts), "where": gap.where, "cause": gap.unknown.cause.value, "stage": gap.unknown.stage.value}


def _finding(finding: Finding, *, explain: bool) -> dict[str, Any]:
    clause = finding.clause
    said: dict[str, Any] = {"code": finding.code, "where": finding.where, "text": finding.text}
    if clause is None:
        return said
    said |= {"rule": clause.rule, "level": finding.level}
    if explain:
        source = None if clause.source is None else {"title": clause.source.title, "url": clause.source.url}
        said |= {"policy": clause.policy, "version": clause.version, "why": clause.why, "source": source}
        said |= {"reproduce": command(finding) or None, "mend": dict(remedy_of(clause))}
    return said


def _host(host: MXObservation) -> dict[str, Any]:
    return {
        "host": host.host,
        "preference": host.preference,
        "unresolved": _gap(host.unresolved),
        "readings": _readings(host.readings),
        "endpoints": [_endpoint(endpoint) for endpoint in host.endpoints],
    }


def _endpoint(endpoint: EndpointObservation) -> dict[str, Any]:
    return {
        "address": str(endpoint.endpoint.address),
        "port": endpoint.endpoint.port,
        "server_name": endpoint.endpoint.server_name,
        "conclusive": endpoint.conclusive,
        "inconclusive": _gap(endpoint.inconclusive),
        "in_scope": endpoint.in_scope,
        "attempted_at": rfc3339(endpoint.attempted_at),
        "concluded_at": rfc3339(endpoint.concluded_at),
        "readings": _readings(endpoint.readings),
        "key_shared_with": [
            {"spki_sha256": key.spki_sha256, "operators": list(key.operators), "hosts": list(key.hosts)} for key in endpoint.key_shared_with
        ],
    }


def _gap(unknown: Unknown | None) -> dict[str, str] | None:
    """Return why something could not be measured, or ``None`` where it could."""
    return None if unknown is None else {"cause": unknown.cause.value, "stage": unknown.stage.value, "detail": unknown.detail}


def _readings(readings: Mapping[str, Reading[object]]) -> dict[str, Any]:
    return {name: reading_document(reading) for name, reading in readings.items()}


def reading_document(reading: Reading[object]) -> dict[str, Any]:
    """Return one reading: ``{"state": "known", "value": ...}``, ``{"state": "absent"}`` or ``{"state": "unknown", "cause", ...}``."""
    if isinstance(reading, Known):
        return {"state": "known", "value": reading.value}
    if isinstance(reading, Absent):
        return {"state": "absent"}
    return {
        "state": "unknown",
        "cause": reading.cause.value,
        "stage": reading.stage.value,
        "detail": reading.detail,
        "seen": reading.seen,
    }
