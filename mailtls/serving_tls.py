"""TLS of the web servers: made of a configuration, and made anew while they run."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    from pathlib import Path

    from mailtls.config.webfile import TLSServer

_ECDHE = {
    f"TLS_ECDHE_{key}_WITH_{iana}": f"ECDHE-{key}-{openssl}"
    for key in ("ECDSA", "RSA")
    for iana, openssl in (
        ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
        ("AES_128_CBC_SHA", "AES128-SHA"),
        ("AES_256_CBC_SHA", "AES256-SHA"),
    )
}
SUITES = {**_ECDHE, **dict.fromkeys(("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"), "")}
"""Cipher suites by their IANA names, with OpenSSL's; those of TLS 1.3 have none, since they are always served."""
CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_ASKED = {"NoClientCert": ssl.CERT_NONE, "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL, "RequireAndVerifyClientCert": ssl.CERT_REQUIRED}


class BadFile(ValueError):  # noqa: N818 - it is what it is
    """A file cannot be used."""

    def __init__(self, key: str, why: str) -> None:
        """Name the key of the configuration that names the file, and say what is wrong with it."""
        super().__init__(why)
        self.key = key


class Contexts(NamedTuple):
    """By what connections are made."""

    ours: ssl.SSLContext
    """To the pages that are not for everybody; asks for client certificates, where that is configured."""
    public: ssl.SSLContext
    """To those that are."""


def contexts(tls: TLSServer) -> Contexts:
    """Read certificate, key and authorities, and return the contexts. Raises :exc:`BadFile`."""
    ours, public = _context(tls), _context(tls)
    if tls.client_ca_file is not None:
        _octets("client_ca_file", tls.client_ca_file)
        try:
            ours.load_verify_locations(tls.client_ca_file)
        except ssl.SSLError as error:
            raise BadFile("client_ca_file", f"{tls.client_ca_file}: holds no certificate in PEM") from error
        ours.verify_mode = _ASKED[tls.client_auth_type]
    return Contexts(ours, public)


def _context(tls: TLSServer) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version, made.maximum_version = _VERSIONS[tls.min_version], _VERSIONS[tls.max_version]
    made.set_alpn_protocols(["http/1.1"])
    made.options |= ssl.OP_NO_RENEGOTIATION
    if tls.prefer_server_cipher_suites:
        made.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        made.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if suites := [name for suite in tls.cipher_suites if (name := SUITES[suite])]:
        made.set_ciphers(":".join(suites))
    curves = [CURVES[name] for name in tls.curve_preferences]
    if len(curves) == 1:
        made.set_ecdh_curve(curves[0])
    elif curves:
        made.set_groups(":".join(curves))  # type: ignore[attr-defined]  # of Python 3.15; the configuration has seen that it is there
    assert tls.cert_file is not None
    assert tls.key_file is not None
    for key, path in (("cert_file", tls.cert_file), ("key_file", tls.key_file)):
        _octets(key, path)
    try:
        made.load_cert_chain(tls.cert_file, tls.key_file, _no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise BadFile("key_file", f"{tls.key_file}: not the key of the certificate in {tls.cert_file}") from error
        why = (error.reason or "not in PEM").lower().replace("_", " ")
        raise BadFile("cert_file", f"{tls.cert_file}, {tls.key_file}: no certificate and key that OpenSSL can use ({why})") from error
    except _Encrypted as error:
        raise BadFile("key_file", f"{tls.key_file}: the key is encrypted, and there is nobody to ask for its password") from error
    return made


class _Encrypted(Exception):  # noqa: N818 - never seen outside
    """A key is."""


def _no_password() -> NoReturn:
    raise _Encrypted


def _octets(key: str, path: Path) -> bytes:
    """Read a file, for what is wrong with it; the library would not say which."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadFile(key, f"{path}: {error.strerror}") from error


class Current(ssl.SSLContext):
    """What a server holds while it runs: each connection is made by the context that is in force by then."""

    now: ssl.SSLContext

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a connection."""
        return self.now.wrap_bio(incoming, outgoing, server_side, server_hostname, session)


def current(context: ssl.SSLContext) -> Current:
    """Return what a server is to hold, with what is in force now."""
    held = Current(ssl.PROTOCOL_TLS_SERVER)
    held.now = context
    return held
