"""Every key of the JSON is explained, and no key is explained that is not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

from mailtls.facts.declaration import Scope
from mailtls.lab import TLS, Behaviour
from mailtls.model import (
    Absent,
    Cause,
    Clause,
    DomainObservation,
    Endpoint,
    EndpointObservation,
    Finding,
    Gap,
    Grade,
    Known,
    Level,
    MXObservation,
    SharedKey,
    Stage,
    Unknown,
    Verdict,
)
from mailtls.show import json_keys
from mailtls.show.document import document

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PLACES = {part.name: frozenset(part.keys) for part in json_keys.FRAME}


def whole(explain: bool) -> dict[str, Any]:
    late = Unknown(Cause.READ_TIMEOUT, Stage.EHLO, "late")
    clause = Clause("verdict", "2", "version", "because", None, ("tls_versions",))
    finding, gap = Finding("code", "here", "text", "degraded", clause), Gap(("f",), "here", late)
    readings = {"a": Known(1), "b": Absent(), "c": late}
    seen = EndpointObservation(
        Endpoint("mx.a.example", ip_address("192.0.2.1"), 25), readings, conclusive=False, inconclusive=late,
        key_shared_with=(SharedKey("ab", ("b.example",), ("mx.b.example",)),),
    )  # fmt: skip
    host = MXObservation("mx.a.example", 10, readings, (seen,), late)
    grade = Grade("p", "1", Level.GOOD, 1.0, 1.0, (finding,), (gap,))
    domain = DomainObservation("a.example", "A", Verdict.UNKNOWN, (finding,), readings, (host,), NOW, late, (grade,), (gap,))
    return document([domain], explain=explain)


def test_every_key_of_the_frame_is_explained_and_no_other() -> None:
    made = whole(explain=True)
    (domain,) = made["domains"]
    (host,) = domain["mx"]
    (address,) = host["endpoints"]
    found = {
        "The document": made, "A domain": domain | {"regressions": []}, "An MX host": host, "An address": address,
        "A shared key": address["key_shared_with"][0], "A finding": domain["findings"][0], "What is missing": domain["missing"][0],
        "A grade": domain["grades"]["p"], "Why not": domain["unresolved"],
    }  # fmt: skip
    for name, part in found.items():
        assert part.keys() == PLACES[name], name
    assert {key for reading in address["readings"].values() for key in reading} == PLACES["A reading"]
    assert host["unresolved"].keys() == address["inconclusive"].keys() == PLACES["Why not"]
    assert domain["grades"]["p"]["findings"][0].keys() == PLACES["A finding"]
    assert PLACES.keys() - found.keys() == {"A reading", "A regression", "A loss that is held back"}


def test_what_explain_adds_is_said() -> None:
    plain = whole(explain=False)["domains"][0]["findings"][0].keys()
    (finding,) = (part for part in json_keys.FRAME if part.name == "A finding")
    assert {key for key, (takes, _) in finding.keys.items() if "--explain" not in takes} == plain


def test_every_part_of_every_reading_is_explained_and_no_other() -> None:
    rows = [row for scope in Scope for row in json_keys.readings_in(scope)]
    assert json_keys.explained() <= {path for path, _, _ in rows}
    assert all(takes and meaning.endswith(".") and "|" not in meaning for _, takes, meaning in rows)
    assert len({path for path, _, _ in rows}) == len(rows)


def paths(value: Any, path: str) -> set[str]:
    if isinstance(value, list):
        return {path}.union(*(paths(entry, f"{path}[]") - {f"{path}[]"} for entry in value))
    if isinstance(value, dict):
        return {path}.union(*(paths(entry, f"{path}.{key}") for key, entry in value.items()))
    return {path}


async def test_what_a_scan_of_a_server_really_reads_is_explained(visit, authority) -> None:
    tls = TLS((authority.issue(["mx.wild.example"]), authority.issue(["mx.wild.example"], key="rsa2048")))
    seen, _ = await visit(Behaviour(tls=tls))
    known = {path for scope in Scope for path, _, _ in json_keys.readings_in(scope)}
    found = set()
    for name, reading in replace(seen).readings.items():
        found |= paths(getattr(reading, "value", None), name)
    assert "certificates[].chain[].sha256" in found
    assert found - known == set()
