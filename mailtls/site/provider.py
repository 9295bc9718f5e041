"""What the page of a provider shows: its domains, its grades, and what it lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from mailtls.site.days import drawn
from mailtls.site.naming import named
from mailtls.site.overview import VERDICT_MARKS, graded, in_order, verdict_parts, worst_grade
from mailtls.site.times import moment
from mailtls.site.unseen import is_dark
from mailtls.site.words import isolated

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mailtls.publication import Document, Publication
    from mailtls.site.overview import Graded
    from mailtls.site.words import Words


@dataclass(frozen=True, slots=True)
class DomainRow:
    """A domain of a provider.

    Args:
        domain: its name.
        verdict: of it.
        mark: the sign beside it.
        bar: the last days.
        grades: by each policy.
        regressions: how much it has lost that has not come back.
        measured_at: when it was measured last; ``None`` where it never was.

    """

    domain: str
    verdict: str
    mark: str
    bar: Markup
    grades: tuple[Graded, ...]
    regressions: int
    measured_at: str | None


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """How the domains of a provider are graded by a policy.

    Args:
        graded: the worst grade.
        version: of the policy.
        levels: how many domains have which grade, in words.

    """

    graded: Graded
    version: str
    levels: Markup


@dataclass(frozen=True, slots=True)
class Told:
    """An incident in a line.

    Args:
        id: leads to its page; ``None`` where it has none.
        what: was lost, and where, in words.
        before: what it was.
        after: what it is.
        since: when it was seen so first.
        ended_at: when it ended; ``None`` while it is open.
        ended_by: what ended it, in words; ``None`` while it is open.
        mark: the sign beside one that was not seen to end.

    """

    id: str | None
    what: Markup
    before: str
    after: str
    since: str
    ended_at: str | None
    ended_by: Markup | None
    mark: str


def summary(provider: Document, words: Words) -> Markup:
    """Return in one sentence what is known of a provider's domains."""
    parts = verdict_parts(provider["verdicts"], words)
    if not parts:
        return words.say("summary-nothing")
    return words.say("provider-summary", domains=len(provider["domains"]), parts=Markup(", ").join(parts))


def trend(provider: Document, words: Words) -> Markup:
    """Return how a provider has fared, in words: which way, since when, and what was lost or gained."""
    told = provider["trend"]
    changed = [words.say(f"trend-{kind}", checks=", ".join(map(named, told[kind]))) for kind in ("lost", "gained") if told[kind]]
    return words.say("provider-trend", direction=words.say(f"trend-{told['direction']}"), since=told["since"], changed=Markup("; ").join(changed))


def rows(provider: Document, publication: Publication, words: Words) -> list[DomainRow]:
    """Return a row for each domain."""
    return [
        DomainRow(
            each["domain"],
            each["verdict"],
            VERDICT_MARKS[each["verdict"]],
            _bar(each["domain"], publication.days.get(each["domain"]), words),
            tuple(
                graded(policy["name"], each["grades"].get(policy["name"]), each["verdict"], words) for policy in publication.edition["policies"]
            ),
            each["regressions"],
            each["measured_at"],
        )
        for each in provider["domains"]
    ]


def _bar(domain: str, days: Document | None, words: Words) -> Markup:
    if days is None:
        return Markup()
    row: Document = next((row for row in days["rows"] if row["check"] == "verdict"), {"runs": []})
    return drawn(days, row, words.say("bar-title", what=domain, first=days["first"], last=days["last"]), words, "verdict", hints=True)


def policies(provider: Document, edition: Document, words: Words) -> list[PolicyRow]:
    """Return the worst grade by each policy, and how many domains have which."""
    made = []
    for policy, grade in in_order(provider["grades"], edition):
        parts = [words.say("level-count", level=words.say(f"level-{level}"), count=count) for level, count in grade["levels"].items()]
        if grade["ungraded"]:
            parts.append(words.say("level-count", level=words.say("level-none"), count=grade["ungraded"]))
        made.append(PolicyRow(worst_grade(policy, provider, words), grade["version"], Markup(", ").join(parts)))
    return made


def looked_at(provider: Document, words: Words) -> Markup:
    """Return since when each of a provider's domains was looked at, as far as they were."""
    every = [each["measured_at"] for each in provider["domains"]]
    never = every.count(None)
    parts = [words.say("provider-never", count=never)] if never else []
    if never < len(every):
        parts.insert(0, words.say("provider-measured", at=moment(provider["measured_at"], words), count=len(every) - never))
    return Markup(" ").join(parts)


def of_domain(domain: Document, incidents: Sequence[Document]) -> list[Document]:
    """Return the incidents of a domain, and what else it has lost that no page tells of yet.

    What an open incident tells of a host is not told again of the domain, and what a minority of the vantages saw accuses nobody.
    """
    mine = [each for each in incidents if each["id"] in domain["incidents"]]
    known = {each["check"] for each in mine if each["ended_at"] is None}
    others = [each for each in domain["regressions"] if each["counts"] and each["check"] not in known]
    return mine + [{**each, "id": None, "domains": [domain["domain"]]} for each in others]


def corrections(edition: Document, subjects: Collection[str]) -> list[Document]:
    """Return what was corrected of a domain or a provider."""
    return [each for each in edition["corrections"] if each["subject"] in subjects]


def told(incidents: Sequence[Document], words: Words, publication: Publication) -> list[Told]:
    """Return incidents of a publication in a line each: the open ones first, and the newest of each kind first."""
    newest = sorted(incidents, key=lambda each: each["since"], reverse=True)
    return [_told(each, words, publication) for each in sorted(newest, key=lambda each: each["ended_at"] is not None)]


def _told(incident: Document, words: Words, publication: Publication) -> Told:
    place = incident["mx"] or ", ".join(incident["domains"])
    ended_by = incident["ended_by"]
    return Told(
        incident["id"],
        words.say("incident-what", check=named(incident["check"]), place=isolated(place)),
        incident["before"]["value"],
        incident["after"]["value"],
        incident["since"],
        incident["ended_at"],
        None if ended_by is None else words.say(f"ended-by-{ended_by}"),
        "unmeasured" if is_dark(incident, publication) else "lacks",
    )
