"""Fuzz target: the first look at records that OpenSSL reads for us."""

from __future__ import annotations

from fuzz_seeds import OFFERS, flights

from mailtls.hellos import Accepted, Refused
from mailtls.tls.answer import AnswerReader, begins_with_record, read_alert, read_suite

COVERS = (read_alert, read_suite, begins_with_record)


def one(data: bytes) -> None:
    """No bytes make it raise; what it finds, it finds with anything behind it,
    and where the whole reader finds an answer it finds the same suite or alert."""
    if not data:
        return
    offer, wire = OFFERS[1:][data[0] % (len(OFFERS) - 1)], data[1:]
    suite, alert = read_suite(wire), read_alert(wire)
    if suite is not None:
        assert read_suite(wire + b"\xff" * 9) == suite
    if alert is not None:
        assert read_alert(wire + b"\xff" * 9) == alert
    answer = AnswerReader(offer).feed(wire)
    if isinstance(answer, Accepted):
        assert suite == answer.cipher_suite
    if isinstance(answer, Accepted | Refused):
        assert begins_with_record(wire)
    if isinstance(answer, Refused) and wire[5] != 1:
        assert alert == answer.alert or wire[0] != 21


def seeds() -> list[bytes]:
    return [bytes([max(number - 1, 0)]) + wire for number, wire in flights()]
