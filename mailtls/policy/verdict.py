"""The verdict of a domain: what came of holding it against the policy ``verdict``, whose data says what each verdict means.

A measured bad decides before an unknown does; an unknown decides before a good. Only what was measured to be good is good: a reading
that is Absent says that something does not apply, and so vouches for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailtls.model import Verdict
from mailtls.policy.evaluation import evaluate, survey, takes_no_mail
from mailtls.policy.shipped import VERDICT, shipped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailtls.model import Finding, Gap, MXObservation, Reading, Unknown
    from mailtls.policy.evaluation import Ground


def judge(ground: Ground) -> tuple[Verdict, tuple[Finding, ...], tuple[Gap, ...]]:
    """Return the verdict of a domain that takes mail, the findings it rests on, and what it lacks where it is unknown."""
    policy = shipped(VERDICT)
    held = evaluate(policy, ground)
    if held.findings:
        levels = policy.scale.levels
        # What is worse is told first; of equals the rules' own order holds.
        return Verdict(levels[held.worst]), tuple(sorted(held.findings, key=lambda finding: -levels.index(finding.level))), ()
    if held.gaps or not held.applying:
        return Verdict.UNKNOWN, (), held.gaps
    return Verdict.PROTECTED, (), ()


def judge_domain(
    readings: Mapping[str, Reading[Any]], hosts: Sequence[MXObservation], unresolved: Unknown | None, domain: str = ""
) -> tuple[Verdict, tuple[Finding, ...]]:
    """Return the verdict of a domain, and the findings it rests on.

    Args:
        readings: of the domain.
        hosts: its MX hosts, with their endpoints.
        unresolved: why its mail hosts could not all be found, or ``None``.
        domain: its name.

    """
    if takes_no_mail(readings):
        return Verdict.NO_MAIL, ()
    return judge(survey(domain, readings, hosts, unresolved))[:2]
