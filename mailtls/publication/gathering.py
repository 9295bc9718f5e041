"""Gathering a publication: from what is known now, what was seen over time, and what people say, to the documents that are published.

Pure, and in parts: of each domain one, so that whoever gathers can do something else in between.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mailtls.instants import rfc3339
from mailtls.model import Place, Unknown
from mailtls.policy.evaluation import NOTHING_APPLIES, survey, takes_no_mail
from mailtls.policy.rulings import rulings
from mailtls.policy.shipped import VERDICT, shipped
from mailtls.policy.telling import command_for
from mailtls.publication import SCHEMA, Publication
from mailtls.publication.incidents import Way, endpoints_of, incidents
from mailtls.publication.providers import provider_document, slugs
from mailtls.publication.statements import by_incident
from mailtls.publication.trends import trends
from mailtls.show.document import domain_document
from mailtls.show.regression_document import open_of, regression_document
from mailtls.tracking.changes import Subject
from mailtls.tracking.days import days_of
from mailtls.tracking.fresh import subject_of
from mailtls.tracking.history import NOT_KEPT, canonical, reading_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from mailtls.model import DomainObservation, Known, Reading, Snapshot
    from mailtls.policy.rules import Policy
    from mailtls.policy.rulings import Ruling
    from mailtls.publication import Document
    from mailtls.publication.statements import Statement
    from mailtls.tracking.days import Days
    from mailtls.tracking.history import State, Story
    from mailtls.tracking.settling import JointRegression
    from mailtls.tracking.told import Told

DAYS = 90
"""How many days are shown."""
_WRITTEN_AGAIN = timedelta(hours=1)
"""After how long it is written down that something is still as it was (``tracking/journal``)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a publication goes by that no measurement says.

    Args:
        title: of the site.
        publisher: who publishes: name; contact and page, each ``None`` for none.
        licence: of the data: its name, and the URL of its text.
        interval: from one publication to the next.
        stale_after: how old one may be.
        external_url: where the site is found; ``None`` where nobody said.
        program: what measured: name and version.
        vantage: from where.
        policies: that grades are given by.
        looks: the interval between two looks at a domain.

    """

    title: str
    publisher: tuple[str, str | None, str | None]
    licence: tuple[str, str]
    interval: timedelta
    stale_after: timedelta
    external_url: str | None
    program: str
    vantage: str
    policies: tuple[Policy, ...]
    looks: timedelta


@dataclass(frozen=True, slots=True)
class Part:
    """What is published of one domain.

    Args:
        domain: its document, without the slug of its provider and its incidents, which take all domains to know.
        days: what each of its last days was like.
        ways: which hosts its mail went to, and when.

    """

    domain: Document
    days: Document
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """What is published beside the domains.

    Args:
        regressions: open, and ended as long ago as is published.
        vantages: all places that have a say.
        statements: of incidents.
        corrections: as documents, in order of time.

    """

    regressions: tuple[JointRegression, ...] = ()
    vantages: tuple[str, ...] = ()
    statements: tuple[Statement, ...] = ()
    corrections: tuple[Document, ...] = ()


def first_day(now: datetime) -> date:
    """Return the first of the days that are shown, in UTC."""
    return now.astimezone(UTC).date() - timedelta(days=DAYS - 1)


# Of one domain.


def part(observed: DomainObservation, stories: Sequence[Story], told: Told, terms: Terms, now: datetime) -> Part:
    """Return what is published of one domain.

    Args:
        observed: what is known of it now.
        stories: of this vantage, of all that belongs to it.
        told: what is known of regressions.
        terms: what the publication goes by.
        now: the time.

    """
    document = domain_document(observed, explain=True)
    current = {
        (story.subject, state.fact): state for story in stories for state in story.states if state.ended_at is None
    }  # a later one of a fact goes before an earlier one, of which there is none
    ruled = _rulings(observed, terms.policies)
    name = observed.domain

    def tell(told_of: Document, readings: Mapping[str, Reading[Any]], subject: Subject, place: Place) -> None:
        for fact, reading in readings.items():
            told_of[fact] |= _beside_reading(fact, reading, current.get((subject, fact)), ruled.get((place, fact), ()), place)

    tell(document["readings"], observed.readings, Subject(name), Place(name))
    for host, host_document in zip(observed.mx, document["mx"], strict=True):
        tell(host_document["readings"], host.readings, Subject(name, host.host), Place(name, host.host))
        for endpoint, endpoint_document in zip(host.endpoints, host_document["endpoints"], strict=True):
            where = endpoint.endpoint
            tell(endpoint_document["readings"], endpoint.readings, subject_of(where), Place(name, host.host, where))
    document = {"schema": SCHEMA, "vantage": terms.vantage, **document}
    document["regressions"] = [regression_document(each) for each in open_of(name, told)]
    days = days_of(name, stories, now, DAYS, _WRITTEN_AGAIN + 2 * terms.looks)
    return Part(document, _days_document(name, days), tuple(_ways(name, stories)))


def _rulings(observed: DomainObservation, policies: Iterable[Policy]) -> Mapping[tuple[Place, str], tuple[Ruling, ...]]:
    ground = NOTHING_APPLIES
    if not takes_no_mail(observed.readings):
        ground = survey(observed.domain, observed.readings, observed.mx, observed.unresolved)
    return rulings((*policies, shipped(VERDICT)), ground)


def _beside_reading(fact: str, reading: Reading[Any], state: State | None, ruled: Iterable[Ruling], place: Place) -> Document:
    """Return what is published of a reading beside its own keys."""
    is_measured = not isinstance(reading, Unknown)
    if not is_measured or state is None or fact in NOT_KEPT or canonical(fact, reading) != state.value:
        state = None  # what it shows is not what was written down
    command = command_for(fact, place, getattr(reading, "value", None)) if is_measured else ""
    return {
        "first_seen": None if state is None else rfc3339(state.first_seen),
        "last_seen": None if state is None else rfc3339(state.last_seen),
        "evidence": None if state is None else state.evidence or None,
        "rules": _rules(tuple(ruled)),
        "reproduce": command or None,
    }


@lru_cache(maxsize=4096)
def _rules(ruled: tuple[Ruling, ...]) -> list[Document]:
    """Return rulings as they are published; equal ones as one object: thousands of readings have the same."""
    return [{"policy": each.policy, "version": each.version, "rule": each.rule, "met": each.met} for each in ruled]


def _days_document(domain: str, days: Days) -> Document:
    rows = [
        {
            "check": row.check,
            "runs": [{"from": str(span.first), "to": str(span.last), "mark": span.mark.value, "shown": span.shown} for span in row.spans],
        }
        for row in days.rows
    ]
    since = None if days.watched_since is None else str(days.watched_since)
    return {"schema": SCHEMA, "domain": domain, "first": str(days.first), "last": str(days.last), "watched_since": since, "rows": rows}


def _ways(domain: str, stories: Iterable[Story]) -> Iterable[Way]:
    """Yield which hosts the mail of a domain went to, and when."""
    for story in stories:
        for state in story.states if story.subject == Subject(domain) else ():
            reading: Known[Any] | Any = reading_of(state.value) if state.fact == "mx_records" else None
            for record in getattr(reading, "value", ()):
                if record["host"] != ".":  # of a null MX
                    yield Way(domain, str(record["host"]), state.first_seen, state.ended_at)


# Of all of them.


def publication(snapshot: Snapshot, parts: Sequence[Part], beside: Beside, told: Told, terms: Terms, now: datetime) -> Publication:
    """Put a publication together.

    Args:
        snapshot: what is known now.
        parts: one of each of its domains.
        beside: what is published beside them.
        told: what is known of regressions.
        terms: what the publication goes by.
        now: the time of which it is.

    """
    owners = {each.domain["domain"]: each.domain["provider"] for each in parts}
    named = slugs(sorted(set(owners.values())))
    ways = [way for each in parts for way in each.ways]
    happened = incidents(beside.regressions, owners, ways, endpoints_of(snapshot.domains), by_incident(beside.statements))
    of_domain: dict[str, list[str]] = {}
    for incident in happened:
        for domain in incident["domains"]:
            of_domain.setdefault(domain, []).append(incident["id"])
    domains = {
        name: {**each.domain, "slug": named[owner], "incidents": of_domain.get(name, [])}
        for (name, owner), each in sorted(zip(owners.items(), parts, strict=True), key=lambda pair: pair[0])
    }
    days = {name: each.days for name, each in sorted((each.domain["domain"], each) for each in parts)}
    of_owner: dict[str, list[Document]] = {}
    for document in domains.values():
        of_owner.setdefault(document["provider"], []).append(document)
    providers = tuple(provider_document(name, slug, of_owner[name], days) for name, slug in named.items())
    edition = _edition(snapshot, domains.values(), len(providers), beside, told, terms, now)
    return Publication(edition, providers, domains, days, happened, trends(days.values(), first_day(now), now.astimezone(UTC).date()))


def _edition(
    snapshot: Snapshot, domains: Iterable[Document], providers: int, beside: Beside, told: Told, terms: Terms, now: datetime
) -> Document:
    verdicts = Counter(each["verdict"] for each in domains)
    name, contact, url = terms.publisher
    return {
        "schema": SCHEMA,
        "title": terms.title,
        "publisher": {"name": name, "contact": contact, "url": url},
        "licence": {"name": terms.licence[0], "url": terms.licence[1]},
        "as_of": rfc3339(now),
        "stale_after": int(terms.stale_after.total_seconds()),
        "interval": int(terms.interval.total_seconds()),
        "program": terms.program,
        "vantage": terms.vantage,
        "vantages": sorted({terms.vantage, *beside.vantages}),
        "policies": [{"name": each.name, "version": each.version, "title": each.title} for each in terms.policies],
        "external_url": terms.external_url,
        "counts": {
            "providers": providers,
            "domains": verdicts.total(),
            "waiting": len(snapshot.waiting),
            "verdicts": dict(sorted(verdicts.items())),
        },
        "blind": told.blind,
        "corrections": list(beside.corrections),
    }


def strange_statements(statements: Iterable[Statement], made: Publication) -> tuple[str, ...]:
    """Return in words which statements are of no incident that is published."""
    known = {incident["id"] for incident in made.incidents}
    return tuple(f"{each.file}: no incident {each.incident} is published" for each in statements if each.incident not in known)

