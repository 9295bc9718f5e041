"""The server's answer to a raw hello, read from its first flight as far as it is not encrypted.

Sans-I/O: bytes in as they come, an answer out as soon as there is enough of it. Nothing is computed but lengths and digests, so that
no field of the wire can be expensive. What is no proper answer is :class:`Silent`, never a refusal.

RFC 8446 sections 4.1.3, 4.1.4 and 6; RFC 5246 sections 7.4.1.3 to 7.4.5; RFC 8422 section 5.4.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mailtls.hellos import Accepted, Refused, Silent
from mailtls.model import Cause, Stage
from mailtls.readable import readable
from mailtls.remembering import MIB, remembered
from mailtls.tls import sslv2
from mailtls.tls.certificate import MAX_CHAIN
from mailtls.tls.hello import KEY_SHARE, SUPPORTED_VERSIONS
from mailtls.tls.names import ALERTS, VERSION_CODES, version_name
from mailtls.tls.primes import group_of_prime
from mailtls.tls.suites import KeyExchange, key_exchange
from mailtls.tls.wire import MAX_RECORD, Cursor, Truncated

if TYPE_CHECKING:
    from mailtls.hellos import Answer, HelloOffer

MAX_FLIGHT = 262_144
"""Octets of a server's first flight; the largest chains in public take some 20,000."""
_MAX_WARNINGS = 8

_ALERT, _HANDSHAKE = 21, 22
_SERVER_HELLO, _CERTIFICATE, _KEY_EXCHANGE, _REQUEST, _HELLO_DONE, _STATUS = 2, 11, 12, 13, 14, 22
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")  # RFC 8446 section 4.1.3
_SENTINELS = {b"DOWNGRD\x01": "TLSv1.2", b"DOWNGRD\x00": "TLSv1.1"}


class _Nonsense(ValueError):  # noqa: N818 - it names what the bytes are
    """The bytes are no answer to our offer."""


def begins_with_record(wire: bytes) -> bool:
    """Whether bytes begin as a TLS record does: one of the content types, and SSL 3.0's major version (RFC 8446 section 5.1)."""
    return len(wire) > 1 and wire[0] in range(20, 25) and wire[1] == 3


def read_alert(wire: bytes) -> int | None:
    """Return the number of the alert with which the server's records begin, or ``None`` where they begin otherwise."""
    records = Cursor(wire)
    try:
        if records.uint(1) != _ALERT:
            return None
        records.uint(2)
        alert = records.vector(2)
    except Truncated:
        return None
    return alert[1] if len(alert) == 2 else None


def read_suite(wire: bytes) -> int | None:
    """Return the suite of the first ServerHello in the server's records, or ``None`` where they hold none (yet)."""
    records, messages = Cursor(wire), b""
    try:
        while True:
            kind = records.uint(1)
            records.uint(2)
            fragment = records.vector(2)
            if kind == _HANDSHAKE:
                messages += fragment
                if len(messages) >= 4 and len(messages) >= 4 + int.from_bytes(messages[1:4], "big"):
                    break
            elif kind != _ALERT:  # a warning may stand before the hello
                return None
        message = Cursor(messages)
        if message.uint(1) != _SERVER_HELLO:
            return None
        hello = Cursor(message.vector(3))
        hello.take(34)
        hello.vector(1)
        return hello.uint(2)
    except Truncated:
        return None


