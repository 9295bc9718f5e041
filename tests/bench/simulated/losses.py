"""What can be lost, and how that looks from here: evidence of a server in each state, read by the real facts, once each.

Endpoints are seen through evidence (replies, handshakes, chains). What raw hellos and DNS show is made from readings, since the pictures of
hundreds of hellos would be the same each time; from the reading on it is the real code again.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding
from simulated.fleet import CYCLE, Fleet, Host
from simulated.timeline import FOREVER, Span
from simulated.weather import DAY, HOUR, MINUTE

from mailtls import facts
from mailtls.evidence import Exchange, Handshake, KeyType, Offer, ProbeEvidence, Purpose, ScanEvidence
from mailtls.lab import Authority
from mailtls.model import Endpoint, Known, Reading, Stage
from mailtls.tracking.fresh import fresh_scan
from mailtls.tracking.standing import Sighting
from mailtls.trust.pkix import Anchors

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)

OF_ENDPOINTS = ("none", "refused", "stripped", "injected", "v12", "v10", "static", "small", "untrusted", "expired", "name", "no_pq")
OF_ENUMERATIONS = ("old_version", "weak_suite", "pq_gone", "small_dh")
OF_HOSTS = ("dane_none", "dane_invalid", "sts_match")
OF_DOMAINS = ("dnssec", "sts", "rpt")

_SUITES = {
    "TLSv1.3": "TLS_AES_128_GCM_SHA256",
    "TLSv1.2": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLSv1.0": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
}
Shown = tuple[float, str, int, bool]
"""A sighting without its time: strength, value, connections, and whether a full scan was needed."""


@dataclass(frozen=True)
class Loss:
    """A regression that is real: what is lost, by whom, and when.

    Args:
        kind: of loss.
        host: whose it is.
        addresses: of it, as subjects name them; empty where a domain, or a host within it, is what loses.
        domain: which; empty for addresses.
        span: from when to when.
        checks: that are weaker in the course of it.

    """

    kind: str
    host: str
    addresses: tuple[str, ...]
    domain: str
    span: Span
    checks: frozenset[str]


@cache
def trust() -> tuple[Anchors, dict[str, tuple[bytes, ...]]]:
    """Return whom a simulation trusts, and what its servers show in each state."""
    authority, other = Authority.create(BEGAN), Authority.create(BEGAN)
    ages = {"not_before": BEGAN - timedelta(days=400), "not_after": BEGAN + timedelta(days=800)}
    issued = {
        "": authority.issue(["mx.example"], **ages),
        "small": authority.issue(["mx.example"], key="rsa1024", **ages),
        "untrusted": other.issue(["mx.example"], **ages),
        "expired": authority.issue(["mx.example"], not_before=BEGAN - timedelta(days=400), not_after=BEGAN - timedelta(days=10)),
        "name": authority.issue(["other.example"], **ages),
    }
    chains = {kind: tuple(each.public_bytes(Encoding.DER) for each in identity.chain) for kind, identity in issued.items()}
    return Anchors(authority.root_pem, "the simulation's root"), chains


def version_of(kinds: frozenset[str]) -> str:
    """Return the best version that a server in a state speaks."""
    return "TLSv1.0" if "v10" in kinds else "TLSv1.2" if kinds & {"v12", "static"} else "TLSv1.3"


def visits(
    host: str, kinds: frozenset[str], chains: Mapping[str, tuple[bytes, ...]], *, hybrid: bool, full: bool
) -> tuple[ProbeEvidence, ...]:
    """Return the visits of a scan of a server in a state; ``chains`` are those that it shows in each, by the kind of loss."""
    keyword = b"" if "none" in kinds else b"250-XXXXXXXA\r\n" if "stripped" in kinds else b"250-STARTTLS\r\n"
    name = host.encode()
    keywords = b"250-%s\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n%s250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n"
    said = [
        Exchange(Stage.GREETING, b"", b"220 %s ESMTP\r\n" % name, 0, 0),
        Exchange(Stage.EHLO, b"EHLO probe.example.net\r\n", keywords % (name, keyword), 0, 0),
    ]
    lost = bool(kinds & {"none", "stripped", "refused"})
    ready = b"220 2.0.0 Ready to start TLS\r\n"
    answer = b"454 4.7.0 TLS not available\r\n" if lost else ready + b"250 injected\r\n" if "injected" in kinds else ready
    if not kinds & {"none", "stripped"}:
        said.append(Exchange(Stage.STARTTLS, b"STARTTLS\r\n", answer, 0, 0))
    if not lost:
        said.append(Exchange(Stage.EHLO_TLS, b"EHLO probe.example.net\r\n", keywords % (name, b""), 0, 0))
    version = version_of(kinds)
    suite = "TLS_RSA_WITH_AES_128_GCM_SHA256" if "static" in kinds else _SUITES[version]
    group = None if "static" in kinds else "X25519MLKEM768" if hybrid and version == "TLSv1.3" and "no_pq" not in kinds else "x25519"
    kind = next((each for each in chains if each and each in kinds), "")
    handshake = None if lost else Handshake(version, suite, group, chains[kind])
    usual = ProbeEvidence(Offer(), BEGAN, tuple(said), handshake)
    others = [Offer(key_type=KeyType.RSA), Offer(with_sni=False)] if full and not lost else []
    repeated = [usual] if lost else []  # what one connection says against a server is asked again
    return (usual, *repeated, *(ProbeEvidence(offer, BEGAN, tuple(said), handshake) for offer in others))


@cache
def shown_by(kinds: frozenset[str], *, hybrid: bool, full: bool) -> dict[str, Shown]:
    """Return what a scan of an endpoint in a state shows, by the name of the check."""
    anchors, chains = trust()
    endpoint = Endpoint("mx.example", ip_address("192.0.2.1"))
    probes = visits("mx.example", kinds, chains, hybrid=hybrid, full=full)
    lost, version = probes[0].handshake is None, version_of(kinds)
    scan = ScanEvidence(endpoint, Purpose.FULL if full else Purpose.QUICK, BEGAN, probes)
    seen = fresh_scan(scan, anchors, None, "").sightings
    shown: dict[str, Shown] = {check: (s.strength, s.shown, s.connections, s.full) for check, s in seen.items()}
    if full and not lost:
        versions = [*(["TLSv1.0"] if kinds & {"old_version", "v10"} else []), "TLSv1.2", *(["TLSv1.3"] if version == "TLSv1.3" else [])]
        suites = {"TLSv1.2": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", *(["TLS_RSA_WITH_RC4_128_SHA"] if "weak_suite" in kinds else [])]}
        for name, value in (
            ("oldest_version", versions), ("weakest_suite", suites), ("post_quantum_accepted", hybrid and "pq_gone" not in kinds),
            ("dh_size", 1024 if "small_dh" in kinds else 2048),
        ):  # fmt: skip
            shown[name] = (*_read(name, Known(value)), 60, True)
    return shown


def _read(name: str, reading: Reading[Any]) -> tuple[float, str]:
    fact, check = next((fact, check) for fact in facts.ALL for check in fact.checks if check.name == name)
    strength = fact.strength(check, reading)
    assert strength is not None
    return strength, fact.shown(check, reading)


@cache
def said_by(kinds: frozenset[str], *, secure: bool, sts: float, reports: bool) -> dict[str, Shown]:
    """Return what a look at a domain shows of it, by the name of the check."""
    mode = max(0.0, sts - ("sts" in kinds))
    values = {
        "dnssec": Known("secure" if secure and "dnssec" not in kinds else "insecure"),
        "mta_sts": Known({"mode": {2.0: "enforce", 1.0: "testing"}.get(mode, "none")}),
    }
    shown: dict[str, Shown] = {name: (*_read(name, value), 1, False) for name, value in values.items()}
    shown["tls_rpt"] = (float(reports and "rpt" not in kinds), "", 1, False)
    return shown


@cache
def said_of_host(kinds: frozenset[str], *, dane: bool, sts: float, met: bool) -> dict[str, Shown]:
    """Return what a look at a domain shows of a host within it."""
    shown: dict[str, Shown] = {}
    found = "none" if not dane or kinds & {"dane_none", "dnssec"} else "invalid" if "dane_invalid" in kinds else "valid"
    if met or found == "none":
        shown["dane"] = (*_read("dane", Known(found)), 1, False)
    if sts:
        shown["mta_sts_match"] = (*_read("mta_sts_match", Known("sts_match" not in kinds)), 1, False)
    return shown


def sightings(shown: dict[str, Shown], at: datetime) -> dict[str, Sighting]:
    """Return what is shown, as seen at a time."""
    return {check: Sighting(at, strength, value, connections, "", full) for check, (strength, value, connections, full) in shown.items()}


def weaker_checks(kind: str, *, hybrid: bool, dane: bool = True, sts: float = 2.0) -> frozenset[str]:
    """Return the checks that are weaker in a state than at best."""
    if kind in OF_ENDPOINTS or kind in OF_ENUMERATIONS:
        full = kind in OF_ENUMERATIONS
        best, state = (shown_by(kinds, hybrid=hybrid, full=full) for kinds in (frozenset[str](), frozenset({kind})))
    elif kind in OF_HOSTS:
        best, state = (said_of_host(kinds, dane=dane, sts=sts, met=True) for kinds in (frozenset[str](), frozenset({kind})))
    else:
        best, state = (said_by(kinds, secure=True, sts=2.0, reports=True) for kinds in (frozenset[str](), frozenset({kind})))
    return frozenset(check for check, (strength, *_rest) in state.items() if strength < best[check][0])


def draw_losses(fleet: Fleet, each: int, length: float, seed: int) -> list[Loss]:
    """Draw real regressions of every kind: a third of them short, a third of hours, a third of days or for good.

    No operator has two at a time, nor within two days; the first day of all is for getting to know the fleet.
    """
    rng = random.Random(f"{seed} losses")
    taken: dict[str, list[tuple[float, float]]] = defaultdict(list)
    found = []
    for kind in (*OF_ENDPOINTS, *OF_ENUMERATIONS, *OF_HOSTS, *OF_DOMAINS):
        for number in range(each):
            for _attempt in range(200):
                loss = _loss(rng, fleet, kind, number, length)
                if loss is None:
                    continue
                operator = loss.host.partition(".")[2]
                wide = (loss.span.start - 2 * DAY, loss.span.end + 2 * DAY)
                if all(wide[1] < start or wide[0] > end for start, end in taken[operator]):
                    taken[operator].append((loss.span.start, loss.span.end))
                    found.append(loss)
                    break
    return found


def _loss(rng: random.Random, fleet: Fleet, kind: str, number: int, length: float) -> Loss | None:
    start = rng.uniform(min(2 * DAY, length / 4), length)
    seconds = (
        rng.uniform(2 * MINUTE, 2 * CYCLE), rng.uniform(2 * CYCLE + 5 * MINUTE, 6 * HOUR), rng.uniform(6 * HOUR, 20 * DAY),
    )[number % 3]  # fmt: skip
    end = FOREVER if number % 12 == 11 else start + seconds
    span = Span(start, end, kind, real=True)
    host = rng.choice(fleet.hosts)
    if host.rotates or any(address.mixed for address in host.addresses) or start + 3 * CYCLE > length:
        return None
    domains = [domain for domain in fleet.domains if host in domain.hosts]
    domain = rng.choice(domains)
    if kind in OF_DOMAINS:
        wanted = {"dnssec": domain.secure, "sts": domain.sts, "rpt": domain.reports}[kind]
        return Loss(kind, host.name, (), domain.name, span, weaker_checks(kind, hybrid=True)) if wanted else None
    if kind in OF_HOSTS:
        wanted = domain.sts if kind == "sts_match" else host.dane
        return Loss(kind, host.name, (), domain.name, span, weaker_checks(kind, hybrid=True)) if wanted else None
    chosen = _some(rng, host)
    hybrid = all(address.hybrid for address in chosen)
    if kind in ("no_pq", "pq_gone") and not hybrid:
        return None
    checks = frozenset.intersection(*(weaker_checks(kind, hybrid=address.hybrid) for address in chosen))
    return Loss(kind, host.name, tuple(address.subject.address for address in chosen), "", span, checks)


def _some(rng: random.Random, host: Host) -> list[Any]:
    """Return all addresses of a host, as a change of its configuration does; or one of them."""
    return list(host.addresses) if rng.random() < 0.7 else [rng.choice(host.addresses)]
