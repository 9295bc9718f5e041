"""A share over time as a drawing: a step for each day on which it is known, hatching where it is not, and nothing drawn in between."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import svg
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_WIDTH, _HEIGHT = 640, 200
_LEFT, _TOP, _BOTTOM = 48, 12, 172
_AXIS = (0, 50, 100)


@dataclass(frozen=True, slots=True)
class Point:
    """A day.

    Args:
        day: which, as a date.
        share: from 0 to 1; ``None`` where it could not be told.
        watched: whether anybody looked.

    """

    day: str
    share: float | None
    watched: bool = True


def curve(points: Sequence[Point], title: str, described: str) -> Markup:
    """Return the drawing.

    Args:
        points: a day each, in order and without a gap.
        title: what is drawn.
        described: what can be seen in it, for those who do not see it.

    """
    step = (_WIDTH - _LEFT) / max(1, len(points))
    drawn: list[svg.Element] = [part for level in _AXIS for part in _level(level)]
    for first, stretch in _alike(points, lambda point: (point.share is None, point.watched)):
        x, width = _LEFT + first * step, len(stretch) * step
        shares = [point.share for point in stretch if point.share is not None]
        if shares:
            drawn += _steps(shares, x, step)
        elif stretch[0].watched:
            drawn.append(svg.Rect(x=round(x, 1), y=_TOP, width=round(width, 1), height=_BOTTOM - _TOP, class_=["m", "unmeasured"]))
    if points:
        for x, anchor, point in ((_LEFT, "start", points[0]), (_WIDTH, "end", points[-1])):
            drawn.append(_text(x, _BOTTOM + 20, anchor, point.day))
    return Markup(  # noqa: S704 - all text is escaped
        svg.SVG(
            xmlns=None,
            viewBox=svg.ViewBoxSpec(0, 0, _WIDTH, _HEIGHT),
            class_=["curve"],
            elements=[svg.Title(text=escape(title)), svg.Desc(text=escape(described)), *drawn],
            extra={"role": "img"},
        ).as_str()
    )


def _alike(points: Sequence[Point], key: Callable[[Point], object]) -> Iterator[tuple[int, list[Point]]]:
    """Yield stretches of points that are alike, and where each begins."""
    start = 0
    for _, group in groupby(points, key):
        stretch = list(group)
        yield start, stretch
        start += len(stretch)


def _steps(shares: Sequence[float], x: float, step: float) -> list[svg.Element]:
    """Return the line over some days, and the ground beneath it."""
    corners = [(x + (number + side) * step, _y(share)) for number, share in enumerate(shares) for side in (0, 1)]
    line: list[svg.PathData] = [svg.MoveTo(round(corners[0][0], 1), corners[0][1])]
    line += [svg.LineTo(round(at, 1), y) for at, y in corners[1:]]
    down: list[svg.PathData] = [svg.VerticalLineTo(_BOTTOM), svg.HorizontalLineTo(round(corners[0][0], 1)), svg.ClosePath()]
    return [svg.Path(d=[*line, *down], class_=["under"]), svg.Path(d=line, class_=["over"])]


def _level(level: int) -> tuple[svg.Element, svg.Element]:
    y = _y(level / 100)
    return svg.Line(x1=_LEFT, x2=_WIDTH, y1=y, y2=y, class_=["level"]), _text(_LEFT - 8, y + 4, "end", f"{level}\u202f%")


def _text(x: float, y: float, anchor: str, text: str) -> svg.Text:
    return svg.Text(x=x, y=y, class_=["axis", anchor], text=escape(text))


def _y(share: float) -> float:
    return round(_BOTTOM - share * (_BOTTOM - _TOP), 1)
