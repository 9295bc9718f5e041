"""Facts of MTA-STS and TLS-RPT: what is known is told, what was not measured is not, and each metric follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client import CollectorRegistry, generate_latest

from mailtls import facts
from mailtls.evidence import (
    Failure,
    HostRoute,
    Lookup,
    LookupOutcome,
    RouteEvidence,
    StsChange,
    StsEvidence,
    StsFetch,
)
from mailtls.facts.declaration import HostEvidence
from mailtls.model import Absent, Cause, DomainObservation, Known, Reading, Snapshot, Stage, Unknown, Verdict
from mailtls.show.metrics import SnapshotCollector

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOST = "mta-sts.a.example"


def texts(*records: str, outcome: LookupOutcome | None = None) -> Lookup:
    outcome = outcome or (LookupOutcome.ANSWERED if records else LookupOutcome.NO_SUCH_NAME)
    return Lookup("x.a.example.", "TXT", outcome, tuple(f'"{record}"' for record in records))


RECORD = texts("v=STSv1; id=1")
FAILED = texts(outcome=LookupOutcome.TIMED_OUT)


@pytest.fixture(scope="module")
def fetched(authority) -> StsFetch:
    chain = tuple(c.public_bytes(Encoding.DER) for c in authority.issue([HOST]).chain)
    body = b"version: STSv1\nmode: enforce\nmx: *.a.example\nmax_age: 86400\n"
    return StsFetch(f"https://{HOST}/x", HOST, "1", datetime.now(UTC), chain=chain, status=200, content_type="text/plain", body=body)


def route(sts: StsEvidence | None = None, tls_rpt: Lookup | None = None, failure: Failure | None = None) -> RouteEvidence:
    mx = Lookup("a.example.", "MX", LookupOutcome.ANSWERED, ("10 mx.a.example.",))
    return RouteEvidence("a.example", None if failure else mx, failure=failure, began=NOW, mta_sts=sts, tls_rpt=tls_rpt)


def read(way: RouteEvidence, anchors) -> dict[str, Reading[Any]]:
    return {fact.name: fact.read(way, anchors) for fact in facts.DOMAIN if "sts" in fact.name or "rpt" in fact.name}


def match(way: RouteEvidence, host: str, anchors) -> Reading[Any]:
    (fact,) = (fact for fact in facts.MX if fact.name == "mta_sts_match")
    return fact.read(HostEvidence(way, HostRoute(host, 10, ())), anchors)


def page(*readings: dict[str, Reading[Any]]) -> list[str]:
    domains = tuple(DomainObservation(f"d{n}.example", "A", Verdict.UNKNOWN, (), seen, (), NOW) for n, seen in enumerate(readings))
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(lambda: Snapshot(domains)))
    return generate_latest(registry).decode().splitlines()


def test_a_policy_is_told_with_the_id_that_it_was_fetched_under_and_when(fetched, anchors) -> None:
    seen = read(route(StsEvidence(texts("v=STSv1; id=2"), fetched)), anchors)
    assert seen["mta_sts"] == Known({"mode": "enforce", "max_age": 86400, "id": "1", "mx": ["*.a.example"]})
    assert seen["mta_sts_fetched_at"] == Known(fetched.began.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert seen["mta_sts_error"] == Absent()
    assert seen["mta_sts_problems"] == Known([])
    way = route(StsEvidence(RECORD, fetched))
    assert match(way, "mx.a.example", anchors) == Known(value=True)
    assert match(way, "mx.b.example", anchors) == Known(value=False)


@pytest.mark.parametrize("status", [404, 503])
def test_a_policy_that_stands_in_is_told_beside_what_is_wrong_with_the_last_fetch(status, fetched, anchors) -> None:
    seen = read(route(StsEvidence(RECORD, replace(fetched, status=status), fetched)), anchors)
    assert isinstance(seen["mta_sts"], Known)
    if status == 404:
        assert seen["mta_sts_error"] == Known("sts-policy-fetch-error")
    else:
        assert isinstance(seen["mta_sts_error"], Unknown)
        assert isinstance(seen["mta_sts_problems"], Unknown)


def test_without_a_record_there_is_nothing_and_with_a_bad_one_that_is_said(fetched, anchors) -> None:
    nothing = read(route(StsEvidence(texts(), fetched)), anchors)
    assert {name: reading for name, reading in nothing.items() if name.startswith("mta_sts") and name != "mta_sts_changes"} == dict.fromkeys(
        ("mta_sts", "mta_sts_fetched_at", "mta_sts_error", "mta_sts_problems", "mta_sts_certificate_not_after"), Absent()
    )
    bad = read(route(StsEvidence(texts("v=STSv1; id=1", "v=STSv1; id=2"))), anchors)
    assert bad["mta_sts"] == Absent()
    assert bad["mta_sts_error"] == Known("sts-policy-invalid")
    assert bad["mta_sts_problems"].value[0]["why"].startswith("2 TXT records")
    assert match(route(StsEvidence(texts())), "mx.a.example", anchors) == Absent()


@pytest.mark.parametrize(
    "way",
    [
        route(), route(StsEvidence(FAILED), FAILED), route(failure=Failure(Cause.NOT_ATTEMPTED, Stage.DNS, "excluded")),
        route(StsEvidence(replace(RECORD, omitted=3)), replace(RECORD, omitted=3)),
    ],
)  # fmt: skip
def test_what_was_not_measured_is_not_known_nor_absent_nor_a_sample(way, anchors) -> None:
    seen = read(way, anchors)
    assert all(isinstance(reading, Unknown) for reading in seen.values()), seen
    assert isinstance(match(way, "mx.a.example", anchors), Unknown)
    assert not [line for line in page(seen) if line.startswith(("mailtls_domain_mta_sts", "mailtls_domain_tls_rpt"))]


def test_a_record_whose_policy_was_not_fetched_yet_leaves_the_policy_unknown(anchors) -> None:
    seen = read(route(StsEvidence(RECORD)), anchors)
    for name in ("mta_sts", "mta_sts_error", "mta_sts_problems", "mta_sts_certificate_not_after"):
        assert isinstance(seen[name], Unknown)
        assert (seen[name].cause, seen[name].stage) == (Cause.NOT_ATTEMPTED, Stage.HTTPS)


def test_a_certificates_end_is_told_whether_it_is_trusted_or_not_and_of_an_earlier_fetch_where_the_last_saw_none(
    fetched, anchors, authority
) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    bad = tuple(c.public_bytes(Encoding.DER) for c in authority.issue([HOST], self_signed=True, not_after=until).chain)
    seen = read(route(StsEvidence(RECORD, replace(fetched, chain=bad))), anchors)
    assert seen["mta_sts_error"] == Known("sts-webpki-invalid")
    assert seen["mta_sts_certificate_not_after"] == Known(until.strftime("%Y-%m-%dT%H:%M:%SZ"))
    (line,) = (line for line in page(seen) if line.startswith("mailtls_domain_mta_sts_certificate_not_after_timestamp_seconds{"))
    assert float(line.split()[1]) == until.timestamp()
    late = replace(fetched, chain=(), status=None, failure=Failure(Cause.CONNECT_TIMEOUT, Stage.HTTPS))
    assert isinstance(read(route(StsEvidence(RECORD, late, fetched)), anchors)["mta_sts_certificate_not_after"], Known)
    assert isinstance(read(route(StsEvidence(RECORD, late)), anchors)["mta_sts_certificate_not_after"], Unknown)
    odd = read(route(StsEvidence(RECORD, replace(fetched, chain=(b"\x30\x00",)))), anchors)
    assert odd["mta_sts_certificate_not_after"].cause is Cause.PROTOCOL_ERROR


def test_changes_are_told_where_something_is_remembered(anchors) -> None:
    change = StsChange(NOW, "mode-weakened", "enforce", "testing")
    told = read(route(StsEvidence(RECORD, changes=(change,))), anchors)["mta_sts_changes"]
    assert told == Known([{"at": "2026-11-24T12:00:00Z", "kind": "mode-weakened", "before": "enforce", "after": "testing"}])
    assert read(route(StsEvidence(RECORD, changes=())), anchors)["mta_sts_changes"] == Known([])
    assert isinstance(read(route(StsEvidence(RECORD)), anchors)["mta_sts_changes"], Unknown)


def test_what_is_wrong_is_a_metric_while_it_holds(fetched, anchors) -> None:
    gone = replace(fetched, status=404)
    lines = [line for line in page(read(route(StsEvidence(RECORD, gone, fetched)), anchors)) if line.startswith("mailtls_domain_mta_sts_error")]
    assert lines == ['mailtls_domain_mta_sts_error_info{code="sts-policy-fetch-error",domain="d0.example"} 1.0']
    for sts in (StsEvidence(RECORD, fetched), StsEvidence(texts()), StsEvidence(FAILED), StsEvidence(RECORD, replace(fetched, status=503))):
        assert not [line for line in page(read(route(sts), anchors)) if line.startswith("mailtls_domain_mta_sts_error_info{")]


def test_exactly_one_mode_is_one_and_none_is_told_where_it_could_not_be_measured(fetched, anchors) -> None:
    sights = [read(route(sts), anchors) for sts in (StsEvidence(RECORD, fetched), StsEvidence(texts()), StsEvidence(FAILED))]
    lines = [line for line in page(*sights) if line.startswith("mailtls_domain_mta_sts_mode{")]
    assert {line for line in lines if line.endswith(" 1.0")} == {
        'mailtls_domain_mta_sts_mode{domain="d0.example",mode="enforce"} 1.0', 'mailtls_domain_mta_sts_mode{domain="d1.example",mode="absent"} 1.0',
    }  # fmt: skip
    assert len(lines) == 8
    assert sum(line.endswith(" 0.0") for line in lines) == 6


def test_places_for_reports_are_told_and_what_is_wrong_with_them(anchors) -> None:
    sights = [
        read(route(tls_rpt=lookup), anchors)
        for lookup in (
            texts("v=TLSRPTv1; rua=mailto:a@b.example,https://c.example/"), texts(), texts("v=TLSRPTv1; rua=nowhere"), FAILED,
            texts("v=TLSRPTv1; rua=mailto:a@b.example,http://c.example/"),
        )
    ]  # fmt: skip
    assert [sight["tls_rpt"] for sight in sights[:3]] == [Known(["mailto:a@b.example", "https://c.example/"]), Absent(), Absent()]
    assert sights[4]["tls_rpt"] == Known(["mailto:a@b.example"])
    assert [sight["tls_rpt_error"] for sight in sights[:2]] == [Absent(), Absent()]
    for number in (2, 4):
        assert "nowhere" in sights[number]["tls_rpt_error"].value or "http://c.example/" in sights[number]["tls_rpt_error"].value
    assert isinstance(sights[3]["tls_rpt"], Unknown)
    lines = {line for line in page(*sights) if line.startswith("mailtls_domain_tls_rpt_present{")}
    assert lines == {f'mailtls_domain_tls_rpt_present{{domain="d{n}.example"}} {value}' for n, value in ((0, 1.0), (1, 0.0), (2, 0.0), (4, 1.0))}
