"""JSON by the contract: one shape for each of a reading's three states, and times in UTC."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from mailtls.model import (
    Absent,
    Cause,
    DomainObservation,
    Endpoint,
    EndpointObservation,
    Finding,
    Known,
    MXObservation,
    SharedKey,
    Stage,
    Unknown,
    Verdict,
)
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
