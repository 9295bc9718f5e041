"""Named set-ups of real servers to enumerate: what they are, and what they offer by the word of their own tools.

    async with set_up("postfix-wide") as setup:
        setup.host, setup.address, setup.port, setup.starttls
        setup.expected()  # {"TLSv1.2": {"TLS_ECDHE_...", ...}, ...}, or None where no tool tells

Every one listens at port 25 of a loopback address of its own.
"""

import re
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from servers import (
    Authority,
    Certificate,
    Exim,
    GnuTLSServ,
    LegacySettings,
    Postfix,
    PyOpenSSL,
    Server,
    SServer,
    TLSLite,
    write_dh_parameters,
)
from servers.server import find_program

from mailtls.tls.names import cipher_suite_name

PORT = 25
Suites = dict[str, set[str]]
ALL_VERSIONS = ("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
POSTFIX_GROUPS = frozenset({"x25519", "x448", "secp256r1", "secp384r1", "secp521r1"})  # tls_eecdh_auto_curves
FFDHE = frozenset({"ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"})
LEGACY_PRIORITIES = (
    "NORMAL:+VERS-TLS1.0:+VERS-TLS1.1:+ARCFOUR-128:+3DES-CBC:+CAMELLIA-256-GCM:+CAMELLIA-128-GCM:+CAMELLIA-256-CBC:+CAMELLIA-128-CBC"
    ":+AES-256-CCM-8:+AES-128-CCM-8:+SHA384:+SHA256:+MD5"
)


@dataclass(frozen=True, slots=True)
class Setup:
    """A running server. ``groups`` are those it takes for key exchange by its configuration, where that says it."""

    name: str
    host: str
    address: str
    port: int
    starttls: str = "smtp"
    groups: frozenset[str] | None = None
    dh_bits: int | None = None
    offer: Callable[[], Suites | None] = field(default=lambda: None, repr=False)

    def expected(self) -> Suites | None:
        """Return IANA's names of the suites by version, as the server's own tools list them."""
        return self.offer()


# What the servers' own tools say.


def openssl_suites(
    cipher_list: str, versions: Iterable[str] = ALL_VERSIONS, keys: Iterable[str] = ("RSA", "ECDSA"), *, program: str = "openssl"
) -> Suites:
    """Return what the machine's OpenSSL makes of a cipher list, for a server with certificates of these key types."""
    usable = {"any", "None", *keys}
    found: Suites = {}
    for version in versions:
        option = "-" + version.lower().replace("v1.0", "1").replace("v1.", "1_")
        command = [find_program(program), "ciphers", "-s", option, "-V", cipher_list]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        # 0xC0,0x2C - ECDHE-ECDSA-AES256-GCM-SHA384  TLSv1.2 Kx=ECDH Au=ECDSA Enc=AESGCM(256) Mac=AEAD
        rows = re.findall(r"0x(\w\w),0x(\w\w) - .* Au=(\w+)", done.stdout)
        found[version] = {cipher_suite_name(int(first + second, 16)) for first, second, key in rows if key in usable}
    return {version: suites for version, suites in found.items() if suites}


def gnutls_suites(priorities: str, *, anonymous: bool) -> Suites:
    """Return what the machine's GnuTLS makes of a priority string, for a server with an RSA and an ECDSA certificate."""
    command = [find_program("gnutls-cli"), "--priority", priorities, "--list"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    enabled = {f"TLSv{number}" for number in re.findall(r"VERS-TLS(1\.\d)", text)}
    found: Suites = {version: set() for version in ALL_VERSIONS if version in enabled}
    # TLS_ECDHE_RSA_AES_128_CBC_SHA1   0xc0, 0x13   TLS1.0: the oldest version that has it
    for own_name, first, second, oldest in re.findall(r"^(TLS_\w+)\s+0x(\w\w), 0x(\w\w)\s+TLS(\d\.\d)$", text, re.MULTILINE):
        if "_ANON_" in own_name and not anonymous:
            continue
        for version, suites in found.items():
            if version >= f"TLSv{oldest}" and (version == "TLSv1.3") == (oldest == "1.3"):
                suites.add(cipher_suite_name(int(first + second, 16)))
    return found


# The set-ups.


def _identities(authority: Authority, host: str) -> list[Certificate]:
    return [authority.issue([host], "rsa", key_encipherment=True), authority.issue([host], "ecdsa")]


@asynccontextmanager
async def _running(
    name: str,
    make: Callable[[str, Sequence[Certificate], Path], Server],
    offer: Callable[[], Suites | None],
    *,
    groups: frozenset[str] | None = None,
    dh_bits: int | None = None,
) -> AsyncIterator[Setup]:
    host = f"mx.{name}.test"
    with tempfile.TemporaryDirectory(prefix="mailtls-setup-") as directory:
        identities = _identities(Authority(Path(directory)), host)
        async with make(host, identities, Path(directory)) as server:
            yield Setup(name, host, server.address, server.port, groups=groups, dh_bits=dh_bits, offer=offer)


def _postfix(
    name: str, cipher_list: str | None, versions: Sequence[str] = ALL_VERSIONS, settings: Mapping[str, str] | None = None
) -> AbstractAsyncContextManager[Setup]:
    """A Postfix with this list of ciphers, or with what Debian has. Its security level for opportunistic TLS is always 0."""
    main = dict(settings or {})
    if cipher_list is not None:
        main |= {"smtpd_tls_ciphers": "medium", "tls_medium_cipherlist": cipher_list}

    def make(host: str, identities: Sequence[Certificate], directory: Path) -> Server:
        return Postfix(port=PORT, hostname=host, certificates=identities, settings=main)

    def offer() -> Suites:
        known = subprocess.run([find_program("postconf"), "-dh", "tls_medium_cipherlist"], capture_output=True, text=True, check=True)
        return openssl_suites(f"{cipher_list or known.stdout.strip()}:@SECLEVEL=0", versions)

    return _running(name, make, offer, groups=POSTFIX_GROUPS)


def postfix_modern() -> AbstractAsyncContextManager[Setup]:
    """TLS 1.2 and 1.3, ephemeral keys and AEAD alone: six suites and three."""
    return _postfix("postfix-modern", "ECDHE+AESGCM:ECDHE+CHACHA20", ("TLSv1.2", "TLSv1.3"), {"smtpd_tls_protocols": ">=TLSv1.2"})


def postfix_default() -> AbstractAsyncContextManager[Setup]:
    """Debian's Postfix as it comes, with two certificates."""
    return _postfix("postfix-default", None)


def postfix_wide() -> AbstractAsyncContextManager[Setup]:
    """All that Debian's OpenSSL has, from TLS 1.0 on, anonymous suites and such without encryption among them."""
    return _postfix("postfix-wide", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", settings={"smtpd_tls_protocols": ">=TLSv1"})


def postfix_server_order() -> AbstractAsyncContextManager[Setup]:
    """Like the default, but the server's order decides."""
    return _postfix("postfix-server-order", None, settings={"tls_preempt_cipherlist": "yes"})


def _exim(name: str, priorities: str | None) -> AbstractAsyncContextManager[Setup]:
    def make(host: str, identities: Sequence[Certificate], directory: Path) -> Server:
        # Its limit of 20 connections at a time is beside the point here, and so is its patience with idle ones.
        return Exim(port=PORT, hostname=host, certificates=identities, priorities=priorities, options="smtp_accept_max = 200\n")

    def offer() -> Suites:
        return gnutls_suites(priorities or "NORMAL", anonymous=False)

    return _running(name, make, offer, groups=POSTFIX_GROUPS | FFDHE)


def exim_gnutls() -> AbstractAsyncContextManager[Setup]:
    """Exim with GnuTLS as it comes."""
    return _exim("exim-gnutls", None)


def exim_gnutls_legacy() -> AbstractAsyncContextManager[Setup]:
    """Exim with all that GnuTLS still has: RC4, 3DES, MD5."""
    return _exim("exim-gnutls-legacy", LEGACY_PRIORITIES)


def gnutls_serv() -> AbstractAsyncContextManager[Setup]:
    """GnuTLS by itself, its order before the client's, with anonymous suites."""
    priorities = "NORMAL:+3DES-CBC:+ANON-ECDH:+ANON-DH:%SERVER_PRECEDENCE"

    def make(host: str, identities: Sequence[Certificate], directory: Path) -> Server:
        return GnuTLSServ(port=PORT, hostname=host, certificates=identities, priorities=priorities)

    return _running("gnutls-serv", make, lambda: gnutls_suites(priorities, anonymous=True), groups=POSTFIX_GROUPS | FFDHE)


def _tlslite(name: str, settings: LegacySettings, groups: frozenset[str], *, anonymous: bool) -> AbstractAsyncContextManager[Setup]:
    made: list[TLSLite] = []

    def make(host: str, identities: Sequence[Certificate], directory: Path) -> Server:
        made.append(TLSLite(port=PORT, hostname=host, certificates=() if anonymous else identities, settings=settings))
        return made[0]

    def offer() -> Suites:
        return {version: {cipher_suite_name(code) for code in codes} for version, codes in made[0].suites().items()}

    return _running(name, make, offer, groups=groups)


def tlslite() -> AbstractAsyncContextManager[Setup]:
    """SSL 3.0 to TLS 1.2 with RC4, 3DES, NULL and MD5, and two certificates."""
    settings = LegacySettings()
    return _tlslite("tlslite", settings, frozenset({*settings.curves, *settings.dh_groups}), anonymous=False)


def tlslite_anonymous() -> AbstractAsyncContextManager[Setup]:
    """No certificate: anonymous suites alone, SSL 3.0 to TLS 1.2."""
    settings = LegacySettings()
    return _tlslite("tlslite-anonymous", settings, frozenset({*settings.curves, *settings.dh_groups}), anonymous=True)


def s_server() -> AbstractAsyncContextManager[Setup]:
    """``openssl s_server`` with Diffie-Hellman of 1024 bits and one curve; TLS 1.0 to 1.2."""
    cipher_list = "DHE:ECDHE:RSA:!PSK:@SECLEVEL=0"
    versions = ALL_VERSIONS[:3]

    def make(host: str, identities: Sequence[Certificate], directory: Path) -> Server:
        options = ["-cipher", cipher_list, "-no_tls1_3", "-dhparam", str(write_dh_parameters(directory)), "-groups", "P-256"]
        return SServer(port=PORT, hostname=host, certificates=identities, options=options)

    return _running("s-server", make, lambda: openssl_suites(cipher_list, versions), groups=frozenset({"secp256r1"}), dh_bits=1024)


def pyopenssl() -> AbstractAsyncContextManager[Setup]:
    """The OpenSSL of mailtls itself, with three post-quantum groups and a list of ciphers that is not Debian's; no tool lists it."""
    groups = ("X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "x25519", "secp256r1", "secp384r1")
    suites = {
        "TLSv1.2": {
            f"TLS_ECDHE_{key}_WITH_{cipher}"
            for key in ("RSA", "ECDSA")
            for cipher in ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")
        },
        "TLSv1.3": {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"},
    }

    def make(host: str, identities: Sequence[Certificate], directory: Path) -> Server:
        spelt = ":".join(groups).replace("secp256r1", "P-256").replace("secp384r1", "P-384").replace("x25519", "X25519")
        return PyOpenSSL(port=PORT, hostname=host, certificates=identities, ciphers="ECDHE+AESGCM:ECDHE+CHACHA20", groups=spelt)

    return _running("pyopenssl", make, lambda: suites, groups=frozenset(groups))


SETUPS: Mapping[str, Callable[[], AbstractAsyncContextManager[Setup]]] = {
    "postfix-modern": postfix_modern,
    "postfix-default": postfix_default,
    "postfix-wide": postfix_wide,
    "postfix-server-order": postfix_server_order,
    "exim-gnutls": exim_gnutls,
    "exim-gnutls-legacy": exim_gnutls_legacy,
    "gnutls-serv": gnutls_serv,
    "tlslite": tlslite,
    "tlslite-anonymous": tlslite_anonymous,
    "s-server": s_server,
    "pyopenssl": pyopenssl,
}


def set_up(name: str) -> AbstractAsyncContextManager[Setup]:
    """Return the set-up of this name, not yet started."""
    return SETUPS[name]()
