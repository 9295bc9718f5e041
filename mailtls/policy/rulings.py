"""Rulings: for each reading of a domain, which rules it met or broke, and which could not be decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailtls import facts
from mailtls.facts.declaration import Scope
from mailtls.model import Place
from mailtls.policy.evaluation import held

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailtls.policy.evaluation import Ground
    from mailtls.policy.rules import Policy


@dataclass(frozen=True, slots=True)
class Ruling:
    """What came of holding something against a rule.

    Args:
        policy: its name.
        version: of the policy.
        rule: the rule's name within it.
        met: whether it is met; ``None`` where that could not be decided.

    """

    policy: str
    version: str
    rule: str
    met: bool | None


_SCOPES = {fact.name: fact.scope for fact in facts.ALL}


def rulings(policies: Iterable[Policy], ground: Ground) -> Mapping[tuple[Place, str], tuple[Ruling, ...]]:
    """Return the rulings on each reading, by where it stands and the name of its fact, in the policies' order and theirs.

    A rule that looks at several readings rules on all of them. Where it is held against several endpoints, the reading of a host or domain
    that it looks at besides gets the worst: broken goes before undecided, and that before met. On what merely decides whether a rule
    applies nothing is ruled.

    Args:
        policies: to go by.
        ground: of a domain.

    """
    found: dict[tuple[Place, str], dict[tuple[str, str, str], bool | None]] = {}
    for policy in policies:
        broken_from = policy.scale.met
        looks_at = {rule.id: tuple(dict.fromkeys(rule.condition.facts())) for rule in policy.rules}
        for rule, subject, outcome in held(policy, ground):
            met = False if outcome.rank >= broken_from else None if outcome.gaps else True
            for fact in looks_at[rule.id]:
                place = _stands(fact, subject.place)
                if place is not None:
                    mine = found.setdefault((place, fact), {})
                    key = (policy.name, policy.version, rule.id)
                    mine[key] = _worse(mine[key], met) if key in mine else met
    return {where: tuple(Ruling(*key, met) for key, met in those.items()) for where, those in found.items()}


def _stands(fact: str, place: Place) -> Place | None:
    """Return where the reading of a fact stands that a rule looked at from a place; ``None`` where nothing stands there."""
    scope = _SCOPES[fact]
    if scope is Scope.DOMAIN:
        return Place(place.domain)
    if scope is Scope.MX:
        return Place(place.domain, place.host) if place.host else None
    return place if place.endpoint is not None else None


def _worse(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True
