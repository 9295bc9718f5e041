"""Hellos as bytes: the server's answer to ours, as far as it is not encrypted (RFC 8446 section 4.1.3, RFC 5246 section 7.4.1.3)."""

from __future__ import annotations

from dataclasses import dataclass

from mailtls.tls.wire import Cursor, Truncated

_HANDSHAKE_RECORD = 22
_ALERT_RECORD = 21
_SERVER_HELLO = 2
_MAX_RECORD = 16_384 + 2_048
_MAX_HELLO = 65_536


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What the server chose: the version and cipher suite codes in its first hello (a HelloRetryRequest is one, too)."""

    legacy_version: int
    cipher_suite: int


def begins_with_record(wire: bytes) -> bool:
    """Whether bytes begin as a TLS record does: one of the content types, and SSL 3.0's major version (RFC 8446 section 5.1)."""
    return len(wire) > 1 and wire[0] in range(20, 25) and wire[1] == 3


def read_alert(wire: bytes) -> int | None:
    """Return the number of the alert with which the server's records begin, or ``None`` where they begin otherwise."""
    records = Cursor(wire)
    try:
        if records.uint(1) != _ALERT_RECORD:
            return None
        records.uint(2)
        alert = records.vector(2)
    except Truncated:
        return None
    return alert[1] if len(alert) == 2 else None


def read_server_hello(wire: bytes) -> ServerHello | None:
    """Find the first ServerHello in TLS records.

    Args:
        wire: the records that the server sent, from the first one on.

    Returns:
        The hello, or ``None`` where the bytes hold none (an alert, garbage, or too little yet).

    """
    records = Cursor(wire)
    handshake = bytearray()
    try:
        while len(handshake) < _MAX_HELLO:
            kind = records.uint(1)
            records.uint(2)
            fragment = records.vector(2)
            if len(fragment) > _MAX_RECORD or kind not in (_HANDSHAKE_RECORD, _ALERT_RECORD):
                return None
            if kind == _ALERT_RECORD:  # a warning may stand before the hello; a fatal one is followed by no hello
                continue
            handshake += fragment
            hello = _hello_in(bytes(handshake))
            if hello is not None:
                return hello
    except Truncated:
        pass
    return None


def _hello_in(handshake: bytes) -> ServerHello | None:
    message = Cursor(handshake)
    try:
        if message.uint(1) != _SERVER_HELLO:
            return None
        body = Cursor(message.vector(3))
        version = body.uint(2)
        body.take(32)
        body.vector(1)
        return ServerHello(version, body.uint(2))
    except Truncated:
        return None
