"""Text for a terminal says everything that came from the wire as text, never as markup or as a command to the terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from rich.console import Console

from mailtls import facts
from mailtls.evidence import Exchange, Failure, Handshake, Offer, ProbeEvidence, Purpose, ScanEvidence
from mailtls.hellos import Refused
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
from mailtls.show.picture import counted
from mailtls.show.text import domain_lines, plain, transcript_lines

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ENDPOINT = Endpoint("mx.a.example", ip_address("192.0.2.1"))
HOSTILE = ("[red]", "[/]", "a\\\\", "\\[bold]", "[link=http://x]y[/link]", "[/red", ":smile:", "[@click=x]z")


def rendered(lines) -> str:
    console = Console(file=io.StringIO(), highlight=False, soft_wrap=True, force_terminal=False)
    for line in lines:
        console.print(line, emoji=False)
    return console.file.getvalue()


def domain(verdict: Verdict, *, detail: str = "", findings: tuple[Finding, ...] = ()) -> DomainObservation:
    unknown = Unknown(Cause.BLOCKED, Stage.GREETING, detail)
    readings = {fact.name: unknown for fact in facts.ENDPOINT}
    observed = EndpointObservation(ENDPOINT, readings, conclusive=False, attempted_at=NOW, inconclusive=unknown)
    host = MXObservation("mx.a.example", 10, {}, (observed,))
    return DomainObservation("a.example", "A", verdict, findings, {}, (host,), NOW, unknown)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_verdict_comes_first(verdict: Verdict) -> None:
    assert rendered(domain_lines(domain(verdict))).startswith(f"{verdict.value.upper()}  a.example  ")


@pytest.mark.parametrize("words", HOSTILE)
def test_a_server_cannot_write_markup(words: str) -> None:
    finding = Finding("starttls-not-supported", "mx.a.example", words)
    text = rendered(domain_lines(domain(Verdict.UNKNOWN, detail=words, findings=(finding,))))
    assert text.count(f"blocked at greeting: {words}\n") == 2
    assert f"mx.a.example: {words} (starttls-not-supported)\n" in text


def scan(*, said: bytes = b"220 mx\r\n", detail: str = "", handshake=None) -> ScanEvidence:
    exchanges = (
        Exchange(Stage.GREETING, b"", said, 0, 0.01),
        Exchange(Stage.EHLO, b"EHLO p\r\n", b"250 STARTTLS\r\n", 0.02, 0.01),
        Exchange(Stage.STARTTLS, b"STARTTLS\r\n", b"220 go\r\n", 0.03, 0.01),
    )
    failure = Failure(Cause.PROTOCOL_ERROR, Stage.HELLO, detail) if detail else None
    return ScanEvidence(ENDPOINT, Purpose.QUICK, NOW, (ProbeEvidence(Offer(), NOW, exchanges, handshake, failure, source="192.0.2.9:4"),))


@pytest.mark.parametrize("words", HOSTILE)
def test_a_transcript_shows_what_was_said_letter_by_letter(words: str) -> None:
    text = rendered(transcript_lines(scan(said=b"220 " + words.encode() + b"\r\n", detail=words)))
    assert f"< 220 {words}\n" in text or f"< 220 {words.replace(chr(92), chr(92) * 2)}\n" in text
    assert f"protocol-error at hello: {words}\n" in text


def test_no_byte_of_a_server_controls_the_terminal() -> None:
    text = rendered(transcript_lines(scan(said=b"220 " + bytes(b for b in range(256) if b not in b"\r\n") + b"\r\n")))
    assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize(
    ("handshake", "words"),
    [
        (Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519", (b"x", b"y")), "TLS handshake: TLSv1.3 TLS_AES_128_GCM_SHA256 X25519, 2"),
        (Refused(40, "handshake_failure"), "TLS handshake: alert handshake_failure (40)"),
        (Refused(None, "closed"), "TLS handshake: the server closed the connection"),
    ],
)
def test_the_handshake_stands_where_it_happened(handshake, words: str) -> None:
    lines = rendered(transcript_lines(scan(handshake=handshake))).splitlines()
    assert lines[-1].strip().startswith(words)
    assert "< 220 go" in lines[-2]


def test_out_of_scope_is_said_and_decides_nothing() -> None:
    away = Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, "this vantage has no IPv6")
    readings = {fact.name: away for fact in facts.ENDPOINT}
    observed = EndpointObservation(ENDPOINT, readings, conclusive=False, in_scope=False, inconclusive=away)
    host = MXObservation("mx.a.example", 1, {}, (observed,))
    seen = DomainObservation("a.example", "A", Verdict.PROTECTED, (), {"dnssec": Known("secure")}, (host,))
    text = rendered(domain_lines(seen))
    assert "out of scope: this vantage has no IPv6" in text
    assert "MX records by DNSSEC: secure" in text


def test_plain_takes_the_markup_away_and_nothing_else() -> None:
    assert plain("[bold]a[/] \\[red]") == "a [red]"


def about_dane(dane: object, base: str = "mx.a.example", problems: object = None) -> str:
    readings = {"dane": dane, "tlsa_base_domain": Known(base), "dane_problems": problems or Known([])}
    host = MXObservation("mx.a.example", 10, readings, ())
    return rendered(domain_lines(DomainObservation("a.example", "A", Verdict.UNKNOWN, (), {}, (host,), NOW)))


def test_dane_is_told_for_each_host_with_what_stands_against_it() -> None:
    assert "ok DANE: TLSA records vouch for every certificate\n" in about_dane(Known("valid"))
    assert "ok DANE: TLSA records of real.example vouch" in about_dane(Known("valid"), "real.example")
    assert "! DANE: TLSA records, and none that a sender uses" in about_dane(Known("unusable"))
    assert "- DANE: no TLSA records" in about_dane(Known("none"))
    assert "? DANE: dnssec-bogus: _25._tcp.mx.a.example." in about_dane(Unknown(Cause.DNSSEC_BOGUS, Stage.DNS, "_25._tcp.mx.a.example."))
    assert "DANE" not in about_dane(Absent())
    problems = Known([
        {"code": "tlsa-invalid", "address": "192.0.2.1", "certificate": "ab" * 32, "why": "no TLSA record vouches for it"},
        {"code": "starttls-not-supported", "address": "192.0.2.2", "certificate": None, "why": "no STARTTLS"},
    ])  # fmt: skip
    text = about_dane(Known("invalid"), problems=problems)
    assert "x DANE: senders that heed TLSA records keep the mail\n" in text
    assert "x 192.0.2.1, certificate abababababababab: no TLSA record vouches for it (tlsa-invalid)\n" in text
    assert "x 192.0.2.2: no STARTTLS (starttls-not-supported)\n" in text


@pytest.mark.parametrize("words", HOSTILE)
def test_a_name_server_cannot_write_markup(words: str) -> None:
    problems = Known([{"code": "tlsa-invalid", "address": "192.0.2.1", "certificate": None, "why": words}])
    assert f"192.0.2.1: {words} (tlsa-invalid)" in about_dane(Known("invalid"), words, problems)
    assert f"TLSA records of {words} vouch" in about_dane(Known("valid"), words)
    assert f"dns-failure: {words}\n" in about_dane(Unknown(Cause.DNS_FAILURE, Stage.DNS, words))


def test_a_bad_mark_and_a_good_one_share_no_line() -> None:
    for trusted, named, shown in ((False, True, ["x not trusted", "ok names the host"]), (True, True, ["ok trusted  ok names the host"])):
        unknown = Unknown(Cause.NOT_ATTEMPTED, Stage.HANDSHAKE)
        marks = {"certificate_trusted": Known(trusted), "certificate_name_match": Known(named)}
        readings = {fact.name: unknown for fact in facts.ENDPOINT} | {"starttls_offered": Known(value=True)} | marks
        host = MXObservation("mx.a.example", 10, {}, (EndpointObservation(ENDPOINT, readings, conclusive=True),))
        lines = rendered(domain_lines(DomainObservation("a.example", "A", Verdict.DEGRADED, (), {}, (host,), NOW))).splitlines()
        assert [line.strip() for line in lines if "trusted" in line or "names the host" in line] == shown


def test_one_thing_is_not_told_as_several() -> None:
    assert [counted(number, "suite") for number in (0, 1, 2)] == ["0 suites", "1 suite", "2 suites"]
