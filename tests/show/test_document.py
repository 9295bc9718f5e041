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
    observed = EndpointObservation(endpoint, {"f": Absent()}, conclusive=True, attempted_at=NOW)
    host = MXObservation("mx.a.example", 10, {}, (observed,))
    finding = Finding("key-too-small", "here", "why")
    domain = DomainObservation("a.example", "A", Verdict.DEGRADED, (finding,), {"g": Known(1)}, (host,), NOW)
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
                "readings": {"g": {"state": "known", "value": 1}},
                "grades": {},
                "mx": [
                    {
                        "host": "mx.a.example",
                        "preference": 10,
                        "readings": {},
                        "endpoints": [
                            {
                                "address": "2001:db8::1",
                                "port": 25,
                                "conclusive": True,
                                "in_scope": True,
                                "attempted_at": "2026-11-24T01:02:03Z",
                                "concluded_at": None,
                                "readings": {"f": {"state": "absent"}},
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
