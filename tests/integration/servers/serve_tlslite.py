"""A TLS server of tlslite-ng, for what OpenSSL and GnuTLS have given up: SSL 3.0, RC4, 3DES, NULL, MD5, and anonymous suites.

A program for the environment that install.sh makes: ``serve_tlslite.py PORT SETTINGS``, where SETTINGS are those of JSON: "oldest"
and "newest" version as [3, 0] to [3, 4], "ciphers", "macs", "exchanges", "curves" and "dh_groups" by tlslite-ng's names,
"certificates" as pairs of the files of chain and key, one at most of each key type. Without a certificate all is anonymous.
``serve_tlslite.py list SETTINGS`` prints which suites it would take, as JSON: codes by version.
"""

import json
import socket
import sys
import threading
from pathlib import Path

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
from tlslite.constants import CipherSuite
from tlslite.errors import TLSError
from tlslite.handshakesettings import Keypair, VirtualHost

SECONDS = 20.0
VERSIONS = {(3, 0): "SSLv3", (3, 1): "TLSv1.0", (3, 2): "TLSv1.1", (3, 3): "TLSv1.2", (3, 4): "TLSv1.3"}


class Server:
    """The settings, and the certificates with their keys."""

    def __init__(self, wanted: dict) -> None:
        self.settings = HandshakeSettings()
        self.settings.minVersion = tuple(wanted["oldest"])
        self.settings.maxVersion = tuple(wanted["newest"])
        self.settings.versions = [version for version in sorted(VERSIONS, reverse=True) if self._has(version)]
        self.settings.cipherNames = wanted["ciphers"]
        self.settings.macNames = wanted["macs"]
        self.settings.keyExchangeNames = wanted["exchanges"]
        self.settings.eccCurves = wanted["curves"]
        self.settings.defaultCurve = wanted["curves"][0]
        self.settings.keyShares = []
        self.settings.dhGroups = wanted["dh_groups"]
        self.settings.useEncryptThenMAC = True
        self.settings.ticket_count = 0
        self.pairs = [self._pair(Path(chain), Path(key)) for chain, key in wanted["certificates"]]
        if len(self.pairs) > 1:
            host = VirtualHost()
            host.keys = [Keypair(key, chain.x509List) for chain, key in self.pairs[1:]]
            self.settings.virtual_hosts = [host]

    def _has(self, version: tuple) -> bool:
        return self.settings.minVersion <= version <= self.settings.maxVersion

    @staticmethod
    def _pair(chain_file: Path, key_file: Path) -> tuple:
        chain = X509CertChain()
        chain.parsePemList(chain_file.read_text())
        return chain, parsePEMKey(key_file.read_text(), private=True)

    def suites(self) -> dict:
        """Return codes by version."""
        return {name: self._suites_of(version) for version, name in VERSIONS.items() if self._has(version)}

    def _suites_of(self, version: tuple) -> list:
        settings = self.settings.validate()
        if self.pairs:
            kinds = (
                CipherSuite.getTLS13Suites,
                CipherSuite.getEcdsaSuites,
                CipherSuite.getEcdheCertSuites,
                CipherSuite.getDheCertSuites,
                CipherSuite.getCertSuites,
            )
        else:
            kinds = (CipherSuite.getAnonSuites, CipherSuite.getEcdhAnonSuites)
        found = [suite for kind in kinds for suite in kind(settings, version)]
        return sorted({code for code in CipherSuite.filterForVersion(found, version, version) if self._fits(code)})

    def _fits(self, code: int) -> bool:
        return not self.pairs or any(code in CipherSuite.filter_for_certificate([code], chain) for chain, _ in self.pairs)

    def answer(self, connection: socket.socket) -> None:
        """Do the handshake, then swallow what comes until the client has had enough."""
        connection.settimeout(SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls = TLSConnection(connection)
        chain, key = self.pairs[0] if self.pairs else (None, None)
        try:
            tls.handshakeServer(certChain=chain, privateKey=key, settings=self.settings, anon=not self.pairs)
            while tls.read(max=4096):
                pass
            tls.close()
        except (TLSError, OSError, ValueError, SyntaxError) as error:
            print(type(error).__name__, error, flush=True)
        finally:
            connection.close()

    def serve(self, port: int) -> None:
        """Serve until killed."""
        with socket.create_server(("127.0.0.1", port), backlog=256) as listening:
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=self.answer, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    server = Server(json.loads(sys.argv[2]))
    if sys.argv[1] == "list":
        print(json.dumps(server.suites()))
    else:
        server.serve(int(sys.argv[1]))
