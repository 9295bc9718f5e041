"""Exim, Debian's light build with GnuTLS, unpacked under the prefix by install.sh."""

import pwd
import shutil
from collections.abc import Sequence
from pathlib import Path

from .certificates import Certificate
from .server import Server, find_program

USER = "Debian-exim"  # compiled in
CONFIGURATION = """\
exim_path = {program}
exim_user = {user}
exim_group = {user}
primary_hostname = {hostname}
spool_directory = {directory}/spool
log_file_path = {directory}/exim-%s.log
log_selector = +tls_cipher +smtp_connection
pid_file_path = {directory}/exim.pid
local_interfaces = <; [{address}]:{port}
disable_ipv6
host_lookup =
rfc1413_hosts =
keep_environment =
tls_verify_certificates =
message_size_limit = 1M
acl_smtp_connect = connect
acl_smtp_rcpt = recipient
{tls}{options}
begin acl
connect:
  {connect}
recipient:
  accept
begin routers
discard:
  driver = redirect
  data = :blackhole:
"""


class Exim(Server):
    """An Exim that receives; what it accepts it throws away.

    No certificate means no STARTTLS; GnuTLS takes one of each key type. ``connect`` is the body of Exim's access control
    list for new connections, such as ``defer message = 421 4.7.0 try again later`` or ``drop``. ``priorities`` is a GnuTLS
    priority string. ``options`` are further lines of the main part of the configuration.
    """

    def __init__(
        self,
        address: str | None = None,
        port: int = 0,
        *,
        hostname: str = "mx.test",
        certificates: Sequence[Certificate] = (),
        priorities: str | None = None,
        connect: str = "accept",
        options: str = "",
    ) -> None:
        super().__init__(address, port)
        self.hostname = hostname
        self._certificates = tuple(certificates)
        self._priorities = priorities
        self._connect = connect
        self._options = options

    def prepare(self) -> list[str]:
        """Write the configuration and let Exim's user own the directory: it logs and reads its keys as that user."""
        program = find_program("exim4")
        try:
            pwd.getpwnam(USER)
        except KeyError as error:
            raise RuntimeError(f"exim4 needs the user {USER}; run tests/integration/install.sh as root") from error
        for directory in (self.directory, self.directory / "spool"):
            directory.mkdir(mode=0o755, exist_ok=True)
            shutil.chown(directory, USER, USER)
        configuration = self.directory / "exim.conf"
        configuration.write_text(
            CONFIGURATION.format(
                program=program,
                user=USER,
                hostname=self.hostname,
                directory=self.directory,
                address=self.address,
                port=self.port,
                tls=self._tls(),
                options=self._options,
                connect="\n  ".join(self._connect.splitlines()),
            )
        )
        return [program, "-C", str(configuration), "-bdf"]

    def _tls(self) -> str:
        if not self._certificates:
            return "tls_advertise_hosts =\n"
        chains = [self._copy(each.chain) for each in self._certificates]
        keys = [self._copy(each.key) for each in self._certificates]
        lines = [
            "tls_advertise_hosts = *",
            f"tls_certificate = {' : '.join(chains)}",
            f"tls_privatekey = {' : '.join(keys)}",
        ]
        if self._priorities:
            lines.append(f"tls_require_ciphers = {self._priorities}")
        return "".join(f"{line}\n" for line in lines)

    def _copy(self, file: Path) -> str:
        """Bring a file where Exim's user can read it; the tests' own directories are root's alone."""
        copy = shutil.copy(file, self.directory)
        shutil.chown(copy, USER, USER)
        return str(copy)
