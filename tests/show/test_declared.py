"""What a domain declares, at a terminal: only what is there, and nothing that a stranger wrote as markup."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from rich.console import Console

from mailtls.evidence import Failure, StsFetch
from mailtls.model import Absent, Cause, DomainObservation, Known, MXObservation, Reading, Stage, Unknown, Verdict
from mailtls.show.declared import fetch_lines
from mailtls.show.text import domain_lines, plain

NOW = datetime(2026, 11, 24, tzinfo=UTC)
POLICY = {"mode": "enforce", "max_age": 86400, "id": "1", "mx": ["mx.a.example"]}


def rendered(readings: dict[str, Reading[Any]], match: Reading[Any] | None = None) -> str:
    host = MXObservation("mx.a.example", 10, {} if match is None else {"mta_sts_match": match})
    domain = DomainObservation("a.example", "A", Verdict.UNKNOWN, (), readings, (host,), NOW)
    console = Console(file=io.StringIO(), highlight=False, soft_wrap=True, force_terminal=False)
    for line in domain_lines(domain):
        console.print(line, emoji=False)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_policy_its_trouble_and_the_host_that_it_does_not_name_are_told() -> None:
    change = {"at": "2026-11-24T00:00:00Z", "kind": "mode-weakened", "before": "enforce", "after": "testing"}
    readings: dict[str, Reading[Any]] = {
        "mta_sts": Known(POLICY | {"mx": [f"m{n}.a.example" for n in range(9)]}), "mta_sts_changes": Known([change]),
        "mta_sts_problems": Known([{"code": "sts-webpki-invalid", "why": "it expired"}]), "tls_rpt": Known(["mailto:tls@a.example"]),
        "tls_rpt_error": Known("'x' is nothing"),
    }  # fmt: skip
    text = rendered(readings, Known(value=False))
    assert "MTA-STS: enforce, for 86400 s, mx m0.a.example" in text
    assert "and 4 more" in text
    assert "! MTA-STS: it expired (sts-webpki-invalid)" in text
    assert "! MTA-STS, 2026-11-24T00:00:00Z: mode-weakened: enforce -> testing" in text
    assert "TLS-RPT: mailto:tls@a.example" in text
    assert "! TLS-RPT: 'x' is nothing" in text
    assert "x the domain's MTA-STS policy does not name this host" in text


def test_what_could_not_be_measured_is_said_and_what_is_not_there_is_not() -> None:
    late = Unknown(Cause.CONNECT_TIMEOUT, Stage.HTTPS, "192.0.2.1: no answer")
    assert "? MTA-STS could not be measured, connect-timeout at https: 192.0.2.1: no answer" in rendered({"mta_sts": late}, late)
    quiet = rendered({"mta_sts": Absent(), "mta_sts_problems": Absent(), "tls_rpt": Absent(), "tls_rpt_error": Absent()}, Absent())
    assert "STS" not in quiet
    assert "RPT" not in quiet


@pytest.mark.parametrize("words", ["[red]", "[/]", "a\\\\", "\\[bold]", "[link=http://x]y[/link]", "[/red", ":smile:"])
def test_a_policy_host_cannot_write_markup(words: str) -> None:
    readings: dict[str, Reading[Any]] = {"mta_sts_problems": Known([{"code": "sts-policy-invalid", "why": words}]), "tls_rpt_error": Known(words)}
    text = rendered(readings | {"mta_sts": Unknown(Cause.TARPIT, Stage.HTTPS, words)})
    assert f"MTA-STS: {words} (sts-policy-invalid)" in text
    assert f"TLS-RPT: {words}\n" in text
    assert f"tarpit at https: {words}\n" in text


def test_a_fetch_is_told_as_it_went_and_a_redirect_as_not_followed(authority) -> None:
    chain = (authority.issue(["mta-sts.a.example"]).certificate.public_bytes(Encoding.DER),)
    fetch = StsFetch("https://mta-sts.a.example/x", "mta-sts.a.example", "7", NOW, address="192.0.2.1", chain=chain, took=0.25)
    good = replace(fetch, status=200, content_type="text/plain", body=b"version: STSv1\r\nmode: [red]\x1b[2J\r\n" + b"x: y\n" * 100)
    lines = [plain(line) for line in fetch_lines(good)]
    assert lines[0] == "https://mta-sts.a.example/x at 192.0.2.1  2026-11-24T00:00:00Z, id 7; 0.250 s"
    assert "names" not in lines[1]
    assert lines[1].endswith("mta-sts.a.example")
    assert lines[2] == "  status 200, text/plain, 533 octets"
    assert lines[4] == "    < mode: [red]\\x1b[2J"
    assert len(lines) < 70
    away = [plain(line) for line in fetch_lines(replace(fetch, status=302, location="http://169.254.169.254/[b]", chain=()))]
    assert away[1:] == ["  status 302, no content type, 0 octets", "  location http://169.254.169.254/[b], not followed"]
    late = [plain(line) for line in fetch_lines(replace(fetch, chain=(), failure=Failure(Cause.CONNECT_TIMEOUT, Stage.HTTPS, "no answer")))]
    assert late[1:] == ["  ? connect-timeout at https: no answer"]
