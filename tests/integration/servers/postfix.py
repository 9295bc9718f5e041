"""Postfix: smtpd behind the real master, with its configuration, queue and data in the server's directory."""

import grp
import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .certificates import Certificate
from .server import Server, find_program

QUEUE_DIRECTORIES = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold"),
    *("incoming", "maildrop", "pid", "private", "public", "saved", "trace"),
)
SERVICES = """\
{listen} inet n - n - {processes} {listener}
smtpd pass - - n - - smtpd
anvil unix - - n - 1 anvil
bounce unix - - n - 0 bounce
cleanup unix n - n - 0 cleanup
defer unix - - n - 0 bounce
discard unix - - n - - discard
dnsblog unix - - n - 0 dnsblog
postlog unix-dgram n - n - 1 postlogd
proxymap unix - - n - - proxymap
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
tlsproxy unix - - n - 0 tlsproxy
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
"""


@dataclass(frozen=True, slots=True)
class Postscreen:
    """Postscreen before smtpd: it sends ``banner`` as 220- at once, and 220 after ``greet_wait`` seconds.

    It remembers no client, so that every connection waits. ``pregreet`` says what becomes of those that do not.
    """

    greet_wait: int = 2
    banner: str = "please wait to be seated"
    pregreet: str = "enforce"

    def settings(self) -> dict[str, str]:
        """Return the lines of main.cf."""
        return {
            "postscreen_access_list": "",
            "postscreen_cache_map": "",
            "postscreen_greet_wait": f"{self.greet_wait}s",
            "postscreen_greet_banner": self.banner,
            "postscreen_greet_action": self.pregreet,
        }


class Postfix(Server):
    """A Postfix that receives; what it accepts it throws away. ``settings`` are lines of main.cf, and have the last word.

    No certificate means no STARTTLS. ``rate_limit`` is connections a minute from one client, after which Postfix itself
    answers 421. ``refuse_clients`` is 554 5.7.1 in the place of a greeting.
    """

    def __init__(
        self,
        address: str | None = None,
        port: int = 0,
        *,
        hostname: str = "mx.test",
        certificates: Sequence[Certificate] = (),
        min_protocol: str | None = None,
        ciphers: str | None = None,
        postscreen: Postscreen | None = None,
        rate_limit: int | None = None,
        refuse_clients: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(address, port)
        self.hostname = hostname
        self._certificates = tuple(certificates)
        self._min_protocol = min_protocol
        self._ciphers = ciphers
        self._postscreen = postscreen
        self._rate_limit = rate_limit
        self._refuse_clients = refuse_clients
        self._settings = dict(settings or {})

    def prepare(self) -> list[str]:
        """Make the directories Postfix insists on and write main.cf and master.cf."""
        master = find_program("master", "/usr/lib/postfix/sbin")
        configuration = self.directory / "etc"
        configuration.mkdir(mode=0o755)
        self._make_queue()
        main = "".join(f"{name} = {value}\n" for name, value in self._main().items())
        services = SERVICES.format(
            listen=f"{self.address}:{self.port}",
            listener="postscreen" if self._postscreen else "smtpd",
            processes=1 if self._postscreen else "-",
        )
        for name, text in (("main.cf", main), ("master.cf", services)):
            (configuration / name).write_text(text)
            os.utime(configuration / name, (0, 0))  # Postfix waits for two seconds over a file that has just changed
        return [master, "-d", "-c", str(configuration)]

    def _main(self) -> dict[str, str]:
        main = {
            "compatibility_level": "3.6",
            "queue_directory": str(self.directory / "queue"),
            "data_directory": str(self.directory / "data"),
            "maillog_file": str(self.directory / "mail.log"),
            "maillog_file_prefixes": str(self.directory),
            "myhostname": self.hostname,
            "mydestination": "",
            "mynetworks": "192.0.2.1/32",  # nobody is a friend: limits and postscreen apply to loopback, too
            "inet_protocols": "ipv4",
            "smtpd_peername_lookup": "no",
            "alias_maps": "",
            "local_recipient_maps": "",
            "relay_domains": "static:all",
            "default_transport": "discard",
            "relay_transport": "discard",
            "smtpd_relay_restrictions": "permit_auth_destination, reject",
        }
        if self._certificates:
            main["smtpd_tls_security_level"] = "may"
            main["smtpd_tls_chain_files"] = ", ".join(str(each.bundle) for each in self._certificates)
            main["smtpd_tls_loglevel"] = "1"
        if self._min_protocol:
            main["smtpd_tls_protocols"] = f">={self._min_protocol}"
        if self._ciphers:
            main |= {"smtpd_tls_ciphers": "medium", "tls_medium_cipherlist": self._ciphers}
        if self._postscreen:
            main |= self._postscreen.settings()
        if self._rate_limit is not None:
            main |= {
                "smtpd_client_connection_rate_limit": str(self._rate_limit),
                "smtpd_client_event_limit_exceptions": "",
            }
        if self._refuse_clients:
            main |= {"smtpd_client_restrictions": "reject", "smtpd_delay_reject": "no"}
        return main | self._settings

    def _make_queue(self) -> None:
        """Do what ``postfix check`` would, without its half a second of shell scripts."""
        try:
            postfix, postdrop = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
        except KeyError as error:
            raise RuntimeError("postfix is not fully installed: its user or group is missing") from error
        queue = self.directory / "queue"
        queue.mkdir(mode=0o755)
        for name in QUEUE_DIRECTORIES:
            (queue / name).mkdir()
            _own(queue / name, postfix, -1, 0o700)
        _own(queue / "pid", 0, -1, 0o755)
        _own(queue / "public", postfix, postdrop, 0o710)
        _own(queue / "maildrop", postfix, postdrop, 0o730)
        (self.directory / "data").mkdir()
        _own(self.directory / "data", postfix, -1, 0o700)


def _own(path: Path, user: int, group: int, mode: int) -> None:
    os.chown(path, user, group)
    path.chmod(mode)
