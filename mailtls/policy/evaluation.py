"""Holding what was observed of a domain against a policy: every rule against everything of its scope. Pure, and of no policy's mind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mailtls import facts
from mailtls.model import Cause, Finding, Gap, Grade, Known, Level, Place, Stage, Unknown
from mailtls.policy.conditions import NOTHING
from mailtls.readable import readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mailtls.model import MXObservation, Reading
    from mailtls.policy.conditions import Outcome, Readings
    from mailtls.policy.rules import Policy, Rule

_SHOWN = 6
_LONGEST = 200
_NOBODY = Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT, "there is no address that this vantage can visit")


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that rules are held against, with its readings and those of what it belongs to."""

    place: Place
    readings: Readings
    where: str


def _subject(readings: Readings, place: Place) -> Subject:
    return Subject(place, readings, str(place))


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything of a domain that rules can be held against: by scope, from the widest to the narrowest.

    What could not be found stands here too, as something of which every fact is unknown: so no rule can overlook it.
    """

    subjects: tuple[tuple[Subject, ...], ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of holding a domain against a policy.

    Args:
        policy: which.
        worst: the worst rank that was measured; :data:`NOTHING` where nothing applies, or nothing is known.
        findings: what falls short.
        gaps: what is not known, for each reason and subject once.
        applying: how many pairs of a rule and a subject there are.
        decided: of how many of them everything is known.
        met: the share of the rules that apply which no subject breaks.

    """

    policy: Policy
    worst: int
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    applying: int
    decided: int
    met: float

    def grade(self) -> Grade:
        """Return the grade: none on incomplete evidence."""
        complete = self.decided == self.applying
        graded = complete and self.worst != NOTHING
        return Grade(
            policy=self.policy.name,
            version=self.policy.version,
            level=Level(self.policy.scale.levels[self.worst]) if graded else None,
            coverage=1.0 if complete else self.decided / self.applying,
            met=self.met if graded else None,
            findings=self.findings,
            missing=self.gaps,
        )


def survey(
    domain: str, readings: Mapping[str, Reading[Any]], hosts: Sequence[MXObservation], unresolved: Unknown | None
) -> Ground:
    """Return the ground of a domain.

    Args:
        domain: its name.
        readings: of the domain.
        hosts: its MX hosts, with their endpoints.
        unresolved: why its mail hosts could not all be found, or ``None``.

    """
    mx_hosts, endpoints = [], []
    for host in hosts:
        visited = [endpoint for endpoint in host.endpoints if endpoint.in_scope]
        # A host that has no address at all takes no mail, and so leaves no question open; one whose look-up failed does.
        unseen = host.unresolved if host.unresolved is not None and host.unresolved.cause is not Cause.NO_ADDRESS else None
        if not visited and unseen is None:
            continue
        mx_hosts.append(_subject((readings, host.readings), Place(domain, host.host)))
        for endpoint in visited:
            place = Place(domain, host.host, endpoint.endpoint)
            endpoints.append(_subject((readings, host.readings, endpoint.readings), place))
        if unseen is not None:
            unknown = _all_unknown(facts.ENDPOINT, unseen)
            endpoints.append(_subject((readings, host.readings, unknown), Place(domain, host.host)))
    missing = unresolved or (None if endpoints else _NOBODY)
    if missing is not None:
        nothing = (readings, _all_unknown(facts.MX, missing), _all_unknown(facts.ENDPOINT, missing))
        endpoints.append(_subject(nothing, Place(domain)))
        mx_hosts.append(_subject(nothing[:2], Place(domain)))
    return Ground(((_subject((readings,), Place(domain)),), tuple(mx_hosts), tuple(endpoints)))


def takes_no_mail(readings: Mapping[str, Reading[Any]]) -> bool:
    """Whether a domain says that it takes no mail (a null MX): then no rule applies to it."""
    return readings.get("null_mx") == Known(value=True)


NOTHING_APPLIES = Ground(((), (), ()))
"""The ground of a domain that takes no mail."""


