"""What the pages of incidents show: what was confirmed to be lost, what became of it, and what those concerned say of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from markupsafe import Markup

from mailtls.facts import ALL
from mailtls.site.markdown import statement
from mailtls.site.naming import named
from mailtls.site.provider import told
from mailtls.site.times import moment
from mailtls.site.unseen import is_dark, unseen

if TYPE_CHECKING:

    from mailtls.publication import Document, Publication
    from mailtls.site.provider import Told
    from mailtls.site.words import Words

_HELP: dict[str, str] = {check.name: check.help or check.name for fact in ALL for check in fact.checks}


@dataclass(frozen=True, slots=True)
class Said:
    """A statement.

    Args:
        by: who says it, in words.
        at: when.
        html: what, as HTML that can do nothing.

    """

    by: Markup
    at: str
    html: Markup


def summary(publication: Publication, words: Words) -> Markup:
    """Return in one sentence how many incidents there are."""
    still = sum(1 for each in publication.incidents if each["ended_at"] is None)
    if not publication.incidents:
        since = watched_since(publication)
        return words.say("incidents-unwatched") if since is None else words.say("incidents-none", first=since)
    return words.say("incidents-summary", count=len(publication.incidents), still=still)


def watched_since(publication: Publication) -> str | None:
    """Return the first of the days that are shown on which anything was watched; ``None`` where nothing has been yet."""
    first: str = publication.trends["first"]
    return min((max(first, each["watched_since"]) for each in publication.days.values() if each["watched_since"]), default=None)


def by_month(publication: Publication, words: Words) -> tuple[list[Told], list[tuple[str, list[Told]]]]:
    """Return the incidents that go on, and those that ended by the month in which they were confirmed; the newest first."""
    newest = sorted(publication.incidents, key=lambda each: (each["confirmed_at"], each["id"]), reverse=True)
    over = [each for each in newest if each["ended_at"] is not None]
    months = [(month, told(list(each), words, publication)) for month, each in groupby(over, lambda each: each["confirmed_at"][:7])]
    return told([each for each in newest if each["ended_at"] is None], words, publication), months


def sentence(incident: Document, words: Words) -> Markup:
    """Return in one dated sentence what was confirmed."""
    return words.say(
        "incident-sentence",
        check=named(incident["check"]),
        before=incident["before"]["value"],
        after=incident["after"]["value"],
        means=_HELP.get(incident["check"]) or named(incident["check"]),
        since=moment(incident["since"], words),
        confirmed=moment(incident["confirmed_at"], words),
        vantages=", ".join(incident["vantages"]),
    )


END_MARKS = {None: "lacks", "recovered": "has"}
"""By what ended it, the sign beside it; what was given up or accepted is no better for that."""


def end_mark(incident: Document, publication: Publication) -> str:
    """Return the sign beside how it ended: that it is lacking is said only where something of it was measured lately."""
    if is_dark(incident, publication):
        return "unmeasured"
    return END_MARKS.get(incident["ended_by"], "none")


def end(incident: Document, publication: Publication, words: Words) -> Markup:
    """Return how it ended; or that it was not seen to, and where nobody could look."""
    if incident["ended_at"] is None:
        parts = [words.say("incident-open", as_of=moment(publication.edition["as_of"], words))]
        dark = unseen(incident, publication)
        parts += [words.say("incident-unseen", names=", ".join(dark))] if dark else []
        return Markup(" ").join(parts)
    return words.say(f"incident-ended-{incident['ended_by'] or 'recovered'}", at=moment(incident["ended_at"], words))


def attribution(incident: Document, words: Words) -> Markup:
    """Return where it lies, as far as can be told."""
    return words.say(f"attribution-{incident['attribution']}")


def providers(incident: Document, publication: Publication) -> list[tuple[str, str | None]]:
    """Return whose domains it concerns: the name, and the place of the provider's page; ``None`` where it has none any more."""
    slugs = {each["provider"]: each["slug"] for each in publication.providers}
    return [(name, slugs.get(name)) for name in incident["providers"]]


def statements(incident: Document, words: Words) -> list[Said]:
    """Return what was said of it, in the order in which it was."""
    return [
        Said(words.say(f"statement-{each['by']}", name=each["name"]), each["at"], statement(each["markdown"]))
        for each in sorted(incident["statements"], key=lambda each: each["at"])
    ]
