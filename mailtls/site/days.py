"""Days in words, and of several domains in one: what stands beside a bar for those who do not see it."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING

from markupsafe import Markup

from mailtls.site.charts import MARKS, bar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailtls.publication import Document
    from mailtls.site.words import Words

_JUDGED = frozenset({"has", "less", "lacks", "none"})
_WORST_FIRST = ("lacks", "less", "unmeasured", "has", "none", "unwatched")


def length(days: Document) -> int:
    """Return of how many days a document tells."""
    return (date.fromisoformat(days["last"]) - date.fromisoformat(days["first"])).days + 1


def run_in_words(run: Document, words: Words, kind: str = "check") -> Markup:
    """Return days that are alike in words: from when to when, and what was seen, or why nothing could be.

    A verdict speaks for itself: one that was never better is not called weaker.
    """
    if not run["shown"]:
        what = words.say(f"{kind}-mark-{run['mark']}")
    elif kind == "verdict" and run["mark"] in _JUDGED:
        what = words.say("run-has", shown=run["shown"])
    else:
        what = words.say(f"run-{run['mark']}", shown=run["shown"])
    if run["from"] == run["to"]:
        return words.say("run-day", day=run["from"], what=what)
    return words.say("run-days", first=run["from"], last=run["to"], what=what)


def counted(runs: Iterable[Document], words: Words, kind: str) -> Markup:
    """Return how many days were what, in words.

    Args:
        runs: of days that are alike.
        words: of the site.
        kind: of what is said: of a ``verdict``, or of a ``check``.

    """
    days: Counter[str] = Counter()
    for run in runs:
        days[run["mark"]] += (date.fromisoformat(run["to"]) - date.fromisoformat(run["from"])).days + 1
    parts = [words.say("days-of", days=days[mark], what=words.say(f"{kind}-mark-{mark}")) for mark in MARKS if days[mark]]
    return Markup("; ").join(parts)


def drawn(days: Document, row: Document, title: Markup, words: Words, kind: str, *, hints: bool = False) -> Markup:
    """Return a row of a document of days as a bar; with hints each run tells a pointer what it is."""
    told = [run_in_words(run, words, kind) for run in row["runs"]] if hints else ()
    return bar(days, row["runs"], title, counted(row["runs"], words, kind), told)


def worst_of(several: Sequence[Document]) -> Document:
    """Return the verdicts of several domains as those of one: each day is called what its worst domain is, and unmeasured is no lack."""
    first, last = min(each["first"] for each in several), max(each["last"] for each in several)
    runs: list[list[Document]] = [next((row["runs"] for row in each["rows"] if row["check"] == "verdict"), []) for each in several]
    if len(several) == 1:
        return {"first": first, "last": last, "runs": runs[0]}
    starts = {first, *(run["from"] for each in runs for run in each), *(_after(run["to"]) for each in runs for run in each)}
    bounds = sorted(start for start in starts if first <= start <= last)
    folded: list[Document] = []
    for start, following in zip(bounds, [*bounds[1:], _after(last)], strict=True):
        marks = {run["mark"] for each in runs for run in each if run["from"] <= start <= run["to"]}
        mark = next((mark for mark in _WORST_FIRST if mark in marks), "unwatched")
        if folded and folded[-1]["mark"] == mark:
            folded[-1]["to"] = _before(following)
        else:
            folded.append({"from": start, "to": _before(following), "mark": mark, "shown": ""})
    return {"first": first, "last": last, "runs": folded}


def _after(day: str) -> str:
    return str(date.fromisoformat(day) + timedelta(days=1))


def _before(day: str) -> str:
    return str(date.fromisoformat(day) - timedelta(days=1))
