"""Knot DNS: the authoritative server of the test zones, signing them as it serves them."""

import asyncio
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from .server import Server, find_program

CONFIGURATION = """\
server:
  rundir: {directory}
  listen: {address}@{port}
  background-workers: 1
  udp-workers: 1
  tcp-workers: 1
database:
  storage: {directory}/database
log:
  - target: stderr
    any: info
policy:
  - id: automatic
    algorithm: ecdsap256sha256
    single-type-signing: on
    manual: on
template:
  - id: default
    storage: {directory}
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
zone:
"""


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone: its origin, and records in the text of zone files, without the SOA and NS of the apex.

    ``secure`` zones are signed and, like ``bogus`` ones, have a DS; that of a bogus zone is of a key it never had, so
    that every answer from it fails to validate. ``insecure`` zones are unsigned, and their parent proves there is no DS.
    """

    origin: str
    records: str
    state: Literal["secure", "insecure", "bogus"] = "secure"
    ttl: int = 60

    @property
    def name(self) -> dns.name.Name:
        """The origin as a name."""
        return dns.name.from_text(self.origin)


class Knot(Server):
    """A Knot that serves these zones, and delegates from each to the ones below it.

    ``trust_anchors`` are the DS records a validating resolver starts from: those of the zones with no zone above them.
    """

    def __init__(self, zones: Sequence[Zone], address: str | None = None, port: int = 0) -> None:
        super().__init__(address, port)
        self.zones = {zone.name: zone for zone in zones}
        self.trust_anchors: list[str] = []
        self._digests: dict[dns.name.Name, str] = {}

    def prepare(self) -> list[str]:
        """Write configuration and zone files, with keys made beforehand, for the parents need the DS of their children."""
        program = find_program("knotd")
        text = CONFIGURATION.format(directory=self.directory, address=self.address, port=self.port)
        for name, zone in self.zones.items():
            text += f"  - domain: {name.to_text()}\n    file: {_file(name)}\n"
            if zone.state != "insecure":
                text += "    dnssec-signing: on\n    dnssec-policy: automatic\n"
        (self.directory / "knot.conf").write_text(text)
        (self.directory / "database").mkdir()
        self._digests = {name: self._make_key(zone) for name, zone in self.zones.items() if zone.state != "insecure"}
        self.trust_anchors = [ds for name, ds in self._digests.items() if self._parent(name) is None]
        for zone in self.zones.values():
            self._write(zone)
        return [program, "-c", str(self.directory / "knot.conf")]

    async def ready(self) -> bool:
        """Tell whether every zone is loaded, and signed where it should be."""
        if not await super().ready():
            return False
        for name, zone in self.zones.items():
            query = dns.message.make_query(name, "SOA", want_dnssec=True)
            try:
                answer = await dns.asyncquery.udp(query, self.address, timeout=2, port=self.port)
            except (dns.exception.DNSException, OSError):
                return False
            signed = any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in answer.answer)
            if answer.rcode() != dns.rcode.NOERROR or not answer.answer or signed == (zone.state == "insecure"):
                return False
        return True

    async def replace(self, zone: Zone) -> None:
        """Serve other records for a zone there is already; its state and key stay. Resolvers may still have the old."""
        if self.zones[zone.name].state != zone.state:
            raise ValueError(f"{zone.origin} is {self.zones[zone.name].state}, and cannot become {zone.state}")
        self.zones[zone.name] = zone
        self._write(zone)
        await asyncio.to_thread(self._run, "knotc", "-b", "zone-reload", zone.name.to_text())

    def _run(self, program: str, *arguments: str) -> str:
        command = [find_program(program), "-c", str(self.directory / "knot.conf"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        if done.returncode:
            raise RuntimeError(f"{program} {' '.join(arguments)} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def _make_key(self, zone: Zone) -> str:
        """Make the zone's key and return its DS record; for a bogus zone, that of another key."""
        origin = zone.name.to_text()
        self._run("keymgr", origin, "generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes")
        records = self._run("keymgr", origin, "ds").splitlines()
        owner, kind, tag, algorithm, digest_type, digest = next(line.split() for line in records if " 13 2 " in line)
        if zone.state == "bogus":
            digest = digest[::-1]
        return f"{owner} {kind} {tag} {algorithm} {digest_type} {digest}"

    def _parent(self, name: dns.name.Name) -> dns.name.Name | None:
        """Return the closest of the zones above this one."""
        above = [other for other in self.zones if name != other and name.is_subdomain(other)]
        return max(above, key=len, default=None)

    def _write(self, zone: Zone) -> None:
        """Write the zone file: the apex, the delegations to the zones below, and the zone's own records."""
        lines = [
            f"$ORIGIN {zone.name.to_text()}",
            f"$TTL {zone.ttl}",
            f"@ SOA ns hostmaster 1 3600 600 86400 {zone.ttl}",
            "@ NS ns",
            f"ns A {self.address}",
        ]
        for child in self.zones:
            if self._parent(child) == zone.name:
                glue = f"ns.{child.to_text()}"
                lines += [f"{child.to_text()} NS {glue}", f"{glue} A {self.address}"]
                lines += [self._digests[child]] if child in self._digests else []
        (self.directory / _file(zone.name)).write_text("\n".join([*lines, zone.records, ""]))


def _file(name: dns.name.Name) -> str:
    return f"{name.to_text(omit_final_dot=True) or 'root'}.zone"
