"""Badges: a verdict as a small picture with its date, for pages of others. Colour is never its only sign, and it says when it was measured."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING

import svg

from mailtls.model import Verdict
from mailtls.site.file import File
from mailtls.site.words import english

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailtls.publication import Document, Publication

MEDIA_TYPE = "image/svg+xml"
_WORST_FIRST = (Verdict.UNPROTECTED, Verdict.DEGRADED, Verdict.UNKNOWN, Verdict.PROTECTED, Verdict.NO_MAIL)
# White text has a contrast of 4.5 and more against each of these.
_GROUNDS = {
    Verdict.UNPROTECTED: "#b00020",
    Verdict.DEGRADED: "#8a5300",
    Verdict.UNKNOWN: "#5f4b8b",
    Verdict.PROTECTED: "#1b6b2f",
    Verdict.NO_MAIL: "#555555",
}
_SIGNS = {Verdict.UNPROTECTED: "✗", Verdict.DEGRADED: "!", Verdict.UNKNOWN: "?", Verdict.PROTECTED: "✓", Verdict.NO_MAIL: "-"}
_OLD = "#555555"
_LABEL = "#333333"
_HEIGHT, _SIZE, _LETTER, _PADDING = 20, 11, 6.4, 7


def badge(name: str, verdict: Verdict, at: str | None, *, stale: bool) -> bytes:
    """Return a badge.

    Args:
        name: of the domain or the provider.
        verdict: of it.
        at: when it was measured, as RFC 3339 text; ``None`` where it was not.
        stale: whether nobody has looked for longer than is promised: then it says no verdict.

    """
    say = english().say
    day = say("badge-never") if at is None else at[:10]
    word = say("badge-stale") if stale else say(f"badge-{verdict.value}")
    left = say("badge-label").unescape()
    right = f"{'?' if stale else _SIGNS[verdict]} {word.unescape()}, {day}"
    title = say("badge-title-stale" if stale else "badge-title", name=name, verdict=say(f"verdict-{verdict.value}"), day=day).unescape()
    split = _width(left)
    whole = split + _width(right)
    drawn = svg.SVG(
        width=whole,
        height=_HEIGHT,
        viewBox=svg.ViewBoxSpec(0, 0, whole, _HEIGHT),
        extra={"role": "img", "aria-label": escape(title)},
        elements=[
            svg.Title(text=escape(title)),
            svg.Rect(width=split, height=_HEIGHT, fill=_LABEL),
            svg.Rect(x=split, width=whole - split, height=_HEIGHT, fill=_OLD if stale else _GROUNDS[verdict]),
            _text(left, 0, split),
            _text(right, split, whole - split),
        ],
    )
    return drawn.as_str().encode()


def _width(text: str) -> int:
    return round(len(text) * _LETTER) + 2 * _PADDING


def _text(text: str, start: int, width: int) -> svg.Text:
    """Return text that is as wide as its ground leaves room for, whatever font there is."""
    return svg.Text(
        x=start + _PADDING, y=14, textLength=width - 2 * _PADDING, font_family="Verdana, DejaVu Sans, sans-serif", font_size=_SIZE, fill="#ffffff",
        text=escape(text),
    )  # fmt: skip


def _of_provider(provider: Document) -> Verdict:
    """Return the worst verdict of a provider's domains; what could not be measured is worse than good, and better than a measured bad."""
    return next((verdict for verdict in _WORST_FIRST if provider["verdicts"].get(verdict.value)), Verdict.UNKNOWN)


def files(publication: Publication, *, stale: bool) -> Mapping[str, File]:
    """Return the badges of all domains and providers."""
    made = {}
    for name, each in publication.domains.items():
        draw = partial(badge, name, Verdict(each["verdict"]), each["measured_at"], stale=stale)
        made[f"status/domains/{name}/badge.svg"] = File(MEDIA_TYPE, draw)
    for each in publication.providers:
        draw = partial(badge, each["provider"], _of_provider(each), each["measured_at"], stale=stale)
        made[f"status/providers/{each['slug']}/badge.svg"] = File(MEDIA_TYPE, draw)
    return made
