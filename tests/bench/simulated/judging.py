"""Judging a run: what was told, held against what really happened."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulated.fleet import CYCLE, Address, Fleet
from simulated.losses import OF_ENDPOINTS, OF_ENUMERATIONS, OF_HOSTS, Loss, shown_by, weaker_checks
from simulated.timeline import Span
from simulated.weather import DAY, MINUTE

from mailtls.tracking.changes import Subject
from mailtls.tracking.standing import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from simulated.running import Simulation

    from mailtls.tracking.changes import Change

LASTING = 2 * CYCLE * 1.1 + 2 * MINUTE
"""Seconds: two cycles, the jitter that makes them longer, and the scans themselves. What lasts longer must not be missed."""
LASTING_FULL = DAY * 1.01 + LASTING
"""The same of what only full scans show, which come once a day."""


@dataclass
class Verdict:
    """What became of the losses of one kind.

    Args:
        short: losses that no one promises to see.
        short_told: those of them that were confirmed all the same.
        hidden: losses that could not be seen for long enough, because of noise.
        lasting: those that had to be told, at every level.
        missed: those of them that were not.
        from_candidate: seconds from the first candidate to the confirmation.
        from_onset: seconds from the loss itself.

    """

    short: int = 0
    short_told: int = 0
    hidden: int = 0
    lasting: int = 0
    missed: int = 0
    from_candidate: list[float] = field(default_factory=list)
    from_onset: list[float] = field(default_factory=list)


@dataclass
class Judgement:
    """What came of a whole run.

    Args:
        kinds: by the kind of loss.
        false: confirmations of what nobody lost.
        missed: what should have been told: the loss, the subject, and the check.
        stuck: regressions that are still open, though what was lost came back a day before the end.

    """

    kinds: dict[str, Verdict]
    false: list[Change]
    missed: list[tuple[Loss, Subject, str]]
    stuck: list[tuple[Subject, str]]


def judge(run: Simulation, losses: list[Loss]) -> Judgement:
    """Hold what was told against what happened."""
    told: dict[tuple[Subject, str], list[Change]] = defaultdict(list)
    for change in run.changes:
        if change.event in (Event.CANDIDATE, Event.CONFIRMED, Event.WORSENED):
            told[change.subject, change.check].append(change)
    of_host: dict[str, list[Loss]] = defaultdict(list)
    for loss in losses:
        of_host[loss.host.partition(".")[2]].append(loss)
    false = [
        change
        for changes in told.values()
        for change in changes
        if change.event is not Event.CANDIDATE and not any(_explains(loss, change, run) for loss in of_host[_operator(change.subject)])
    ]
    judgement = Judgement({loss.kind: Verdict() for loss in losses}, false, [], [])
    for loss in losses:
        _judge_loss(loss, run, told, judgement)
    for (subject, check), regression in run.ledger.regressions().items():
        end = run.length - DAY - (DAY if regression.after.full else 0)
        lost = [loss for loss in of_host[_operator(subject)] if loss.span.end > end and check in _allowed(loss.kind)]
        if not any(_concerns(loss, subject, run.fleet) for loss in lost):
            judgement.stuck.append((subject, check))
    return judgement


def _operator(subject: Subject) -> str:
    return (subject.host or subject.domain).partition(".")[2]


def _allowed(kind: str) -> frozenset[str]:
    """Return every check that a loss may weaken, the ones included that need not be told."""
    if kind == "dnssec":
        return frozenset({"dnssec", "dane"})
    found = weaker_checks(kind, hybrid=True)
    if kind in OF_ENDPOINTS:
        best, state = (shown_by(kinds, hybrid=True, full=True) for kinds in (frozenset[str](), frozenset({kind})))
        found |= {check for check, shown in state.items() if shown[0] < best[check][0]}
    return found


def _concerns(loss: Loss, subject: Subject, fleet: Fleet) -> bool:
    if subject.address:
        return subject.address in loss.addresses
    if not subject.domain:
        return subject.host == loss.host and bool(loss.addresses)
    if loss.domain:
        return subject.domain == loss.domain and (subject.host in ("", loss.host) or loss.kind == "dnssec")  # without it, no host of it has DANE
    led_to = next({host.name for host in domain.hosts} for domain in fleet.domains if domain.name == subject.domain)
    return not subject.host and loss.host in led_to


def _explains(loss: Loss, change: Change, run: Simulation) -> bool:
    assert change.after is not None
    first, at = run.moment(change.after.at), run.moment(change.at)
    overlaps = loss.span.start <= at and loss.span.end >= first
    return overlaps and change.check in _allowed(loss.kind) and _concerns(loss, change.subject, run.fleet)


def _judge_loss(loss: Loss, run: Simulation, told: dict[tuple[Subject, str], list[Change]], judgement: Judgement) -> None:
    verdict = judgement.kinds[loss.kind]
    needed = LASTING_FULL if loss.kind in OF_ENUMERATIONS else LASTING
    end = min(loss.span.end, run.length)
    confirmed = {}
    for subject, check in _required(loss, run.fleet):
        first, at = None, None
        for change in told[subject, check]:
            moment = run.moment(change.at)
            if loss.span.start <= moment <= end + CYCLE:
                if change.event is Event.CANDIDATE:
                    first = moment
                elif at is None:
                    at = moment
                    confirmed[subject, check] = (first, at)
    required = [*_required(loss, run.fleet)]
    if end - loss.span.start <= needed:
        verdict.short += 1
        verdict.short_told += len(confirmed) > 0
        return
    if len(confirmed) < len(required) and _longest_seen(loss, end, run) <= needed:
        verdict.hidden += 1
        return
    verdict.lasting += 1
    verdict.missed += len(confirmed) < len(required)
    judgement.missed += [(loss, *each) for each in required if each not in confirmed]
    for first, at in confirmed.values():
        verdict.from_onset.append(at - loss.span.start)
        if first is not None:
            verdict.from_candidate.append(at - first)


def _required(loss: Loss, fleet: Fleet) -> Iterator[tuple[Subject, str]]:
    """Yield every subject at every level that a loss makes weaker than it was, with the check."""
    host = next(host for host in fleet.hosts if host.name == loss.host)
    domains = [domain for domain in fleet.domains if host in domain.hosts and loss.domain in ("", domain.name)]
    for check in sorted(loss.checks):
        if loss.domain:
            domain = domains[0]
            if loss.kind in OF_HOSTS:
                yield Subject(domain.name, host.name), check
            yield domain.subject, check
            continue
        chosen = [address for address in host.addresses if address.subject.address in loss.addresses]
        weak = min(_strength(address, check, loss.kind) for address in chosen)
        yield from ((address.subject, check) for address in chosen)
        for family in sorted({address.subject.family for address in chosen}):
            if weak < min(_strength(address, check) for address in host.addresses if address.subject.family == family):
                yield Subject(host=host.name, family=family), check
        for domain in domains:
            if weak < min(_strength(address, check) for each in domain.hosts for address in each.addresses):
                yield domain.subject, check


def _strength(address: Address, check: str, kind: str = "") -> float:
    kinds = {kind} if kind else set()
    if address.mixed and check in ("tls_version", "post_quantum"):
        kinds.add("v12")
    return shown_by(frozenset(kinds), hybrid=address.hybrid, full=True)[check][0]


def _longest_seen(loss: Loss, end: float, run: Simulation) -> float:
    """Return for how long at a stretch the loss could be seen, of whichever of its subjects that was shortest."""
    host = next(host for host in run.fleet.hosts if host.name == loss.host)
    vantage = run.weather.vantage.spans
    if loss.domain:
        domain = next(domain for domain in run.fleet.domains if domain.name == loss.domain)
        spans = [*run.weather.domains[domain].spans, *run.weather.resolver.spans, *vantage]
        if loss.kind in OF_HOSTS:
            spans += [span for address in host.addresses for span in run.weather.addresses[address].spans]
        return _longest_gap(loss.span.start, end, [span for span in spans if span is not loss.span])
    chosen = [address for address in host.addresses if address.subject.address in loss.addresses]
    return min(_longest_gap(loss.span.start, end, [*run.weather.addresses[address].spans, *vantage]) for address in chosen)


def _longest_gap(start: float, end: float, spans: Iterable[Span]) -> float:
    longest, at = 0.0, start
    for span in sorted((span for span in spans if not span.real and span.end > start and span.start < end), key=lambda span: span.start):
        longest = max(longest, span.start - at)
        at = max(at, span.end)
    return max(longest, end - at)


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of them does not exceed; not a number for none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")

