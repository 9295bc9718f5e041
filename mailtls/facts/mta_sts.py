"""Facts of MTA-STS (RFC 8461): the domain's policy, what is wrong with it, what became of it, and whether it names an MX host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailtls.facts.declaration import Better, Check, Fact, Kind, Metric, Scope, truth_gauge
from mailtls.facts.routing import unknown_lookup
from mailtls.facts.shapes import NUMBER, PROBLEMS, TEXT, listed, made_of, words
from mailtls.facts.visits import unknown_of
from mailtls.instants import moment_of, rfc3339
from mailtls.model import Absent, Cause, Known, Stage, Unknown
from mailtls.tls.certificate import read_certificate
from mailtls.trust.mta_sts import Flaw, Mode, StsRecord, find_record, mx_matches
from mailtls.trust.sts_fetch import judge_fetch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailtls.evidence import Lookup, RouteEvidence, StsEvidence, StsFetch
    from mailtls.facts.declaration import HostEvidence, Sample
    from mailtls.model import Reading
    from mailtls.trust.mta_sts import Policy
    from mailtls.trust.pkix import Anchors

_ABSENT = "absent"


def why_no_texts(route: RouteEvidence, lookup: Lookup | None) -> Unknown | None:
    """Return why it cannot be said what TXT records a domain has, or ``None`` where it can."""
    if lookup is None:
        return Unknown(Cause.NOT_ATTEMPTED, Stage.DNS) if route.failure is None else unknown_of(route.failure)
    if not lookup.is_answer:
        return unknown_lookup(lookup)
    if lookup.omitted:
        return Unknown(Cause.LIMIT_EXCEEDED, Stage.DNS, f"{lookup.name} TXT: {lookup.omitted} records are beyond the cap")
    return None


def asks_for_policy(route: RouteEvidence) -> StsRecord | Flaw | Unknown | None:
    """Return the record by which a domain says that it has a policy; ``None`` where it has none."""
    missing = why_no_texts(route, None if route.mta_sts is None else route.mta_sts.record)
    if missing is not None:
        return missing
    assert route.mta_sts is not None
    return find_record(route.mta_sts.record.records)


def policy_in_force(sts: StsEvidence, anchors: Anchors) -> tuple[Policy, StsFetch] | None:
    """Return the policy that the last fetch brought, or else the one before it that stands in for it, and its fetch."""
    for fetch in (sts.fetch, sts.policy):
        policy = None if fetch is None else judge_fetch(fetch, anchors).policy
        if fetch is not None and policy is not None:
            return policy, fetch
    return None


def _policy(route: RouteEvidence, anchors: Anchors) -> Reading[tuple[Policy, StsFetch]]:
    """Return the policy that a sender would go by. Absent: it was measured that there is none, or none that can be used."""
    record = asks_for_policy(route)
    if isinstance(record, Unknown):
        return record
    if not isinstance(record, StsRecord):
        return Absent()
    assert route.mta_sts is not None
    found = policy_in_force(route.mta_sts, anchors)
    if found is not None:
        return Known(found)
    judged = None if route.mta_sts.fetch is None else judge_fetch(route.mta_sts.fetch, anchors)
    if judged is None:
        return Unknown(Cause.NOT_ATTEMPTED, Stage.HTTPS, "the policy has not been fetched")
    return Absent() if judged.flaws or judged.gap is None else unknown_of(judged.gap)


def _shown(route: RouteEvidence, anchors: Anchors) -> Reading[dict[str, Any]]:
    found = _policy(route, anchors)
    if not isinstance(found, Known):
        return found
    policy, fetch = found.value
    return Known({"mode": policy.mode.value, "max_age": policy.max_age, "id": fetch.id, "mx": list(policy.mx)})


def _fetched_at(route: RouteEvidence, anchors: Anchors) -> Reading[str]:
    found = _policy(route, anchors)
    return Known(rfc3339(found.value[1].began)) if isinstance(found, Known) else found


def _flaws(route: RouteEvidence, anchors: Anchors) -> Reading[tuple[Flaw, ...]]:
    """Return everything that keeps a sender from the policy as it is now. A measured flaw decides before a gap does."""
    record = asks_for_policy(route)
    if isinstance(record, Unknown):
        return record
    if record is None:
        return Absent()
    if isinstance(record, Flaw):
        return Known((record,))
    assert route.mta_sts is not None
    if route.mta_sts.fetch is None:
        return Unknown(Cause.NOT_ATTEMPTED, Stage.HTTPS, "the policy has not been fetched")
    judged = judge_fetch(route.mta_sts.fetch, anchors)
    return unknown_of(judged.gap) if judged.gap is not None and not judged.flaws else Known(judged.flaws)


def _error(route: RouteEvidence, anchors: Anchors) -> Reading[str]:
    flaws = _flaws(route, anchors)
    if isinstance(flaws, Known):
        return Known(flaws.value[0].code) if flaws.value else Absent()
    return flaws


def _problems(route: RouteEvidence, anchors: Anchors) -> Reading[list[dict[str, str]]]:
    flaws = _flaws(route, anchors)
    return Known([{"code": flaw.code, "why": flaw.why} for flaw in flaws.value]) if isinstance(flaws, Known) else flaws


def _certificate_not_after(route: RouteEvidence, anchors: Anchors) -> Reading[str]:
    record = asks_for_policy(route)
    if isinstance(record, Unknown):
        return record
    sts = route.mta_sts
    if not isinstance(record, StsRecord) or sts is None:
        return Absent()
    fetch = next((fetch for fetch in (sts.fetch, sts.policy) if fetch is not None and fetch.chain), None)
    if fetch is not None:
        until = read_certificate(fetch.chain[0]).not_after
        if until is not None:
            return Known(rfc3339(until))
        return Unknown(Cause.PROTOCOL_ERROR, Stage.HTTPS, f"the certificate of {fetch.host} cannot be read")
    flaws = _flaws(route, anchors)
    return flaws if isinstance(flaws, Unknown) else Absent()


def _changes(route: RouteEvidence, _anchors: Anchors) -> Reading[list[dict[str, str]]]:
    if route.failure is not None and route.mx is None:
        return unknown_of(route.failure)
    if route.mta_sts is None or route.mta_sts.changes is None:
        return Unknown(Cause.NOT_ATTEMPTED, Stage.HTTPS, "nothing is remembered to compare with")
    found = route.mta_sts.changes
    return Known([{"at": rfc3339(change.at), "kind": change.kind, "before": change.before, "after": change.after} for change in found])


def _match(evidence: HostEvidence, anchors: Anchors) -> Reading[bool]:
    found = _policy(evidence.route, anchors)
    if not isinstance(found, Known):
        return found
    policy, _fetch = found.value
    return Absent() if policy.mode is Mode.NONE else Known(mx_matches(policy.mx, evidence.host.host))


def _mode_samples(mode: str) -> tuple[Sample, ...]:
    return tuple(((name,), float(name == mode)) for name in (*Mode, _ABSENT))


def _moment(text: str) -> Iterable[Sample]:
    return [((), moment_of(text).timestamp())]


DOMAIN_FACTS: tuple[Fact[RouteEvidence], ...] = (
    Fact(
        "mta_sts", Scope.DOMAIN, Kind.OBJECT, Better.NEITHER,
        "The MTA-STS policy that a sender would go by, and the id of the record under which it was fetched; absent where the domain has no "
        "record, or nothing that a sender could use.",
        "RFC 8461 section 3.2", _shown,
        parts=made_of(mode=words(*Mode), max_age=NUMBER, id=TEXT, mx=listed(TEXT)),
        metrics=(
            Metric(
                "domain_mta_sts_mode", "The mode of the domain's MTA-STS policy, or that it has none (absent): exactly one is 1.",
                lambda value: _mode_samples(value["mode"]), ("mode",), absent=_mode_samples(_ABSENT),
            ),
        ),
        checks=(
            Check(
                # A policy of mode none asks for nothing, and is the way to take one back (RFC 8461 section 8.3): it is worth none at all.
                "mta_sts", "the policy is weaker than before: enforce became testing, or either is gone",
                lambda value: {"enforce": 2.0, "testing": 1.0}.get(value["mode"], 0.0), absent=0.0, shown=lambda value: value["mode"],
                shown_absent="no policy",
            ),
        ),
    ),
    Fact(
        "mta_sts_fetched_at", Scope.DOMAIN, Kind.TEXT, Better.NEITHER,
        "When that policy was fetched.",
        "RFC 8461 section 3.3", _fetched_at,
    ),
    Fact(
        "mta_sts_error", Scope.DOMAIN, Kind.TEXT, Better.NEITHER,
        "The TLS-RPT result type of what keeps a sender from the policy as it is now; absent where nothing does, or no record asks for one.",
        "RFC 8460 section 4.3.2.2", _error,
        metrics=(
            Metric(
                "domain_mta_sts_error_info", "What keeps a sender from the domain's MTA-STS policy, as a TLS-RPT result type, while that holds.",
                lambda code: [((code,), 1.0)], ("code",),
            ),
        ),
    ),
    Fact(
        "mta_sts_problems", Scope.DOMAIN, Kind.LIST, Better.NEITHER,
        "Everything that keeps a sender from it, each with the TLS-RPT result type, and in words.",
        "RFC 8461 section 3", _problems,
        parts=PROBLEMS,
    ),
    Fact(
        "mta_sts_certificate_not_after", Scope.DOMAIN, Kind.TEXT, Better.NEITHER,
        "When the policy host's certificate expires, trusted or not; from then on nobody can fetch the policy.",
        "RFC 8461 section 3.3", _certificate_not_after,
        metrics=(
            Metric(
                "domain_mta_sts_certificate_not_after_timestamp_seconds",
                "When the certificate of the domain's MTA-STS policy host expires.", _moment,
            ),
        ),
    ),
    Fact(
        "mta_sts_changes", Scope.DOMAIN, Kind.LIST, Better.NEITHER,
        "What became of the policy since this daemon began, as far as senders may stumble over it: when, what kind, before, after.",
        "RFC 8461 section 8", _changes,
        parts=listed(made_of(at=TEXT, kind=TEXT, before=TEXT, after=TEXT)),
    ),
)  # fmt: skip

MX_FACTS: tuple[Fact[HostEvidence], ...] = (
    Fact(
        "mta_sts_match", Scope.MX, Kind.BOOL, Better.TRUE,
        "The domain's MTA-STS policy names this MX host; absent without a policy, or where its mode is none.",
        "RFC 8461 section 4.1", _match,
        metrics=(truth_gauge("domain_mx_mta_sts_match", "Whether the domain's MTA-STS policy names this MX host of it."),),
        checks=(Check("mta_sts_match", "the domain's MTA-STS policy does not name the MX host any more"),),
    ),
)  # fmt: skip
