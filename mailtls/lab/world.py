"""The whole lab in one event loop: nameserver, certification authority and fake providers on loopback addresses."""

from __future__ import annotations

import asyncio
import errno
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mailtls.lab.authority import Authority
from mailtls.lab.mailserver import MailServer
from mailtls.lab.nameserver import Fault, Nameserver
from mailtls.lab.providers import DOWNGRADED, FakeProvider, Host, fake_providers
from mailtls.lab.sts_server import StsServer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_PORT_ATTEMPTS = 50
_IPV6_LOOPBACK = "::1"


class Lab:
    """The running lab. `Lab.start` and `stop` bracket its life; `async with await Lab.start()` does so too.

    It needs Linux, where all of 127.0.0.0/8 is loopback; IPv6 loopback is used if it is there.
    """

    def __init__(self, now: datetime) -> None:
        """Make the certificates and the tables; `start` makes a lab that runs."""
        self.authority = Authority.create(now)
        self.providers: tuple[FakeProvider, ...] = fake_providers(self.authority, now)
        self.port = 0
        self.https_port = 0
        self.servers: dict[tuple[str, str], MailServer] = {}  # by host name and address
        self.sts_servers: dict[str, StsServer] = {}  # by domain
        self._nameserver: Nameserver | None = None
        self._directory = tempfile.TemporaryDirectory(prefix="mailtls-lab-")
        self.ca_file = Path(self._directory.name) / "ca.pem"
        self.ca_file.write_bytes(self.authority.root_pem)

    @classmethod
    async def start(cls, port: int = 0, *, now: datetime | None = None, resolver_port: int = 0) -> Lab:
        """Start everything; port 0 picks an SMTP port free on all addresses, resolver port 0 one free on 127.0.0.1.

        `now` (aware) is when the certificates are issued, by default the present. Raises OSError if a port is taken.
        """
        self = cls(now or datetime.now(UTC))
        try:
            addresses = await self._start_servers(port)
            await self._start_sts_servers()
            records, faults, secure = _zone(self.providers, addresses, self.port)
            records |= _declarations(self.providers, {d: server.address[0] for d, server in self.sts_servers.items()})
            self._nameserver = await Nameserver.start("127.0.0.1", resolver_port, records=records, faults=faults, secure=secure)
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Stop every server, drop open connections and remove the CA file; stopping twice is harmless."""
        if self._nameserver is not None:
            await self._nameserver.stop()
        await asyncio.gather(*(server.stop() for server in self.servers.values()), *(server.stop() for server in self.sts_servers.values()))
        self._directory.cleanup()

    @property
    def nameserver(self) -> Nameserver:
        """The DNS server of this world; its tables may be changed."""
        assert self._nameserver is not None, "the lab has not been started"
        return self._nameserver

    def server(self, host: str) -> MailServer:
        """Return the server of an MX host, on its IPv4 address if it has two; raises KeyError if there is none."""
        for (name, _), server in self.servers.items():
            if name == host:
                return server
        raise KeyError(host)

    def downgrade(self) -> None:
        """Take STARTTLS away from the provider `downgraded`, from the next connection on."""
        for server, host in self._downgradable():
            server.behaviour = replace(host.behaviour, tls=None)

    def restore(self) -> None:
        """Undo `downgrade`."""
        for server, host in self._downgradable():
            server.behaviour = host.behaviour

    def configuration(self) -> dict[str, object]:
        """Return a mailtls configuration for this world, as it would be read from YAML."""
        host, port = self.nameserver.address
        return {
            "vantage": {"name": "lab", "ehlo_name": "probe.lab.example"},
            "resolver": {"nameservers": [f"{host}:{port}"], "timeout": "2s", "trust_ad": "auto"},
            "network": {
                "port": self.port,
                "allow_networks": ["127.0.0.0/8", "::1/128"],
                "ipv6": "auto",
                "connect_timeout": "2s",
                "probe_deadline": "8s",
            },
            "trust": {"ca_file": str(self.ca_file)},
            "mta_sts": {"https_port": self.https_port},
            "schedule": {"interval": "20s", "enumeration_interval": "10m", "jitter": "10%"},
            "limits": {"concurrency": 100, "per_operator": 2, "pace": "50ms", "scan_deadline": "30s"},
            "web": {"listen": ["127.0.0.1:0"]},
            "providers": [{"name": provider.name, "domains": list(provider.domains)} for provider in self.providers],
        }

    def _downgradable(self) -> list[tuple[MailServer, Host]]:
        hosts = {host.name: host for provider in self.providers if provider.name == DOWNGRADED for host in provider.hosts}
        return [(server, hosts[name]) for (name, _), server in self.servers.items() if name in hosts]

    async def _start_servers(self, port: int) -> dict[str, list[str]]:
        """Start a server for every host on every address it has; return the addresses by host name."""
        ipv6 = await _has_ipv6_loopback()
        addresses = {
            # Every host has an address of its own; providers differ in the third byte, hosts in the fourth.
            host.name: [f"127.20.{number}.{position}", *([_IPV6_LOOPBACK] if host.ipv6 and ipv6 else [])]
            for number, provider in enumerate(self.providers, 1)
            for position, host in enumerate(provider.hosts, 1)
        }
        behaviours = {host.name: host.behaviour for provider in self.providers for host in provider.hosts}
        places = [(name, address) for name, several in addresses.items() for address in several]
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            self.port = port
            try:
                for name, address in places:
                    server = await MailServer.start(address, self.port, behaviours[name])
                    self.servers[name, address] = server
                    self.port = server.address[1]  # the first server's draw binds the others
            except OSError as error:
                if port or attempt == _PORT_ATTEMPTS or error.errno != errno.EADDRINUSE:
                    raise
                await asyncio.gather(*(server.stop() for server in self.servers.values()))
                self.servers.clear()
            else:
                break
        return addresses

    async def _start_sts_servers(self) -> None:
        """Start a policy host for every provider that has a policy, each on an address of its own, all on one port."""
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            self.https_port = 0
            try:
                for number, provider in enumerate(self.providers, 1):
                    if provider.policy is not None:
                        server = await StsServer.start(f"127.20.{number}.250", self.https_port, provider.policy.serving)
                        self.sts_servers[provider.domains[0]] = server
                        self.https_port = server.address[1]
            except OSError as error:
                if attempt == _PORT_ATTEMPTS or error.errno != errno.EADDRINUSE:
                    raise
                await asyncio.gather(*(server.stop() for server in self.sts_servers.values()))
                self.sts_servers.clear()
            else:
                break


async def _has_ipv6_loopback() -> bool:
    try:
        server = await asyncio.start_server(lambda _, writer: writer.close(), _IPV6_LOOPBACK, 0)
    except OSError:
        return False
    server.close()
    await server.wait_closed()
    return True


def _zone(
    providers: Sequence[FakeProvider], addresses: dict[str, list[str]], port: int
) -> tuple[dict[tuple[str, str], list[str]], dict[str, Fault], set[str]]:
    """Return the records, faults and secure names that go with the providers."""
    records: dict[tuple[str, str], list[str]] = {}
    faults: dict[str, Fault] = {}
    secure: set[str] = set()
    for provider in providers:
        for domain in provider.domains:
            if provider.null_mx:
                records[domain, "MX"] = ["0 ."]
            elif provider.hosts:
                records[domain, "MX"] = [f"{host.preference} {host.name}." for host in provider.hosts]
            if provider.fault is not None:
                faults |= {f"{label}{domain}": provider.fault for label in ("", "_mta-sts.", "_smtp._tls.")}
        for host in provider.hosts:
            records[host.name, "A"] = [address for address in addresses[host.name] if ":" not in address]
            if quad_a := [address for address in addresses[host.name] if ":" in address]:
                records[host.name, "AAAA"] = quad_a
            if host.tlsa:
                records[f"_{port}._tcp.{host.name}", "TLSA"] = list(host.tlsa)
        if provider.secure:
            secure.update(provider.domains, *((host.name, f"_{port}._tcp.{host.name}") for host in provider.hosts))
    return records, faults, secure


def _declarations(providers: Sequence[FakeProvider], sts_hosts: dict[str, str]) -> dict[tuple[str, str], list[str]]:
    """Return the records of MTA-STS and TLS-RPT; `sts_hosts` has the address of each domain's."""
    records: dict[tuple[str, str], list[str]] = {}
    for provider in providers:
        domain = provider.domains[0]
        if provider.policy is not None:
            records[f"_mta-sts.{domain}", "TXT"] = [f'"{text}"' for text in provider.policy.records]
            records[f"mta-sts.{domain}", "A"] = [sts_hosts[domain]]
        if provider.reports:
            records[f"_smtp._tls.{domain}", "TXT"] = [f'"{provider.reports}"']
    return records
