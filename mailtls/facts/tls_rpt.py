"""Facts of TLS-RPT (RFC 8460): whether a domain says where senders may report how TLS went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.facts.declaration import Better, Check, Fact, Kind, Metric, Scope
from mailtls.facts.mta_sts import why_no_texts
from mailtls.model import Absent, Known
from mailtls.readable import readable
from mailtls.trust.tls_rpt import BadReportRecord, ReportRecord, find_report_record

if TYPE_CHECKING:
    from mailtls.evidence import RouteEvidence
    from mailtls.model import Reading
    from mailtls.trust.pkix import Anchors


def _record(route: RouteEvidence) -> Reading[ReportRecord | BadReportRecord]:
    missing = why_no_texts(route, route.tls_rpt)
    if missing is not None:
        return missing
    assert route.tls_rpt is not None
    found = find_report_record(route.tls_rpt.records)
    return Absent() if found is None else Known(found)


def _uris(route: RouteEvidence, _anchors: Anchors) -> Reading[list[str]]:
    record = _record(route)
    if isinstance(record, Known):
        return Known(list(record.value.rua)) if isinstance(record.value, ReportRecord) else Absent()
    return record


def _error(route: RouteEvidence, _anchors: Anchors) -> Reading[str]:
    record = _record(route)
    if not isinstance(record, Known):
        return record
    if isinstance(record.value, BadReportRecord):
        return Known(record.value.why)
    if record.value.unusable:
        return Known(f"'{readable(record.value.unusable[0], 80)}' in rua is neither mailto:name@host nor https://host/")
    return Absent()


FACTS: tuple[Fact[RouteEvidence], ...] = (
    Fact(
        "tls_rpt", Scope.DOMAIN, Kind.LIST, Better.NEITHER,
        "Where the domain wants reports of how TLS went; absent without a record, or where it has none that a sender could use.",
        "RFC 8460 section 3", _uris,
        metrics=(
            Metric(
                "domain_tls_rpt_present", "Whether the domain has a TLS-RPT record that a sender can use.",
                lambda _uris: [((), 1.0)], absent=(((), 0.0),),
            ),
        ),
        checks=(
            Check("tls_rpt", "the domain does not want reports any more", lambda _uris: 1.0, absent=0.0, shown=lambda uris: " ".join(uris)[:200]),
        ),
    ),
    Fact(
        "tls_rpt_error", Scope.DOMAIN, Kind.TEXT, Better.NEITHER,
        "What is wrong with the TLS-RPT record, in words; absent where nothing is, or there is none.",
        "RFC 8460 section 3", _error,
    ),
)  # fmt: skip
