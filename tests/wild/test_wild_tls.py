"""TLS as wild servers speak it: one row a behaviour, and the only honest conclusion."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from playing import ABSENT, AUTHORITY, HOST, NO, YES, Played, Row, check, play_all

from mailtls.evidence import Purpose
from mailtls.lab import TLS, Behaviour
from mailtls.lab.script import Close, ConnectionLimit, Delay, Drip, Flood, Reset, Stall, Step
from mailtls.model import Known, Unknown

OFFER = b"250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
EC, RSA = AUTHORITY.issue([HOST]), AUTHORITY.issue([HOST], key="rsa2048")
ED = AUTHORITY.issue([HOST], key="ed25519")
OTHER = AUTHORITY.issue(["other.example"])
MEASURED = {"starttls_offered": YES, "starttls_accepted": YES, "certificate_trusted": YES, "certificate_name_match": YES}
GOOD = MEASURED | {"smtp_inside_tls": YES}
LOST = {"starttls_offered": YES, "starttls_accepted": YES}
FATAL = b"\x15\x03\x03\x00\x02\x02"
SSL3_HELLO = b"\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00" + bytes(32) + b"\x00\x00\x2f\x00"
OLD = "ALL:@SECLEVEL=0"
OK = Behaviour(tls=TLS((RSA,)))
DH_1024 = b"""-----BEGIN X9.42 DH PARAMETERS-----
MIIBJgKBgQDlB/CrVj8BKxRGuOfCn9QZ56lMycu0jEJVYZ+WVraem+TEE+XFyDv3
JREI/3thhulYrVPJJh6H3uHOxtZSUuCwS5JIuz9BzPh7xMk5cmkccLZddDQbvvFE
xChOJxejLj+XAzZw5OBKsq8r7cV5KQD/vPf+9u042iMY8fOZmzI+kQKBgCxwlPNy
12iCSLXgGr9nt9ZiDJGEj7RNrXnP+pX2WIu4uWK/XlE7cgYkdoawwzO/aiNvwgXj
h1SOvVbEKHqcv0ijdUN8KFw0VH2JFkZmuEk4ypEiDsZpjti+Zo2NSq1OboD+brBo
GlpT6yPWXGtxHfFl+2I22pgamJRYvPNP6VwgAh0A2w8U0Ma8goWBSM2b3owSSSk0
/lCoTeMqInm2nw==
-----END X9.42 DH PARAMETERS-----
"""
BOTH = Behaviour(tls=TLS((EC, RSA)))
CLOSING = Behaviour(tls=TLS((RSA,)), on_hello=(Close(),))
BROKEN = Behaviour(tls=TLS((RSA,)), on_hello=(FATAL + b"\x50",))
GREET_421 = Behaviour(greeting=b"421 4.7.0 enough\r\n")


def small_dh_flight() -> bytes:
    """Return a server's TLS 1.2 flight with a Diffie-Hellman prime of 256 bits; no signature, since nobody comes so far."""

    def vector(size: int, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return len(body).to_bytes(size, "big") + body

    server_hello = b"\x02" + vector(3, b"\x03\x03" + bytes(range(32)) + b"\x00" + b"\x00\x9e" + b"\x00")
    leaf = RSA.certificate.public_bytes(serialization.Encoding.DER)
    certificate = b"\x0b" + vector(3, vector(3, vector(3, leaf)))
    prime = (2**256 - 189).to_bytes(32, "big")
    exchange = b"\x0c" + vector(3, vector(2, prime), vector(2, b"\x02"), vector(2, b"\x55" * 32), b"\x08\x04", vector(2, bytes(256)))
    return b"".join(b"\x16\x03\x03" + vector(2, part) for part in (server_hello, certificate, exchange, b"\x0e\x00\x00\x00"))


def hello(*steps: Step, why: str) -> Row:
    expected = LOST | dict.fromkeys(("negotiated", "certificates", "certificate_trusted", "smtp_inside_tls"), why)
    return Row(Behaviour(tls=TLS((EC,)), on_hello=steps), expected)


def inside(why: str, *steps: Step, quits: bool = False) -> Row:
    return Row(Behaviour(tls=TLS((EC,)), ehlo_tls=steps), MEASURED | {"smtp_inside_tls": f"{why}@ehlo-tls"}, quits, Purpose.QUICK)


ROWS: dict[str, Row] = {
    "all is well, with both kinds of certificate": Row(
        Behaviour(tls=TLS((EC, RSA))), GOOD | {"without_sni": Known("same certificate")}, quits=True
    ),
    "all is well, with all three kinds of certificate": Row(Behaviour(tls=TLS((EC, RSA, ED))), GOOD, quits=True),
    "all is well, with all three kinds of certificate, and TLS 1.3 alone": Row(
        Behaviour(tls=TLS((RSA, ED, EC), min_version="TLSv1.3")), GOOD, quits=True
    ),
    "EdDSA is all there is": Row(Behaviour(tls=TLS((ED,))), GOOD, quits=True),
    "454 once, then all is well": Row((Behaviour(ehlo=OFFER, starttls=b"454 4.7.0 no\r\n"), OK), GOOD, quits=True),
    "an alert once, then all is well": Row((Behaviour(tls=TLS((RSA,)), on_hello=(FATAL + b"\x50",)), OK), GOOD, quits=True),
    "plaintext behind the 220, then a proper handshake": Row(
        Behaviour(tls=TLS((EC,)), after_starttls=b"250 injected\r\n"), GOOD | {"plaintext_after_starttls": YES}, quits=True
    ),
    # Our hello.
    "the hello leads to a close": hello(Close(), why="connection-closed@hello"),
    "the hello leads to a reset": hello(Reset(), why="connection-closed@hello"),
    "the hello is not answered": hello(Stall(), why="read-timeout@hello"),
    "the hello is answered handshake_failure": hello(FATAL + b"\x28", why="protocol-error@hello"),
    "the hello is answered protocol_version": hello(FATAL + b"\x46", why="protocol-error@hello"),
    "the hello is answered internal_error": hello(FATAL + b"\x50", why="protocol-error@hello"),
    "the hello is answered by an alert that nobody knows": hello(FATAL + b"\xc8", why="protocol-error@hello"),
    "the hello is answered by garbage": hello(b"\xde\xad\xbe\xef" * 8, why="protocol-error@handshake"),
    "the hello is answered in HTTP": hello(b"HTTP/1.1 400 Bad Request\r\n\r\n", why="protocol-error@handshake"),
    "the hello is answered in SMTP": hello(b"421 4.7.0 too many errors\r\n", why="protocol-error@handshake"),
    "half a record, then silence": hello(b"\x16\x03\x03\x40\x00\x02", Stall(), why="read-timeout@handshake"),
    "half a record, then a close": hello(b"\x16\x03\x03\x40\x00\x02", Close(), why="connection-closed@handshake"),
    "half a record, then a reset": hello(b"\x16\x03\x03\x40\x00\x02", Delay(0.1), Reset(), why="connection-closed@handshake"),
    "a record that drips": hello(Drip(b"\x16\x03\x03\x00\x60\x02" + bytes(90), 0.1), why="read-timeout@handshake"),
    "warnings without end": hello(Flood(b"\x15\x03\x03\x00\x02\x01\x5a"), why="*"),
    "records without end": hello(Flood(b"\x16\x03\x03\x00\x04\x0b\x00\xff\xff" * 100), why="*"),
    "empty records without end": hello(Flood(b"\x16\x03\x03\x00\x00"), why="*"),
    "SSL 3.0, which our library does not speak": hello(SSL3_HELLO, Stall(), why="tls-local-limit@handshake"),
    "a Diffie-Hellman group of 256 bits, which our library refuses": hello(small_dh_flight(), Stall(), why="tls-local-limit@handshake"),
    # Old and weak, and measured.
    "TLS 1.0 only": Row(Behaviour(tls=TLS((RSA,), min_version="TLSv1.0", max_version="TLSv1.0", ciphers=OLD)), GOOD, quits=True),
    "a key of RSA-1024": Row(
        Behaviour(tls=TLS((AUTHORITY.issue([HOST], key="rsa1024"),), ciphers=OLD)),
        LOST | {"certificate_key_sufficient": NO, "certificate_name_match": YES}, quits=True,
    ),
    "no forward secrecy": Row(
        Behaviour(tls=TLS((RSA,), max_version="TLSv1.2", ciphers="AES128-SHA:@SECLEVEL=0")), GOOD | {"forward_secrecy_negotiated": NO}, quits=True
    ),
    "a Diffie-Hellman group of 1024 bits": Row(
        Behaviour(tls=TLS((RSA,), max_version="TLSv1.2", ciphers="DHE:@SECLEVEL=0")), GOOD, quits=True, dh=DH_1024
    ),
    # Inside TLS.
    "EHLO inside TLS is not answered": inside("read-timeout", Stall()),
    "EHLO inside TLS leads to a close": inside("connection-closed", Close()),
    "EHLO inside TLS leads to a reset": inside("connection-closed", Reset()),
    "EHLO inside TLS is answered 421": inside("rate-limited", b"421 4.7.0 no\r\n"),
    "EHLO inside TLS is answered 450": inside("deferred", b"450 4.7.0 no\r\n"),
    "EHLO inside TLS is answered 550": inside("blocked", b"550 5.7.1 no\r\n"),
    "EHLO inside TLS is answered by garbage": inside("protocol-error", b"\xffgarbage\r\n"),
    "EHLO inside TLS is answered without end": inside("limit-exceeded", Flood(b"250-X\r\n")),
    "a stray reply comes before EHLO's inside TLS": Row(
        Behaviour(tls=TLS((EC,)), ehlo_tls=b"250 hi\r\n250-mx\r\n250 REQUIRETLS\r\n"),
        MEASURED | {"smtp_inside_tls": "protocol-error@ehlo-tls", "requiretls": "protocol-error@ehlo-tls"}, quits=True,
    ),
    "a stray reply comes a moment before EHLO's inside TLS": Row(
        Behaviour(tls=TLS((EC,)), ehlo_tls=(b"250 hi\r\n", Delay(0.2), b"250-mx\r\n250 REQUIRETLS\r\n")),
        MEASURED | {"smtp_inside_tls": "protocol-error@ehlo-tls", "requiretls": "protocol-error@ehlo-tls"}, quits=True,
    ),
    "EHLO inside TLS drips": inside("tarpit", Drip(b"250-mx.with.a.long.name\r\n250 OK\r\n", 0.1)),
    # Certificates.
    "RSA is all there is, and the offer of ECDSA meets an alert": Row(OK, GOOD | {"certificate_key_sufficient": YES}, quits=True),
    "the name is required": Row(
        Behaviour(tls=TLS(by_sni={HOST: (EC, RSA)}, require_sni=True)), GOOD | {"without_sni": Known("refused")}, quits=True
    ),
    "the certificate differs by name": Row(
        Behaviour(tls=TLS((OTHER,), by_sni={HOST: (EC,)})), GOOD | {"without_sni": Known("other certificate")}, quits=True
    ),
    "the certificate is another's": Row(Behaviour(tls=TLS((OTHER,))), MEASURED | {"certificate_name_match": NO}, quits=True),
    "the certificate is self-signed": Row(
        Behaviour(tls=TLS((AUTHORITY.issue([HOST], self_signed=True),))), MEASURED | {"certificate_trusted": NO}, quits=True
    ),
    **{
        f"enough after {count} visits": Row(
            Behaviour(tls=TLS((EC, RSA)), limit=ConnectionLimit(count, 60.0)), MEASURED | facts, quits=True
        )
        for count, facts in ((1, {"certificates": "rate-limited@greeting", "without_sni": "*"}), (2, {"without_sni": "rate-limited@greeting"}))
    },
    "silence from the second visit on": Row((OK, Behaviour(greeting=(Stall(),))), MEASURED | {"certificates": "read-timeout@greeting"}, quits=True),
    "the offer of ECDSA is closed upon, again and again": Row(
        (OK, Behaviour(tls=TLS((RSA,)), on_hello=(Close(),)), OK, Behaviour(tls=TLS((RSA,)), on_hello=(Close(),)), OK), GOOD, quits=True
    ),
    "the offer of ECDSA is closed upon once, and then 421": Row(
        (OK, Behaviour(tls=TLS((RSA,)), on_hello=(Close(),)), OK, GREET_421), MEASURED | {"certificates": "*"}, quits=True
    ),
    "the offer of ECDSA meets an alert, and then 421": Row(
        (OK, Behaviour(tls=TLS((RSA,)), on_hello=(FATAL + b"\x28",)), GREET_421), MEASURED | {"certificates": "*"}, quits=True
    ),
    "the offer of ECDSA meets internal_error, again and again": Row((BOTH, BROKEN, BROKEN, BOTH), GOOD, quits=True),
    "the offer of ECDSA meets internal_error once": Row((OK, BROKEN, BOTH), GOOD, quits=True),
    "every second hello leads to a close": Row((OK, CLOSING, BOTH, CLOSING, BOTH, CLOSING, BOTH), MEASURED, quits=True),
    "the offer of ECDSA is closed upon, and so is all that follows": Row((OK, CLOSING), MEASURED | {"certificates": "*"}, quits=True),
    "STARTTLS fails on the second visit, and goes on failing": Row(
        (OK, Behaviour(ehlo=OFFER, starttls=b"454 4.7.0 no\r\n")), {"starttls_accepted": NO, "certificates": "*"}, quits=True
    ),
    "STARTTLS fails on the second visit alone": Row(
        (OK, Behaviour(ehlo=OFFER, starttls=b"454 4.7.0 no\r\n"), BOTH), MEASURED, quits=True
    ),
    "STARTTLS is no longer offered on the second visit": Row(
        (OK, Behaviour(ehlo=b"250-mx\r\n250 SIZE\r\n")), {"starttls_offered": NO, "starttls_accepted": ABSENT}, quits=True
    ),
    "STARTTLS is not offered on the first visit alone": Row((Behaviour(ehlo=b"250-mx\r\n250 SIZE\r\n"), OK), GOOD, quits=True),
    "STARTTLS is not offered on the second visit alone": Row(
        (OK, Behaviour(ehlo=b"250-mx\r\n250 SIZE\r\n"), BOTH), MEASURED, quits=True
    ),
    "an alert stands behind the 220": Row(
        Behaviour(ehlo=OFFER, starttls=(b"220 go\r\n" + FATAL + b"\x50", Close())),
        {"starttls_accepted": YES, "plaintext_after_starttls": NO, "negotiated": "*"},
    ),
}

KINDS = {
    "the offer of ECDSA meets internal_error, again and again": {"ECDSA", "RSA"},
    "every second hello leads to a close": {"RSA", "ECDSA"},
    "STARTTLS fails on the second visit alone": {"RSA", "ECDSA"},

    "all is well, with both kinds of certificate": {"ECDSA", "RSA"},
    "all is well, with all three kinds of certificate": {"ECDSA", "RSA", "Ed25519"},
    "all is well, with all three kinds of certificate, and TLS 1.3 alone": {"ECDSA", "RSA", "Ed25519"},
    "EdDSA is all there is": {"Ed25519"},
    "RSA is all there is, and the offer of ECDSA meets an alert": {"RSA"},
    "the offer of ECDSA is closed upon, again and again": {"RSA"},
    "the name is required": {"ECDSA", "RSA"},
    "the certificate differs by name": {"ECDSA"},
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
    certificates: Any = played[name][0].observed.readings["certificates"]
    if name in KINDS:
        assert isinstance(certificates, Known)
        assert {c["key_type"] for c in certificates.value} == KINDS[name]
    elif isinstance(certificates, Unknown) and ROWS[name].expected.get("certificate_trusted") == YES:
        assert certificates.seen, "what was seen is kept"
    assert certificates != ABSENT
