"""Methodology: how anything here is known, and every rule that it is held against, written from the policies themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from mailtls.model import Cause
from mailtls.policy.shipped import NAMES, VERDICT, shipped
from mailtls.show.rulebook import Style, rule_in_words
from mailtls.site.times import linked
from mailtls.site.words import safe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailtls.model import Source
    from mailtls.policy.rules import Policy
    from mailtls.publication import Document
    from mailtls.site.words import Words

NEVER = ("mail", "login", "exploit", "listening", "hurry", "insisting", "visiting")
"""What is never done; each a message ``never-...``."""
ATTRIBUTIONS = ("server", "path", "unexplained", "local")
_HTML = Style(
    lambda text: f"<code>{safe(text)}</code>",
    lambda level: f"<b>{safe(level)}</b>",
    lambda count, listed: f"<details><summary>{count} of them</summary>{listed}</details>",
)


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule of a policy.

    Args:
        id: its name within the policy.
        says: what it asks for, and which level is what.
        why: one sentence of rationale.
        source: the section of the standard: its name, and its address; ``None`` where the policy names none.

    """

    id: str
    says: Markup
    why: str
    source: tuple[str, str | None] | None


@dataclass(frozen=True, slots=True)
class PolicyShown:
    """A policy in force.

    Args:
        name: of it.
        version: of its rules.
        title: one line.
        about: how it is to be read; empty where it does not say.
        source: the standard that it follows: its name, and its address; ``None`` for none.
        rules: empty where it is the publisher's own, whose rules this program does not have at hand.

    """

    name: str
    version: str
    title: str
    about: str = ""
    source: tuple[str, str | None] | None = None
    rules: tuple[RuleRow, ...] = ()


def policies(edition: Document) -> list[PolicyShown]:
    """Return the policy of the verdict, and those that the publication was graded by."""
    return [_written(shipped(VERDICT)), *map(_in_force, edition["policies"])]


def meanings() -> Mapping[str, str]:
    """Return what each verdict means."""
    return shipped(VERDICT).meanings


def causes(words: Words) -> list[tuple[str, Markup]]:
    """Return why something may be unknown: the name of each cause in the data, and the same in words."""
    return [(cause.value, words.say(f"cause-{cause.value}")) for cause in Cause]


def command(edition: Document, words: Words) -> str:
    """Return how the site is verified; where it is found only the publisher can say."""
    return f"mailtls verify {edition['external_url'] or words.say('chain-address')}"


def span(seconds: float, words: Words) -> Markup:
    """Return a length of time in words: in minutes where it is no number of hours."""
    minutes = round(seconds / 60)
    if minutes and minutes % 60 == 0:
        return words.say("span-hours", count=minutes // 60)
    return words.say("span-minutes", count=minutes) if minutes else words.say("span-seconds", count=round(seconds))


def _in_force(named: Document) -> PolicyShown:
    """Return a policy that an edition names; its rules only where they are those of that very version."""
    policy = shipped(named["name"]) if named["name"] in NAMES else None
    if policy is None or policy.version != named["version"]:
        return PolicyShown(named["name"], named["version"], named["title"])
    return _written(policy)


def _written(policy: Policy) -> PolicyShown:
    rows = tuple(
        RuleRow(
            rule.id,
            Markup(rule_in_words(rule, policy, _HTML)),  # noqa: S704 - our own words, and what is in them is escaped
            rule.clause.why,
            _source(rule.clause.source),
        )
        for rule in policy.rules
    )
    return PolicyShown(policy.name, policy.version, policy.title, policy.about, _source(policy.source), rows)


def _source(source: Source | None) -> tuple[str, str | None] | None:
    return None if source is None else (source.title, linked(source.url))
