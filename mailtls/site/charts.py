"""Charts of the site: SVG within the page, drawn by classes alone, so that the style sheet decides for light, dark, print and forced colours.

A mark is told by its place and its shape before its colour. Above the line: it has it (high), or less of it (half as high). Below the line:
it lacks it. Across the line and hatched: nothing could be measured. A thin line: it does not apply; a dotted one: not watched yet.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import svg
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailtls.publication import Document

MARKS = ("has", "less", "lacks", "none", "unmeasured", "unwatched")
"""What a day can be called, as documents of days do."""
DAY = 4
"""Units of a drawing that a day is wide."""
HEIGHT = 24
_LINE = 13
_SPANS = {"has": (1, _LINE), "less": (7, _LINE), "lacks": (_LINE, 23), "none": (_LINE - 1, _LINE + 1), "unmeasured": (1, 23)}
"""From where to where each mark reaches, counted from above."""


def bar(days: Document, runs: Sequence[Document], title: str, described: str, told: Sequence[str] = ()) -> Markup:
    """Return the days of a check as a drawing.

    Args:
        days: says from which date to which.
        runs: of days that are alike: ``from``, ``to`` and ``mark``.
        title: what is drawn.
        described: what can be seen in it, for those who do not see it.
        told: of each run, what a pointer that rests on it is told.

    """
    first = date.fromisoformat(days["first"])
    length = (date.fromisoformat(days["last"]) - first).days + 1
    hints = told or [""] * len(runs)
    drawn = [_run(run, first, hint) for run, hint in zip(runs, hints, strict=True)]
    return _drawing("bar", length * DAY, [svg.Title(text=escape(title)), svg.Desc(text=escape(described)), *drawn], {"role": "img"})


def sample(mark: str) -> Markup:
    """Return what a mark looks like, for a legend that says beside it what it means."""
    return _drawing("mark", 5 * DAY, [_mark(mark, 0, 5 * DAY)], {"aria-hidden": "true"})


def _drawing(name: str, width: int, elements: list[svg.Element], extra: dict[str, str]) -> Markup:
    box = svg.ViewBoxSpec(0, 0, width, HEIGHT)
    # Within HTML an element svg needs no namespace.
    return Markup(svg.SVG(xmlns=None, viewBox=box, class_=[name], elements=elements, extra=extra).as_str())  # noqa: S704 - all text is escaped


def _run(run: Document, first: date, hint: str) -> svg.Element:
    start = (date.fromisoformat(run["from"]) - first).days
    end = (date.fromisoformat(run["to"]) - first).days + 1
    return _mark(run["mark"], start * DAY, (end - start) * DAY, hint)


def _mark(mark: str, x: int, width: int, hint: str = "") -> svg.Element:
    inside: dict[str, Any] = {"elements": [svg.Title(text=escape(hint))]} if hint else {}
    if mark == "unwatched":
        return svg.Line(x1=x, x2=x + width, y1=_LINE, y2=_LINE, class_=["m", mark], **inside)
    top, bottom = _SPANS[mark]
    return svg.Rect(x=x, y=top, width=width, height=bottom - top, class_=["m", mark], **inside)