class AnswerReader:
    """Reads the answer to one offer."""

    def __init__(self, offer: HelloOffer) -> None:
        self._offer = offer
        self._wire = bytearray()
        self._read = 0
        self._messages = bytearray()
        self._warnings = 0
        self._flight = _Flight(offer)

    @property
    def has_begun(self) -> bool:
        """Whether the server has sent anything."""
        return bool(self._wire)

    def feed(self, octets: bytes) -> Answer | None:
        """Take some more bytes. Returns the answer once it is complete, and ``None`` before."""
        room = MAX_FLIGHT - len(self._wire)
        self._wire += octets[:room]
        try:
            answer = self._answer() if self._wire else None
        except (_Nonsense, sslv2.NotSSLv2, Truncated) as error:
            begins = readable(bytes(self._wire[:24]), 60)
            return Silent(Cause.PROTOCOL_ERROR, Stage.HELLO, f"{error}; the answer begins '{begins}'")
        if answer is None and len(octets) > room:
            return Silent(Cause.LIMIT_EXCEEDED, Stage.HELLO, f"more than {MAX_FLIGHT} octets, and no whole answer")
        return answer

    def _answer(self) -> Answer | None:
        if self._offer.version == "SSLv2" and self._wire[0] not in (_ALERT, _HANDSHAKE):
            return sslv2.read_answer(self._wire)
        return self._records()

    def end(self, *, reset: bool = False) -> Answer:
        """Return what the end of the stream means: a close before any answer may be a refusal, one within an answer is none."""
        how = "reset" if reset else "closed"
        if not self._wire:
            return Refused(None, how)
        return Silent(Cause.CONNECTION_CLOSED, Stage.HELLO, f"the server {how} the connection within its answer")

    def _records(self) -> Answer | None:
        """Read complete records; each is looked at once."""
        wire = self._wire
        while len(wire) - self._read >= 5:
            start = self._read
            kind, size = wire[start], wire[start + 3] << 8 | wire[start + 4]
            if wire[start + 1] != 3 or kind not in (_ALERT, _HANDSHAKE):
                raise _Nonsense("not a TLS record of an answer to a hello")
            if size > MAX_RECORD:
                raise _Nonsense(f"a record of {size} octets")
            if len(wire) - start - 5 < size:
                return None
            fragment = bytes(wire[start + 5 : start + 5 + size])
            self._read = start + 5 + size
            if kind == _ALERT:
                refused = self._alert(fragment)
                if refused is not None:
                    return refused
            else:
                self._messages += fragment
                answer = self._handshake()
                if answer is not None:
                    return answer
        return None

    def _alert(self, fragment: bytes) -> Answer | None:
        if len(fragment) != 2:
            raise _Nonsense("an alert of the wrong size")
        level, number = fragment
        # A warning may stand before the hello (unrecognized_name is the usual one); close_notify is an end however it is marked.
        if level == 1 and number != 0:
            self._warnings += 1
            if self._warnings > _MAX_WARNINGS:
                raise _Nonsense("warnings without end")
            return None
        name = ALERTS.get(number, f"of the unassigned number {number}")
        if self._flight.has_hello or self._messages:
            return Silent(Cause.PROTOCOL_ERROR, Stage.HELLO, f"the server began to answer, and then sent the alert {name}")
        return Refused(number, name)

    def _handshake(self) -> Answer | None:
        messages = self._messages
        while len(messages) >= 4:
            size = int.from_bytes(messages[1:4], "big")
            if size > MAX_FLIGHT:
                raise _Nonsense(f"a handshake message of {size} octets")
            if len(messages) < 4 + size:
                return None
            answer = self._flight.learn(messages[0], bytes(messages[4 : 4 + size]))
            if answer is not None:
                return answer
            del messages[: 4 + size]
        return None


_NOT_KNOWN_YET = KeyExchange()


