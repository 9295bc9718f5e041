"""The pages of the site: each a template, and what a small pure function prepares for it from a publication."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from mailtls.policy.shipped import VERDICT, shipped
from mailtls.site import domain, earlier, glossary, incidents, ledger, methodology, overview, provider, trends
from mailtls.site.charts import MARKS, sample
from mailtls.site.days import length
from mailtls.site.file import File
from mailtls.site.naming import named
from mailtls.site.times import day, later, linked, moment
from mailtls.site.values import Pairs, Several
from mailtls.site.words import english, lines, safe, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mailtls.publication import Document, Link, Publication
    from mailtls.publication.chain import Gist
    from mailtls.store.publications import Kept

HTML = "text/html; charset=utf-8"
SECURITY_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"
"""Of every page, in itself too, so that it holds where files are served by somebody else."""


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages of a site have in common.

    Args:
        publication: what is said.
        link: its place in the chain, where it was sealed.
        stale: whether it is older than it promises to be at most.

    """

    publication: Publication
    link: Link | None
    stale: bool

    def page(self, template: str, depth: int, current: str, **prepared: Any) -> bytes:
        """Return a page.

        Args:
            template: the name of its file.
            depth: how many folders it lies below ``status/``.
            current: which entry of the navigation it belongs to; empty where to none.
            prepared: what the template shows beside what all show.

        """
        return _page(template, depth, current, edition=self.publication.edition, link=self.link, stale=self.stale, **prepared)


def _page(template: str, depth: int, current: str, *, edition: Document, **prepared: Any) -> bytes:
    common = {"root": "../" * depth or "./", "current": current, "edition": edition}
    return environment().get_template(template).render(
        **common, good_until=later(edition["as_of"], edition["stale_after"]), **prepared
    ).encode("utf-8", "backslashreplace")  # fmt: skip


