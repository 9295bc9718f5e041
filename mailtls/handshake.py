"""Full handshakes by pyOpenSSL over memory BIOs, on a transport that the dialogue hands over after the 220, or that is fresh (HTTPS).

The OpenSSL is the one that cryptography carries, so that post-quantum groups, chain, staple and group name do not depend on the host.
The peer is never verified here: whether a certificate is to be trusted is a fact read later, from the bytes.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Protocol

from OpenSSL import SSL, crypto
from OpenSSL.SSL import _lib  # type: ignore[attr-defined]  # see _context

from mailtls.dial import Ended, ended
from mailtls.evidence import Handshake, KeyType
from mailtls.hellos import Refused
from mailtls.model import Cause, Stage
from mailtls.readable import readable
from mailtls.tls.answer import read_alert, read_suite
from mailtls.tls.names import ALERTS, cipher_suite_name, group_name, version_name

MAX_HANDSHAKE = 524_288
"""Octets that a server may send until its handshake is over."""
_KEPT = 20_480
"""Octets of the server's first flight that are kept to read its hello from: one record, and some more."""

# Ends of our own library's complaints about parameters that it will not use; the server did nothing but choose them.
_LOCAL_LIMITS = (
    "dh key too small", "bad dh value", "modulus too large", "unsupported protocol", "version too low", "unsafe legacy renegotiation disabled",
    "ee key too small", "ca key too small", "ca md too weak", "wrong signature type", "no suitable signature algorithm",
    "no suitable key share", "unsupported elliptic curve", "wrong curve", "unknown cipher returned", "wrong cipher returned",
    "no protocols available", "no ciphers available", "unknown group", "unsupported algorithm", "unsupported",
    "unable to find public key parameters", "key size too small", "invalid key length", "legacy sigalg disallowed or unsupported",
)  # fmt: skip
_TOO_MUCH = ("excessive message size", "data length too long", "record length mismatch", "packet length too long")
_ALERTED = ("tlsv1", "tls alert", "ssl/tls alert", "sslv3 alert")
_ALERT_NUMBERS = {name.replace("_", " "): number for number, name in ALERTS.items()}

# Suites at security level 0 and versions from TLS 1.0: a checker must see what a strict sender would turn away.
_SUITES = {
    None: b"ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0",
    KeyType.RSA: b"ALL:!aNULL:!eNULL:!PSK:!SRP:!aECDSA:!aDSS:@SECLEVEL=0",
    KeyType.ECDSA: b"ALL:!aNULL:!eNULL:!PSK:!SRP:!aRSA:!aDSS:!kRSA:@SECLEVEL=0",
    KeyType.EDDSA: b"ALL:!aNULL:!eNULL:!PSK:!SRP:!aRSA:!aDSS:!kRSA:@SECLEVEL=0",  # before TLS 1.3 it goes by the suites of ECDSA (RFC 8422)
}
_SIGNATURES = {
    KeyType.RSA: b"rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:rsa_pss_pss_sha256:"
    b"rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512:rsa_pkcs1_sha1",
    KeyType.ECDSA: b"ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512",
    KeyType.EDDSA: b"ed25519:ed448",
}


def _keep_staple(connection: SSL.Connection, staple: bytes, _data: object) -> bool:
    connection.get_app_data().append(staple)
    return True


@cache
def _context(key_type: KeyType | None) -> SSL.Context:
    """Return the context of an offer; made once, since making one is dearer than a handshake."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_options(SSL.OP_LEGACY_SERVER_CONNECT)
    context.set_verify(SSL.VERIFY_NONE)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_cipher_list(_SUITES[key_type])
    context.set_ocsp_client_callback(_keep_staple)
    if key_type is not None:
        # pyOpenSSL has no method for this; its version is pinned, and a test fails should the binding go away.
        done = _lib.SSL_CTX_set1_sigalgs_list(context._context, _SIGNATURES[key_type])  # noqa: SLF001
        if done != 1:
            raise RuntimeError("OpenSSL refuses our list of signature schemes")
    return context


class Progress(Protocol):
    """What a channel tells of itself while it works, so that whoever cuts it off knows how far it had come."""

    stage: Stage
    octets_sent: int
    octets_received: int


class _Inbox(asyncio.Protocol):
    """What the transport hears, for one reader at a time."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._ended: tuple[BaseException | None] | None = None

    def data_received(self, data: bytes) -> None:
        self._octets += data
        self._wake()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._ended = (exc,)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self) -> bytes:
        """Return what has come, waiting for something; empty at the end of the stream. Raises the transport's OSError."""
        while not self._octets:
            if self._ended is not None:
                if self._ended[0] is not None:
                    raise self._ended[0]
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        octets = bytes(self._octets)
        self._octets.clear()
        return octets


