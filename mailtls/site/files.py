"""The table of all files of a site: which path holds what. The daemon serves it, and ``mailtls publish`` writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.site import api, badges, feed, pages, tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailtls.publication import Link, Publication
    from mailtls.site.file import File
    from mailtls.store.publications import Kept


def files(publication: Publication, link: Link | None = None, *, stale: bool = False, kept: Sequence[Kept] = ()) -> Mapping[str, File]:
    """Return all files of a site by path, without a slash ahead: ``status/index.html``, ``api/v1/domains.json``.

    Args:
        publication: what is said.
        link: its place in the chain, where it was sealed.
        stale: whether it is older than it promises to be at most, which every page then says first.
        kept: which publications can be read in full, the newest first.

    """
    return {
        **pages.files(publication, link, stale=stale, kept=kept),
        **api.files(publication, link, stale=stale),
        **tables.files(publication),
        **feed.files(publication),
        **badges.files(publication, stale=stale),
    }
