"""An explanation says what was seen, which rule it breaks and why, how to see the same and how to mend it; at any width, and safely."""

from __future__ import annotations

import io
import shlex
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from rich.console import Console

from mailtls import facts
from mailtls.model import (
    Absent,
    Cause,
    DomainObservation,
    Endpoint,
    EndpointObservation,
    Known,
    Level,
    MXObservation,
    Stage,
    Unknown,
)
from mailtls.policy.judge import Judge, Observed
from mailtls.policy.shipped import shipped
from mailtls.show.explain import explanation_lines
from mailtls.show.text import domain_lines

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LATE = Unknown(Cause.RATE_LIMITED, Stage.GREETING, "421 enough for today")
BAD = {"starttls_offered": True, "starttls_accepted": True, "smtp_inside_tls": True, "plaintext_after_starttls": False,
       "negotiated": {"version": "TLSv1.1", "cipher_suite": "TLS_RSA_WITH_AES_128_CBC_SHA", "group": None}, "tls_versions": ["TLSv1.1"],
       "certificate_trusted": True, "certificate_name_match": True, "forward_secrecy_negotiated": False, "certificate_key_sufficient": True,
       "forward_secrecy_preferred": False, "compression": True}  # fmt: skip


def domain(*readings: dict[str, object], host: str = "mx.a.example", names: tuple[str, ...] = ("rfc9325",)) -> DomainObservation:
    absent = {fact.name: Absent() for fact in facts.ENDPOINT}
    endpoints = tuple(
        EndpointObservation(
            Endpoint(host, ip_address(f"192.0.2.{number}")),
            absent | {name: value if isinstance(value, Unknown) else Known(value) for name, value in each.items()},  # type: ignore[arg-type]
            conclusive=True,
        )
        for number, each in enumerate(readings, 1)
    )
    hosts = (MXObservation(host, 10, {"dane": Known("none"), "mta_sts_match": Absent()}, endpoints),)
    of_domain = {"null_mx": Known(value=False), "dnssec": Known("insecure"), "mta_sts": Absent()}
    judged = Judge(tuple(map(shipped, names))).judge("a.example", Observed(of_domain, hosts, None))
    return DomainObservation("a.example", "A", judged.verdict, judged.findings, of_domain, hosts, NOW, None, judged.grades, judged.missing)


def rendered(lines, width: int = 200) -> str:
    console = Console(file=io.StringIO(), highlight=False, soft_wrap=True, force_terminal=False, width=width)
    for line in lines:
        console.print(line, emoji=False)
    return console.file.getvalue()


def section(text: str, title: str) -> str:
    return next(part for part in text.split("\n\n") if title in part)


def test_a_finding_is_told_with_everything_that_one_needs() -> None:
    told = section(rendered(explanation_lines(domain(BAD), 120)), "rfc9325 2022-11, rule versions")
    assert told.splitlines() == [
        "  rfc9325 2022-11, rule versions  insufficient",
        "    seen       speaks TLSv1.1",
        "    where      mx.a.example 192.0.2.1:25",
        "    why        SSL 2 and 3, TLS 1.0 and TLS 1.1 must not be negotiated; RFC 8996 deprecates the last two.",
        "    source     RFC 9325, section 3.1.1",
        "               https://www.rfc-editor.org/rfc/rfc9325.html#section-3.1.1",
        "    reproduce  openssl s_client -starttls smtp -connect 192.0.2.1:25 -servername mx.a.example -tls1_1 \\",
        "                 -cipher ALL:@SECLEVEL=0",
        "    mend       as for verdict, rule version, above",
    ]
    mended = section(rendered(explanation_lines(domain(BAD), 120)), "verdict, rule version")
    for words in ("Postfix    smtpd_tls_protocols = >=TLSv1.2\n", "Exim       # with OpenSSL:\n", "Exchange   # In the registry"):
        assert words in mended


