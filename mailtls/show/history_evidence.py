"""Evidence of a state for a person: the transcript, the certificates, and how the same can be seen again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.markup import escape

from mailtls.evidence import Handshake, RouteEvidence, ScanEvidence
from mailtls.instants import rfc3339
from mailtls.readable import readable
from mailtls.show.declared import fetch_lines
from mailtls.show.text import transcript_lines
from mailtls.tls.certificate import read_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.evidence import Lookup


def evidence_lines(name: str, seen: ScanEvidence | RouteEvidence) -> Iterator[str]:
    """Yield what was kept under a name, in rich's markup; everything from the wire is escaped."""
    yield f"[dim]evidence {name}[/]"
    yield from _route_lines(seen) if isinstance(seen, RouteEvidence) else _scan_lines(seen)


def _scan_lines(scan: ScanEvidence) -> Iterator[str]:
    yield from transcript_lines(scan)
    chains = dict.fromkeys(
        probe.handshake.chain for probe in scan.probes if isinstance(probe.handshake, Handshake) and probe.handshake.chain
    )
    for chain in chains:
        yield "  [bold]chain[/]"
        for der in chain:
            certificate = read_certificate(der)
            until = f"{certificate.not_after:%Y-%m-%d}" if certificate.not_after is not None else "?"
            yield f"    {escape(readable(certificate.subject or '(no subject)', 200))}"
            key = f"{certificate.key_type} {certificate.key_bits}"
            yield f"      [dim]{escape(key)}, until {until}, SHA-256 {certificate.sha256[:32]}[/]"
    endpoint = scan.endpoint
    place = f"[{endpoint.address}]" if endpoint.address.version == 6 else str(endpoint.address)
    command = [
        "openssl",
        "s_client",
        "-starttls",
        "smtp",
        "-connect",
        f"{place}:{endpoint.port}",
        "-servername",
        endpoint.server_name,
        "-showcerts",
    ]
    yield f"  see it now: {escape(shlex.join(command))}"


def _route_lines(route: RouteEvidence) -> Iterator[str]:
    began = rfc3339(route.began) or "at no time"
    yield f"[bold]{escape(route.domain)}[/]  looked up {began}"
    if route.failure is not None:
        yield f"  [magenta]?[/] {route.failure.cause.value} at {route.failure.stage.value}: {escape(readable(route.failure.detail))}"
    sts = route.mta_sts
    asked = [route.mx, None if sts is None else sts.record, route.tls_rpt]
    for host in route.hosts:
        asked += [*host.addresses, host.alias, *host.tlsa]
    for lookup in asked:
        if lookup is not None:
            yield from _lookup_lines(lookup)
    if sts is not None and sts.fetch is not None:
        yield from (f"  {line}" for line in fetch_lines(sts.fetch))
    if route.mx is not None:
        yield f"  see it now: {escape(shlex.join(['dig', '+dnssec', route.mx.name, 'MX']))}"


def _lookup_lines(lookup: Lookup) -> Iterator[str]:
    vouched = {True: ", authenticated", False: "", None: ""}[lookup.authenticated]
    detail = f": {escape(readable(lookup.detail, 200))}" if lookup.detail else ""
    yield f"  {escape(readable(lookup.name, 300))} {escape(lookup.rdtype)}  [dim]{lookup.outcome.value}{vouched}{detail}[/]"
    for record in lookup.records:
        yield f"    {escape(readable(record))}"