@cache
def environment() -> Environment:
    """Return Jinja's environment: everything is escaped, and what is missing is an error."""
    # A bundle of bytecode is of no use: templates are compiled once a process.
    made = Environment(
        loader=PackageLoader("mailtls.site"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
    )
    words = english()
    made.globals |= {
        "say": words.say,
        "locale": words.locale,
        "moment": partial(moment, words=words),
        "security_policy": SECURITY_POLICY,
        "marks": MARKS,
        "sample": sample,
        "named": named,
        "glossed": glossary.OF_FAMILIES,
        "day": day,
        "lines": lines,
    }
    made.tests.update(pairs=_is_pairs, several=_is_several)
    made.filters |= {"shown": shown, "path": partial(quote, safe=""), "linked": linked}
    made.finalize = safe
    return made


def _is_pairs(value: object) -> bool:
    return isinstance(value, Pairs)


def _is_several(value: object) -> bool:
    return isinstance(value, Several)


def files(publication: Publication, link: Link | None, *, stale: bool, kept: Sequence[Kept] = ()) -> Mapping[str, File]:
    """Return the pages and their style sheet by path."""
    site = Site(publication, link, stale)
    pages: dict[str, Callable[[], bytes]] = {
        "status/index.html": partial(_overview, site, by_name=False),
        "status/by-name/index.html": partial(_overview, site, by_name=True),
        "status/incidents/index.html": partial(_incidents, site),
        "status/trends/index.html": partial(_trends, site),
        "status/methodology/index.html": partial(_methodology, site),
        "status/glossary/index.html": partial(_glossary, site),
        "status/snapshots/index.html": partial(_snapshots, site, kept),
    }
    pages |= {f"status/providers/{each['slug']}/index.html": partial(_provider, site, each) for each in publication.providers}
    pages |= {f"status/domains/{name}/index.html": partial(_domain, site, each) for name, each in publication.domains.items()}
    pages |= {f"status/incidents/{each['id']}/index.html": partial(_incident, site, each) for each in publication.incidents}
    return {path: File(HTML, render) for path, render in pages.items()} | {
        "status/style.css": File("text/css; charset=utf-8", partial(_beside, "style.css")),
        "status/icon.svg": File("image/svg+xml", partial(_beside, "icon.svg")),
    }


@cache
def _beside(name: str) -> bytes:
    """Return a file that lies beside this module."""
    return (Path(__file__).parent / name).read_bytes()


def _overview(site: Site, *, by_name: bool) -> bytes:
    words = english()
    return site.page(
        "overview.html",
        1 if by_name else 0,
        "overview",
        by_name=by_name,
        summary=overview.summary(site.publication.edition, words),
        verdict_marks=overview.VERDICT_MARKS,
        meanings=shipped(VERDICT).meanings,
        rows=overview.rows(site.publication, words, by_name=by_name),
    )


def _provider(site: Site, document: Document) -> bytes:
    words = english()
    publication = site.publication
    mine = [each for each in publication.incidents if document["provider"] in each["providers"]]
    return site.page(
        "provider.html",
        2,
        "",
        provider=document,
        verdict=overview.worst(document["verdicts"]),
        summary=provider.summary(document, words),
        looked_at=provider.looked_at(document, words),
        trend=provider.trend(document, words),
        trend_mark=overview.TREND_MARKS[document["trend"]["direction"]],
        rows=provider.rows(document, publication, words),
        policies=provider.policies(document, publication.edition, words),
        told=provider.told(mine, words, publication),
        corrections=provider.corrections(publication.edition, {document["provider"], *(each["domain"] for each in document["domains"])}),
    )


def _domain(site: Site, document: Document) -> bytes:
    words = english()
    publication = site.publication
    days = publication.days.get(document["domain"])
    unresolved = document["unresolved"]
    return site.page(
        "domain.html",
        2,
        "",
        domain=document,
        mark=overview.VERDICT_MARKS[document["verdict"]],
        sentence=domain.sentence(document, words),
        shortfalls=domain.shortfalls(document, words),
        lacks=domain.lacks(document["missing"], words),
        policies=domain.policies(document, publication.edition, words),
        checks=domain.checks(document, days, words),
        first="" if days is None else days["first"],
        last="" if days is None else days["last"],
        days=0 if days is None else length(days),
        told=provider.told(provider.of_domain(document, publication.incidents), words, publication),
        corrections=provider.corrections(publication.edition, {document["domain"]}),
        unresolved=None if unresolved is None else ledger.reason(unresolved, words),
        groups=ledger.groups(document["readings"], words),
        hosts=domain.hosts(document, words),
        explained=domain.explained(document),
    )


def _incidents(site: Site) -> bytes:
    words = english()
    still, months = incidents.by_month(site.publication, words)
    return site.page("all-incidents.html", 1, "incidents", still=still, months=months, summary=incidents.summary(site.publication, words))


def _incident(site: Site, document: Document) -> bytes:
    words = english()
    return site.page(
        "incident.html",
        2,
        "incidents",
        incident=document,
        title=provider.told([document], words, site.publication)[0].what,
        sentence=incidents.sentence(document, words),
        end=incidents.end(document, site.publication, words),
        end_mark=incidents.end_mark(document, site.publication),
        attribution=incidents.attribution(document, words),
        providers=incidents.providers(document, site.publication),
        statements=incidents.statements(document, words),
    )


def _trends(site: Site) -> bytes:
    document = site.publication.trends
    since = incidents.watched_since(site.publication) or document["first"]
    return site.page("trends.html", 1, "trends", trends=document, since=since, series=trends.shown(document, english()))


def _methodology(site: Site) -> bytes:
    words = english()
    edition = site.publication.edition
    return site.page(
        "methodology.html",
        1,
        "methodology",
        never=methodology.NEVER,
        attributions=methodology.ATTRIBUTIONS,
        causes=methodology.causes(words),
        meanings=methodology.meanings(),
        verdict_marks=overview.VERDICT_MARKS,
        policies=methodology.policies(edition),
        command=methodology.command(edition, words),
        interval=methodology.span(edition["interval"], words),
        stale_after=methodology.span(edition["stale_after"], words),
    )


def _glossary(site: Site) -> bytes:
    return site.page("glossary.html", 1, "glossary", terms=glossary.terms(english()))


def _snapshots(site: Site, kept: Sequence[Kept]) -> bytes:
    words = english()
    link = site.link
    command = methodology.command(site.publication.edition, words)
    return site.page(
        "snapshots.html",
        1,
        "snapshots",
        command=command,
        since="" if link is None else f"{command} --since {link.hash}",
        by_hand="" if link is None else earlier.hash_by_hand(link),
        signed_by_hand="" if link is None or link.key is None else earlier.signature_by_hand(link),
        newest=earlier.newest(kept),
        months=earlier.months(kept),
    )


def snapshot(gist: Gist, link: Link) -> bytes:
    """Return the page of a snapshot as it was when it was published: it says the same for ever.

    Args:
        gist: what it said.
        link: its place in the chain.

    """
    words = english()
    return _page(
        "snapshot.html",
        2,
        "snapshots",
        edition=gist.edition,
        link=link,
        stale=False,
        summary=overview.summary(gist.edition, words),
        rows=earlier.rows(gist, words),
    )
