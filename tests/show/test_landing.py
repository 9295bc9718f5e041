"""The first page names the worst first, with the reason, and nothing that others wrote is anything but text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import ip_address

from mailtls.model import (
    Cause,
    DomainObservation,
    Endpoint,
    EndpointObservation,
    Finding,
    MXObservation,
    Snapshot,
    Stage,
    Unknown,
    Verdict,
)
from mailtls.show.landing import landing

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HOSTILE = "<script>alert('\"&')</script>"


def domain(name: str, verdict: Verdict, *findings: Finding, unresolved: Unknown | None = None, mx=()) -> DomainObservation:
    return DomainObservation(name, HOSTILE, verdict, findings, {}, mx, NOW, unresolved)


def test_the_worst_comes_first_and_those_that_wait_last() -> None:
    page = landing(Snapshot(tuple(domain(f"{verdict.value}.example", verdict) for verdict in Verdict), (("B", "waiting.example"),)))
    order = re.findall(r">([a-z-]+)\.example</a>", page)
    assert order == ["unprotected", "degraded", "unknown", "no-mail", "protected", "waiting"]
    assert "1 unprotected, 1 degraded, 1 unknown, 1 no-mail, 1 protected, 1 not looked at yet" in page


def test_an_unknown_has_its_cause_wherever_that_stands() -> None:
    reason = Unknown(Cause.DNS_FAILURE, Stage.DNS, HOSTILE)
    blocked, where = Unknown(Cause.BLOCKED, Stage.GREETING), Endpoint("mx", ip_address("192.0.2.1"))
    endpoint = EndpointObservation(where, {}, conclusive=False, inconclusive=blocked)
    seen = (
        domain("a.example", Verdict.UNKNOWN, unresolved=reason),
        domain("b.example", Verdict.UNKNOWN, mx=(MXObservation("mx", 1, {}, (endpoint,)),)),
    )
    page = landing(Snapshot(seen))
    assert "dns-failure at dns: &lt;script&gt;" in page
    assert "<td>blocked at greeting<td>" in page


def test_what_others_wrote_is_text_and_a_domain_leads_to_its_transcript() -> None:
    page = landing(Snapshot((domain("a.example", Verdict.DEGRADED, Finding("code", "mx", HOSTILE), Finding("code", "mx", "x")),)))
    assert "<script" not in page
    assert "&lt;/script&gt;; and 1 more<td>" in page
    assert 'href="/probe?target=a.example&amp;debug=true"' in page
    assert "✗" not in page
    assert "! degraded" in page
