"""The published documents as JSON: each by itself, and lists of them, whole or a page at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from mailtls.publication.schemas import schemas
from mailtls.site.file import File
from mailtls.site.openapi import openapi

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailtls.publication import Document, Link, Publication

MEDIA_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of documents, in the order of the names by which pages of it are turned.

    Args:
        name: of the list, and of its key.
        documents: by what names each.

    """

    name: str
    documents: Mapping[str, Document]


def listings(publication: Publication) -> Mapping[str, Listing]:
    """Return the lists that there are, by name."""
    every = (
        Listing("providers", dict(sorted((each["slug"], each) for each in publication.providers))),
        Listing("domains", dict(sorted(publication.domains.items()))),
        Listing("incidents", {each["id"]: each for each in publication.incidents}),
    )
    return {listing.name: listing for listing in every}


def octets(document: object) -> bytes:
    """Return a document as it is served."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def _whole(publication: Publication, listing: Listing) -> bytes:
    return octets(_envelope(publication, listing, listing.documents.values(), None))


def page(publication: Publication, listing: Listing, limit: int, after: str) -> Document:
    """Return a page of a list.

    Args:
        publication: which the list is of.
        listing: which.
        limit: how many documents at most, from 1 on.
        after: the name of the last document of the page before; empty for the first page. One that is gone, or never was, is passed over
            where the names are in order; an incident that is gone begins the list again.

    """
    names = list(listing.documents)
    if not after:
        start = 0
    elif after in listing.documents:
        start = names.index(after) + 1
    elif names == sorted(names):
        start = next((number for number, name in enumerate(names) if name > after), len(names))
    else:
        start = 0
    chosen = names[start : start + limit]
    more = start + limit < len(names)
    following = f"{listing.name}?{urlencode({'limit': limit, 'after': chosen[-1]})}" if more else None
    return _envelope(publication, listing, (listing.documents[name] for name in chosen), following)


def _envelope(publication: Publication, listing: Listing, documents: Iterable[Document], following: str | None) -> Document:
    return {"schema": 1, "as_of": publication.edition["as_of"], listing.name: list(documents), "next": following}


def files(publication: Publication, link: Link | None, *, stale: bool) -> Mapping[str, File]:
    """Return the files of the API."""
    edition = publication.edition if link is None else publication.edition | {"snapshot": _link(link)}
    made: dict[str, File] = {}

    def add(name: str, document: object, media_type: str = MEDIA_TYPE) -> None:
        made[f"api/v1/{name}.json"] = File(media_type, partial(octets, document))

    add("edition", edition | {"stale": stale})
    add("trends", publication.trends)
    for listing in listings(publication).values():
        made[f"api/v1/{listing.name}.json"] = File(MEDIA_TYPE, partial(_whole, publication, listing))
        for name, document in listing.documents.items():
            add(f"{listing.name}/{name}", document)
    for name, document in publication.days.items():
        add(f"days/{name}", document)
    for name, schema in schemas().items():
        add(f"schemas/{name}", schema, "application/schema+json")
    made["api/v1/openapi.json"] = File("application/openapi+json", lambda: octets(openapi(publication.edition)))
    return made


def _link(link: Link) -> Document:
    return {"number": link.number, "hash": link.hash, "previous": link.previous, "published_at": link.published_at, "key": link.key}
