"""The verdict of a domain: what came of holding it against the policy ``verdict``, whose data says what each verdict means.

A measured bad decides before an unknown does; an unknown decides before a good. Only what was measured to be good is good: a reading
that is Absent says that something does not apply, and so vouches for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.model import Verdict
from mailtls.policy.evaluation import evaluate
from mailtls.policy.shipped import VERDICT, shipped

if TYPE_CHECKING:
    from mailtls.model import Finding, Gap
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
