"""A domain for a person at a terminal: the verdict first, then what it rests on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.text import Text

from mailtls.instants import rfc3339
from mailtls.model import Absent, Known, Unknown, Verdict
from mailtls.policy.shipped import VERDICT, shipped
from mailtls.readable import readable
from mailtls.show.certificates import certificate_lines
from mailtls.show.declared import declared_lines
from mailtls.show.explain import LOOKS, no_grade
from mailtls.show.picture import counted, hello_lines, picture_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailtls.evidence import ProbeEvidence, ScanEvidence
    from mailtls.model import DomainObservation, EndpointObservation, Grade, MXObservation, Reading

_STYLES = {
    Verdict.PROTECTED: "bold green", Verdict.DEGRADED: "bold yellow", Verdict.UNPROTECTED: "bold red", Verdict.UNKNOWN: "bold magenta",
    Verdict.NO_MAIL: "bold",
}  # fmt: skip
_FEW = 3
_LEVEL = 14


def domain_lines(domain: DomainObservation) -> Iterator[str]:
    """Yield the lines about one domain, in rich's markup; everything from the wire is escaped."""
    meaning = shipped(VERDICT).meanings[domain.verdict.value]
    yield f"[{_STYLES[domain.verdict]}]{domain.verdict.value.upper()}[/]  [bold]{escape(domain.domain)}[/]  {meaning}"
    if domain.unresolved is not None:
        yield f"  {_unknown(domain.unresolved)}"
    for finding in domain.findings:
        yield f"  [red]x[/] {escape(finding.where)}: {escape(finding.text)} [dim]({finding.code})[/]"
    yield from _open_lines(domain)
    yield from grade_lines(domain.grades)
    irregular = domain.readings.get("mx_irregularities")
    if isinstance(irregular, Known):
        for entry in irregular.value:  # type: ignore[attr-defined]
            yield f"  [yellow]![/] {escape(entry['host'])}: {entry['code']}"
    dnssec = domain.readings.get("dnssec")
    if isinstance(dnssec, Known):
        yield f"  [dim]MX records by DNSSEC: {dnssec.value}[/]"
    yield from declared_lines(domain)
    for host in domain.mx:
        yield from _host_lines(host)


def _open_lines(domain: DomainObservation) -> Iterator[str]:
    """Yield what an unknown verdict lacks, where it is not said already of the endpoint, the host or the domain."""
    said = [domain.unresolved, *(host.unresolved for host in domain.mx), *(e.inconclusive for host in domain.mx for e in host.endpoints)]
    lacking: list[tuple[Unknown, str]] = []
    for gap in domain.missing:
        if gap.unknown not in said:
            said.append(gap.unknown)
            lacking.append((gap.unknown, f"{_few(list(gap.facts))} of {gap.where}"))
    for unknown, what in lacking:
        yield f"  {escape(what)}: {_unknown(unknown)}"


def grade_lines(grades: Sequence[Grade]) -> Iterator[str]:
    """Yield a line for each policy: its grade; or how much is known, and what is missing; and which rules are broken."""
    widest = max((len(grade.policy) for grade in grades), default=0)
    for grade in grades:
        broken = list(dict.fromkeys(finding.clause.rule for finding in grade.findings if finding.clause is not None))
        said = []
        if grade.missing:
            said.append(f"missing: {_missing(grade)}")
        if broken:
            said.append(f"{'falls short already' if grade.missing else 'falls short'}: {_few(broken)}")
        if grade.level is not None:
            style, level = LOOKS[grade.level.value], grade.level.value
        elif grade.missing:
            style, level = "magenta", no_grade(grade)
        else:
            style, level = "dim", "nothing in it applies"
        ahead = f"  {escape(grade.policy):<{widest}}  [{style}]{level}[/]"
        yield f"{ahead}{' ' * max(2, _LEVEL - len(level))}{escape('; '.join(said))}" if said else ahead


