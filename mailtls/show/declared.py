"""What a domain declares beside its MX records, for a person at a terminal: MTA-STS and TLS-RPT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from mailtls.instants import rfc3339
from mailtls.model import Known, Unknown
from mailtls.readable import readable
from mailtls.tls.certificate import read_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.evidence import StsFetch
    from mailtls.model import DomainObservation, Reading

_SHOWN = 5
_LINES = 60


def declared_lines(domain: DomainObservation) -> Iterator[str]:
    """Yield the lines about a domain's declarations, in rich's markup; what it does not declare has none."""
    readings = domain.readings
    yield from _policy_lines(readings.get("mta_sts"))
    for problem in _value(readings.get("mta_sts_problems")):
        yield f"  [yellow]![/] MTA-STS: {escape(problem['why'])} [dim]({problem['code']})[/]"
    for change in _value(readings.get("mta_sts_changes")):
        yield f"  [yellow]![/] MTA-STS, {change['at']}: {change['kind']}: {escape(change['before'])} -> {escape(change['after'])}"
    uris = _value(readings.get("tls_rpt"))
    if uris:
        yield f"  [dim]TLS-RPT: {escape(_some(uris))}[/]"
    error = readings.get("tls_rpt_error")
    if isinstance(error, Known):
        yield f"  [yellow]![/] TLS-RPT: {escape(str(error.value))}"


def fetch_lines(fetch: StsFetch) -> Iterator[str]:
    """Yield the transcript of a policy's fetch; everything from the wire is escaped."""
    where = f" at {fetch.address}" if fetch.address else ""
    yield f"[bold]{escape(fetch.url)}[/]{where}  [dim]{rfc3339(fetch.began)}, id {fetch.id}; {fetch.took:.3f} s[/]"
    if fetch.chain:
        leaf = read_certificate(fetch.chain[0])
        until = "?" if leaf.not_after is None else f"{leaf.not_after:%Y-%m-%d}"
        yield f"  certificate until {until}, {escape(_some(list(leaf.names)) or 'no names')}"
    if fetch.status is not None:
        yield f"  status {fetch.status}, {escape(readable(fetch.content_type, 80)) or 'no content type'}, {len(fetch.body)} octets"
    if fetch.location:
        yield f"  location {escape(readable(fetch.location, 120))}, not followed"
    for line in fetch.body.splitlines()[:_LINES]:
        yield f"    [green]<[/] {escape(readable(line))}"
    if fetch.failure is not None:
        yield f"  [magenta]?[/] {fetch.failure.cause.value} at {fetch.failure.stage.value}: {escape(fetch.failure.detail)}"


def _policy_lines(reading: Reading[Any] | None) -> Iterator[str]:
    if isinstance(reading, Known):
        policy = reading.value
        yield f"  [dim]MTA-STS: {policy['mode']}, for {policy['max_age']} s, mx {escape(_some(policy['mx']) or 'none')}[/]"
    elif isinstance(reading, Unknown):
        detail = f": {escape(reading.detail)}" if reading.detail else ""
        yield f"  [magenta]?[/] MTA-STS could not be measured, {reading.cause.value} at {reading.stage.value}{detail}"


def _some(texts: list[str]) -> str:
    return " ".join(texts[:_SHOWN]) + (f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else "")


def _value(reading: Reading[Any] | None) -> list[Any]:
    return list(reading.value) if isinstance(reading, Known) else []
