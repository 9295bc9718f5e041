"""What the API has to say where it serves a publication: every document at its path, and whether a file says it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mailtls.publication import SCHEMA
from mailtls.publication.canonical import Malformed, parsed
from mailtls.readable import readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.publication import Document, Publication

MAX_LIST = 268_435_456
"""Octets of a list of the API, which holds all documents of a kind."""
_DOMAIN = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63}){0,126}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


def documents(published: Publication, link: Document) -> Iterator[tuple[str, Any]]:
    """Yield path and document of each part of the API; an empty path, and a name, for a name that cannot be one of a file."""
    yield "api/v1/edition.json", published.edition | {"snapshot": link}
    yield "api/v1/trends.json", published.trends
    by_slug = sorted(published.providers, key=lambda each: str(each.get("slug")))
    for kind, listed in (("providers", by_slug), ("domains", list(published.domains.values())), ("incidents", list(published.incidents))):
        yield f"api/v1/{kind}.json", {"schema": SCHEMA, "as_of": published.edition.get("as_of"), kind: listed, "next": None}
    for kind, every in (("domains", published.domains), ("days", published.days)):
        for name, document in every.items():
            yield (f"api/v1/{kind}/{name}.json", document) if _DOMAIN.fullmatch(name) else ("", readable(name, 80))
    for kind, key, many in (("incidents", "id", published.incidents), ("providers", "slug", published.providers)):
        for document in many:
            name = str(document.get(key)) if isinstance(document, dict) else ""
            yield (f"api/v1/{kind}/{name}.json", document) if _NAME.fullmatch(name) else ("", readable(name, 80))


def says(octets: bytes | None, document: Any) -> bool:
    """Whether a file of the API says what was published."""
    try:
        found = parsed(octets or b"", MAX_LIST)
    except Malformed:
        return False
    if isinstance(found, dict) and isinstance(document, dict):
        found = {key: value for key, value in found.items() if key in document or key != "stale"}  # which is of when it was rendered
    return _same(found, document)


def _same(one: Any, other: Any) -> bool:
    """Whether two documents are equal; to Python, 1 and true are too."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)