def _missing(grade: Grade) -> str:
    """Return the facts that a grade lacks, and why, in a few words."""
    names = list(dict.fromkeys(re.split(r"[.[]", fact)[0] for gap in grade.missing for fact in gap.facts))
    causes = list(dict.fromkeys(gap.unknown.cause.value for gap in grade.missing))
    return f"{_few(names) if grade.coverage else 'everything'} ({_few(causes)})"


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more


def _host_lines(host: MXObservation) -> Iterator[str]:
    yield f"  [bold]{escape(host.host)}[/] [dim]preference {host.preference}[/]"
    if host.unresolved is not None:
        yield f"    {_unknown(host.unresolved)}"
    yield from _dane_lines(host)
    if host.readings.get("mta_sts_match") == Known(value=False):
        yield "    [red]x[/] the domain's MTA-STS policy does not name this host"
    for endpoint in host.endpoints:
        yield from _endpoint_lines(endpoint)


_DANE = {
    "valid": "[green]ok[/] DANE: TLSA records vouch for every certificate",
    "invalid": "[red]x[/] DANE: senders that heed TLSA records keep the mail",
    "unusable": "[yellow]![/] DANE: TLSA records, and none that a sender uses",
    "none": "[dim]- DANE: no TLSA records that DNSSEC vouches for[/]",
}


def _dane_lines(host: MXObservation) -> Iterator[str]:
    """Yield what is said of DANE, and what stands against it."""
    reading = host.readings.get("dane")
    base = host.readings.get("tlsa_base_domain")
    if isinstance(reading, Unknown):
        yield f"    [magenta]?[/] DANE: {reading.cause.value}{f': {escape(reading.detail)}' if reading.detail else ''}"
    if not isinstance(reading, Known):
        return
    other = f" of {escape(str(base.value))}" if isinstance(base, Known) and base.value != host.host else ""
    yield f"    {_DANE[str(reading.value)].replace('TLSA records', f'TLSA records{other}', 1)}"
    problems = host.readings.get("dane_problems")
    found: Any = problems.value if isinstance(problems, Known) else problems.seen if isinstance(problems, Unknown) else None
    for problem in found or ():
        of = f", certificate {problem['certificate'][:16]}" if problem["certificate"] else ""
        yield f"      [red]x[/] {escape(problem['address'])}{of}: {escape(problem['why'])} [dim]({problem['code']})[/]"


def _endpoint_lines(endpoint: EndpointObservation) -> Iterator[str]:
    readings = endpoint.readings
    address = escape(str(endpoint.endpoint.address))
    if not endpoint.in_scope:
        reason = readings["starttls_offered"]
        yield f"    [dim]{address}  out of scope: {escape(reason.detail) if isinstance(reason, Unknown) else ''}[/]"
        return
    if endpoint.inconclusive is not None:
        reached = "STARTTLS offered; " if readings["starttls_offered"] == Known(value=True) else ""
        yield f"    {address}  {reached}{_unknown(endpoint.inconclusive)}"
        if not any(isinstance(reading, Known) for reading in readings.values()):
            return
    else:
        yield f"    {address}  {_tls(readings)}"
    yield from (f"      {line}" for line in picture_lines(readings))
    yield from (f"      {line}" for line in certificate_lines(endpoint))
    marks = _mark(readings["certificate_trusted"], "trusted"), _mark(readings["certificate_name_match"], "names the host")
    # Two marks of one kind share a line; a good one beside a bad one would be read as its contrary.
    together = len({mark.partition(" ")[0] for mark in marks}) == 1
    yield from (f"      {line}" for line in (("  ".join(marks),) if together else marks))
    for name, words in _ODDITIES.items():
        if readings.get(name) == Known(value=True):
            yield f"      [red]x[/] {words}"


_ODDITIES = {
    "starttls_stripped": "a keyword of the EHLO reply was overwritten on the way (XXXXXXXA)",
    "starttls_misplaced": "STARTTLS stands in the greeting line, where no sender looks for it",
    "plaintext_after_starttls": "more plaintext followed the 220 to STARTTLS",
}