class Channel:
    """TLS over a transport that was plaintext until now, or that has not said anything yet."""

    def __init__(self, transport: asyncio.Transport, transcript: Progress, sni: str | None, key_type: KeyType | None = None) -> None:
        """Take over a transport.

        Args:
            transport: an open connection.
            transcript: is told the stage, and what was sent and received.
            sni: the server's name for its hello; ``None`` sends none.
            key_type: the only kind of certificate to ask for; ``None`` asks for any.

        """
        self._transport = transport
        self._transcript = transcript
        self._inbox = _Inbox()
        self._first = bytearray()
        self._received = 0
        self._staples: list[bytes] = []
        self._tls = SSL.Connection(_context(key_type), None)
        self._tls.set_app_data(self._staples)
        self._tls.set_connect_state()
        if sni is not None:
            self._tls.set_tlsext_host_name(sni.encode("ascii"))
        self._tls.request_ocsp()
        transport.set_protocol(self._inbox)

    async def shake_hands(self) -> Handshake | Refused:
        """Complete the handshake.

        Returns:
            What was negotiated; or the server's refusal: its alert, or its close before any answer.

        Raises:
            Ended: anything else, with its cause.

        """
        self._transcript.stage = Stage.HELLO
        while True:
            try:
                self._tls.do_handshake()
            except SSL.WantReadError:
                self._flush()
                if not await self._more():
                    if self._received == 0:
                        return Refused(None, "closed")
                    raise ended(Cause.CONNECTION_CLOSED, self._transcript.stage, "the server closed the connection") from None
            except SSL.Error as error:
                self._flush()
                return self._refusal(error)
            else:
                self._flush()
                return self._handshake()

    async def _more(self) -> bool:
        """Feed the next bytes to OpenSSL. Returns false at the end of the stream."""
        try:
            octets = await self._inbox.take()
        except ConnectionResetError as error:
            if self._received == 0 and self._transcript.stage is Stage.HELLO:
                return False
            raise ended(Cause.CONNECTION_CLOSED, self._transcript.stage, "the server reset the connection") from error
        except OSError as error:
            raise ended(Cause.CONNECTION_CLOSED, self._transcript.stage, str(error)) from error
        if not octets:
            return False
        self._received += len(octets)
        self._transcript.octets_received += len(octets)
        if self._received > MAX_HANDSHAKE:
            raise ended(Cause.LIMIT_EXCEEDED, self._transcript.stage, f"more than {MAX_HANDSHAKE} octets")
        if self._transcript.stage is Stage.HELLO:
            self._transcript.stage = Stage.HANDSHAKE
        if len(self._first) < _KEPT:
            self._first += octets[: _KEPT - len(self._first)]
        self._tls.bio_write(octets)
        return True

    def _flush(self) -> None:
        while True:
            try:
                octets = self._tls.bio_read(_KEPT)
            except SSL.WantReadError:
                return
            self._transcript.octets_sent += len(octets)
            if not self._transport.is_closing():
                self._transport.write(octets)

    def _refusal(self, error: SSL.Error) -> Refused:
        """Return the server's refusal that OpenSSL reports, or raise what else went wrong."""
        said = [reason for _library, _function, reason in error.args[0]] if error.args and isinstance(error.args[0], list) else []
        reason = said[0] if said else str(error)
        number = next((n for name, n in _ALERT_NUMBERS.items() if reason.endswith(name)), None)
        if number is None or not reason.startswith(_ALERTED):
            number = read_alert(bytes(self._first)) if not reason or reason.startswith(_ALERTED) else None
        if number is not None:
            return Refused(number, ALERTS.get(number, f"of the unassigned number {number}"))
        detail = readable(reason, 160)
        stage = self._transcript.stage
        if any(text.endswith(_LOCAL_LIMITS) for text in said):
            raise ended(Cause.TLS_LOCAL_LIMIT, stage, f"our TLS library will not go on: {detail}") from error
        if reason in _TOO_MUCH:
            raise ended(Cause.LIMIT_EXCEEDED, stage, detail) from error
        begins = readable(bytes(self._first[:24]), 60)
        raise ended(Cause.PROTOCOL_ERROR, stage, f"{detail}; the server's answer begins '{begins}'") from error

    def _handshake(self) -> Handshake:
        code = read_suite(bytes(self._first))
        if code is None:  # OpenSSL's own name for the suite is none that anything could be told by
            raise ended(Cause.LIMIT_EXCEEDED, self._transcript.stage, f"more than {_KEPT} octets stand before the server's hello")
        version = version_name(self._tls.get_protocol_version())
        suite = cipher_suite_name(code)
        chain = self._tls.get_peer_cert_chain() or []
        group = self._tls.get_group_name()
        if group is None and suite.startswith("TLS_DHE_"):
            group = "dhe"  # a finite field, which OpenSSL does not name
        return Handshake(
            version=version,
            cipher_suite=suite,
            group=None if group is None else group_name(group),
            chain=tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) for certificate in chain),
            ocsp_staple=self._staples[0] if self._staples else b"",
        )

    def early_data(self) -> int:
        """Return how many octets of early data the server's last ticket invites; tickets come with the first data inside TLS."""
        session = self._tls.get_session()
        # pyOpenSSL has no method for this; its version is pinned.
        return 0 if session is None else int(_lib.SSL_SESSION_get_max_early_data(session._session))  # noqa: SLF001

    @property
    def closed_properly(self) -> bool:
        """Whether the server said close_notify: only then is the end of its data the one it meant (RFC 8446 section 6.1)."""
        return bool(self._tls.get_shutdown() & SSL.RECEIVED_SHUTDOWN)

    async def send(self, octets: bytes) -> None:
        """Send application data. Raises ``Ended`` where TLS has broken down."""
        try:
            self._tls.sendall(octets)
        except SSL.Error as error:
            raise self._broken(error) from error
        self._flush()

    async def receive(self) -> bytes:
        """Return the next application data; empty at the end of the stream. Raises ``Ended`` where TLS has broken down."""
        while True:
            try:
                return self._tls.recv(16_384)
            except SSL.WantReadError:
                self._flush()
                if not await self._more():
                    return b""
            except SSL.ZeroReturnError:
                return b""
            except SSL.Error as error:
                raise self._broken(error) from error

    def _broken(self, error: SSL.Error) -> Ended:
        try:
            refused = self._refusal(error)
        except Ended as end:
            return end
        return ended(Cause.PROTOCOL_ERROR, self._transcript.stage, f"the server sent the alert {refused.name}")

    def close(self) -> None:
        """Say close_notify, and close."""
        try:
            self._tls.shutdown()
            self._flush()
        except SSL.Error:
            pass
        self._transport.close()

