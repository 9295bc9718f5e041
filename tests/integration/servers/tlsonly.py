"""TLS servers that know no SMTP, each behind ``front.py``, which says EHLO and STARTTLS for them."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .certificates import Certificate
from .server import PREFIX, Server, find_program

HERE = Path(__file__).parent
BACKEND_PORT = 4433  # as in front.py; in the backend's own network namespace
LEGACY_PYTHON = PREFIX / "sslyze/bin/python"


class Fronted(Server):
    """A TLS server behind an SMTP of four commands. Inside TLS nobody speaks SMTP."""

    def __init__(self, address: str | None = None, port: int = 0, *, hostname: str = "mx.test", certificates: Sequence[Certificate] = ()) -> None:
        super().__init__(address, port)
        self.hostname = hostname
        self._certificates = tuple(certificates)

    def backend(self) -> list[str]:
        """Return the command of the TLS server, which is to listen at ``BACKEND_PORT``."""
        raise NotImplementedError

    def prepare(self) -> list[str]:
        """Return the command of the front, which starts the backend."""
        front = [sys.executable, str(HERE / "front.py"), self.address, str(self.port), self.hostname]
        return [*front, *self.backend()]


class GnuTLSServ(Fronted):
    """gnutls-serv with a priority string; a certificate of each key type, and DH parameters where it is given some."""

    def __init__(self, address: str | None = None, port: int = 0, *, priorities: str = "NORMAL", dh_parameters: Path | None = None, **rest) -> None:
        super().__init__(address, port, **rest)
        self._priorities = priorities
        self._dh_parameters = dh_parameters

    def backend(self) -> list[str]:
        command = [find_program("gnutls-serv"), "--echo", "--quiet", "--disable-client-cert", "--nodb", "--noticket"]
        command += ["--port", str(BACKEND_PORT), "--priority", self._priorities]
        if self._dh_parameters:
            command += ["--dhparams", str(self._dh_parameters)]
        for each in self._certificates:
            command += ["--x509certfile", str(each.chain), "--x509keyfile", str(each.key)]
        return command


class SServer(Fronted):
    """``openssl s_server``, of the machine's OpenSSL, with further options; it serves one client at a time."""

    def __init__(self, address: str | None = None, port: int = 0, *, options: Sequence[str] = (), **rest) -> None:
        super().__init__(address, port, **rest)
        self._options = tuple(options)

    def backend(self) -> list[str]:
        command = [find_program("openssl"), "s_server", "-www", "-quiet", "-accept", f"127.0.0.1:{BACKEND_PORT}", *self._options]
        for each, prefix in zip(self._certificates, ("", "d"), strict=False):
            files = (f"-{prefix}cert", each.chain), (f"-{prefix}cert_chain", each.chain), (f"-{prefix}key", each.key)
            command += [str(part) for pair in files for part in pair]
        return command


@dataclass(frozen=True, slots=True)
class LegacySettings:
    """What a tlslite-ng server takes, by the names of its HandshakeSettings; by default all it has, back to SSL 3.0."""

    oldest: tuple[int, int] = (3, 0)
    newest: tuple[int, int] = (3, 3)
    ciphers: Sequence[str] = (
        *("chacha20-poly1305", "aes256gcm", "aes128gcm", "aes256ccm", "aes128ccm", "aes256ccm_8", "aes128ccm_8"),
        *("aes256", "aes128", "3des", "rc4", "null"),
    )
    macs: Sequence[str] = ("aead", "sha384", "sha256", "sha", "md5")
    exchanges: Sequence[str] = ("ecdhe_ecdsa", "ecdhe_rsa", "dhe_rsa", "rsa", "ecdh_anon", "dh_anon")
    curves: Sequence[str] = ("secp256r1", "x25519", "secp384r1", "secp521r1")
    dh_groups: Sequence[str] = field(default=("ffdhe2048", "ffdhe3072"))


class TLSLite(Fronted):
    """tlslite-ng: SSL 3.0, RC4, 3DES, NULL. Without a certificate it is anonymous; it cannot be both."""

    def __init__(self, address: str | None = None, port: int = 0, *, settings: LegacySettings | None = None, **rest) -> None:
        super().__init__(address, port, **rest)
        self._settings = settings or LegacySettings()

    def backend(self) -> list[str]:
        return self._command(str(BACKEND_PORT))

    def suites(self) -> dict[str, list[int]]:
        """Return the codes of the suites that it takes, by version, as tlslite-ng has them."""
        done = subprocess.run(self._command("list"), capture_output=True, text=True, check=True, timeout=30)
        return json.loads(done.stdout)

    def _command(self, what: str) -> list[str]:
        if not LEGACY_PYTHON.exists():
            raise RuntimeError(f"{LEGACY_PYTHON} is missing; run tests/integration/install.sh as root")
        settings = {name: getattr(self._settings, name) for name in LegacySettings.__slots__}
        settings["certificates"] = [(str(each.chain), str(each.key)) for each in self._certificates]
        return [str(LEGACY_PYTHON), str(HERE / "serve_tlslite.py"), what, json.dumps(settings)]


class PyOpenSSL(Fronted):
    """The OpenSSL that mailtls itself brings along: it has the post-quantum groups, which Debian 12's has not."""

    def __init__(self, address: str | None = None, port: int = 0, *, ciphers: str = "DEFAULT", groups: str = "X25519:P-256", **rest) -> None:
        super().__init__(address, port, **rest)
        self._ciphers = ciphers
        self._groups = groups

    def backend(self) -> list[str]:
        files = [str(each.bundle) for each in self._certificates]
        return [sys.executable, str(HERE / "serve_pyopenssl.py"), str(BACKEND_PORT), self._ciphers, self._groups, *files]
