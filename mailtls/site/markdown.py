"""Statements of others, in Markdown (CommonMark), as HTML that can do nothing: no raw HTML, no pictures, no links but of the web and of mail."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markupsafe import Markup

from mailtls.site.times import linked
from mailtls.site.words import shown

if TYPE_CHECKING:
    from markdown_it.token import Token

_OF_A_STATEMENT = 20_000
_SHIFTED = 3
"""A heading of theirs stands below our own."""
_LOWEST = 6


def statement(markdown: str) -> Markup:
    """Return a statement as HTML; one that is too long is cut."""
    lines = (shown(line) if line.strip() else "" for line in markdown[:_OF_A_STATEMENT].splitlines())
    tokens = _parser().parse("\n".join(lines))
    for token in tokens:
        _tame(token)
    text: str = _parser().renderer.render(tokens, _parser().options, {})
    return Markup(text)  # noqa: S704 - the parser escapes, and makes no HTML but its own


@cache
def _parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "linkify": False}).disable(["image", "html_block", "html_inline"])
    made.validateLink = lambda url: linked(url) is not None  # type: ignore[method-assign]
    return made


def _tame(token: Token) -> None:
    """Move headings below ours, and let no link speak for us."""
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(int(token.tag[1:]) + _SHIFTED, _LOWEST)}"
    for inner in token.children or ():
        if inner.type == "link_open":
            inner.attrSet("rel", "nofollow ugc noopener")
