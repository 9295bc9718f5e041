"""Fuzz target: the reader of a server's first flight."""

from __future__ import annotations

from fuzz_seeds import OFFERS, flights
from harmless import is_harmless

from mailtls.hellos import Accepted, Answer, Refused, Silent
from mailtls.tls import sslv2
from mailtls.tls.answer import AnswerReader
from mailtls.tls.flight import Flight
from mailtls.tls.names import VERSIONS

COVERS = (AnswerReader.feed, Flight.learn, sslv2.read_answer)
FRAMED = 128
"""From this first octet on, what follows is messages without their records."""


def one(data: bytes) -> None:
    """No bytes make it raise; whole or in pieces they give the same answer,
    and what it says was accepted had been offered."""
    if len(data) < 3:
        return
    offer, step, wire = OFFERS[data[0] % len(OFFERS)], data[1] + 1, data[2:]
    if data[0] >= FRAMED:
        wire = framed(wire)
    whole = AnswerReader(offer).feed(wire)
    pieces, reader = None, AnswerReader(offer)
    for start in range(0, len(wire), step):
        pieces = reader.feed(wire[start : start + step])
        if pieces is not None:
            break
        assert isinstance(reader.end(), Silent)
    assert _without_words(pieces) == _without_words(whole)
    if isinstance(whole, Accepted):
        assert VERSIONS.index(whole.version) <= VERSIONS.index(offer.version)
        assert whole.cipher_suite in offer.cipher_suites or whole.version == "SSLv2"
        assert whole.group is None or not offer.groups or whole.group in offer.groups
        assert hash(whole) == hash(pieces)
    elif isinstance(whole, Refused):
        assert whole.alert is not None
        assert is_harmless(whole.name)
    elif whole is not None:
        assert is_harmless(whole.detail)


def framed(content: bytes) -> bytes:
    """Make records of messages, with lengths that are right, so that a change within a message does not end at its frame."""
    messages = b""
    while content:
        size = int.from_bytes(content[1:3], "big")
        body = content[3 : 3 + size]
        messages += content[:1] + len(body).to_bytes(3, "big") + body
        content = content[3 + size :]
    fragments = [messages[start : start + 16_000] for start in range(0, len(messages), 16_000)]
    return b"".join(b"\x16\x03\x01" + len(fragment).to_bytes(2, "big") + fragment for fragment in fragments)


def unframed(wire: bytes) -> bytes:
    """Turn a flight of records into what makes it again when it is framed."""
    messages, content = b"", b""
    while wire and wire[0] == 22:
        size = int.from_bytes(wire[3:5], "big")
        messages, wire = messages + wire[5 : 5 + size], wire[5 + size :]
    while messages:
        size = int.from_bytes(messages[1:4], "big")
        content += messages[:1] + size.to_bytes(2, "big") + messages[4 : 4 + size]
        messages = messages[4 + size :]
    return content


def _without_words(answer: Answer | None) -> object:
    return (answer.cause, answer.stage) if isinstance(answer, Silent) else answer


def seeds() -> list[bytes]:
    whole = [bytes([number, step]) + wire for number, wire in flights() for step in (0, 40)]
    return whole + [bytes([FRAMED + number, 50]) + unframed(wire) for number, wire in flights() if wire[0] == 22]
