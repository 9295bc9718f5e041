"""The certificates of an endpoint, for a person at a terminal: a line each, and one for everything that is not as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from mailtls.model import Known, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mailtls.model import EndpointObservation, Reading

_SHOWN = 3
_BROKEN = ("MD2", "MD4", "MD5", "SHA-1")


def certificate_lines(endpoint: EndpointObservation) -> Iterator[str]:
    """Yield the lines about an endpoint's certificates in rich's markup; everything from the wire is escaped."""
    readings = endpoint.readings
    staples = {staple["certificate"]: staple for staple in _seen(readings.get("ocsp_staple"))}
    timestamps = {entry["certificate"]: entry["embedded"] or entry["stapled"] for entry in _seen(readings.get("scts"))}
    for certificate in _seen(readings.get("certificates")):
        life = f"{(certificate['not_before'] or '?')[:10]} to {(certificate['not_after'] or '?')[:10]}"
        parts = [f"certificate {certificate['key_type']} {certificate['key_bits']}", life, _names(certificate["names"])]
        if timestamps.get(certificate["sha256"]):
            parts.append(f"{timestamps[certificate['sha256']]} SCTs")
        yield ", ".join(parts)
        if certificate["sha256"] in staples:
            yield _staple(staples[certificate["sha256"]])
    if readings.get("must_staple_honoured") == Known(value=False):
        yield "[red]x[/] a certificate demands a stapled OCSP response, and comes without one that is of use"
    yield from (f"[yellow]![/] {escape(words)}" for words in dict.fromkeys(_flaws(readings)))
    for shared in endpoint.key_shared_with:
        yield f"[yellow]![/] its key is served by unrelated operators too: {escape(', '.join(shared.operators))}"


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return escape(", ".join(names[:_SHOWN])) + more or "no names"


def _staple(staple: Mapping[str, Any]) -> str:
    if staple["problems"]:
        return f"[yellow]![/] OCSP staple of no use: {', '.join(staple['problems'])}"
    until = f" until {staple['next_update'][:10]}" if staple["next_update"] else ""
    return f"{'[green]ok[/]' if staple['status'] == 'good' else '[red]x[/]'} OCSP staple: {staple['status']}{until}"


def _flaws(readings: Mapping[str, Reading[Any]]) -> Iterator[str]:
    """Yield what is wrong with chains and certificates, without what is said as a reason for mistrust already."""
    said = {problem["why"] for problem in _seen(readings.get("certificate_problems"))}
    yield from (f"chain: {problem['why']}" for problem in _seen(readings.get("chain_problems")) if problem["why"] not in said)
    broken = [name for name in _seen(readings.get("chain_signature_hashes")) if name in _BROKEN]
    if broken:
        yield f"chain: signed with {', '.join(broken)}"
    yield from (f"certificate: {oddity['why']}" for oddity in _seen(readings.get("certificate_oddities")))


def _seen(reading: Reading[Any] | None) -> list[Any]:
    if isinstance(reading, Known):
        return list(reading.value)
    return list(reading.seen) if isinstance(reading, Unknown) and isinstance(reading.seen, list) else []
