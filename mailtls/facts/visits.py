"""How evidence of visits is read: which exchange counts, and which Unknown stands for what could not be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.evidence import Handshake
from mailtls.hellos import Refused
from mailtls.model import Cause, Stage, Unknown
from mailtls.smtp.ehlo import offers_starttls
from mailtls.smtp.meaning import asks_for_helo, is_decoy
from mailtls.smtp.reply import Parsed, Reply, read_reply
from mailtls.tls.names import ABOUT_THE_OFFER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailtls.evidence import Exchange, Failure, ProbeEvidence, ScanEvidence


def parsed(exchange: Exchange | None) -> Parsed | None:
    """Return the complete reply of an exchange, or ``None``."""
    if exchange is None:
        return None
    outcome = read_reply(exchange.received)
    return outcome if isinstance(outcome, Parsed) else None


def exchange_at(probe: ProbeEvidence, stage: Stage, verb: bytes) -> Exchange | None:
    """Return the last exchange of a stage whose command has this verb; the greeting's is empty."""
    return next((e for e in reversed(probe.exchanges) if e.stage is stage and e.sent.strip().partition(b" ")[0] == verb), None)


def reply_at(probe: ProbeEvidence, stage: Stage, verb: bytes) -> Reply | None:
    """Return the complete reply of that exchange, or ``None``."""
    outcome = parsed(exchange_at(probe, stage, verb))
    return None if outcome is None else outcome.reply


def is_out_of_step(exchanges: Sequence[Exchange], stage: Stage = Stage.EHLO) -> bool:
    """Whether the replies before TLS, or inside it, do not belong to the commands: one too many came, and each stands for the one before it.

    Then the reply that was taken for EHLO's may be another's, and says nothing about what the server offers.
    """
    for exchange in exchanges:
        outcome = parsed(exchange)
        if exchange.stage is not stage or outcome is None:
            continue
        if exchange.sent.startswith(b"QUIT"):
            if outcome.reply.code == 250 and (len(outcome.reply.lines) > 1 or outcome.rest):
                return True
        elif outcome.rest:
            return True
    return False


def why_void(exchanges: Sequence[Exchange]) -> Unknown | None:
    """Return why what was said before TLS says nothing about the server, or ``None`` where it does."""
    if is_out_of_step(exchanges):
        return Unknown(Cause.PROTOCOL_ERROR, Stage.EHLO, "the replies do not match the commands: one too many came")
    said = [found.reply for each in exchanges if each.stage in (Stage.GREETING, Stage.EHLO) and (found := parsed(each)) is not None]
    if any(map(is_decoy, said)) and not any(map(offers_starttls, said)):
        return Unknown(Cause.DEFERRED, Stage.EHLO, "a decoy (spamd) answers strangers in the place of the mail server, and never offers STARTTLS")
    return None


def completed_ehlo(probe: ProbeEvidence) -> Reply | None:
    """Return the 250 to EHLO, or the 250 to the HELO that an EHLO-less server asked for; ``None`` where there was neither."""
    ehlo = reply_at(probe, Stage.EHLO, b"EHLO")
    if ehlo is None or why_void(probe.exchanges) is not None:
        return None
    if ehlo.code == 250:
        return ehlo
    helo = reply_at(probe, Stage.EHLO, b"HELO")
    if asks_for_helo(ehlo) and helo is not None and helo.code == 250:
        return Reply(250, helo.lines[:1])  # what stands on later lines of a HELO reply is text, not keywords
    return None


def spoke_esmtp(probe: ProbeEvidence) -> bool:
    """Whether the completed greeting was by EHLO."""
    ehlo = reply_at(probe, Stage.EHLO, b"EHLO")
    return ehlo is not None and ehlo.code == 250


def unknown_of(failure: Failure) -> Unknown:
    """Return the reading that a failure leaves behind."""
    return Unknown(failure.cause, failure.stage, failure.detail)


def why_not(scan: ScanEvidence) -> Unknown:
    """Return why a scan did not show something: its own failure, or that of its last usual visit."""
    if scan.out_of_scope is not None:
        return scan.out_of_scope
    if scan.failure is not None and not scan.probes:
        return unknown_of(scan.failure)
    for probe in reversed(scan.probes):
        if not probe.offer.is_usual:
            continue
        void = why_void(probe.exchanges)
        if void is not None:
            return void
        if probe.failure is not None:
            return unknown_of(probe.failure)
        if isinstance(probe.handshake, Refused):
            refused = probe.handshake
            how = "closed the connection" if refused.alert is None else f"sent the alert {refused.name} ({refused.alert})"
            detail = f"after our hello the server {how}; nothing in this scan vouches that this is its answer to the offer"
            return Unknown(Cause.PROTOCOL_ERROR, Stage.HELLO, detail)
    if scan.failure is not None:
        return unknown_of(scan.failure)
    return Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT)


def usual_handshake(scan: ScanEvidence) -> Handshake | None:
    """Return the last handshake that an ordinary sender would have had."""
    for probe in reversed(scan.probes):
        if probe.offer.is_usual and isinstance(probe.handshake, Handshake):
            return probe.handshake
    return None


def all_visits(scan: ScanEvidence) -> tuple[ProbeEvidence, ...]:
    """Return the visits of a scan behind those that it carries on from an earlier full one."""
    return (*scan.carried, *scan.probes)


def came_to_hello(scan: ScanEvidence) -> bool:
    """Whether the last usual visit came as far as a 220 to STARTTLS, whatever the handshake then came to: raw hellos can tell more."""
    usual = [probe for probe in scan.probes if probe.offer.is_usual]
    if not usual or scan.failure is not None:
        return False
    reply = reply_at(usual[-1], Stage.STARTTLS, b"STARTTLS")
    failure = scan.probes[-1].failure
    return reply is not None and reply.code == 220 and (failure is None or failure.stage in (Stage.HELLO, Stage.HANDSHAKE, Stage.EHLO_TLS))


def vouched(scan: ScanEvidence, refused: ProbeEvidence) -> bool:
    """Whether a refusal was about the offer, and not about us or the moment.

    An alert that answers offers counts when a later visit had its offer accepted. A close, or an alert that any fault may lead to,
    counts when it repeated on the very next connection, with an accepted offer before the first and after the last.
    """
    visits = all_visits(scan)
    first = visits.index(refused)
    assert isinstance(refused.handshake, Refused)
    if refused.handshake.alert in ABOUT_THE_OFFER:
        return any(isinstance(probe.handshake, Handshake) for probe in visits[first + 1 :])
    same = [i for i, p in enumerate(visits) if p.offer == refused.offer]
    accepted = [i for i, p in enumerate(visits) if isinstance(p.handshake, Handshake)]
    if set(same) & set(accepted) or not accepted:
        return False
    pairs = [i for i in same if i + 1 in same and all(isinstance(visits[j].handshake, Refused) for j in (i, i + 1))]
    return any(accepted[0] < i and accepted[-1] > i + 1 for i in pairs)
