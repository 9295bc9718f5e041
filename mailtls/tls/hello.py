"""ClientHellos as bytes (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2, RFC 6101 section 5.6.1.2).

Pure: an offer, a name and some random octets in, the bytes of one hello out. An offer of TLS 1.3 sends no key share, so that a server
which could go on answers with a HelloRetryRequest that names both its suite and its group, and neither side computes anything.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from mailtls.tls import sslv2
from mailtls.tls.names import VERSION_CODES
from mailtls.tls.wire import uint, uints, vector

if TYPE_CHECKING:
    from mailtls.hellos import HelloOffer

EMPTY_RENEGOTIATION_INFO = 0x00FF
FALLBACK = 0x5600
RANDOM = 32
"""Octets of randomness in a hello."""
ODD_NAME = "odd.invalid"
"""A server name that nobody can have (RFC 6761 section 6.4)."""

SERVER_NAME, TRUNCATED_HMAC, SUPPORTED_GROUPS, POINT_FORMATS, SIGNATURE_ALGORITHMS, HEARTBEAT = 0, 4, 10, 11, 13, 15
PADDING, ENCRYPT_THEN_MAC, EXTENDED_MASTER_SECRET, SESSION_TICKET = 21, 22, 23, 35
SUPPORTED_VERSIONS, KEY_SHARE, RENEGOTIATION_INFO = 43, 51, 0xFF01
"""Extension types (IANA registry "TLS ExtensionType Values")."""

_GREASE = 0x5A5A
_UNKNOWN = 0xFE0F  # of the range for private use
_RECORD = 16_384
_HANG = range(256, 512)
"""Octets of a hello at which some load balancers hang (RFC 7685 section 1)."""


def client_hello(offer: HelloOffer, host: str, random: bytes) -> bytes:
    """Write an offer as the octets to send: one TLS record for each 16 KiB, or SSLv2's own hello.

    Args:
        offer: what to offer.
        host: the MX host's name in ASCII, for the server name.
        random: 32 octets.

    Raises:
        OverflowError: the offer has more than fits into its fields.

    """
    if offer.version == "SSLv2":
        return sslv2.client_hello(offer, random)
    code = VERSION_CODES[offer.version]
    suites = offer.cipher_suites
    if offer.fallback:
        suites = (*suites, FALLBACK)
    if offer.grease:
        suites = (_GREASE, *suites)
    if offer.version == "SSLv3":
        suites = (*suites, EMPTY_RENEGOTIATION_INFO)
    if offer.version == "TLSv1.3":  # with a session to resume, as middleboxes expect (RFC 8446 appendix D.4)
        body = b"\x03\x03%b\x20%b%b\x01\x00" % (random, random, vector(2, uints(2, suites)))
    else:
        body = b"%b%b\x00%b\x02\x01\x00" % (uint(2, code), random, vector(2, uints(2, suites)))  # with DEFLATE, or without
    extensions = b"" if offer.version == "SSLv3" else _extensions(offer, host)
    if extensions:
        extensions += _padding(4 + len(body) + 2 + len(extensions), offer.size)
        body += vector(2, extensions)
    message = b"\x01" + vector(3, body)
    header = b"\x16\x03\x00" if offer.version == "SSLv3" else b"\x16\x03\x01"  # RFC 8446 appendix D.1, RFC 5246 appendix E.1
    return b"".join([header + vector(2, message[start : start + _RECORD]) for start in range(0, len(message), _RECORD)])


def _extensions(offer: HelloOffer, host: str) -> bytes:
    parts = []
    if offer.grease:
        parts.append(_extension(_GREASE))
    if offer.server_name != "none":
        parts.append(_server_name(host if offer.server_name == "host" else ODD_NAME))
    if offer.groups:
        parts.append(_listing(SUPPORTED_GROUPS, (_GREASE, *offer.groups) if offer.grease else offer.groups))
    if offer.signature_schemes:
        parts.append(_listing(SIGNATURE_ALGORITHMS, offer.signature_schemes))
    if offer.version == "TLSv1.3":
        versions = (_GREASE, VERSION_CODES["TLSv1.3"]) if offer.grease else (VERSION_CODES["TLSv1.3"],)
        parts.append(_extension(SUPPORTED_VERSIONS, vector(1, uints(2, versions))))
        parts.append(_NO_SHARE)
    else:
        parts.append(_FOR_OLDER)
    if offer.grease:
        parts.append(_extension(_UNKNOWN, b"mailtls"))
    return b"".join(parts)


def _extension(kind: int, body: bytes = b"") -> bytes:
    return uint(2, kind) + vector(2, body)


@lru_cache(maxsize=256)
def _listing(kind: int, numbers: tuple[int, ...]) -> bytes:
    return _extension(kind, vector(2, uints(2, numbers)))


_NO_SHARE = _extension(KEY_SHARE, vector(2))
_FOR_OLDER = b"".join(
    (
        _extension(RENEGOTIATION_INFO, vector(1)),
        _extension(EXTENDED_MASTER_SECRET),
        _extension(ENCRYPT_THEN_MAC),
        _extension(SESSION_TICKET),
        _extension(TRUNCATED_HMAC),
        _extension(HEARTBEAT, b"\x01"),
        _extension(POINT_FORMATS, vector(1, b"\x00")),
    )
)


@lru_cache(maxsize=1024)
def _server_name(host: str) -> bytes:
    return _extension(SERVER_NAME, vector(2, b"\x00", vector(2, host.encode("ascii"))))  # RFC 6066 section 3


def _padding(length: int, wanted: int) -> bytes:
    """Return the padding extension that brings a hello of ``length`` octets to the wanted size, or out of the range that hangs."""
    if length in _HANG:
        wanted = max(wanted, _HANG.stop)
    missing = wanted - length
    return b"" if missing <= 0 else _extension(PADDING, bytes(max(0, missing - 4)))
