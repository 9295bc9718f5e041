"""What the fleet shows a daemon, as evidence: scans with transcripts, chains and raw hellos, and what DNS says; read by the real facts.

What can be shown alike (the same losses, the same certificate) is read once, and then said again with the time of each visit.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from simulated.losses import BEGAN, version_of, visits
from simulated.timeline import FULL

sys.path.insert(0, str(Path(__file__).parents[2] / "tls"))

from scans import FIVE, SIX, THREE, play
from server_model import Leaf, TLSServer

from mailtls.evidence import (
    HostRoute,
    Lookup,
    LookupOutcome,
    ProbeEvidence,
    Purpose,
    RouteEvidence,
    ScanEvidence,
    StsEvidence,
    StsFetch,
)
from mailtls.hellos import HelloEvidence
from mailtls.lab import Authority
from mailtls.model import Cause, Endpoint, Failure, Stage
from mailtls.observation import observe_domain
from mailtls.tls.suites import offerable
from mailtls.tracking.fresh import subject_of
from mailtls.tracking.history import Purpose as What
from mailtls.tracking.history import Seen
from mailtls.tracking.holding import Track, absorb, observe
from mailtls.tracking.seen import seen_in_look, seen_in_scan
from mailtls.trust.pkix import Anchors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from simulated.fleet import Address, Domain, Host
    from simulated.running import Shown
    from simulated.weather import Weather

_ANSWERED = LookupOutcome.ANSWERED
_OLD = tuple(code for code in offerable("TLSv1.1") if code in {0xC014, 0xC013, 0x39, 0x33, 0x35, 0x2F, 0xC00A, 0xC009, 0x88, 0x45, 0x84, 0x41})
_STAGES = {"rate-limited": Stage.GREETING, "deferred": Stage.GREETING}
_PUBLIC = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


@dataclass(frozen=True)
class Visit:
    """One scan, as a prober returns it, and what it says for history.

    Args:
        scan: with the raw hellos of its enumeration, where it is a full one.
        seen: for history.

    """

    scan: ScanEvidence
    seen: Seen


class Servers:
    """Answers for all hosts of a fleet."""

    def __init__(self, weather: Weather, seed: int) -> None:
        """Make servers; when each has another certificate follows from the weather."""
        self._rng = random.Random(f"{seed} servers")
        self._weather = weather
        self._authority, other = Authority.create(BEGAN), Authority.create(BEGAN)
        self.anchors = Anchors(self._authority.root_pem, "the simulation's root")
        self._strange = {
            "small": self._issued("mx.example", key="rsa1024"),
            "untrusted": _public(other.issue(["mx.example"], key="rsa2048", **_AGES), other, self._rng),
            "expired": self._issued("mx.example", not_after=BEGAN - timedelta(days=10)),
            "name": self._issued("other.example"),
        }
        self._chains: dict[tuple[str, int], tuple[bytes, ...]] = {}
        self._tracks: dict[object, Track] = {}
        self._seen: dict[object, Seen] = {}
        self._at_best: dict[object, object] = {}

    def _issued(self, host: str, **how: object) -> tuple[bytes, ...]:
        identity = self._authority.issue([host], **({"key": "rsa2048"} | _AGES | how))  # type: ignore[arg-type]
        return _public(identity, self._authority, self._rng)

    def _chain(self, address: Address, at: float) -> tuple[int, tuple[bytes, ...]]:
        host = address.subject.host
        rolled = sum(span.kind == FULL and span.start <= at for span in self._weather.addresses[address].spans)
        if (host, rolled) not in self._chains:
            self._chains[host, rolled] = self._issued(host)
        return rolled, self._chains[host, rolled]

    def visit(self, address: Address, at: float, shown: Shown) -> Visit:
        """Return what a scan of an address finds."""
        began, endpoint = BEGAN + timedelta(seconds=at), _endpoint(address)
        purpose = Purpose.FULL if shown.full else Purpose.QUICK
        if shown.cause:
            stage = _STAGES.get(shown.cause, Stage.CONNECT)
            failed = ProbeEvidence(_USUAL, began, failure=Failure(Cause(shown.cause), stage, "as simulated"), took=10.0)
            scan = ScanEvidence(endpoint, purpose, began, (failed,), vantage="simulated")
            return Visit(scan, Seen(address.subject, began, {}, What(purpose.value), f"{shown.cause} at {stage.value}"))
        rolled, chain = self._chain(address, at)
        key = (address, rolled, shown.kinds, shown.full)
        chains = {"": chain, **self._strange}
        if key not in self._seen:
            probes = visits(address.subject.host, shown.kinds, chains, hybrid=address.hybrid, full=shown.full)
            hellos = _enumerated(address, chain, shown.kinds) if shown.full and probes[0].handshake is not None else None
            scan = ScanEvidence(endpoint, purpose, BEGAN, probes, vantage="simulated", hellos=hellos, rechecked=hellos)
            before = self._tracks.get((address, rolled))
            track = absorb(before, replace(scan, began=before.attempted_at + timedelta(hours=1)) if before else scan, self.anchors)
            if not shown.kinds:
                self._tracks[address, rolled] = track
            seen = seen_in_scan(track, track.latest if before is None else replace(scan, began=track.attempted_at), self.anchors, None)
            assert seen is not None
            self._seen[key] = replace(seen, evidence=scan)
        seen = self._seen[key]
        scan = self._at(seen.evidence, began)  # type: ignore[arg-type]
        return Visit(scan, replace(seen, at=began, evidence=scan))

    def _at(self, scan: ScanEvidence, began: datetime) -> ScanEvidence:
        """Return a scan as it is at another time: nothing takes as long as the last time."""
        rng = self._rng.random
        probes = []
        for number, probe in enumerate(scan.probes):
            once = 0.02 + 0.05 * rng()
            exchanges = tuple(
                replace(each, began=place * once + 0.001 * rng(), took=once + 0.001 * rng()) for place, each in enumerate(probe.exchanges)
            )
            source, name = f"192.0.2.9:{int(32768 + 28000 * rng())}", f"{int(rng() * 2**24):06x}-{number}"
            probes.append(
                replace(probe, began=began + timedelta(seconds=number), exchanges=exchanges, took=6 * once, source=source, probe_id=name,
                        octets_sent=1900, octets_received=5200)
            )  # fmt: skip
        return replace(scan, began=began, probes=tuple(probes))

    def look(self, domain: Domain, at: float, shown: Shown, of_hosts: Mapping[str, frozenset[str]]) -> tuple[RouteEvidence, list[Seen]]:
        """Return what a look at a domain finds, and what that says for history."""
        began = BEGAN + timedelta(seconds=at)
        if shown.cause:
            failed = Lookup(f"{domain.name}.", "MX", LookupOutcome.TIMED_OUT, detail="as simulated")
            route = RouteEvidence(domain.name, failed, began=began)
            return route, [Seen(domain.subject, began, {}, outcome="dns-timeout at dns", evidence=route)]
        rolled = tuple(self._chain(address, at)[0] for host in domain.hosts for address in host.addresses)
        key = (domain, rolled, shown.kinds, tuple(sorted(of_hosts.items())))
        if key not in self._seen:
            route = self._route(domain, shown.kinds, of_hosts)
            tracks = {_endpoint(a): self._tracks.get((a, self._chain(a, at)[0])) for host in domain.hosts for a in host.addresses}
            latest = max((track.attempted_at for track in tracks.values() if track is not None), default=BEGAN)
            tracks = {one: track and replace(track, attempted_at=latest, concluded_at=latest) for one, track in tracks.items()}
            observed = observe_domain("simulated", route, 25, lambda e: observe(tracks[e], e, latest, None), self.anchors)
            found = list(seen_in_look(observed, route, latest, self.anchors, timedelta(minutes=15)))
            self._seen[key] = found  # type: ignore[assignment]
        found = self._seen[key]  # type: ignore[assignment]
        route = replace(found[0].evidence, began=began)
        return route, [replace(each, at=began, evidence=route) for each in found]

    def _route(self, domain: Domain, kinds: frozenset[str], of_hosts: Mapping[str, frozenset[str]]) -> RouteEvidence:
        secure = domain.secure and "dnssec" not in kinds

        def answer(name: str, rdtype: str, *records: str) -> Lookup:
            outcome = _ANSWERED if records else LookupOutcome.NO_SUCH_NAME
            return Lookup(f"{name}.", rdtype, outcome, records, f"{name}.", secure, 3600)

        hosts = tuple(self._host_route(host, number, answer, of_hosts.get(host.name, frozenset())) for number, host in enumerate(domain.hosts))
        mode = {2.0: "enforce", 1.0: "testing"}.get(max(0.0, domain.sts - ("sts" in kinds)), "")
        record = answer(f"_mta-sts.{domain.name}", "TXT", *(['"v=STSv1; id=20260101T000000;"'] if mode else []))
        fetch = None
        if mode:
            named = [host.name for host in domain.hosts if "sts_match" not in of_hosts.get(host.name, ())] or ["other.example"]
            body = "".join(f"{line}\r\n" for line in ("version: STSv1", f"mode: {mode}", *(f"mx: {name}" for name in named), "max_age: 604800"))
            place, chain = f"mta-sts.{domain.name}", self._chains.setdefault((f"mta-sts.{domain.name}", 0), self._issued(f"mta-sts.{domain.name}"))
            fetch = StsFetch(f"https://{place}/.well-known/mta-sts.txt", place, "20260101T000000", BEGAN, (answer(place, "A", "192.0.2.80"),),
                             "192.0.2.80", chain, None, 200, "text/plain", body=body.encode(), took=0.2)  # fmt: skip
        reports = answer(f"_smtp._tls.{domain.name}", "TXT",
                         *([f'"v=TLSRPTv1; rua=mailto:tls@{domain.name}"'] if domain.reports and "rpt" not in kinds else []))  # fmt: skip
        mx = answer(domain.name, "MX", *(f"{10 * (1 + number)} {host.name}." for number, host in enumerate(domain.hosts)))
        return RouteEvidence(domain.name, mx, hosts, began=BEGAN, mta_sts=StsEvidence(record, fetch), tls_rpt=reports)

    def _host_route(self, host: Host, number: int, answer, kinds: frozenset[str]) -> HostRoute:
        by_family = {4: ("A", []), 6: ("AAAA", [])}
        for address in host.addresses:
            found = _endpoint(address).address
            by_family[found.version][1].append(str(found))
        tlsa: tuple[Lookup, ...] = ()
        if host.dane and "dnssec" not in kinds:
            digest = random.Random(host.name).randbytes(32).hex()
            tlsa = (answer(f"_25._tcp.{host.name}", "TLSA", *([] if "dane_none" in kinds else [f"3 1 1 {digest}"])),)
        return HostRoute(host.name, 10 * (1 + number), tuple(answer(host.name, rdtype, *those) for rdtype, those in by_family.values()), tlsa=tlsa)


_USUAL = visits("mx.example", frozenset({"none"}), {}, hybrid=False, full=False)[0].offer
_AGES = {"not_before": BEGAN - timedelta(days=400), "not_after": BEGAN + timedelta(days=800)}


def _endpoint(address: Address) -> Endpoint:
    place = address.subject.address.rpartition(":")[0].strip("[]")
    return Endpoint(address.subject.host, ip_address(place))


def _public(identity, authority: Authority, rng: random.Random) -> tuple[bytes, ...]:
    """Return a chain as large as public ones are: with time stamps of two logs, and where to find what else there is."""
    leaf = identity.certificate
    ages = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    builder = x509.CertificateBuilder(leaf.issuer, leaf.subject, leaf.public_key(), leaf.serial_number, *ages)
    for extension in leaf.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    builder = builder.add_extension(x509.UnrecognizedExtension(_PUBLIC, rng.randbytes(420)), critical=False)
    grown = builder.sign(authority.intermediate.private_key, hashes.SHA256())
    return tuple(each.public_bytes(Encoding.DER) for each in (grown, *identity.chain[1:]))


@cache
def _enumerated(address: Address, chain: tuple[bytes, ...], kinds: frozenset[str]) -> HelloEvidence:
    """Play an enumeration of a server: every other host has a modern configuration, the rest what was usual for long."""
    suites = {0x0304: THREE, 0x0303: SIX} if random.Random(address.subject.host).random() < 0.5 else {
        0x0304: THREE, 0x0303: (*SIX, *_OLD, 0x9E, 0x9F, 0x9C, 0x9D), 0x0302: _OLD, 0x0301: _OLD,
    }  # fmt: skip
    best = {"TLSv1.3": 0x0304, "TLSv1.2": 0x0303, "TLSv1.0": 0x0301}[version_of(kinds)]
    server = TLSServer({version: those for version, those in suites.items() if version <= best} or {best: _OLD}, (Leaf("RSA", chain),), FIVE)
    asked = play(server).asked
    rng = random.Random(address.subject.address)
    placed = tuple(
        replace(item, began=number + 0.01 * rng.random(), answered=number + 0.2 + 0.01 * rng.random(), octets_sent=517, octets_received=3100,
                source=f"192.0.2.9:{rng.randrange(32768, 60000)}")
        for number, item in enumerate(asked)
    )  # fmt: skip
    return HelloEvidence(placed, BEGAN)


assert subject_of(Endpoint("mx.example", ip_address("192.0.2.1"))).address == "192.0.2.1:25"
