"""Raw hellos as octets, and back: JSON, compressed, with a number for its format. Pure.

Each certificate stands once in a document, however many answers came with it. Codes are written in hexadecimal, four digits each, so
that a person can read a document (``zlib-flate -uncompress``), and a list of three hundred suites takes no room.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from mailtls.hellos import Accepted, Asked, HelloEvidence, HelloOffer, Refused, Silent
from mailtls.model import Cause, Stage
from mailtls.tls.names import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailtls.hellos import Answer

FORMAT = 1
"""The format that is written, and the only one that is read so far. It changes with every field."""
LARGEST = 64 * 2**20
"""Octets of an uncompressed document beyond which it is not read; one of 240 hellos has 0.4 million of them, and 13 thousand compressed."""

T = TypeVar("T")


class Unreadable(ValueError):  # noqa: N818 - it is what happened
    """Octets that are no document of ours, or one of a format that this version does not know."""


def encode(evidence: HelloEvidence) -> bytes:
    """Write the raw hellos of a scan."""
    chains = {item.answer.chain for item in evidence.asked if isinstance(item.answer, Accepted)}
    names = {der: hashlib.sha256(der).hexdigest() for chain in chains for der in chain}
    document = {
        "format": FORMAT,
        "began": evidence.began.isoformat(),
        "complete": evidence.complete,
        "asked": [
            {
                "offer": _offer_written(item.offer),
                "answer": _answer_written(item.answer, names),
                "began": item.began,
                "answered": item.answered,
                "source": item.source,
                "octets": [item.octets_sent, item.octets_received],
            }
            for item in evidence.asked
        ],
        "certificates": {name: base64.b64encode(der).decode("ascii") for der, name in names.items()},
    }
    return zlib.compress(json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii"))


def decode(octets: bytes) -> HelloEvidence:
    """Read what :func:`encode` wrote.

    Raises:
        Unreadable: the octets are damaged, or of a format that is not known; with what is wrong.

    """
    try:
        return _evidence(_document(octets))
    except Unreadable:
        raise
    except (zlib.error, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise Unreadable(f"the document is damaged: {type(error).__name__}: {error!s:.200}") from error


def _document(octets: bytes) -> Mapping[str, Any]:
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(octets, LARGEST)
    if not unpacking.eof or unpacking.unused_data:
        raise Unreadable("the document is cut off, too long, or followed by something else")
    document = json.loads(text, parse_constant=_no_number)
    if not isinstance(document, dict):
        raise Unreadable("a document is a JSON object")
    if document.get("format") != FORMAT:
        raise Unreadable(f"format {document.get('format')!r:.80} is not known to this version, which reads format {FORMAT}")
    return document


def _evidence(document: Mapping[str, Any]) -> HelloEvidence:
    certificates = {name: base64.b64decode(text, validate=True) for name, text in document["certificates"].items()}
    for name, der in certificates.items():
        if hashlib.sha256(der).hexdigest() != name:
            raise Unreadable(f"the certificate {name} is another one")
    asked = tuple(
        Asked(
            _offer(item["offer"]),
            _answer(item["answer"], certificates),
            _is(float, item["began"]),
            _is(float, item["answered"]),
            _is(str, item["source"]),
            *(_is(int, count) for count in item["octets"]),
        )
        for item in document["asked"]
    )
    began = datetime.fromisoformat(document["began"])
    if began.tzinfo is None:
        raise Unreadable(f"{began} has no time zone")
    return HelloEvidence(asked, began, _is(bool, document["complete"]))


def _no_number(name: str) -> float:
    raise Unreadable(f"{name} is no number")


def _offer_written(offer: HelloOffer) -> dict[str, Any]:
    return {
        "version": offer.version,
        "cipher_suites": codes_written(offer.cipher_suites),
        "groups": codes_written(offer.groups),
        "signature_schemes": codes_written(offer.signature_schemes),
        "server_name": offer.server_name,
        "fallback": offer.fallback,
        "size": offer.size,
        "grease": offer.grease,
        "question": offer.question,
    }


def _offer(written: Mapping[str, Any]) -> HelloOffer:
    return HelloOffer(
        _version(written["version"]),
        codes(written["cipher_suites"]),
        codes(written["groups"]),
        codes(written["signature_schemes"]),
        _is(str, written["server_name"]),
        _is(bool, written["fallback"]),
        _is(int, written["size"]),
        _is(bool, written["grease"]),
        _is(str, written["question"]),
    )


def _answer_written(answer: Answer, names: Mapping[bytes, str]) -> dict[str, Any]:
    if isinstance(answer, Accepted):
        return {
            "accepted": answer.version,
            "cipher_suite": answer.cipher_suite,
            "group": answer.group,
            "prime": answer.prime,
            "key_bits": answer.key_bits,
            "signature_scheme": answer.signature_scheme,
            "chain": [names[der] for der in answer.chain],
            "extensions": codes_written(answer.extensions),
            "compression": answer.compression,
            "sentinel": answer.sentinel,
            "kinds": codes_written(answer.kinds),
        }
    if isinstance(answer, Refused):
        return {"refused": answer.name, "alert": answer.alert}
    return {"silent": answer.cause.value, "stage": answer.stage.value, "detail": answer.detail}


def _answer(written: Mapping[str, Any], certificates: Mapping[str, bytes]) -> Answer:
    if "accepted" in written:
        return Accepted(
            _version(written["accepted"]),
            _is(int, written["cipher_suite"]),
            _or_none(int, written["group"]),
            _is(str, written["prime"]),
            _is(int, written["key_bits"]),
            _or_none(int, written["signature_scheme"]),
            tuple(certificates[name] for name in written["chain"]),
            codes(written["extensions"]),
            _is(int, written["compression"]),
            _is(str, written["sentinel"]),
            codes(written["kinds"]),
        )
    if "refused" in written:
        return Refused(_or_none(int, written["alert"]), _is(str, written["refused"]))
    return Silent(Cause(written["silent"]), Stage(written["stage"]), _is(str, written["detail"]))


def _is(kind: type[T], value: object) -> T:
    """Return a value that is of its kind; a truth is no number. Raises ``Unreadable``, where it is not."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Unreadable(f"{value!r:.80} stands where {kind.__name__} belongs")
    return value


def _or_none(kind: type[T], value: object) -> T | None:
    return None if value is None else _is(kind, value)


def _version(value: object) -> str:
    if value not in VERSIONS:
        raise Unreadable(f"{value!r:.80} is no version")
    return _is(str, value)


def codes_written(numbers: Sequence[int]) -> str | list[int]:
    """Return codes in hexadecimal, four digits each; as a list of numbers, where one has more than two octets (SSLv2's have three)."""
    try:
        return struct.pack(f">{len(numbers)}H", *numbers).hex()
    except struct.error:
        return list(numbers)


def codes(written: object) -> tuple[int, ...]:
    """Read what :func:`codes_written` wrote. Raises ``Unreadable``, or ``ValueError``."""
    if isinstance(written, list):
        return tuple(_is(int, code) for code in written)
    return _codes_of_text(_is(str, written))


@lru_cache(maxsize=1024)  # most offers are made to many servers: so they share one tuple, as they did when they were made
def _codes_of_text(written: str) -> tuple[int, ...]:
    octets = bytes.fromhex(written)
    if len(octets) % 2:
        raise Unreadable("a code has two octets")
    return tuple(_CODES.setdefault(code, code) for (code,) in struct.iter_unpack(">H", octets))


_CODES: dict[int, int] = {}
"""One object for each number, as where offers are made: a scan has ten thousand codes, and there are a thousand scans."""
