"""The dialogue before TLS, as wild servers hold it: one row a behaviour, and the only honest conclusion."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
from playing import ABSENT, HOST, NO, YES, Played, Row, check, play_all, scan_once

from mailtls.evidence import Purpose
from mailtls.lab import Behaviour
from mailtls.lab.script import Close, Delay, Drip, Flood, Reset, Script, Stall
from mailtls.model import Endpoint, Unknown

OFFER = b"250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
PLAIN = b"250-mx\r\n250 SIZE\r\n"
NO_OFFER = {"starttls_offered": NO, "starttls_accepted": ABSENT, "negotiated": ABSENT, "smtp_inside_tls": ABSENT}


def greets(greeting: Script, why: str, quits: bool = False) -> Row:
    return Row(Behaviour(greeting=greeting), dict.fromkeys(("starttls_offered", "starttls_accepted", "negotiated"), f"{why}@greeting"), quits)


def fine(greeting: Script) -> Row:
    return Row(Behaviour(greeting=greeting, ehlo=PLAIN), NO_OFFER, quits=True)


def answers(ehlo: Script, why: str, quits: bool = False, **more: Script) -> Row:
    return Row(Behaviour(ehlo=ehlo, **more), dict.fromkeys(("starttls_offered", "starttls_accepted", "negotiated"), f"{why}@ehlo"), quits)


def without(ehlo: Script, **more: Script) -> Row:
    return Row(Behaviour(ehlo=ehlo, **more), NO_OFFER, quits=True)


def helo_only(ehlo: Script, helo: Script = b"250 mx\r\n") -> Row:
    return Row((Behaviour(ehlo=ehlo, helo=helo), Behaviour(ehlo=ehlo, helo=helo)), NO_OFFER, quits=True)


def starts(reply: Script, why: str | None, quits: bool = False) -> Row:
    negotiated = ABSENT if why is None else f"{why}@starttls"
    expected = {"starttls_offered": YES, "starttls_accepted": NO if why is None else f"{why}@starttls", "negotiated": negotiated}
    return Row(Behaviour(ehlo=OFFER, starttls=reply), expected, quits)


ROWS = {
    # The greeting.
    "the greeting comes in two lines with a pause, as postscreen's does": fine((b"220-wait\r\n", Delay(0.2), b"220 go\r\n")),
    "the greeting is 421": greets(b"421 4.7.0 too many connections\r\n", "rate-limited"),
    "the greeting is 450": greets(b"450 4.7.1 no PTR record\r\n", "deferred", quits=True),
    "the greeting is 554 5.7.1, from a blocklist": greets(b"554 5.7.1 blocked using dnsbl\r\n", "blocked", quits=True),
    "the greeting is a bare 554": greets(b"554 no\r\n", "blocked", quits=True),
    "the greeting is 521": greets(b"521 does not accept mail\r\n", "blocked", quits=True),
    "the greeting is 500, which is no code for it": greets(b"500 what\r\n", "protocol-error", quits=True),
    "the greeting is a 250": greets(b"250 hello\r\n", "protocol-error", quits=True),
    "the greeting never comes": greets((Stall(),), "read-timeout"),
    "the greeting is half a code": greets((b"22", Stall()), "tarpit"),
    "the greeting drips": greets((Drip(b"220 slow and slower and slowest\r\n", 0.2),), "tarpit"),
    "the greeting promises more lines and stalls": greets((b"220-wait\r\n", Stall()), "tarpit"),
    "the greeting's lines never end": greets((Flood(b"220-and on\r\n"),), "limit-exceeded"),
    "the greeting is a line of a megabyte": greets((b"220 " + b"x" * 1_048_576 + b"\r\n", Stall()), "limit-exceeded"),
    "the greeting floods digits": greets((Flood(b"2" * 4096),), "limit-exceeded"),
    "the greeting ends in a bare LF": fine(b"220 mx\n"),
    "the greeting ends in a bare CR": greets((b"220 mx\r", Stall()), "tarpit"),
    "the greeting is not UTF-8": fine(b"220 \xff\xfe\xe9\r\n"),
    "the greeting is a bare code": fine(b"220\r\n"),
    "the greeting holds NUL and escape sequences": fine(b"220 \x00\x1b]0;owned\x07\x1b[2J\r\n"),
    "a refusal holds escape sequences": greets(b"554 5.7.1 \x1b[2J\xe2\x80\xae\xc2\x9b31m\x00 \r\n", "blocked", quits=True),
    "the greeting is binary garbage": greets((b"\x00\xff\x16\x03", Stall()), "protocol-error"),
    "the greeting is an empty line": greets((b"\r\n", Stall()), "protocol-error"),
    "the server speaks HTTP": greets((b"HTTP/1.1 400 Bad Request\r\n\r\n", Close()), "protocol-error"),
    "the server speaks SSH": greets((b"SSH-2.0-OpenSSH_9.2\r\n", Stall()), "protocol-error"),
    "the server speaks IMAP": greets((b"* OK IMAP4rev1\r\n", Stall()), "protocol-error"),
    "the server speaks TLS at once": greets((b"\x15\x03\x01\x00\x02\x02\x28", Close()), "protocol-error"),
    "the server closes at once": greets((Close(),), "connection-closed"),
    "the server resets at once": greets((Reset(),), "connection-closed"),
    "the server closes within a line": greets((b"220 m", Close()), "connection-closed"),
    "the server resets between lines": greets((b"220-mx\r\n", Delay(0.1), Reset()), "connection-closed"),
    "two greetings come in one segment": fine(b"220 mx\r\n220 mx\r\n"),
    "a second greeting comes late": answers((b"220 mx again\r\n", OFFER), "protocol-error", quits=True),
    "a reply with STARTTLS stands behind the greeting": fine(b"220 mx\r\n" + OFFER),
    # EHLO.
    "EHLO lists no STARTTLS": without(PLAIN),
    "EHLO is one line": without(b"250 mx\r\n"),
    "starttls is in lower case": Row(Behaviour(ehlo=b"250-mx\r\n250 starttls\r\n", starttls=b"502 no\r\n"), {"starttls_offered": YES}, quits=True),
    "STARTTLS has a parameter": Row(Behaviour(ehlo=b"250-mx\r\n250 STARTTLS x\r\n", starttls=b"502 no\r\n"), {"starttls_offered": YES}, quits=True),
    "STARTTLS stands only in the first line": without(b"250 STARTTLS\r\n"),
    "STARTTLS is a word within a line": without(b"250-mx\r\n250 NO STARTTLS\r\n"),
    "a firewall wrote XXXXXXXA, and 500 follows": Row(
        Behaviour(ehlo=b"250-mx\r\n250 XXXXXXXA\r\n", starttls=b"500 what\r\n"),
        {"starttls_offered": NO, "starttls_accepted": NO, "starttls_stripped": YES}, quits=True,
    ),
    "a firewall wrote XXXXXXXA, and 421 follows": Row(
        Behaviour(ehlo=b"250-mx\r\n250 XXXXXXXA\r\n", starttls=b"421 bye\r\n"),
        {"starttls_offered": NO, "starttls_accepted": "rate-limited@starttls", "starttls_stripped": YES},
    ),
    "EHLO is answered 421": answers(b"421 4.3.2 closing\r\n", "rate-limited"),
    "EHLO is answered 450": answers(b"450 4.7.1 greylisted\r\n", "deferred", quits=True),
    "EHLO is answered 501 5.7.1": answers(b"501 5.7.1 bad name\r\n", "blocked", quits=True),
    "EHLO is answered 550": answers(b"550 blocked\r\n", "blocked", quits=True),
    "EHLO is answered 503": answers(b"503 5.5.1 polite people first\r\n", "protocol-error", quits=True),
    "EHLO is answered 354": answers(b"354 go ahead\r\n", "protocol-error", quits=True),
    "EHLO is answered 500, HELO 250": without(b"500 unknown\r\n", helo=b"250 mx\r\n"),
    "HELO's reply lists STARTTLS": without(b"500 unknown\r\n", helo=OFFER),
    "EHLO is answered 502, HELO 550": answers(b"502 no\r\n", "blocked", quits=True, helo=b"550 5.7.1 you\r\n"),
    "EHLO is answered 502, HELO 421": answers(b"502 no\r\n", "rate-limited", helo=b"421 bye\r\n"),
    "EHLO is answered 502, HELO nothing": answers(b"502 no\r\n", "read-timeout", helo=(Stall(),)),
    "EHLO and HELO are answered 500": answers(b"500 what\r\n", "protocol-error", quits=True, helo=b"500 what\r\n"),
    "half an EHLO reply, then a close": answers((OFFER[:-5], Close()), "connection-closed"),
    "half an EHLO reply, then a reset": answers((b"250-mx\r\n250-SIZE\r\n", Delay(0.1), Reset()), "connection-closed"),
    "half an EHLO reply, then silence": answers((b"250-mx\r\n250-SIZE\r\n", Stall()), "tarpit"),
    "an EHLO reply without its last line, then silence": answers((b"250-mx\r\n250-STARTTLS\r\n", Stall()), "tarpit"),
    "the code changes between lines": answers(b"250-mx\r\n550 STARTTLS\r\n", "protocol-error"),
    "the lines of EHLO never end": answers((b"250-mx\r\n", Flood(b"250-X\r\n")), "limit-exceeded"),
    "EHLO drips": answers((Drip(b"250-mx.a.long.name\r\n250 STARTTLS\r\n", 0.1),), "tarpit"),
    "EHLO is not answered": answers((Stall(),), "read-timeout"),
    "EHLO leads to a close": answers((Close(),), "connection-closed"),
    "EHLO leads to a reset": answers((Reset(),), "connection-closed"),
    "EHLO is answered in HTML": answers(b"<html>\r\n", "protocol-error"),
    "EHLO lists keywords that are binary": without(b"250-mx\r\n250-\xff\x00\x1b[1m\r\n250 \xe2\x80\xae\r\n"),
    **{
        f"EHLO is answered {reply}, HELO 250": answers(reply.encode() + b"\r\n", "blocked", quits=True, helo=b"250 mx\r\n")
        for reply in (
            "501 5.1.8 who are you", "501 invalid name", "500 your address is blacklisted", "504 5.5.2 <x>: Helo command rejected",
            "502-no\r\n502 5.7.1 you", "550 5.7.0 no",
        )
    },
    "EHLO is answered 500 4.7.0, HELO 250": answers(b"500 4.7.0 later\r\n", "deferred", quits=True, helo=b"250 mx\r\n"),
    "EHLO is answered 500 once, and properly then": Row(
        (Behaviour(ehlo=b"500 what\r\n", helo=b"250 mx\r\n"), Behaviour(ehlo=OFFER, starttls=b"421 4.3.2 bye\r\n")),
        {"starttls_offered": YES, "esmtp": YES}, quits=True,
    ),
    "EHLO is answered 500, and the next visit is silent": Row(
        (Behaviour(ehlo=b"500 what\r\n", helo=b"250 mx\r\n"), Behaviour(greeting=(Stall(),))),
        {"starttls_offered": "read-timeout@greeting", "starttls_accepted": "read-timeout@greeting"}, quits=True,
    ),
    "spamd answers in the server's place": answers(
        b"250 Hello, spam sender. Pleased to be wasting your time.\r\n", "deferred", quits=True,
        greeting=b"220 mx.wild.example ESMTP spamd IP-based SPAM blocker; Tue Nov 24 15:00:00 2026\r\n",
    ),
    "a banner speaks of spam": Row(Behaviour(greeting=b"220 mx ESMTP, no spam sender is welcome\r\n", ehlo=PLAIN), NO_OFFER, quits=True),
    "a server calls itself spamd, and offers STARTTLS": Row(
        Behaviour(greeting=b"220 mx ESMTP spamd IP-based SPAM blocker\r\n", ehlo=OFFER, starttls=b"502 no\r\n"),
        {"starttls_offered": YES, "starttls_accepted": NO}, quits=True,
    ),
    "a stray reply comes before EHLO's": answers(b"250 hi\r\n" + OFFER, "protocol-error", quits=True),
    "a stray reply comes a moment before EHLO's": answers((b"250 hi\r\n", Delay(0.2), OFFER), "protocol-error", quits=True),
    "QUIT is not answered": Row(Behaviour(ehlo=PLAIN, quit=(Stall(),)), NO_OFFER, quits=True),
    # STARTTLS.
    **{
        f"STARTTLS is answered {reply}": starts(reply.encode() + b"\r\n", why, quits=True)
        for reply, why in (
            ("454 4.7.0 too many new TLS sessions", "deferred"), ("454 4.7.1 not now", "deferred"), ("500 Your IP is blacklisted", "blocked"),
            ("502 5.5.1 too many errors", "blocked"), ("554-no\r\n554 5.7.1 you", "blocked"), ("500 4.7.0 later", "deferred"),
            ("552 5.3.2 not accepting", "protocol-error"), ("554 5.5.1 no TLS", None), ("454 greylisted", "deferred"),
            ("554 5.7.3 Unable to initialize security subsystem", None), ("454 4.7.5 cryptographic failure", None),
        )
    },
    "STARTTLS is answered 454": starts(b"454 4.7.0 TLS not available\r\n", None, quits=True),
    "STARTTLS is answered 421": starts(b"421 4.7.0 later\r\n", "rate-limited"),
    "STARTTLS is answered 450": starts(b"450 4.2.0 later\r\n", "deferred", quits=True),
    "STARTTLS is answered 500": starts(b"500 5.5.1 what\r\n", None, quits=True),
    "STARTTLS is answered 501": starts(b"501 5.5.4 no parameters\r\n", None, quits=True),
    "STARTTLS is answered 503": starts(b"503 5.5.1 no\r\n", None, quits=True),
    "STARTTLS is answered 554 5.7.1": starts(b"554 5.7.1 blocked\r\n", "blocked", quits=True),
    "STARTTLS is answered 250": starts(b"250 ok\r\n", "protocol-error", quits=True),
    "STARTTLS is not answered": starts((Stall(),), "read-timeout"),
    "STARTTLS drips": starts((Drip(b"220 ready when you are, soon\r\n", 0.1),), "tarpit"),
    "STARTTLS leads to a close": starts((Close(),), "connection-closed"),
    "STARTTLS leads to a reset": starts((Reset(),), "connection-closed"),
    "STARTTLS is answered by noise": starts(b"\xff\xfe\r\n", "protocol-error"),
    "STARTTLS is not offered once, and answered 454 then": Row(
        (Behaviour(ehlo=PLAIN), Behaviour(ehlo=OFFER, starttls=b"454 4.7.0 TLS not available\r\n")),
        {"starttls_offered": YES, "starttls_accepted": "deferred@starttls", "negotiated": "*"}, quits=True,
    ),
    "STARTTLS is answered 421 on the second visit too": Row(
        (Behaviour(ehlo=OFFER, starttls=b"421 a\r\n"), Behaviour(ehlo=PLAIN)), {"starttls_accepted": "rate-limited@starttls"}
    ),
}


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest) -> dict[str, list[Played]]:
    chosen = {item.callspec.params.get("name") for item in request.session.items if item.path == request.path and hasattr(item, "callspec")}
    results, errors = play_all({name: row for name, row in ROWS.items() if name in chosen})
    assert errors == []
    return results


@pytest.mark.parametrize("name", ROWS)
def test_the_only_honest_conclusion(name: str, played: dict[str, list[Played]]) -> None:
    check(ROWS[name], played[name])


@pytest.mark.parametrize(("address", "cause"), [("127.0.0.1", "connect-refused"), ("10.0.0.1", "address-forbidden")])
async def test_where_nobody_is_met_nothing_is_known(address: str, cause: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and not listening, so that it is refused
        endpoint = Endpoint(HOST, ip_address(address), taken.getsockname()[1])
        for _ in range(2):
            observed, _scan = await scan_once(endpoint, Purpose.FULL)
            for reading in observed.readings.values():
                assert isinstance(reading, Unknown)
                assert (reading.cause.value, reading.stage.value) == (cause, "connect")