class _Flight:
    """What the messages of one flight say, in order: hello, certificate, key exchange."""

    def __init__(self, offer: HelloOffer) -> None:
        self._offer = offer
        self._hello: dict[str, object] = {}
        self._exchange = _NOT_KNOWN_YET
        self._chain: tuple[bytes, ...] = ()

    @property
    def has_hello(self) -> bool:
        return bool(self._hello)

    def learn(self, kind: int, body: bytes) -> Accepted | None:
        """Take one handshake message. Returns the answer once the flight has told enough."""
        if not self._hello:
            if kind != _SERVER_HELLO:
                raise _Nonsense(f"a handshake message of type {kind} where a ServerHello belongs")
            return self._server_hello(Cursor(body))
        if kind == _CERTIFICATE:
            self._chain = read_chain(body)
            return None
        if kind == _KEY_EXCHANGE and self._exchange.is_ephemeral:
            return self._accepted(**self._key_exchange(Cursor(body)))
        if kind in (_REQUEST, _HELLO_DONE):
            # Past the point where a key exchange would have come (RFC 5246 section 7.3).
            if self._exchange.is_ephemeral and not self._exchange.is_optional:
                raise _Nonsense("no key exchange came where the suite needs one")
            return self._accepted()
        if kind in (_STATUS, _KEY_EXCHANGE):
            return None
        raise _Nonsense(f"a handshake message of type {kind} in the first flight")

    def _server_hello(self, hello: Cursor) -> Accepted | None:
        code, random = hello.uint(2), hello.take(32)
        hello.vector(1)
        suite, compression = hello.uint(2), hello.uint(1)
        extensions = _extensions(hello)
        if SUPPORTED_VERSIONS in extensions:
            code = Cursor(extensions[SUPPORTED_VERSIONS]).uint(2)
        if code > VERSION_CODES[self._offer.version] or code < VERSION_CODES["SSLv3"]:
            raise _Nonsense(f"version 0x{code:04x}, which was not offered")
        if suite not in self._offer.cipher_suites:
            raise _Nonsense(f"suite 0x{suite:04x}, which was not offered")
        version = version_name(code)
        self._hello = {
            "version": version,
            "cipher_suite": suite,
            "extensions": tuple(extensions),
            "compression": compression,
            "sentinel": _SENTINELS.get(random[24:], ""),
        }
        if version == "TLSv1.3":
            group = Cursor(extensions.get(KEY_SHARE, b"")).uint(2) if KEY_SHARE in extensions or random == _RETRY else None
            return self._accepted(group=self._offered_group(group))
        if self._offer.version == "TLSv1.3":
            raise _Nonsense(f"{version}, where TLS 1.3 alone was offered")
        self._exchange = key_exchange(suite)
        return None

    def _offered_group(self, group: int | None) -> int | None:
        if group is not None and self._offer.groups and group not in self._offer.groups:
            raise _Nonsense(f"group {group}, which was not offered")
        return group

    def _key_exchange(self, body: Cursor) -> dict[str, object]:
        exchange, found = self._exchange, dict[str, object]()
        if exchange.has_hint:
            body.vector(2)
        if exchange.curve:
            if body.uint(1) == 3:
                found["group"] = self._offered_group(body.uint(2))
            else:
                raise _Nonsense("a curve without a name")  # RFC 8422 section 5.4: only named ones
            body.vector(1)
        elif exchange.field:
            prime = body.vector(2).lstrip(b"\x00")
            body.vector(2)
            body.vector(2)
            digest = hashlib.sha256(prime).hexdigest()
            found["prime"], found["key_bits"] = digest, _bits(prime)
            group = group_of_prime(digest)
            if group in self._offer.groups:
                found["group"] = group
        else:  # a temporary RSA key of an export suite (RFC 2246 section 7.4.3), or SRP's numbers
            found["key_bits"] = _bits(body.vector(2).lstrip(b"\x00"))
            return found
        if exchange.signed and self._hello["version"] == "TLSv1.2":
            found["signature_scheme"] = body.uint(2)
        return found

    def _accepted(self, **found: object) -> Accepted:
        if not self._chain and self._exchange.needs_certificate and self._hello["version"] != "TLSv1.3":
            raise _Nonsense("no certificate came where the suite needs one")
        return Accepted(chain=self._chain, **self._hello, **found)  # type: ignore[arg-type]


def _bits(number: bytes) -> int:
    """Return the size of a number in bits, from its octets without leading zeros: no arithmetic on a stranger's number."""
    return 8 * (len(number) - 1) + number[0].bit_length() if number else 0


def _extensions(hello: Cursor) -> dict[int, bytes]:
    if not hello.left:
        return {}
    cursor, found = Cursor(hello.vector(2)), dict[int, bytes]()
    while cursor.left:
        kind = cursor.uint(2)
        found[kind] = cursor.vector(2)
    return found


@remembered(2 * MIB)
def read_chain(body: bytes) -> tuple[bytes, ...]:
    """Return the certificates of a Certificate message before TLS 1.3. Equal messages give the same object, so that many answers are cheap.

    Raises Truncated where the message ends too early.
    """
    certificates, chain = Cursor(Cursor(body).vector(3)), list[bytes]()
    while certificates.left and len(chain) < MAX_CHAIN:
        chain.append(certificates.vector(3))
    return tuple(chain)
