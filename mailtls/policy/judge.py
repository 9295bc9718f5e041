"""Judging domains: the verdict, and a grade by each policy in force."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mailtls.model import Finding, Gap, Verdict
from mailtls.policy.evaluation import NOTHING_APPLIES, evaluate, survey, takes_no_mail
from mailtls.policy.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailtls.model import Grade, MXObservation, Reading, Unknown
    from mailtls.policy.rules import Policy


@dataclass(frozen=True, slots=True)
class Observed:
    """What a judgement rests on: the readings of a domain, its hosts, and why they could not all be found."""

    readings: Mapping[str, Reading[Any]]
    hosts: tuple[MXObservation, ...]
    unresolved: Unknown | None

    def grounds(self) -> tuple[Any, ...]:
        """Return what of it a judgement depends on: not when something was last attempted."""
        hosts = [
            (host.host, host.readings, host.unresolved, [(each.endpoint, each.in_scope, each.readings) for each in host.endpoints])
            for host in self.hosts
        ]
        return self.readings, hosts, self.unresolved


@dataclass(frozen=True, slots=True)
class Judgement:
    """What may be said of a domain.

    Args:
        observed: what it rests on.
        verdict: the domain's.
        findings: that the verdict rests on.
        missing: what the verdict lacks where it is unknown.
        grades: one by each policy, in their order.

    """

    observed: Observed
    verdict: Verdict
    findings: tuple[Finding, ...]
    missing: tuple[Gap, ...]
    grades: tuple[Grade, ...]


class Judge:
    """Judges by the policies in force, and remembers its last judgement of each domain for as long as nothing changes."""

    def __init__(self, policies: tuple[Policy, ...] = ()) -> None:
        """Make a judge.

        Args:
            policies: that domains are graded by.

        """
        self.policies = policies
        self._last: dict[str, Judgement] = {}

    def judge(self, domain: str, observed: Observed) -> Judgement:
        """Judge a domain. What it rests on comes back as it was before, where that is equal: so it is kept only once."""
        last = self._last.get(domain)
        if last is not None and last.observed == observed:
            return last
        if last is not None and last.observed.grounds() == observed.grounds():
            self._last[domain] = judgement = replace(last, observed=observed)
            return judgement
        ground = NOTHING_APPLIES
        verdict, findings, missing = Verdict.NO_MAIL, tuple[Finding, ...](), tuple[Gap, ...]()
        if not takes_no_mail(observed.readings):
            ground = survey(domain, observed.readings, observed.hosts, observed.unresolved)
            verdict, findings, missing = judge(ground)
        grades = tuple(evaluate(policy, ground).grade() for policy in self.policies)
        self._last[domain] = judgement = Judgement(observed, verdict, findings, missing, grades)
        return judgement
