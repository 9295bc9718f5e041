"""The server's answer to a raw hello, read from its first flight as far as it is not encrypted.

Sans-I/O: bytes in as they come, an answer out as soon as there is enough of it. Nothing is computed but lengths and digests, so that
no field of the wire can be expensive. What is no proper answer is :class:`Silent`, never a refusal.

RFC 8446 sections 4.1.3, 4.1.4 and 6; RFC 5246 sections 7.4.1.3 to 7.4.5; RFC 8422 section 5.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.hellos import Refused, Silent
from mailtls.model import Cause, Stage
from mailtls.readable import readable
from mailtls.tls import sslv2
from mailtls.tls.flight import HELLO_REQUEST, SERVER_HELLO, Flight, Nonsense
from mailtls.tls.names import ALERTS
from mailtls.tls.wire import MAX_RECORD, Cursor, Truncated

if TYPE_CHECKING:
    from mailtls.hellos import Answer, HelloOffer

MAX_FLIGHT = 262_144
"""Octets of a server's first flight; the largest chains in public take some 20,000."""
_MAX_WARNINGS = 8

_ALERT, _HANDSHAKE = 21, 22


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
                while messages.startswith(HELLO_REQUEST):
                    messages = messages[len(HELLO_REQUEST) :]
                if len(messages) >= 4 and len(messages) >= 4 + int.from_bytes(messages[1:4], "big"):
                    break
            elif kind != _ALERT:  # a warning may stand before the hello
                return None
        message = Cursor(messages)
        if message.uint(1) != SERVER_HELLO:
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
        self._flight = Flight(offer)

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
        except (Nonsense, sslv2.NotSSLv2, Truncated) as error:
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
                raise Nonsense("not a TLS record of an answer to a hello")
            if size > MAX_RECORD:
                raise Nonsense(f"a record of {size} octets")
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
            raise Nonsense("an alert of the wrong size")
        level, number = fragment
        # A warning may stand before the hello (unrecognized_name is the usual one); close_notify is an end however it is marked.
        if level == 1 and number != 0:
            self._warnings += 1
            if self._warnings > _MAX_WARNINGS:
                raise Nonsense("warnings without end")
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
                raise Nonsense(f"a handshake message of {size} octets")
            if len(messages) < 4 + size:
                return None
            answer = self._flight.learn(messages[0], bytes(messages[4 : 4 + size]))
            if answer is not None:
                return answer
            del messages[: 4 + size]
        return None