def _tls(readings: Any) -> str:
    if readings["starttls_offered"] == Known(value=False):
        helo = ", and knows only HELO" if readings["esmtp"] == Known(value=False) else ""
        return f"[red]x[/] no STARTTLS{helo}"
    if readings["starttls_accepted"] == Known(value=False):
        return "[red]x[/] STARTTLS offered, and failing"
    negotiated = readings["negotiated"]
    if isinstance(negotiated, Known):
        value: Any = negotiated.value
        return f"STARTTLS  {value['version']}  {value['cipher_suite']}  {value['group'] or 'no ephemeral key'}"
    return "[green]ok[/] STARTTLS"


def _mark(reading: Reading[Any], words: str) -> str:
    if isinstance(reading, Known):
        return f"[green]ok[/] {words}" if reading.value else f"[red]x[/] not {words}" if words == "trusted" else "[red]x[/] does not name the host"
    if isinstance(reading, Absent):
        return f"[dim]- {words}: does not apply[/]"
    return f"[magenta]?[/] {words}: {reading.cause.value}"


def _unknown(unknown: Unknown) -> str:
    detail = f": {escape(unknown.detail)}" if unknown.detail else ""
    return f"[magenta]?[/] could not be measured, {unknown.cause.value} at {unknown.stage.value}{detail}"


def transcript_lines(scan: ScanEvidence) -> Iterator[str]:
    """Yield the transcript of every visit of a scan: what was sent and received, when, and from where."""
    yield f"[bold]{escape(str(scan.endpoint))}[/]  {scan.purpose.value} scan"
    if scan.out_of_scope is not None:
        yield f"  out of scope: {escape(scan.out_of_scope.detail)}"
    for probe in scan.probes:
        yield from _probe_lines(probe)
    if scan.hellos is not None:
        yield from hello_lines(scan.hellos, "enumeration" if scan.hellos.complete else "enumeration, interrupted")
    if scan.rechecked is not None:
        yield from hello_lines(scan.rechecked, "does it still hold?")
    if scan.failure is not None:
        yield f"  [magenta]?[/] {scan.failure.cause.value} at {scan.failure.stage.value}: {escape(scan.failure.detail)}"


def _probe_lines(probe: ProbeEvidence) -> Iterator[str]:
    offer = ("with SNI" if probe.offer.with_sni else "without SNI") + (f", {probe.offer.key_type} only" if probe.offer.key_type else "")
    yield (
        f"  [dim]{rfc3339(probe.began)} visit {probe.probe_id} from {escape(probe.source) or 'nowhere'}, {offer}; "
        f"{probe.took:.3f} s, {probe.octets_sent} octets sent, {probe.octets_received} received[/]"
    )
    for exchange in probe.exchanges:
        inside = " (inside TLS)" if exchange.stage == "ehlo-tls" else ""
        if exchange.sent:
            yield f"    {exchange.began:7.3f} [cyan]>[/] {escape(readable(exchange.sent.rstrip()))}{inside}"
        for line in exchange.received.splitlines()[:60]:
            yield f"    {exchange.began + exchange.took:7.3f} [green]<[/] {escape(readable(line))}"
        if exchange.stage == "starttls" and exchange.sent.startswith(b"STARTTLS") and probe.handshake is not None:
            yield f"            {escape(_handshake(probe))}"
    if probe.failure is not None:
        yield f"    [magenta]?[/] {probe.failure.cause.value} at {probe.failure.stage.value}: {escape(probe.failure.detail)}"


def _handshake(probe: ProbeEvidence) -> str:
    done: Any = probe.handshake
    if hasattr(done, "version"):
        agreed = " ".join(word for word in (done.version, done.cipher_suite, done.group) if word)
        return f"TLS handshake: {agreed}, {counted(len(done.chain), 'certificate')}"
    return "TLS handshake: the server closed the connection" if done.alert is None else f"TLS handshake: alert {done.name} ({done.alert})"


def plain(line: str) -> str:
    """Return a line of markup without its markup."""
    return Text.from_markup(line).plain
