"""A policy: its scale, and its rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mailtls.model import Level, Verdict
from mailtls.policy.conditions import DOES_NOT_APPLY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailtls.model import Clause, Source
    from mailtls.policy.conditions import Condition, Outcome, Readings


@dataclass(frozen=True, slots=True)
class Scale:
    """The levels of a policy, best first.

    Args:
        levels: their names.
        met: how many of them meet a rule; the others fall short.
        otherwise: the rank of what is known, and in no list.

    """

    levels: tuple[str, ...]
    met: int
    otherwise: int


GRADES = Scale(tuple(level.value for level in Level), met=2, otherwise=3)
"""Of every policy but one: what is known and not listed is insufficient."""
VERDICTS = Scale((Verdict.PROTECTED.value, Verdict.DEGRADED.value, Verdict.UNPROTECTED.value), met=1, otherwise=1)
"""Of the policy ``verdict``: what is known and not listed is degraded."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Args:
        clause: how it is told.
        code: of its findings.
        condition: what it says.
        when: conditions without which it does not apply; each holds where it comes to its best level.
        says: a sentence about what falls short, with ``{seen}`` for the values; empty for a plain one.
        told_by: a fact that says more where the rule is broken; empty for none.
        path: to what it looks at first.
        scope: the narrowest of its facts' scopes: it is held against everything of that kind.
        written: what it says, as it stands in the file, for the documentation.

    """

    clause: Clause
    code: str
    condition: Condition
    when: tuple[Condition, ...] = ()
    says: str = ""
    told_by: str = ""
    path: str = ""
    scope: int = 0
    written: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The rule's name within its policy."""
        return self.clause.rule

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that it reads."""
        return tuple(dict.fromkeys(fact for condition in (self.condition, *self.when) for fact in condition.facts()))

    def __call__(self, readings: Readings) -> Outcome:
        """Hold readings against it."""
        for guard in self.when:
            held = guard(readings)
            if held.gaps:
                return held
            if held.rank != 0:
                return DOES_NOT_APPLY
        return self.condition(readings)


@dataclass(frozen=True, slots=True)
class Policy:
    """What domains are held against.

    Args:
        name: how it is called in the configuration and in results.
        version: of its rules; a change of policy is told from a change of a server by it.
        title: one line for a person.
        source: the standard that it follows; ``None`` where it follows none.
        section_url: the link to a section of that, with ``{section}`` in its place; empty for none.
        scale: its levels.
        rules: in the order in which their findings are told.
        meanings: of the levels, and of what else a domain can be called, where the policy says so.
        about: a few sentences on how it is to be read.

    """

    name: str
    version: str
    title: str
    source: Source | None
    section_url: str
    scale: Scale
    rules: tuple[Rule, ...]
    meanings: Mapping[str, str]
    about: str = ""
