"""What a server accepts, for a person at a terminal: a few lines from the readings, and every offer with its answer for who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from mailtls.hellos import Accepted, Refused, Silent
from mailtls.instants import rfc3339
from mailtls.model import Known, Unknown
from mailtls.tls.names import cipher_suite_code, cipher_suite_name, group_of, signature_scheme
from mailtls.tls.suites import is_strong, strength

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mailtls.hellos import Asked, HelloEvidence
    from mailtls.model import Reading

_OLD = frozenset({"SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"})
_SHOWN = 4
_FLAWS = {
    "compression": "compresses (CRIME)",
    "truncated_hmac": "agrees to a truncated HMAC",
    "weak_signatures": "signs with SHA-1 or MD5 where nothing better is offered",
    "early_data": "invites early data (0-RTT)",
}
_LACKS = {
    "secure_renegotiation": "no renegotiation_info",
    "extended_master_secret": "no extended master secret",
    "downgrade_sentinel": "no mark against forced fallback, though it speaks TLS 1.3",
}


def picture_lines(readings: Mapping[str, Reading[Any]]) -> Iterator[str]:
    """Yield the compact picture of one endpoint in rich's markup: versions, suites by strength, groups, keys, flaws."""
    suites = readings["cipher_suites"]
    found = _seen(suites) or {}
    if not found:
        if isinstance(suites, Unknown) and suites.cause != "not-attempted":
            yield f"[magenta]?[/] what it accepts: {suites.cause.value} at {suites.stage.value}: {escape(suites.detail)}"
        return
    for version in reversed(found):
        yield f"{_version(version)}  {_by_strength(version, found[version])}"
    groups = _seen(readings["groups"])
    if groups:
        hybrid = " [green](post-quantum)[/]" if readings["post_quantum"] == Known(value=True) else ""
        yield f"groups   {' '.join(groups)}{hybrid}{_more(readings['groups'])}"
    primes = _seen(readings["dh_primes"])
    if primes:
        shown = ", ".join(f"{prime['bits']} bits ({prime['name'] or 'not a known prime'})" for prime in primes[:_SHOWN])
        yield f"primes   {escape(shown)}{_more(readings['dh_primes'])}"
    order = readings["server_cipher_preference"]
    if isinstance(order, Known):
        yield f"order    {'its own' if order.value else 'follows the client'}"
    weaknesses = _seen(readings["weaknesses"])
    if weaknesses:
        yield f"[red]x[/] weak by configuration: {', '.join(weaknesses)}"
    flaws = [words for name, words in _FLAWS.items() if readings[name] == Known(value=True)]
    flaws += [words for name, words in _LACKS.items() if readings[name] == Known(value=False)]
    if flaws:
        yield f"[yellow]![/] {'; '.join(flaws)}"
    not_borne = _seen(readings["not_borne"])
    if not_borne:
        yield f"[yellow]![/] turns away hellos with: {', '.join(not_borne)}"
    if isinstance(suites, Unknown):
        yield f"[magenta]?[/] there may be more: {suites.cause.value} at {suites.stage.value}: {escape(suites.detail)}"


def _seen(reading: Reading[Any]) -> Any:
    return reading.value if isinstance(reading, Known) else reading.seen if isinstance(reading, Unknown) else None


def _more(reading: Reading[Any]) -> str:
    return " [magenta]and perhaps more[/]" if isinstance(reading, Unknown) else ""


def _version(version: str) -> str:
    return f"[red]{version:7}[/]" if version in _OLD else f"{version:7}"


def _by_strength(version: str, names: list[str]) -> str:
    """Return counts by strength, strongest first, with the names of what is few or weak."""
    if version == "SSLv2":
        return f"[red]{len(names)} weak[/] {', '.join(names[:_SHOWN])}"
    codes = [cipher_suite_code(name) for name in names]
    strong = [code for code in codes if is_strong(code)]
    weak = [code for code in codes if not strength(code)[0]]
    fair = [code for code in codes if code not in strong and code not in weak]
    parts = []
    if strong:
        parts.append(f"[green]{len(strong)} strong[/]" + (f" {_names(strong)}" if version == "TLSv1.3" and len(strong) <= _SHOWN else ""))
    if fair:
        without = [code for code in fair if not strength(code)[1]]
        lacking = f", {len(without)} of them without forward secrecy" if without else ""
        parts.append(f"{len(fair)} with CBC or a static key{lacking}")
    if weak:
        kinds = [kind for kind in ("NULL", "EXPORT", "anon") if any(kind in cipher_suite_name(code) for code in weak)]
        parts.append(f"[red]{len(weak)} without encryption or authentication[/] ({', '.join(kinds)})")
    return "; ".join(parts)


def _names(codes: list[int]) -> str:
    return " ".join(escape(cipher_suite_name(code).removeprefix("TLS_")) for code in codes)


def hello_lines(evidence: HelloEvidence, heading: str) -> Iterator[str]:
    """Yield every offer of an enumeration and its answer, in the order of the answers."""
    sent, received = (sum(getattr(item, field) for item in evidence.asked) for field in ("octets_sent", "octets_received"))
    yield (
        f"  [dim]{rfc3339(evidence.began)} {heading}: {len(evidence.asked)} raw hellos, one connection each; "
        f"{sent} octets sent, {received} received[/]"
    )
    for item in evidence.asked:
        offer = item.offer
        had = [counted(len(offer.cipher_suites), "suite")] + ([counted(len(offer.groups), "group")] if offer.groups else [])
        yield f"    {item.began:7.3f} [cyan]>[/] {offer.version}, {', '.join(had)}: {escape(offer.question)} [dim]{escape(item.source)}[/]"
        yield f"    {item.answered:7.3f} [green]<[/] {_answer(item)}"


def counted(number: int, noun: str) -> str:
    """Return a number of things: ``1 suite``, ``2 suites``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _answer(item: Asked) -> str:
    answer = item.answer
    if isinstance(answer, Refused):
        return "closed" if answer.alert is None else f"alert {escape(answer.name)} ({answer.alert})"
    if isinstance(answer, Silent):
        return f"[magenta]?[/] {answer.cause.value} at {answer.stage.value}: {escape(answer.detail)}"
    assert isinstance(answer, Accepted)
    said = [answer.version, cipher_suite_name(answer.cipher_suite)]
    if answer.group is not None:
        said.append(group_of(answer.group))
    if answer.key_bits:
        said.append(f"{answer.key_bits} bits")
    if answer.signature_scheme is not None:
        said.append(signature_scheme(answer.signature_scheme))
    if answer.chain:
        said.append(counted(len(answer.chain), "certificate"))
    return escape("  ".join(said))
