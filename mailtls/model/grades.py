"""How well something meets a policy: its level, what falls short of which rule, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailtls.model.readings import Unknown
    from mailtls.model.watched import Endpoint


class Level(StrEnum):
    """How well something meets a policy, the best first."""

    GOOD = "good"
    SUFFICIENT = "sufficient"
    PHASE_OUT = "phase-out"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class Place:
    """What a rule was held against: a domain; or an MX host of it; or one endpoint of that.

    Args:
        domain: its name.
        host: the MX host's; empty where the domain itself is meant.
        endpoint: which address; ``None`` where the host as a whole is meant.

    """

    domain: str
    host: str = ""
    endpoint: Endpoint | None = None

    def __str__(self) -> str:
        return str(self.endpoint) if self.endpoint is not None else self.host or self.domain


@dataclass(frozen=True, slots=True)
class Source:
    """Where something is said: in words, and as a link."""

    title: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """A rule of a policy, as it is told to a person.

    Args:
        policy: its name.
        version: of the policy.
        rule: the rule's name within it.
        why: one sentence of rationale.
        source: the section of the standard; ``None`` where the policy names none.
        facts: that it reads, in order: how it is seen and mended goes by them.
        reproduce: the name of another command that shows the same; or its words; empty for none.
        mend: the name of another remedy; empty for none.

    """

    policy: str
    version: str
    rule: str
    why: str
    source: Source | None = None
    facts: tuple[str, ...] = ()
    reproduce: str | tuple[str, ...] = ""
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A reading that falls short, and of what.

    Args:
        code: a name from the field (TLS-RPT's result types, where they fit), or the rule's own.
        where: the endpoint, host or domain that it was read from.
        text: one sentence for a person; what it has from the wire is escaped already.
        level: how far short, in the words of its policy.
        clause: the rule that it breaks.
        place: the same as ``where``, in parts.
        seen: the values that fall short.
        path: to them: a fact, and what of its value.

    """

    code: str
    where: str
    text: str
    level: str = ""
    clause: Clause | None = None
    place: Place | None = None
    seen: tuple[object, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Facts that a policy needs, and that are not known of some endpoint, host or domain, all for one reason."""

    facts: tuple[str, ...]
    where: str
    unknown: Unknown


@dataclass(frozen=True, slots=True)
class Grade:
    """How well a domain meets a policy.

    Args:
        policy: its name.
        version: of the policy.
        level: the worst that was measured; ``None`` where the evidence is incomplete, or nothing in the policy applies.
        coverage: for which share of the rules, each with each endpoint, host or domain that it applies to, what they need is known;
            from 0 to 1.
        met: which share of the rules that apply is met wherever they do, from 0 to 1; ``None`` where ``level`` is.
        findings: what falls short.
        missing: what is not known.

    """

    policy: str
    version: str
    level: Level | None
    coverage: float
    met: float | None = None
    findings: tuple[Finding, ...] = ()
    missing: tuple[Gap, ...] = ()
