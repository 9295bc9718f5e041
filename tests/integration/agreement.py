"""mailtls and Postfix's posttls-finger on the same servers: `python tests/integration/agreement.py`, as root, prints the table."""

import asyncio
import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import structlog
from dane_cases import CASES, PKIX_CASES, Case, Lab, PKIXCase, lab
from servers import Finger, posttls_finger

from mailtls.budget import Budget, Limits
from mailtls.dial import Network
from mailtls.evidence import ScanEvidence
from mailtls.measure import Measurer
from mailtls.model import Absent, DomainObservation, Known, Reading
from mailtls.probe import Prober
from mailtls.resolve import Nameservers, Resolver
from mailtls.trust.pkix import Anchors
from mailtls.visit import Visitor


class HandshakesOnly(Prober):
    """A prober that leaves the enumeration out: DANE and PKIX need certificates alone."""

    async def _with_hellos(self, scan: ScanEvidence, *_args: object, **_options: object) -> ScanEvidence:
        return scan


def measurer(running: Lab) -> Measurer:
    """Make mailtls as it is for a single check, with the lab's resolver and anchor."""
    network = Network(allow_networks=(ip_network("127.0.0.0/8"),), connect_timeout=5)
    prober = HandshakesOnly(Visitor(network, "probe.integration.test", 20), Budget(Limits(pace=0.0, per_operator=6, scan_deadline=60)))
    resolver = Resolver(Nameservers(((running.resolver.address, running.resolver.port),), 5.0))
    return Measurer(resolver, prober, Anchors(running.trusted.read_bytes(), "the lab's root"), 25)


async def observe(running: Lab, domains: Sequence[str]) -> dict[str, DomainObservation]:
    """Measure domains, each as `mailtls check` would."""
    measuring = measurer(running)

    async def one(domain: str) -> DomainObservation:
        route = await measuring.route(domain)
        await measuring.measure(route)
        return measuring.observe("lab", route, datetime.now(UTC))

    return dict(zip(domains, await asyncio.gather(*map(one, domains)), strict=True))


def word(reading: Reading[Any]) -> str:
    """Return a reading in one word: its value, ``absent``, or why it is unknown."""
    if isinstance(reading, Known):
        return str(reading.value)
    return "absent" if isinstance(reading, Absent) else str(reading.cause.value)


@dataclass(frozen=True, slots=True)
class Row:
    """A case of DANE and what came of it: posttls-finger's runs, one for each kind of certificate."""

    case: Case
    fingers: tuple[Finger, ...]
    observed: DomainObservation

    @property
    def finger(self) -> str:
        """What posttls-finger said: one word where both runs agree."""
        return " ".join(dict.fromkeys(each.dane for each in self.fingers))

    @property
    def ours(self) -> str:
        """What mailtls said."""
        return word(self.observed.mx[0].readings["dane"])

    @property
    def agrees(self) -> bool:
        """Whether the two come to the same: valid where every certificate is matched, invalid where any is refused."""
        words = set(self.finger.split())
        if "refused" in words:
            return self.ours == "invalid"
        if words == {"error"}:
            return self.ours in ("dnssec-bogus", "dns-failure")
        return self.ours == {"matched": "valid", "unusable": "unusable", "none": "none"}.get(self.finger)


@dataclass(frozen=True, slots=True)
class PKIXRow:
    """A case of PKIX and what came of it."""

    case: PKIXCase
    fingers: tuple[Finger, ...]
    observed: DomainObservation

    @property
    def finger(self) -> str:
        """What posttls-finger said: one word where both runs agree."""
        return " ".join(dict.fromkeys(each.outcome for each in self.fingers))

    @property
    def trusted(self) -> bool:
        """What mailtls says of the chain."""
        return self.observed.mx[0].endpoints[0].readings["certificate_trusted"] == Known(value=True)

    @property
    def named(self) -> bool:
        """What mailtls says of the name."""
        return self.observed.mx[0].endpoints[0].readings["certificate_name_match"] == Known(value=True)

    @property
    def agrees(self) -> bool:
        """Whether the two come to the same."""
        return (self.finger == "Verified") == (self.trusted and self.named)


async def dane_rows(running: Lab) -> list[Row]:
    """Run every case of DANE."""
    observed = await observe(running, [case.domain for case in CASES])
    rows = []
    for case in CASES:
        fingers = [await posttls_finger(running.resolver, case.domain, "dane", key=key) for key in ("rsa", "ecdsa")]
        rows.append(Row(case, tuple(fingers), observed[case.domain]))
    return rows


async def pkix_rows(running: Lab) -> list[PKIXRow]:
    """Run every case of PKIX."""
    domains = [f"{case.host or f'pkix-{case.server}'}.dane.test" for case in PKIX_CASES]
    observed = await observe(running, domains)
    rows = []
    for case, domain in zip(PKIX_CASES, domains, strict=True):
        fingers = [
            await posttls_finger(running.resolver, domain, "secure", key=key, ca_file=running.trusted, match=["hostname"])
            for key in ("rsa", "ecdsa")
        ]
        rows.append(PKIXRow(case, tuple(fingers), observed[domain]))
    return rows


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in plain text."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows])


async def main() -> int:
    """Print both tables. Returns 1 where a difference has no explanation."""
    with tempfile.TemporaryDirectory(prefix="mailtls-agreement-") as directory:
        Path(directory).chmod(0o755)
        async with lab(Path(directory)) as running:
            dane, pkix = await dane_rows(running), await pkix_rows(running)
    lines = [(r.case.name, r.case.server, r.finger, r.ours, _verdict(r.agrees, r.case.difference)) for r in dane]
    print(table(("DANE case", "server", "posttls-finger -l dane (RSA, ECDSA)", "mailtls dane", "agreement"), lines))
    said = {True: "yes", False: "no"}
    lines = [
        (r.case.host or r.case.server, r.finger, f"trusted {said[r.trusted]}, named {said[r.named]}", _verdict(r.agrees, r.case.difference))
        for r in pkix
    ]
    print("\n" + table(("PKIX case", "posttls-finger -l secure", "mailtls", "agreement"), lines))
    rows = [*dane, *pkix]
    differing = [row for row in rows if not row.agrees]
    print(f"\n{len(rows)} cases, {len(rows) - len(differing)} agree, {len(differing)} differ")
    return 1 if any(not row.case.difference for row in differing) else 0


def _verdict(agrees: bool, difference: str) -> str:
    return "same" if agrees else f"DIFFERS: {difference or 'UNEXPLAINED'}"


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    sys.exit(asyncio.run(main()))
