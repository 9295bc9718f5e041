"""A publication: what is said in public at one moment, as JSON documents, from which page, API, feed, badge and file are all rendered.

Nothing of a publication knows how it is shown, and nothing that shows one knows more than it: so a page says exactly what the documents say
that are hashed, signed and kept, and an old publication can be shown again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]
"""An object of JSON. docs/json.md says which keys it has."""

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Publication:
    """What is said in public at one moment.

    Args:
        edition: who says it, of what, from where, as of when, and by which policies.
        providers: one document each, in the order of their names.
        domains: by name.
        days: by the name of the domain: what each of the last days was like.
        incidents: what was confirmed to be lost, and what became of it; the newest first.
        trends: how many domains have what, day by day.

    """

    edition: Document
    providers: tuple[Document, ...]
    domains: Mapping[str, Document]
    days: Mapping[str, Document]
    incidents: tuple[Document, ...]
    trends: Document


@dataclass(frozen=True, slots=True)
class Link:
    """The place of a sealed publication in its chain.

    Args:
        number: counted from 1.
        hash: SHA-256 of the manifest's octets, in lower-case hex.
        previous: that of the one before; ``None`` for the first.
        published_at: when it was sealed, as RFC 3339 text.
        key: SHA-256 of the public key (SubjectPublicKeyInfo) that signed it; ``None`` where none did.

    """

    number: int
    hash: str
    previous: str | None
    published_at: str
    key: str | None = None
