"""What servers do in the wild, and the only honest conclusion from each: one row a behaviour, played over real sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from playing import AUTHORITY, Played, Row, play_all

from mailtls.evidence import Purpose
from mailtls.lab import TLS, Behaviour
from mailtls.lab.script import Close, ConnectionLimit, Delay, Drip, Flood, Reset, Stall
from mailtls.model import Absent, EndpointObservation, Known, Unknown

EHLO = b"250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
SSL3_HELLO = b"\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00" + bytes(32) + b"\x00\x00\x2f\x00"
YES, NO = Known(value=True), Known(value=False)

# name: the behaviour, then starttls_offered and starttls_accepted, each a reading, or (cause, stage) of an Unknown.
TABLE: dict[str, tuple[Behaviour, Any, Any]] = {
    "a greeting in two parts with a pause": (Behaviour(greeting=(b"220-wait\r\n", Delay(0.2), b"220 go\r\n"), ehlo=b"250 mx\r\n"), NO, Absent()),
    "421 instead of a greeting": (Behaviour(greeting=b"421 4.7.0 busy\r\n"), ("rate-limited", "greeting"), None),
    "450 instead of a greeting": (Behaviour(greeting=b"450 4.7.1 no PTR record\r\n"), ("deferred", "greeting"), None),
    "554 by a blocklist": (Behaviour(greeting=b"554 5.7.1 blocked using dnsbl\r\n"), ("blocked", "greeting"), None),
    "521 no mail here": (Behaviour(greeting=b"521 does not accept mail\r\n"), ("blocked", "greeting"), None),
    "a silent server": (Behaviour(greeting=(Stall(),)), ("read-timeout", "greeting"), None),
    "a greeting drop by drop": (Behaviour(greeting=(Drip(b"220 slow and slower and slower\r\n", 0.2),)), ("tarpit", "greeting"), None),
    "endless greeting lines": (Behaviour(greeting=(Flood(b"220-and on\r\n"),)), ("limit-exceeded", "greeting"), None),
    "one endless line": (Behaviour(greeting=(Flood(b"2" * 4096),)), ("limit-exceeded", "greeting"), None),
    "an endless line that begins well": (Behaviour(greeting=(b"220 ", Flood(b"x" * 4096))), ("limit-exceeded", "greeting"), None),
    "an HTTP server": (Behaviour(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n"), ("protocol-error", "greeting"), None),
    "an SSH server": (Behaviour(greeting=(b"SSH-2.0-OpenSSH\r\n", Stall())), ("protocol-error", "greeting"), None),
    "binary noise without an end of line": (Behaviour(greeting=(b"\x00\xff\x16\x03", Stall())), ("protocol-error", "greeting"), None),
    "a close before the greeting": (Behaviour(greeting=(Close(),)), ("connection-closed", "greeting"), None),
    "a reset before the greeting": (Behaviour(greeting=(Reset(),)), ("connection-closed", "greeting"), None),
    "half a greeting, then a close": (Behaviour(greeting=(b"220-half\r\n", Close())), ("connection-closed", "greeting"), None),
    "a banner that is not UTF-8": (Behaviour(greeting=b"220 \xff\xfe\x1b[31m\r\n", ehlo=b"250 mx\r\n"), NO, Absent()),
    "bare LF": (Behaviour(greeting=b"220 mx\n", ehlo=b"250 mx\n"), NO, Absent()),
    "a second reply in the greeting's segment": (Behaviour(greeting=b"220 mx\r\n250 STARTTLS\r\n", ehlo=b"250 mx\r\n"), NO, Absent()),
    "EHLO without STARTTLS": (Behaviour(ehlo=b"250-mx\r\n250 SIZE\r\n"), NO, Absent()),
    "STARTTLS only in the first line": (Behaviour(ehlo=b"250 STARTTLS\r\n"), NO, Absent()),
    "XXXXXXXA, then 500": (Behaviour(ehlo=b"250-mx\r\n250 XXXXXXXA\r\n", starttls=b"500 what\r\n"), NO, NO),
    "421 to EHLO": (Behaviour(ehlo=b"421 4.3.2 closing\r\n"), ("rate-limited", "ehlo"), None),
    "450 to EHLO": (Behaviour(ehlo=b"450 4.7.1 greylisted\r\n"), ("deferred", "ehlo"), None),
    "501 5.7.1 to EHLO": (Behaviour(ehlo=b"501 5.7.1 bad name\r\n"), ("blocked", "ehlo"), None),
    "550 to EHLO": (Behaviour(ehlo=b"550 rejected\r\n"), ("blocked", "ehlo"), None),
    "a HELO-only server": (Behaviour(ehlo=b"500 unknown\r\n", helo=b"250 mx\r\n"), NO, Absent()),
    "HELO refused as well": (Behaviour(ehlo=b"502 no\r\n", helo=b"550 5.7.1 you\r\n"), ("blocked", "ehlo"), None),
    "half an EHLO reply, then silence": (Behaviour(ehlo=(b"250-mx\r\n250-SIZE\r\n", Stall())), ("tarpit", "ehlo"), None),
    "half an EHLO reply, then a close": (Behaviour(ehlo=(b"250-mx\r\n250-SIZE\r\n", Close())), ("connection-closed", "ehlo"), None),
    "a code that changes within the reply": (Behaviour(ehlo=b"250-mx\r\n550 STARTTLS\r\n"), ("protocol-error", "ehlo"), None),
    "a flood of keywords": (Behaviour(ehlo=(b"250-mx\r\n", Flood(b"250-X\r\n"))), ("limit-exceeded", "ehlo"), None),
    "a silent EHLO": (Behaviour(ehlo=(Stall(),)), ("read-timeout", "ehlo"), None),
    "454 to STARTTLS": (Behaviour(ehlo=EHLO, starttls=b"454 4.7.0 TLS not available\r\n"), YES, NO),
    "503 to STARTTLS": (Behaviour(ehlo=EHLO, starttls=b"503 5.5.1 no\r\n"), YES, NO),
    "421 to STARTTLS": (Behaviour(ehlo=EHLO, starttls=b"421 4.7.0 later\r\n"), YES, ("rate-limited", "starttls")),
    "450 to STARTTLS": (Behaviour(ehlo=EHLO, starttls=b"450 4.2.0 later\r\n"), YES, ("deferred", "starttls")),
    "554 5.7.1 to STARTTLS": (Behaviour(ehlo=EHLO, starttls=b"554 5.7.1 blocked\r\n"), YES, ("blocked", "starttls")),
    "silence after STARTTLS": (Behaviour(ehlo=EHLO, starttls=(Stall(),)), YES, ("read-timeout", "starttls")),
    "a close after STARTTLS": (Behaviour(ehlo=EHLO, starttls=(Close(),)), YES, ("connection-closed", "starttls")),
    "a reset after STARTTLS": (Behaviour(ehlo=EHLO, starttls=(Reset(),)), YES, ("connection-closed", "starttls")),
}

# What comes of our hello: cause and stage of ``negotiated``.
HELLOS: dict[str, tuple[tuple[Any, ...], str | None, str | None]] = {
    "a close after the hello": ((Close(),), "connection-closed", "hello"),
    "a reset after the hello": ((Reset(),), "connection-closed", "hello"),
    "silence after the hello": ((Stall(),), "read-timeout", "hello"),
    "an alert, and nothing that vouches for it": ((ALERT,), "protocol-error", "hello"),
    "text instead of a hello": ((b"500 what is that?\r\n",), "protocol-error", "handshake"),
    "half a record, then silence": ((b"\x16\x03\x03\x40\x00\x02", Stall()), "read-timeout", "handshake"),
    "a version that our library no longer speaks": ((SSL3_HELLO,), "tls-local-limit", "handshake"),
    "endless records": ((Flood(b"\x16\x03\x03\x00\x04\x02\x00\xff\xff" * 100),), None, None),
}


def says(reading: object, expected: Any) -> bool:
    if isinstance(expected, tuple):
        return isinstance(reading, Unknown) and (reading.cause.value, reading.stage.value) == expected
    return reading == expected


def no_silence_is_a_verdict(observed: EndpointObservation) -> None:
    """Where the visit was inconclusive, nothing about TLS may be known to be bad."""
    if observed.inconclusive is not None:
        for name in ("negotiated", "certificate_trusted", "certificate_name_match", "forward_secrecy_negotiated", "smtp_inside_tls"):
            assert isinstance(observed.readings[name], Unknown), name


def awaited(said: Any) -> Mapping[str, str]:
    """Return what is expected, so that who plays it knows whether anybody falls silent."""
    return {"starttls_accepted": "@".join(said)} if isinstance(said, tuple) else {}


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest) -> dict[str, list[Played]]:
    """Play what is asked for, all of it at a time: most of it is waiting."""
    tls = TLS((AUTHORITY.issue(["mx.wild.example"]),))
    rows = {name: Row(behaviour, awaited(offered if accepted is None else accepted)) for name, (behaviour, offered, accepted) in TABLE.items()}
    rows |= {name: Row(Behaviour(tls=tls, on_hello=steps), awaited((cause, stage))) for name, (steps, cause, stage) in HELLOS.items() if cause}
    rows |= {name: Row(Behaviour(tls=tls, on_hello=steps)) for name, (steps, cause, _stage) in HELLOS.items() if cause is None}
    mine = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    chosen = {item.callspec.params.get("name") for item in mine}
    results, errors = play_all({name: row for name, row in rows.items() if name in chosen})
    assert errors == []
    return results


@pytest.mark.parametrize("name", TABLE)
def test_the_dialogue_leads_to_the_only_honest_conclusion(name: str, played: dict[str, list[Played]]) -> None:
    _, offered, accepted = TABLE[name]
    for seen in played[name]:
        check_dialogue(seen, offered, accepted)


def check_dialogue(seen: Played, offered: Any, accepted: Any) -> None:
    observed = seen.observed
    assert says(observed.readings["starttls_offered"], offered), observed.readings["starttls_offered"]
    accepted = offered if accepted is None else accepted
    assert says(observed.readings["starttls_accepted"], accepted), observed.readings["starttls_accepted"]
    no_silence_is_a_verdict(observed)
    assert not any(command.upper().startswith(b"MAIL") for command in seen.commands)
    if observed.inconclusive is not None:
        assert observed.inconclusive.detail.isprintable()


@pytest.mark.parametrize("name", HELLOS)
def test_a_hello_without_a_proper_answer_is_unknown_and_starttls_stays_measured(name: str, played: dict[str, list[Played]]) -> None:
    _, cause, stage = HELLOS[name]
    for seen in played[name]:
        check_hello(seen.observed, cause, stage)


def check_hello(observed: EndpointObservation, cause: str | None, stage: str | None) -> None:
    assert observed.readings["starttls_offered"] == YES
    assert observed.readings["starttls_accepted"] == YES
    negotiated = observed.readings["negotiated"]
    assert isinstance(negotiated, Unknown)
    if cause is not None:
        assert (negotiated.cause.value, negotiated.stage.value) == (cause, stage)
    no_silence_is_a_verdict(observed)


async def test_a_polite_server_is_measured_whole_and_left_with_quit(visit, authority) -> None:
    identities = (authority.issue(["mx.wild.example"], key="p256"), authority.issue(["mx.wild.example"], key="rsa2048"))
    observed, server = await visit(Behaviour(tls=TLS(identities)))
    certificates = observed.readings["certificates"]
    assert isinstance(certificates, Known)
    assert {c["key_type"] for c in certificates.value} == {"ECDSA", "RSA"}  # type: ignore[attr-defined]
    assert observed.readings["certificate_trusted"] == YES
    assert observed.readings["certificate_name_match"] == YES
    assert observed.readings["without_sni"] == Known("same certificate")
    assert server.commands.count(b"QUIT") == 3  # a raw hello is answered, and then there is no one to say QUIT to
    assert server.commands.count(b"STARTTLS") == server.connections


async def test_a_refused_key_type_counts_because_a_later_visit_vouches_for_it(visit, authority) -> None:
    observed, _ = await visit(Behaviour(tls=TLS((authority.issue(["mx.wild.example"]),))))
    certificates = observed.readings["certificates"]
    assert isinstance(certificates, Known)
    assert [c["key_type"] for c in certificates.value] == ["ECDSA"]  # type: ignore[attr-defined]


async def test_a_server_that_has_enough_after_one_visit_leaves_the_set_of_certificates_unknown(visit, authority) -> None:
    behaviour = Behaviour(tls=TLS((authority.issue(["mx.wild.example"]),)), limit=ConnectionLimit(1, 60.0))
    observed, _ = await visit(behaviour)
    certificates = observed.readings["certificates"]
    assert isinstance(certificates, Unknown)
    assert certificates.cause.value == "rate-limited"
    assert len(certificates.seen) == 1  # type: ignore[arg-type]
    assert observed.readings["starttls_accepted"] == YES
    assert observed.readings["certificate_trusted"] == YES


async def test_plaintext_behind_the_220_is_a_fact_and_the_handshake_goes_on(visit, authority) -> None:
    tls = TLS((authority.issue(["mx.wild.example"]),))
    observed, _ = await visit(Behaviour(tls=tls, after_starttls=b"250 injected\r\n"), Purpose.QUICK)
    assert observed.readings["plaintext_after_starttls"] == YES
    assert isinstance(observed.readings["negotiated"], Known)


@pytest.mark.parametrize(
    ("step", "cause"),
    [((Stall(),), "read-timeout"), ((Close(),), "connection-closed"), (b"421 4.7.0 no\r\n", "rate-limited"), (b"garbage\r\n", "protocol-error")],
)
async def test_smtp_that_breaks_inside_tls_leaves_the_handshake_measured_and_the_rest_unknown(step, cause: str, visit, authority) -> None:
    tls = TLS((authority.issue(["mx.wild.example"]),))
    observed, _ = await visit(Behaviour(tls=tls, ehlo_tls=step), Purpose.QUICK)
    assert isinstance(observed.readings["negotiated"], Known)
    inside = observed.readings["smtp_inside_tls"]
    assert isinstance(inside, Unknown)
    assert (inside.cause.value, inside.stage.value) == (cause, "ehlo-tls")


@pytest.mark.parametrize(
    ("changes", "name", "expected"),
    [
        ({"names": ["other.example"]}, "certificate_name_match", NO),
        ({"self_signed": True}, "certificate_trusted", NO),
        ({"send_intermediate": False}, "certificate_trusted", NO),
        ({"key": "rsa1024"}, "certificate_key_sufficient", NO),
        ({"key": "rsa3072"}, "certificate_key_sufficient", YES),
    ],
)
async def test_facts_about_a_bad_certificate_never_vanish(changes: dict[str, Any], name: str, expected, visit, authority) -> None:
    wanted = {"names": ["mx.wild.example"]} | changes
    identity = authority.issue(wanted.pop("names"), **wanted)
    tls = replace(TLS((identity,)), ciphers="ALL:@SECLEVEL=0" if changes.get("key") == "rsa1024" else None)
    observed, _ = await visit(Behaviour(tls=tls), Purpose.QUICK)
    assert observed.readings[name] == expected
    certificates = observed.readings["certificates"]
    assert isinstance(certificates, Unknown)  # a quick visit sees one, and says so
    assert certificates.seen[0]["sha256"]  # type: ignore[index]


async def test_tls_1_0_is_measured_and_not_taken_for_a_failure(visit, authority) -> None:
    tls = TLS((authority.issue(["mx.wild.example"], key="rsa2048"),), min_version="TLSv1.0", max_version="TLSv1.0", ciphers="ALL:@SECLEVEL=0")
    observed, _ = await visit(Behaviour(tls=tls))
    negotiated = observed.readings["negotiated"]
    assert isinstance(negotiated, Known)
    assert negotiated.value["version"] == "TLSv1.0"  # type: ignore[index]


async def test_one_454_whose_repetition_goes_unanswered_is_no_verdict(visit, authority) -> None:
    limit = ConnectionLimit(1, 60.0)
    behaviour = Behaviour(tls=TLS((authority.issue(["mx.wild.example"]),)), starttls=b"454 4.7.0 not now\r\n", limit=limit)
    observed, _ = await visit(behaviour)
    assert observed.readings["starttls_offered"] == YES
    accepted = observed.readings["starttls_accepted"]
    assert isinstance(accepted, Unknown)
    assert accepted.cause.value == "rate-limited"