def test_what_several_addresses_share_is_told_once() -> None:
    text = rendered(explanation_lines(domain(BAD, BAD), 80))
    assert text.count("rule versions  insufficient") == 1
    assert "    where      mx.a.example 192.0.2.1:25\n               mx.a.example 192.0.2.2:25\n" in text
    many = section(rendered(explanation_lines(domain(*[BAD] * 20), 80)), "rule versions")
    assert "and 12 more" in many


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_but_what_must_stay_whole_is_wider_than_the_terminal(width: int) -> None:
    lines = rendered(explanation_lines(domain(BAD, BAD | {"tls_versions": LATE}), width)).splitlines()
    too_wide = [line for line in lines if len(line) > width]
    assert [line for line in too_wide if "https://" not in line and "HKLM\\" not in line] == []
    assert max(map(len, lines)) > width - 25, "and the room there is gets used"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_command_can_be_pasted_as_it_stands(width: int) -> None:
    told = section(rendered(explanation_lines(domain(BAD), width)), "rfc9325 2022-11, rule versions")
    lines = told.partition("reproduce  ")[2].partition("\n    mend")[0].splitlines()
    assert all(line.endswith(" \\") for line in lines[:-1])
    typed = "set -- " + "\n".join(lines) + "\nprintf '%s\\n' \"$@\"\n"
    words = subprocess.run(["/bin/sh", "-c", typed], check=True, capture_output=True, text=True).stdout.split("\n")[:-1]
    assert words == shlex.split("openssl s_client -starttls smtp -connect 192.0.2.1:25 -servername mx.a.example -tls1_1 -cipher ALL:@SECLEVEL=0")


def test_what_is_missing_is_told_with_its_reason() -> None:
    told = section(rendered(explanation_lines(domain(BAD | {"tls_versions": LATE, "groups": LATE}), 120)), "no grade")
    assert told.startswith("  rfc9325 2022-11  no grade, ")
    assert "    missing    tls_versions, groups\n    where      mx.a.example 192.0.2.1:25\n" in told
    assert "    because    rate-limited at greeting: 421 enough for today" in told


@pytest.mark.parametrize("words", ["[red]", "[/]", "a\\", "[link=http://x]y[/link]", "$(reboot)"])
def test_a_name_from_the_wire_is_text_and_no_markup(words: str) -> None:
    text = rendered(explanation_lines(domain(BAD, host=words), 120))
    assert all(character.isprintable() or character == "\n" for character in text)
    assert f"where      {words} 192.0.2.1:25\n" in text


def lines_of(seen: DomainObservation) -> list[str]:
    return rendered(domain_lines(seen)).splitlines()


def test_each_policy_has_a_line_with_its_grade() -> None:
    lines = lines_of(domain(BAD, names=("rfc9325", "pledge-2013")))
    assert "  rfc9325      insufficient  falls short: versions, tls-1.2, compression and 1 more" in lines
    assert "  pledge-2013  insufficient  falls short: forward-secrecy, forward-secrecy-for-all" in lines


def test_a_policy_without_a_grade_says_how_much_is_known_and_what_is_missing() -> None:
    late = {fact.name: LATE for fact in facts.ENDPOINT}
    lines = lines_of(domain(BAD | {"tls_versions": LATE, "dh_bits": LATE}))
    assert next(line for line in lines if line.startswith("  rfc9325")).startswith("  rfc9325  no grade, ")
    assert any("missing: tls_versions, dh_bits (rate-limited); falls short already: compression, forward-secrecy" in line for line in lines)
    silent = lines_of(domain(late, names=("pledge-2013",)))
    assert "  pledge-2013  no grade, 0% known  missing: everything (rate-limited)" in silent
    assert "  rfc9325  good" in lines_of(replace(domain(BAD), grades=(replace(domain(BAD).grades[0], level=Level.GOOD, findings=()),)))


def test_an_unknown_verdict_says_what_it_lacks_where_no_address_says_so_already() -> None:
    good = BAD | {"negotiated": {"version": "TLSv1.3", "cipher_suite": "a", "group": "x25519"}, "tls_versions": ["TLSv1.3"],
                  "forward_secrecy_negotiated": True, "certificate_trusted": False}  # fmt: skip
    seen = domain(good)
    assert seen.verdict == "degraded"
    hosts = (replace(seen.mx[0], readings={"dane": LATE}),)
    judged = Judge().judge("a.example", Observed({"dnssec": Known("secure")}, hosts, None))
    text = rendered(domain_lines(replace(seen, verdict=judged.verdict, findings=judged.findings, missing=judged.missing, mx=hosts, grades=())))
    assert text.startswith("UNKNOWN")
    assert "  dane of mx.a.example 192.0.2.1:25: ? could not be measured, rate-limited at greeting: 421 enough for today\n" in text
