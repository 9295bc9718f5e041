"""Atom feeds (RFC 4287) of what was lost and what came back: one of all providers, and one of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, UUID, uuid5
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup

from mailtls.site.file import File
from mailtls.site.naming import named
from mailtls.site.times import moment
from mailtls.site.words import english, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mailtls.publication import Document, Publication

MEDIA_TYPE = "application/atom+xml; charset=utf-8"
_ATOM = "http://www.w3.org/2005/Atom"
_NAMED = 3
"""How many domains a title names; the others are counted."""
ENTRIES = 100
"""How many entries a feed has at most, the newest of all."""


def feed(edition: Document, incidents: Iterable[Document], path: str, provider: str = "") -> bytes:
    """Return a feed.

    Args:
        edition: who publishes, as of when, by which licence.
        incidents: that it tells of.
        path: of the feed within the site.
        provider: whose it is; empty for that of all.

    """
    up = "../" * path.count("/")
    base = edition["external_url"]
    place = f"{base.rstrip('/')}/{path}" if base else path
    entries = sorted((entry for each in incidents for entry in _entries(each, up)), key=_updated, reverse=True)[:ENTRIES]
    root = Element("feed", {"xmlns": _ATOM} | ({"xml:base": place} if base else {}))
    say = english().say
    title = say("feed-title-of", provider=provider) if provider else say("feed-title", title=edition["title"])
    _add(root, "title", title.unescape())
    _add(root, "id", f"urn:uuid:{uuid5(NAMESPACE_URL, place)}")
    # Of the content alone: a feed that says nothing new is the same, to the octet.
    _add(root, "updated", _updated(entries[0]) if entries else edition["as_of"])
    SubElement(root, "link", rel="self", type="application/atom+xml", href=path.rpartition("/")[2])
    SubElement(root, "link", rel="alternate", type="text/html", href="./")
    author = SubElement(root, "author")
    _add(author, "name", shown(edition["publisher"]["name"]))
    _add(root, "generator", edition["program"])
    _add(root, "rights", f"{edition['licence']['name']}, {edition['licence']['url']}")
    root.extend(entries)
    written: bytes = tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + written


def _entries(incident: Document, up: str) -> Iterator[Element]:
    """Yield an entry for the loss, and one for its end."""
    yield _entry(incident, "confirmed", incident["confirmed_at"], up)
    if incident["ended_at"] is not None:
        yield _entry(incident, incident["ended_by"] or "recovered", incident["ended_at"], up)


def _entry(incident: Document, event: str, at: str, up: str) -> Element:
    say = english().say
    where = incident["domains"] or [incident["mx"] or ""]
    names = say("feed-where", names=", ".join(where[:_NAMED]), more=max(0, len(where) - _NAMED))
    entry = Element("entry")
    _add(entry, "title", say(f"feed-{event}", check=named(incident["check"]), where=names).unescape())
    identity = _identity(incident["id"])
    _add(entry, "id", f"urn:uuid:{identity if event == 'confirmed' else uuid5(identity, event)}")
    _add(entry, "updated", at)
    _add(entry, "published", at)
    SubElement(entry, "link", rel="alternate", type="text/html", href=f"{up}status/incidents/{incident['id']}/")
    text = say(
        "feed-text",
        before=incident["before"]["value"],
        after=incident["after"]["value"],
        since=_minute(incident["since"]),
        earlier=_minute(incident["before"]["at"]),
        confirmed=_minute(incident["confirmed_at"]),
        vantages=", ".join(incident["vantages"]),
    )
    if event != "confirmed":  # so that an entry of an end does not read like one of a loss
        text = Markup(" ").join((say(f"incident-ended-{event}", at=_minute(at)), text))
    SubElement(entry, "content", type="text").text = text.unescape()
    return entry


def _minute(at: str) -> str:
    return moment(at, english()).striptags()


def _identity(name: str) -> UUID:
    """Return the UUID that an incident's name is."""
    try:
        return UUID(name)
    except ValueError:
        return uuid5(NAMESPACE_URL, name)


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text


def _updated(entry: Element) -> str:
    return entry.findtext("updated") or ""


def files(publication: Publication) -> Mapping[str, File]:
    """Return the feed of all providers, and one for each."""
    path = "status/feed.atom"
    made = {path: File(MEDIA_TYPE, partial(feed, publication.edition, publication.incidents, path))}
    by_provider: dict[str, Sequence[Document]] = {}
    for each in publication.providers:
        path, name = f"status/providers/{each['slug']}/feed.atom", each["provider"]
        by_provider[path] = [incident for incident in publication.incidents if name in incident["providers"]]
        made[path] = File(MEDIA_TYPE, partial(feed, publication.edition, by_provider[path], path, name))
    return made
