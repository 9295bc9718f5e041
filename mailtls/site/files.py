"""The table of all files of a site: which path holds what. The daemon serves it, and ``mailtls publish`` writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from mailtls.publication import Link, Publication
    from mailtls.site.file import File

    class Parts(Protocol):
        """A kind of files."""

        def __call__(self, publication: Publication, link: Link | None, *, stale: bool) -> Mapping[str, File]:
            """Return the files of this kind."""


def files(publication: Publication, link: Link | None = None, *, stale: bool = False) -> Mapping[str, File]:
    """Return all files of a site by path, without a slash ahead: ``status/index.html``, ``api/v1/domains.json``.

    Args:
        publication: what is said.
        link: its place in the chain, where it was sealed.
        stale: whether it is older than it promises to be at most, which every page then says first.

    """
    parts: tuple[Parts, ...] = ()
    return {path: file for part in parts for path, file in part(publication, link, stale=stale).items()}
