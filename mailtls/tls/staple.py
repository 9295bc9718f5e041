"""A stapled OCSP response, read from DER (RFC 6960 section 4.2.1). What it says is read; its signature is not verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailtls.tls import oids
from mailtls.tls.der import (
    ENUMERATED,
    GENERALIZED_TIME,
    INTEGER,
    OCTETS,
    OID,
    SEQUENCE,
    NotDER,
    generalized_time,
    oid_name,
    read_element,
)
from mailtls.tls.timestamps import read_timestamps

if TYPE_CHECKING:
    from datetime import datetime

    from mailtls.tls.der import Element

MAX_STAPLE = 65_536
"""Octets of one response. They have 500 to 3,000; what is larger is not parsed at all."""
MAX_ANSWERS = 50
"""Answers that are read from one response; a staple has one."""

_STATUSES = {0x80: "good", 0xA1: "revoked", 0x82: "unknown"}
_OUTCOMES = {0: "successful", 1: "malformed-request", 2: "internal-error", 3: "try-later", 5: "signature-required", 6: "unauthorized"}


@dataclass(frozen=True, slots=True)
class StapleAnswer:
    """What a response says of one certificate.

    Args:
        status: ``good``, ``revoked`` or ``unknown``.
        serial: of the certificate, as the octets of the INTEGER.
        digest: hashlib's name of the hash by which the issuer is named, or empty where it is not known.
        issuer_name: digest of the issuer's name in DER.
        issuer_key: digest of the issuer's public key.
        this_update: since when that was known to be so.
        next_update: until when there will be news; ``None`` where the response does not say.
        logs: of the certificate timestamps that it carries.

    """

    status: str
    serial: bytes
    digest: str
    issuer_name: bytes
    issuer_key: bytes
    this_update: datetime
    next_update: datetime | None
    logs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Staple:
    """A response.

    Args:
        outcome: ``successful``, the name of the responder's error (RFC 6960 section 4.2.1), or ``unreadable``.
        answers: of one that was successful.
        problem: why it could not be read, or empty.

    """

    outcome: str
    answers: tuple[StapleAnswer, ...] = ()
    problem: str = ""


def read_staple(der: bytes) -> Staple:
    """Read a response. Never raises."""
    if len(der) > MAX_STAPLE:
        return Staple("unreadable", problem=f"larger than {MAX_STAPLE} octets")
    try:
        return _read(read_element(der, SEQUENCE).inside())
    except NotDER as error:
        return Staple("unreadable", problem=str(error))


def _read(parts: list[Element]) -> Staple:
    if not parts or parts[0].tag != ENUMERATED or len(parts[0].content) != 1:
        raise NotDER("no status")
    outcome = _OUTCOMES.get(parts[0].content[0])
    if outcome is None:
        raise NotDER("a status that is not known")
    return Staple(outcome, _answers(parts[1:]) if outcome == "successful" else ())


def _answers(parts: list[Element]) -> tuple[StapleAnswer, ...]:
    if len(parts) != 1 or parts[0].tag != 0xA0:
        raise NotDER("a success without a response")
    kind, content = _expect(read_element(parts[0].content, SEQUENCE).inside(), OID, OCTETS)
    if oid_name(kind.content) != oids.BASIC_STAPLE:
        raise NotDER("a response of a kind that is not known")
    basic = read_element(content.content, SEQUENCE).inside()
    if not basic or basic[0].tag != SEQUENCE:
        raise NotDER("a response without its content")
    # version?, responder (two kinds), when it was made, the answers, extensions?
    fields = [field for field in basic[0].inside() if field.tag not in (0xA0, 0xA1, 0xA2)]
    _made, answers = _expect(fields, GENERALIZED_TIME, SEQUENCE)
    return tuple(_answer(one.inside()) for one in answers.inside()[:MAX_ANSWERS])


def _answer(fields: list[Element]) -> StapleAnswer:
    if len(fields) < 3 or fields[0].tag != SEQUENCE or fields[1].tag not in _STATUSES or fields[2].tag != GENERALIZED_TIME:
        raise NotDER("no answer about a certificate")
    algorithm, name, key, serial = _expect(fields[0].inside(), SEQUENCE, OCTETS, OCTETS, INTEGER)
    (number,) = _expect(algorithm.inside()[:1], OID)
    later = next((field for field in fields[3:] if field.tag == 0xA0), None)
    extra = next((field for field in fields[3:] if field.tag == 0xA1), None)
    return StapleAnswer(
        status=_STATUSES[fields[1].tag],
        serial=serial.content,
        digest=oids.HASHES.get(oid_name(number.content), "").replace("-", "").lower(),
        issuer_name=name.content,
        issuer_key=key.content,
        this_update=generalized_time(fields[2].content),
        next_update=None if later is None else generalized_time(read_element(later.content, GENERALIZED_TIME).content),
        logs=() if extra is None else _logs(read_element(extra.content, SEQUENCE)),
    )


def _logs(extensions: Element) -> tuple[str, ...]:
    for extension in extensions.inside():
        fields = extension.inside()
        if len(fields) > 1 and fields[0].tag == OID and oid_name(fields[0].content) == oids.TIMESTAMPS_OF_STAPLE:
            return read_timestamps(fields[-1].content)
    return ()


def _expect(elements: list[Element], *tags: int) -> list[Element]:
    """Return elements that have just these tags, in their order. Raises :exc:`NotDER` for any others."""
    if [element.tag for element in elements] != list(tags):
        raise NotDER("another structure than a response has")
    return elements
