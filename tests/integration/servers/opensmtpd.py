"""OpenSMTPD, unpacked under the prefix by install.sh.

Its paths are compiled in: the spool, the control socket, the directory it changes its root to. So it runs in a mount
namespace of its own, where empty file systems lie over those paths; several can run side by side, and the machine's own
directories stay as they are.

Debian 12's OpenSMTPD 6.8 offers STARTTLS and says 220 to it, but no handshake with it succeeds: OpenSSL 3 loses the private
key it keeps in another process ("missing private key"; OpenSMTPD issue 1171, mended since), and it sends the alert
internal_error. That makes it a real specimen of a server whose STARTTLS is broken, and nothing for a test that needs TLS.
"""

import pwd
import shlex
import shutil

from .certificates import Certificate
from .server import Server, find_program

# It looks up the name of every client: with a resolver that refuses at once, the look-up is over at once.
RESOLVER = "nameserver 127.30.0.0\noptions timeout:1 attempts:1\n"
NAMESPACE = """\
set -eu
for directory in /run /var/lib /var/spool; do mount -t tmpfs -o mode=755 tmpfs "$directory"; done
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/spool/smtpd
mount --bind {directory}/resolv.conf /etc/resolv.conf
exec {program} -dv -f {directory}/smtpd.conf
"""


class OpenSMTPD(Server):
    """An OpenSMTPD that talks to everybody and has no recipients: RCPT TO gets 550.

    No certificate means no STARTTLS. ``listen`` is appended to the listen line. ``ciphers`` is for the whole server. With
    ``refusal``, for instance ``421 try again later``, that is all a client gets in the place of a greeting.
    """

    def __init__(
        self,
        address: str | None = None,
        port: int = 0,
        *,
        hostname: str = "mx.test",
        certificate: Certificate | None = None,
        ciphers: str | None = None,
        refusal: str | None = None,
        listen: str = "",
    ) -> None:
        super().__init__(address, port)
        self.hostname = hostname
        self._certificate = certificate
        self._ciphers = ciphers
        self._refusal = refusal
        self._listen = listen

    def prepare(self) -> list[str]:
        """Write the configuration, and the script that arranges the mount namespace and becomes smtpd."""
        program = find_program("smtpd")
        for user in ("opensmtpd", "opensmtpq"):
            try:
                pwd.getpwnam(user)
            except KeyError as error:
                raise RuntimeError(f"smtpd needs the user {user}; run tests/integration/install.sh as root") from error
        (self.directory / "resolv.conf").write_text(RESOLVER)
        configuration = self.directory / "smtpd.conf"
        configuration.write_text("".join(f"{line}\n" for line in self._lines()))
        configuration.chmod(0o600)
        script = NAMESPACE.format(directory=shlex.quote(str(self.directory)), program=shlex.quote(program))
        return [find_program("unshare"), "--mount", "--", "/bin/sh", "-c", script]

    def _lines(self) -> list[str]:
        lines = []
        listen = f"listen on {self.address} port {self.port} hostname {self.hostname}"
        if self._ciphers:
            lines.append(f'smtp ciphers "{self._ciphers}"')
        if self._certificate:
            for name, file in (("cert", self._certificate.chain), ("key", self._certificate.key)):
                copy = shutil.copy(file, self.directory)
                lines.append(f'pki "own" {name} "{copy}"')
            listen += ' tls pki "own"'
        if self._refusal:
            lines.append('table "everyone" { "0.0.0.0/0" }')
            lines.append(f'filter "refuse" phase connect match src <"everyone"> disconnect "{self._refusal}"')
            listen += ' filter "refuse"'
        return [
            *lines,
            f"{listen} {self._listen}",
            'action "discard" expand-only alias { "nobody" = "/dev/null" }',
            'match from any for any action "discard"',
        ]