def _all_unknown(declared: Sequence[Any], why: Unknown) -> dict[str, Reading[Any]]:
    return dict.fromkeys((fact.name for fact in declared), why)


class _Gaps:
    """Collects what is not known: a host that stays silent is silent about everything, and that is kept once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Cause, Stage, str], tuple[Unknown, dict[str, None]]] = {}

    def add(self, fact: str, where: str, unknown: Unknown) -> None:
        """Note a fact that is not known."""
        _, names = self._found.setdefault((where, unknown.cause, unknown.stage, unknown.detail), (unknown, {}))
        names[fact] = None

    def all(self) -> tuple[Gap, ...]:
        """Return everything that was noted."""
        return tuple(Gap(_shared(tuple(names)), key[0], unknown) for key, (unknown, names) in self._found.items())


@lru_cache(maxsize=1024)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return equal names as one object: thousands of domains lack the same."""
    return names


def held(policy: Policy, ground: Ground) -> Iterator[tuple[Rule, Subject, Outcome]]:
    """Yield what comes of each rule for each subject that it applies to, or may; all of a rule one after the other."""
    for rule in policy.rules:
        for subject in ground.subjects[rule.scope]:
            outcome = rule(subject.readings)
            if outcome.rank != NOTHING or outcome.gaps:
                yield rule, subject, outcome


def evaluate(policy: Policy, ground: Ground) -> Evaluation:
    """Hold a domain against a policy."""
    findings: list[Finding] = []
    gaps = _Gaps()
    applying = decided = 0
    worst = NOTHING
    short_from = policy.scale.met
    applied, short = set(), set()
    for rule, subject, outcome in held(policy, ground):
        applied.add(rule.id)
        applying += 1
        decided += not outcome.gaps
        worst = max(worst, outcome.rank)
        for fact, unknown in outcome.gaps:
            gaps.add(fact, subject.where, unknown)
        if outcome.rank >= short_from:
            short.add(rule.id)
            findings += _findings(policy, rule, subject, outcome)
    share = (len(applied) - len(short)) / len(applied) if applied else 1.0
    return Evaluation(policy, worst, tuple(findings), gaps.all(), applying, decided, share)


def _findings(policy: Policy, rule: Rule, subject: Subject, outcome: Outcome) -> Iterator[Finding]:
    """Yield what falls short: a finding, or one for each of what another fact says of it."""
    level = policy.scale.levels[outcome.rank]
    plain = rule.says.replace("{seen}", seen_in_words(outcome.seen)) if rule.says else f"{rule.path}: {seen_in_words(outcome.seen)}"
    for code, text in _told_by(rule, subject) or [(rule.code, plain)]:
        yield Finding(code, subject.where, text, level, rule.clause, subject.place, outcome.seen, rule.path)


def _told_by(rule: Rule, subject: Subject) -> list[tuple[str, str]]:
    """Return code and sentence of each thing that a further fact says: its entries; or, of a truth, what it is declared to mean."""
    if not rule.told_by:
        return []
    fact = next(fact for fact in facts.ALL if fact.name == rule.told_by)
    said = next((readings[rule.told_by] for readings in subject.readings if rule.told_by in readings), None)
    if not isinstance(said, Known):
        return []
    if said.value is True:
        return [(rule.code, _within_a_line(fact.help))]
    return [(entry["code"], entry["why"]) for entry in said.value] if isinstance(said.value, list) else []


def _within_a_line(sentence: str) -> str:
    """Return a sentence as the other findings are written: it begins small, but for an abbreviation, and ends without a full stop."""
    abbreviated = sentence[1:2].isupper()
    return (sentence if abbreviated else sentence[:1].lower() + sentence[1:]).removesuffix(".")


def seen_in_words(seen: Sequence[Any]) -> str:
    """Return values for a sentence, a few of them at most; nothing of them can act on a terminal."""
    flat = [one for value in seen for one in (value if isinstance(value, list) else [value])]
    shown = list(dict.fromkeys(_word(value) for value in flat))
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return f"{', '.join(shown[:_SHOWN])}{more}" if shown else "nothing"


def _word(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return readable(str(value), _LONGEST)
