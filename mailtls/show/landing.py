"""The page that a daemon shows first: every domain, the worst first, and why. It needs no script, and nothing from elsewhere."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from mailtls import __version__
from mailtls.model import Verdict
from mailtls.readable import readable
from mailtls.show.regression_document import ended_of, open_of
from mailtls.tracking.told import Told

if TYPE_CHECKING:
    from mailtls.model import DomainObservation, Snapshot, Unknown
    from mailtls.tracking.settling import JointRegression

_ORDER = (Verdict.UNPROTECTED, Verdict.DEGRADED, Verdict.UNKNOWN, Verdict.NO_MAIL, Verdict.PROTECTED)
_NOTHING = Told()
_SIGNS = {Verdict.UNPROTECTED: "✗", Verdict.DEGRADED: "!", Verdict.UNKNOWN: "?", Verdict.NO_MAIL: "-", Verdict.PROTECTED: "✓"}

# Colours by light-dark() have a contrast of 4.5 and more against either ground; the verdict is a word beside them, and has a sign.
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>mailtls</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root{{color-scheme:light dark}}
body{{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;overflow-wrap:break-word}}
table{{border-collapse:collapse;width:100%}}
th,td{{text-align:left;vertical-align:top;padding:.3rem 1rem .3rem 0}}
tbody tr{{border-top:1px solid #8886}}
td:nth-child(3){{overflow-wrap:anywhere}}
td:nth-child(2),time{{white-space:nowrap}}
.unprotected,.degraded,.unknown,.protected{{font-weight:600}}
.unprotected{{color:#b00020;color:light-dark(#b00020,#ff8a8a)}}
.degraded{{color:#8a5300;color:light-dark(#8a5300,#ffc266)}}
.unknown{{color:#7b2d8e;color:light-dark(#7b2d8e,#dda0ee)}}
.protected{{color:#1b6b2f;color:light-dark(#1b6b2f,#7fdc94)}}
@media(max-width:48rem){{thead{{display:none}}table,tbody,tr,td{{display:block;overflow-wrap:anywhere}}tr{{padding:.6rem 0}}td{{padding:0}}}}
</style>
<h1>mailtls {version}</h1>
<p>Checks whether mail providers keep their promise of encrypted delivery. <strong>Unknown</strong> means that something could not be
measured; it is a verdict on nobody.</p>
<p>{summary}</p>
<table><thead><tr><th>Domain<th>Verdict<th>Why<th>Provider<th>Looked at</thead><tbody>
{rows}
</tbody></table>
<p>A domain leads to a visit that is made now, with its transcript. <a href="/status/">/status/</a> is what everybody may see, as it was
last published; <a href="/metrics">/metrics</a> is for Prometheus, <a href="/api/v1/domains">/api/v1/domains</a> is the same as JSON,
<a href="/api/v1/regressions">/api/v1/regressions</a> what they have lost.</p></html>
"""


def landing(snapshot: Snapshot, told: Told = _NOTHING) -> str:
    """Return the page as HTML; everything from the wire and from the configuration is escaped.

    Args:
        snapshot: what is known.
        told: of regressions.

    """
    domains = sorted(snapshot.domains, key=lambda domain: (_ORDER.index(domain.verdict), domain.domain))
    counts = Counter(domain.verdict for domain in domains)
    parts = [f"{counts[verdict]} {verdict.value}" for verdict in _ORDER if counts[verdict]]
    parts += [f"{len(snapshot.waiting)} not looked at yet"] if snapshot.waiting else []
    looked_at = {d.domain: f"{d.measured_at:%Y-%m-%d %H:%M:%S} UTC" if d.measured_at else "-" for d in domains}
    rows = [_row(_linked(d.domain), d.provider, d.verdict, _reasons(d, told), looked_at[d.domain]) for d in domains]
    rows += [_row(_linked(domain), provider, Verdict.UNKNOWN, "not looked at yet", "-") for provider, domain in sorted(snapshot.waiting)]
    return _PAGE.format(version=escape(__version__), summary=", ".join(parts), rows="\n".join(rows))


def _reasons(domain: DomainObservation, told: Told) -> str:
    """Return why a verdict is not good, and what a domain is known to have lost, or to have had back lately, which its verdict need not show."""
    lost = [
        f"regression: {each.check}{_where(each)} was {each.before.shown}, is {each.after.shown}, since {each.after.at:%Y-%m-%d %H:%M:%S} UTC"
        for each in open_of(domain.domain, told)
        if each.counts
    ]
    over = [
        f"regression ended: {each.check}{_where(each)}, {each.ended_by} {each.ended_at:%Y-%m-%d %H:%M:%S} UTC"
        for each in ended_of(domain.domain, told)
        if each.counts
    ]
    return "; ".join(part for part in (why(domain), *lost, *over) if part)


def _where(regression: JointRegression) -> str:
    """Return which host of a domain has lost something, where the domain itself does not say so."""
    subject = regression.subject
    return "" if subject.domain else f" of {readable(str(subject), 300)}"


def why(domain: DomainObservation) -> str:
    """Return in a few words what a verdict that is not good rests on: the first finding, or why it is not known."""
    if domain.findings:
        more = len(domain.findings) - 1
        return domain.findings[0].text + (f"; and {more} more" if more else "")
    gap = _gap(domain) if domain.verdict is Verdict.UNKNOWN else None
    return "" if gap is None else f"{gap.cause.value} at {gap.stage.value}" + (f": {gap.detail}" if gap.detail else "")


def _gap(domain: DomainObservation) -> Unknown | None:
    """Return the first reason for an unknown verdict: of the domain, or of a host or address of it."""
    gaps = [domain.unresolved, *(host.unresolved for host in domain.mx), *(e.inconclusive for host in domain.mx for e in host.endpoints)]
    return next((gap for gap in (*gaps, *(missing.unknown for missing in domain.missing)) if gap is not None), None)


def _linked(domain: str) -> str:
    target = f"/probe?{urlencode({'target': domain, 'debug': 'true'})}"
    return f'<a href="{escape(target)}">{escape(domain)}</a>'


def _row(domain: str, provider: str, verdict: Verdict, reason: str, seen: str) -> str:
    return (
        f'<tr><td>{domain}<td class="{verdict.value}">{_SIGNS[verdict]} {verdict.value}'
        f"<td>{escape(reason)}<td>{escape(provider)}<td><time>{seen}</time></tr>"
    )
