"""Facts of the dialogue before TLS: is STARTTLS offered, is it accepted, and what went wrong on the way (RFC 3207)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.facts.declaration import Better, Check, Fact, Kind, Scope, truth_gauge
from mailtls.facts.visits import completed_ehlo, exchange_at, is_out_of_step, parsed, reply_at, spoke_esmtp, why_not
from mailtls.model import Absent, Cause, Known, Stage, Unknown
from mailtls.smtp import ehlo, meaning
from mailtls.tls.answer import begins_with_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtls.evidence import ProbeEvidence, ScanEvidence
    from mailtls.model import Reading
    from mailtls.smtp.reply import Reply
    from mailtls.trust.pkix import Anchors


def _ehlo_fact(read: Callable[[Reply], object]) -> Callable[[ScanEvidence, Anchors], Reading[object]]:
    """Read something from the last completed EHLO of a scan."""

    def reading(scan: ScanEvidence, _anchors: Anchors) -> Reading[object]:
        probe = _last_with_ehlo(scan)
        reply = None if probe is None else completed_ehlo(probe)
        return why_not(scan) if reply is None else Known(read(reply))

    return reading


def _last_with_ehlo(scan: ScanEvidence) -> ProbeEvidence | None:
    """Return the last visit that completed EHLO; one that came only to HELO counts when another did so before it."""
    greeted = [probe for probe in scan.probes if completed_ehlo(probe) is not None]
    if not greeted or spoke_esmtp(greeted[-1]):
        return greeted[-1] if greeted else None
    return greeted[-1] if len(greeted) > 1 and not spoke_esmtp(greeted[-2]) else next((p for p in reversed(greeted) if spoke_esmtp(p)), None)


def _esmtp(scan: ScanEvidence, _anchors: Anchors) -> Reading[bool]:
    probe = _last_with_ehlo(scan)
    return why_not(scan) if probe is None else Known(spoke_esmtp(probe))


def accepted(scan: ScanEvidence, _anchors: Anchors) -> Reading[bool]:
    """Read ``starttls_accepted``, from the last visit that could tell; Absent where STARTTLS was not offered, and so not asked for."""
    failures, last = 0, None
    for probe in reversed(scan.probes):
        if completed_ehlo(probe) is None:
            continue
        reply = reply_at(probe, Stage.STARTTLS, b"STARTTLS")
        if reply is None:
            if probe.failure is None and failures == 0 and probe is _last_with_ehlo(scan):
                return Absent()  # not offered, so not asked for
            continue
        if reply.code == 220:
            return Known(value=True)
        failures += meaning.starttls_failed(reply)
        last = last or reply
        if failures > 1:  # once may be the moment; twice, on fresh connections, is the server
            return Known(value=False)
    missing = why_not(scan)
    if missing.cause is Cause.NOT_ATTEMPTED and last is not None:  # all visits came to their end, and do not agree
        return Unknown(Cause.DEFERRED, Stage.STARTTLS, f"{last}; another connection was not offered STARTTLS")
    return missing


def _plaintext(scan: ScanEvidence, _anchors: Anchors) -> Reading[bool]:
    seen = False
    for probe in scan.probes:
        outcome = parsed(exchange_at(probe, Stage.STARTTLS, b"STARTTLS"))
        if outcome is not None and outcome.reply.code == 220:
            seen = True
            if outcome.rest and not begins_with_record(outcome.rest):
                return Known(value=True)
    if seen:
        return Known(value=False)
    answer = accepted(scan, _anchors)
    return answer if not isinstance(answer, Known) else Absent()


def _misplaced(scan: ScanEvidence, _anchors: Anchors) -> Reading[bool]:
    probe = _last_with_ehlo(scan)
    if probe is None:
        return why_not(scan)
    reply = completed_ehlo(probe)
    greeting = reply_at(probe, Stage.GREETING, b"")
    assert reply is not None
    mentioned = ehlo.mentions_starttls_in_first_line(reply) or (
        greeting is not None and ehlo.mentions_starttls_in_first_line(greeting)
    )
    return Known(mentioned and not ehlo.offers_starttls(reply))


def _requiretls(scan: ScanEvidence, _anchors: Anchors) -> Reading[bool]:
    answer = accepted(scan, _anchors)
    if answer in (Absent(), Known(value=False)):
        return Absent()
    inside = _ehlo_inside(scan)
    return inside if isinstance(inside, Unknown) else Known("REQUIRETLS" in ehlo.keywords(inside))


def _usable(scan: ScanEvidence, anchors: Anchors) -> Reading[bool]:
    answer = accepted(scan, anchors)
    if answer in (Absent(), Known(value=False)):
        return Absent()
    inside = _ehlo_inside(scan)
    return inside if isinstance(inside, Unknown) else Known(value=True)


def _ehlo_inside(scan: ScanEvidence) -> Reply | Unknown:
    """Return the last 250 to EHLO inside TLS; why there is none that is sure to be its answer, where there is none."""
    out_of_step = False
    for probe in reversed(scan.probes):
        reply = reply_at(probe, Stage.EHLO_TLS, b"EHLO")
        if reply is not None and reply.code == 250:
            if not is_out_of_step(probe.exchanges, Stage.EHLO_TLS):
                return reply
            out_of_step = True
    if out_of_step:
        return Unknown(Cause.PROTOCOL_ERROR, Stage.EHLO_TLS, "the replies inside TLS do not match the commands: one too many came")
    return why_not(scan)


FACTS: tuple[Fact[ScanEvidence], ...] = (
    Fact(
        "ehlo_keywords", Scope.ENDPOINT, Kind.LIST, Better.NEITHER,
        "The service extensions that the server lists before TLS, in its order.",
        "RFC 5321 section 4.1.1.1", _ehlo_fact(lambda reply: list(ehlo.keywords(reply))),
    ),
    Fact(
        "esmtp", Scope.ENDPOINT, Kind.BOOL, Better.TRUE,
        "The server knows EHLO; one that knows only HELO cannot offer STARTTLS.",
        "RFC 5321 section 3.2", _esmtp,
    ),
    Fact(
        "starttls_offered", Scope.ENDPOINT, Kind.BOOL, Better.TRUE,
        "A completed EHLO lists STARTTLS.",
        "RFC 3207 section 4", _ehlo_fact(ehlo.offers_starttls),
        metrics=(truth_gauge("mx_starttls_offered", "Whether a completed EHLO lists STARTTLS at every address."),),
    ),
    Fact(
        "starttls_accepted", Scope.ENDPOINT, Kind.BOOL, Better.TRUE,
        "The server answers STARTTLS with 220; false where it was offered and then failed (454 or a 5xx that is no policy).",
        "RFC 3207 section 4", accepted,
        metrics=(truth_gauge("mx_starttls_accepted", "Whether an offered STARTTLS is answered with 220 at every address."),),
        checks=(
            Check(
                "starttls", "STARTTLS is lost: not offered any more, or offered and then refused",
                absent=0.0, shown=lambda accepted: "accepted" if accepted else "refused", shown_absent="not offered",
            ),
        ),
    ),
    Fact(
        "starttls_stripped", Scope.ENDPOINT, Kind.BOOL, Better.FALSE,
        "A keyword was overwritten with X on the way, as inspecting firewalls do to STARTTLS.",
        "RFC 3207 section 6", _ehlo_fact(lambda reply: ehlo.looks_stripped(reply) and not ehlo.offers_starttls(reply)),
        checks=(Check("starttls_stripped", "somebody on the way overwrites STARTTLS"),),
    ),
    Fact(
        "starttls_misplaced", Scope.ENDPOINT, Kind.BOOL, Better.FALSE,
        "STARTTLS stands in the greeting line, where no sender looks for it, and not among the keywords.",
        "RFC 5321 section 4.1.1.1", _misplaced,
    ),
    Fact(
        "plaintext_after_starttls", Scope.ENDPOINT, Kind.BOOL, Better.FALSE,
        "The server sent more plaintext behind its 220 to STARTTLS: an injection, or a broken server.",
        "RFC 3207 section 4.2", _plaintext,
        checks=(Check("plaintext_after_starttls", "plaintext is injected behind the 220 to STARTTLS"),),
    ),
    Fact(
        "smtp_inside_tls", Scope.ENDPOINT, Kind.BOOL, Better.TRUE,
        "The server goes on with SMTP inside TLS: it answers EHLO there.",
        "RFC 3207 section 4.2", _usable,
    ),
    Fact(
        "requiretls", Scope.ENDPOINT, Kind.BOOL, Better.TRUE,
        "REQUIRETLS is offered inside TLS.",
        "RFC 8689 section 2", _requiretls,
        checks=(Check("requiretls", "REQUIRETLS is not offered any more: mail that demands it comes back"),),
    ),
)  # fmt: skip
