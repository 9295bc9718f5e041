"""What the overview shows: one sentence about all domains, and a row for each provider."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from markupsafe import Markup

from mailtls.site.days import drawn, worst_of
from mailtls.site.naming import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailtls.publication import Document, Publication
    from mailtls.site.words import Words

WORST_FIRST = ("unprotected", "degraded", "unknown", "protected", "no-mail")
"""Verdicts; a provider is called what its worst domain is, and what could not be measured stands between bad and good."""
VERDICT_MARKS = {"protected": "has", "degraded": "less", "unprotected": "lacks", "unknown": "unmeasured", "no-mail": "none"}
LEVEL_MARKS = {"good": "has", "sufficient": "has", "phase-out": "less", "insufficient": "lacks"}
TREND_MARKS = {"better": "up", "worse": "down", "same": "level", "mixed": "both", "unknown": "unmeasured"}


@dataclass(frozen=True, slots=True)
class Graded:
    """A grade by one policy.

    Args:
        policy: its name.
        level: in words.
        mark: the sign beside it.
        beside: how many domains have none, in words, where others have one; ``None`` where that is not so.

    """

    policy: str
    level: Markup
    mark: str
    beside: Markup | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A provider in the table.

    Args:
        provider: its name.
        slug: its place.
        verdict: that of its worst domain.
        mark: the sign beside it.
        domains: how many have which verdict, in words.
        trend: in words.
        trend_mark: the sign beside it.
        changed: the checks that were lost or gained, in words; empty where none were.
        grades: by each policy.
        measured_at: when the domain was measured that was measured longest ago; ``None`` where one never was.
        bar: the last days.

    """

    provider: str
    slug: str
    verdict: str
    mark: str
    domains: Markup
    trend: Markup
    trend_mark: str
    changed: Markup
    grades: tuple[Graded, ...]
    measured_at: str | None
    bar: Markup


def summary(edition: Document, words: Words) -> Markup:
    """Return in one sentence what is known of all domains; what could not be measured is told as plainly as the rest."""
    counts = edition["counts"]
    parts, waiting = verdict_parts(counts["verdicts"], words), counts["waiting"]
    if not parts:
        return words.say("summary-only-waiting", waiting=waiting) if waiting else words.say("summary-nothing")
    return words.say(
        "summary", domains=counts["domains"], providers=counts["providers"], parts=Markup(", ").join(parts), waiting=waiting
    )  # those that wait are in none of the counts


def verdict_parts(verdicts: Mapping[str, int], words: Words) -> list[Markup]:
    """Return how many domains have which verdict, in words, good before bad, and at the end what could not be measured."""
    order = ("protected", "degraded", "unprotected", "no-mail", "unknown")
    return [words.say(f"summary-{verdict}", count=verdicts[verdict]) for verdict in order if verdicts.get(verdict)]


def worst(verdicts: Iterable[str]) -> str:
    """Return the worst of the verdicts; unknown where there is none."""
    return next((verdict for verdict in WORST_FIRST if verdict in set(verdicts)), "unknown")


def row(provider: Document, publication: Publication, words: Words) -> Row:
    """Return a provider's row."""
    verdict = worst(provider["verdicts"])
    trend = provider["trend"]
    several = [publication.days[each["domain"]] for each in provider["domains"] if each["domain"] in publication.days]
    changed = [words.say(f"trend-{kind}", checks=", ".join(map(named, trend[kind]))) for kind in ("lost", "gained") if trend[kind]]
    return Row(
        provider["provider"],
        provider["slug"],
        verdict,
        VERDICT_MARKS[verdict],
        domains_in_words(provider["verdicts"], verdict, words),
        words.say(f"trend-{trend['direction']}"),
        TREND_MARKS[trend["direction"]],
        Markup("; ").join(changed),
        tuple(worst_grade(policy["name"], provider, words) for policy in publication.edition["policies"]),
        provider["measured_at"],
        _bar(worst_of(several), provider["provider"], words) if several else Markup(),
    )


def domains_in_words(verdicts: Mapping[str, int], verdict: str, words: Words) -> Markup:
    """Return how many of a provider's domains its verdict is of."""
    return words.say("state-domains", count=verdicts.get(verdict, 0), all=sum(verdicts.values()))


def graded(policy: str, level: str | None, verdict: str, words: Words) -> Graded:
    """Return a grade in words: that there is none is said as plainly."""
    if level is None and verdict == "no-mail":
        return Graded(policy, words.say("level-nothing"), "none")
    return Graded(policy, words.say(f"level-{level or 'none'}"), LEVEL_MARKS.get(level or "", "unmeasured"))


def in_order(grades: Mapping[str, Document], edition: Document) -> list[tuple[str, Document]]:
    """Return grades by policy, in the order in which the edition names the policies."""
    places = {policy["name"]: number for number, policy in enumerate(edition["policies"])}
    return sorted(grades.items(), key=lambda named: (places.get(named[0], len(places)), named[0]))


def worst_grade(policy: str, provider: Document, words: Words) -> Graded:
    """Return the worst grade of a provider's domains; and that it does not speak for all of them, where some could not be graded."""
    found = provider["grades"].get(policy, {})
    verdicts = provider["verdicts"]
    grade = graded(policy, found.get("level"), "no-mail" if set(verdicts) == {"no-mail"} else "", words)
    ungraded = found.get("ungraded", 0) - verdicts.get("no-mail", 0)
    if found.get("level") is None or ungraded <= 0:
        return grade
    return replace(grade, beside=words.say("grade-of-some", count=ungraded))


def _bar(days: Document, provider: str, words: Words) -> Markup:
    return drawn(days, days, words.say("bar-title", what=provider, first=days["first"], last=days["last"]), words, "verdict")


def rows(publication: Publication, words: Words, *, by_name: bool) -> list[Row]:
    """Return the rows in the order that is wanted: by name, or the worst first."""
    made = [row(provider, publication, words) for provider in publication.providers]
    named_order = sorted(made, key=lambda each: each.provider.casefold())
    return named_order if by_name else sorted(named_order, key=lambda each: WORST_FIRST.index(each.verdict))
