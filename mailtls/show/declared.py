"""What a domain declares beside its MX records, for a person at a terminal: MTA-STS and TLS-RPT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from mailtls.model import Known, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.model import DomainObservation, Reading

_SHOWN = 5


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
