"""SSLv2's own hello and its answer ("The SSL Protocol", Netscape's draft of February 1995): pure, and apart from everything newer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.hellos import Accepted, Refused
from mailtls.tls.names import VERSION_CODES
from mailtls.tls.wire import MAX_RECORD, Cursor, uint, uints

if TYPE_CHECKING:
    from mailtls.hellos import Answer, HelloOffer

_VERSION = VERSION_CODES["SSLv2"]
_HANDSHAKE_FAILURE = 40
_ERROR, _SERVER_HELLO = 0, 4
_TWO_OCTETS, _ESCAPE = 0x80, 0x40


class NotSSLv2(ValueError):  # noqa: N818 - it names what the bytes are
    """The bytes are no answer to an SSLv2 hello."""


def client_hello(offer: HelloOffer, random: bytes) -> bytes:
    """Write CLIENT-HELLO (draft section 2.5), with a challenge of 16 octets. Raises ``OverflowError`` where the kinds do not fit."""
    kinds, challenge = uints(3, offer.cipher_suites), random[:16]
    sizes = uint(2, len(kinds)) + uint(2, 0) + uint(2, len(challenge))
    body = b"\x01" + uint(2, _VERSION) + sizes + kinds + challenge
    if len(body) >= _TWO_OCTETS << 8:
        raise OverflowError("the length of the record would run into the bit that marks its header")
    return uint(2, _TWO_OCTETS << 8 | len(body)) + body


def read_answer(wire: bytes | bytearray) -> Answer | None:
    """Read SERVER-HELLO (draft section 2.6) or ERROR (2.4) from at least one octet.

    Returns ``None`` where the record is not whole yet.

    Raises:
        NotSSLv2: it is neither of the two.
        Truncated: a field of it is longer than its record.

    """
    short = bool(wire[0] & _TWO_OCTETS)
    if not short and wire[0] & _ESCAPE:
        raise NotSSLv2("neither an SSLv2 record nor a TLS one")  # security escapes are reserved (draft section 1.2)
    if len(wire) < 2:
        return None
    size, header = (wire[0] & 0x7F if short else wire[0] & 0x3F) << 8 | wire[1], 2 if short else 3
    if not 3 <= size <= MAX_RECORD:  # the draft allows 32,767, and no SERVER-HELLO needs as many as a TLS record has
        raise NotSSLv2("neither an SSLv2 record nor a TLS one")
    if len(wire) < header + size:
        return None
    message = Cursor(bytes(wire[header : header + size]))
    kind = message.uint(1)
    if kind == _ERROR and size == 3:
        return Refused(_HANDSHAKE_FAILURE, f"SSLv2 error {message.uint(2)}")
    if kind != _SERVER_HELLO:
        raise NotSSLv2(f"an SSLv2 message of type {kind} and {size} octets")
    message.take(2)
    if message.uint(2) != _VERSION:
        raise NotSSLv2("another version than SSLv2 in its own hello")
    sizes = message.uint(2), message.uint(2), message.uint(2)
    der, listed = message.take(sizes[0]), Cursor(message.take(sizes[1]))
    message.take(sizes[2])
    codes = tuple(listed.uint(3) for _ in range(sizes[1] // 3))
    if not codes:
        return Refused(_HANDSHAKE_FAILURE, "SSLv2 without a common cipher kind")
    return Accepted("SSLv2", codes[0], chain=(der,) if der else (), kinds=codes)
