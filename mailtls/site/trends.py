"""Trends: which share of the domains has what, day by day; a day on which too few could be measured is a gap, and never a fall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from mailtls.site.curve import Point, curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailtls.publication import Document
    from mailtls.site.words import Words

ENOUGH = 0.5
"""Of the domains that are watched, the share that must have been measured on a day for its number to be shown."""
Day = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Month:
    """A series at the end of a month: the last day of it of which enough is known.

    Args:
        day: which.
        have: how many domains had it.
        measured: of how many.
        percent: the same as a share.

    """

    day: str
    have: int
    measured: int
    percent: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A series as the page shows it.

    Args:
        name: of the series.
        title: in words.
        sentence: where it stood first, where it stands, and on how many days that could not be told.
        chart: the drawing.
        months: the same as numbers, the newest first.

    """

    name: str
    title: Markup
    sentence: Markup
    chart: Markup
    months: tuple[Month, ...]


def shown(trends: Document, words: Words) -> list[Shown]:
    """Return the series."""
    return [_shown(each["name"], [(day, have, of, watched) for day, have, of, watched in each["days"]], words) for each in trends["series"]]


def is_told(day: Day) -> bool:
    """Whether enough domains could be measured on a day."""
    _, _, measured, watched = day
    return measured > 0 and measured >= ENOUGH * watched


def _shown(name: str, days: Sequence[Day], words: Words) -> Shown:
    title = words.say(f"series-{name}")
    points = [Point(day[0], day[1] / day[2] if is_told(day) else None, watched=day[3] > 0) for day in days]
    sentence = _sentence(days, words)
    return Shown(name, title, sentence, curve(points, title.unescape(), sentence.unescape()), _months(days))


def _sentence(days: Sequence[Day], words: Words) -> Markup:
    told = [day for day in days if is_told(day)]
    if not told:
        return words.say("series-untold")
    first, last = told[0], told[-1]
    gaps = sum(1 for day in days if day[3] > 0 and not is_told(day))
    now = words.say("series-now", have=last[1], measured=last[2], percent=_percent(last), day=last[0])
    change = _percent(last) - _percent(first)
    way = "up" if change > 0 else "down" if change < 0 else "same"
    then = words.say(f"series-{way}", points=abs(change), percent=_percent(first), day=first[0])
    parts = [now, then] if len(told) > 1 else [now]
    parts += [words.say("series-gaps", days=gaps)] if gaps else []
    return Markup(" ").join(parts)


def _percent(day: Day) -> int:
    """Return the share of a day in per cent: 100 and 0 are said only where it is all and none."""
    _, have, measured, _ = day
    if 0 < have < measured:
        return min(99, max(1, round(100 * have / measured)))
    return 100 if have else 0


def _months(days: Sequence[Day]) -> tuple[Month, ...]:
    last = {day[0][:7]: day for day in days if is_told(day)}
    return tuple(Month(day, have, of, _percent((day, have, of, watched))) for day, have, of, watched in reversed(last.values()))
