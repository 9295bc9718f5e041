"""The messages of a server's first flight, as far as they are not encrypted: hello, certificate, key exchange.

RFC 8446 sections 4.1.3 and 4.1.4; RFC 5246 sections 7.4.1.3 to 7.4.5; RFC 8422 section 5.4.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mailtls.hellos import Accepted
from mailtls.remembering import MIB, remembered
from mailtls.tls.certificate import MAX_CHAIN
from mailtls.tls.hello import KEY_SHARE, SUPPORTED_VERSIONS
from mailtls.tls.names import VERSION_CODES, version_name
from mailtls.tls.primes import group_of_prime
from mailtls.tls.suites import KeyExchange, key_exchange
from mailtls.tls.wire import Cursor

if TYPE_CHECKING:
    from mailtls.hellos import HelloOffer

SERVER_HELLO = 2
"""The type of the message with which a server begins."""
HELLO_REQUEST = bytes(4)
"""The message that a server may send at any time, and that a client in a handshake passes over (RFC 5246 section 7.4.1.1)."""
_CERTIFICATE, _KEY_EXCHANGE, _REQUEST, _HELLO_DONE, _STATUS = 11, 12, 13, 14, 22
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")  # RFC 8446 section 4.1.3
_SENTINELS = {b"DOWNGRD\x01": "TLSv1.2", b"DOWNGRD\x00": "TLSv1.1"}


class Nonsense(ValueError):  # noqa: N818 - it names what the bytes are
    """The bytes are no answer to our offer."""


_NOT_KNOWN_YET = KeyExchange()


class Flight:
    """What the messages of one flight say, in order: hello, certificate, key exchange."""

    def __init__(self, offer: HelloOffer) -> None:
        self._offer = offer
        self._hello: dict[str, object] = {}
        self._exchange = _NOT_KNOWN_YET
        self._chain: tuple[bytes, ...] = ()

    @property
    def has_hello(self) -> bool:
        """Whether the server has answered with a hello."""
        return bool(self._hello)

    def learn(self, kind: int, body: bytes) -> Accepted | None:
        """Take one handshake message. Returns the answer once the flight has told enough.

        Args:
            kind: of the message.
            body: without its header.

        Raises:
            Nonsense: it does not belong there.
            Truncated: it ends too early.

        """
        if kind == HELLO_REQUEST[0] and not body:
            return None
        if not self._hello:
            if kind != SERVER_HELLO:
                raise Nonsense(f"a handshake message of type {kind} where a ServerHello belongs")
            return self._server_hello(Cursor(body))
        if kind == _CERTIFICATE:
            self._chain = read_chain(body)
            return None
        if kind == _KEY_EXCHANGE and self._exchange.is_ephemeral:
            return self._accepted(**self._key_exchange(Cursor(body)))
        if kind in (_REQUEST, _HELLO_DONE):
            # Past the point where a key exchange would have come (RFC 5246 section 7.3).
            if self._exchange.is_ephemeral and not self._exchange.is_optional:
                raise Nonsense("no key exchange came where the suite needs one")
            return self._accepted()
        if kind in (_STATUS, _KEY_EXCHANGE):
            return None
        raise Nonsense(f"a handshake message of type {kind} in the first flight")

    def _server_hello(self, hello: Cursor) -> Accepted | None:
        code, random = hello.uint(2), hello.take(32)
        hello.vector(1)
        suite, compression = hello.uint(2), hello.uint(1)
        extensions = _extensions(hello)
        if SUPPORTED_VERSIONS in extensions:
            code = Cursor(extensions[SUPPORTED_VERSIONS]).uint(2)
        if code > VERSION_CODES[self._offer.version] or code < VERSION_CODES["SSLv3"]:
            raise Nonsense(f"version 0x{code:04x}, which was not offered")
        if suite not in self._offer.cipher_suites:
            raise Nonsense(f"suite 0x{suite:04x}, which was not offered")
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
            raise Nonsense(f"{version}, where TLS 1.3 alone was offered")
        self._exchange = key_exchange(suite)
        return None

    def _offered_group(self, group: int | None) -> int | None:
        if group is not None and self._offer.groups and group not in self._offer.groups:
            raise Nonsense(f"group {group}, which was not offered")
        return group

    def _key_exchange(self, body: Cursor) -> dict[str, object]:
        exchange, found = self._exchange, dict[str, object]()
        if exchange.has_hint:
            body.vector(2)
        if exchange.curve:
            if body.uint(1) == 3:
                found["group"] = self._offered_group(body.uint(2))
            else:
                raise Nonsense("a curve without a name")  # RFC 8422 section 5.4: only named ones
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
            raise Nonsense("no certificate came where the suite needs one")
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
