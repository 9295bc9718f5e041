"""One declaration is enough: metric, JSON key and documentation follow."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from mailtls import facts
from mailtls.facts.declaration import Better, Fact, Kind, Scope, truth_gauge
from mailtls.facts.starttls import _ehlo_fact
from mailtls.lab import Behaviour
from mailtls.model import DomainObservation, Known, MXObservation, Snapshot, Verdict
from mailtls.show.document import domain_document
from mailtls.show.metrics import SnapshotCollector
from mailtls.show.reference import facts_page, metrics_page
from mailtls.smtp import ehlo

PIPELINING = Fact(
    "pipelining", Scope.ENDPOINT, Kind.BOOL, Better.NEITHER,
    "A completed EHLO lists PIPELINING.",
    "RFC 2920 section 3", _ehlo_fact(lambda reply: "PIPELINING" in ehlo.keywords(reply)),
    metrics=(truth_gauge("mx_pipelining", "Whether a completed EHLO lists PIPELINING at every address."),),
)  # fmt: skip


async def test_a_new_fact_is_measured_exported_and_documented_by_its_declaration_alone(visit, monkeypatch) -> None:
    monkeypatch.setattr(facts, "ENDPOINT", (*facts.ENDPOINT, PIPELINING))
    monkeypatch.setattr(facts, "ALL", (*facts.ALL, PIPELINING))
    observed, _ = await visit(Behaviour())
    assert observed.readings["pipelining"] == Known(value=True)
    host = MXObservation("mx.wild.example", 10, {}, (observed,))
    domain = DomainObservation("wild.example", "Wild", Verdict.UNPROTECTED, (), {}, (host,), observed.attempted_at)
    assert domain_document(domain)["mx"][0]["endpoints"][0]["readings"]["pipelining"] == {"state": "known", "value": True}
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(lambda: Snapshot((domain,))))
    assert 'mailtls_mx_pipelining{family="ipv4",mx="mx.wild.example"} 1.0' in generate_latest(registry).decode()
    assert "| `pipelining` |" in facts_page()
    assert "| `mailtls_mx_pipelining` |" in metrics_page()


@pytest.mark.parametrize(("value", "samples"), [(True, [((), 1.0)]), (False, [((), 0.0)]), ([True, False], []), ([False, True], [])])
def test_a_truth_is_one_or_nought_and_two_truths_are_neither(value: object, samples: object) -> None:
    assert truth_gauge("mx_any", "Any.").samples(value) == samples
