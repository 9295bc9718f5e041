"""JSON by the contract: one shape for each of a reading's three states, and times in UTC."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

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
    Place,
    SharedKey,
    Source,
    Stage,
    Unknown,
    Verdict,
)
from mailtls.policy.telling import remedies
from mailtls.show.document import document, reading_document, rfc3339

NOW = datetime(2026, 11, 24, 1, 2, 3, 999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (Known(value=False), {"state": "known", "value": False}),
        (Known(None), {"state": "known", "value": None}),
        (Known([]), {"state": "known", "value": []}),
        (Absent(), {"state": "absent"}),
        (
            Unknown(Cause.TARPIT, Stage.GREETING, "so slow", ["a"]),
            {"state": "unknown", "cause": "tarpit", "stage": "greeting", "detail": "so slow", "seen": ["a"]},
        ),
    ],
)
def test_a_reading_has_three_states(reading, expected) -> None:
    assert reading_document(reading) == expected


def test_a_document_has_the_keys_of_the_contract() -> None:
    endpoint = Endpoint("mx.a.example", ip_address("2001:db8::1"), 25)
    slow, late = Unknown(Cause.TARPIT, Stage.GREETING, "so slow"), Unknown(Cause.DNS_TIMEOUT, Stage.DNS, "a.example. MX: late")
    shared = (SharedKey("ab", ("b.example",), ("mx.b.example",)),)
    readings = {"f": Absent()}
    observed = EndpointObservation(
        endpoint, readings, conclusive=False, attempted_at=NOW, inconclusive=slow, key_shared_with=shared
    )
    host = MXObservation("mx.a.example", 10, {}, (observed,))
    finding = Finding("key-too-small", "here", "why")
    domain = DomainObservation("a.example", "A", Verdict.DEGRADED, (finding,), {"g": Known(1)}, (host,), NOW, late)
    made = json.loads(json.dumps(document([domain])))
    assert made == {
        "schema": 1,
        "domains": [
            {
                "domain": "a.example",
                "provider": "A",
                "verdict": "degraded",
                "findings": [{"code": "key-too-small", "where": "here", "text": "why"}],
                "missing": [],
                "measured_at": "2026-11-24T01:02:03Z",
                "unresolved": {"cause": "dns-timeout", "stage": "dns", "detail": "a.example. MX: late"},
                "readings": {"g": {"state": "known", "value": 1}},
                "grades": {},
                "mx": [
                    {
                        "host": "mx.a.example",
                        "preference": 10,
                        "unresolved": None,
                        "readings": {},
                        "endpoints": [
                            {
                                "address": "2001:db8::1",
                                "port": 25,
                                "server_name": "mx.a.example",
                                "conclusive": False,
                                "inconclusive": {"cause": "tarpit", "stage": "greeting", "detail": "so slow"},
                                "in_scope": True,
                                "attempted_at": "2026-11-24T01:02:03Z",
                                "concluded_at": None,
                                "readings": {"f": {"state": "absent"}},
                                "key_shared_with": [{"spki_sha256": "ab", "operators": ["b.example"], "hosts": ["mx.b.example"]}],
                            }
                        ],
                    }
                ],
            }
        ],
    }


def test_nothing_measured_is_an_empty_document_and_no_time_is_null() -> None:
    assert document([]) == {"schema": 1, "domains": []}
    assert rfc3339(None) is None


def test_why_something_is_unknown_is_null_where_nothing_is() -> None:
    observed = EndpointObservation(Endpoint("mx.a.example", ip_address("192.0.2.1")), {}, conclusive=True)
    gone = MXObservation("mx.b.example", 20, {}, (), Unknown(Cause.NO_ADDRESS, Stage.DNS, "none"))
    hosts = (MXObservation("mx.a.example", 10, {}, (observed,)), gone)
    made = document([DomainObservation("a.example", "A", Verdict.PROTECTED, (), {}, hosts)])["domains"][0]
    assert made["unresolved"] is None
    assert [host["unresolved"] for host in made["mx"]] == [None, {"cause": "no-address", "stage": "dns", "detail": "none"}]
    assert made["mx"][0]["endpoints"][0]["inconclusive"] is None


def test_a_grade_has_the_keys_of_the_contract_and_its_findings_are_explained_on_demand() -> None:
    source = Source("RFC 9325, section 4.5", "https://x.example/")
    clause = Clause("rfc9325", "2022-11", "finite-field", "Why.", source, ("dh_bits",), ("dig", "{domain}"))
    finding = Finding("finite-field", "a.example", "1024 bits", "insufficient", clause, Place("a.example"), (1024,), "dh_bits")
    gap = Gap(("tls_versions",), "mx.a.example 192.0.2.1:25", Unknown(Cause.TARPIT, Stage.GREETING, "so slow"))
    grades = (Grade("rfc9325", "2022-11", None, 2 / 3, None, (finding,), (gap,)), Grade("pledge-2013", "2013-12", Level.GOOD, 1.0, 1.0))
    domain = DomainObservation("a.example", "A", Verdict.UNKNOWN, (), {}, (), grades=grades, missing=(gap,))
    plain, explained = (json.loads(json.dumps(document([domain], explain=explain)))["domains"][0] for explain in (False, True))
    missing = [{"facts": ["tls_versions"], "where": "mx.a.example 192.0.2.1:25", "cause": "tarpit", "stage": "greeting"}]
    said = {"code": "finite-field", "where": "a.example", "text": "1024 bits", "rule": "finite-field", "level": "insufficient"}
    assert plain["grades"] == {
        "rfc9325": {"version": "2022-11", "level": None, "coverage": 0.6667, "met": None, "findings": [said], "missing": missing},
        "pledge-2013": {"version": "2013-12", "level": "good", "coverage": 1.0, "met": 1.0, "findings": [], "missing": []},
    }
    assert plain["missing"] == missing
    assert explained["grades"]["rfc9325"]["findings"] == [
        said
        | {"policy": "rfc9325", "version": "2022-11", "why": "Why.", "source": {"title": "RFC 9325, section 4.5", "url": "https://x.example/"}}
        | {"reproduce": "dig a.example", "mend": dict(remedies()["dh_bits"])}
    ]
