"""Trends: how many domains have what, day by day, counted from what each day of each domain was like."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from mailtls.publication import SCHEMA
from mailtls.tracking.days import Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mailtls.publication import Document

_HAS = frozenset({Mark.HAS.value, Mark.LESS.value})
_MEASURED = frozenset({*_HAS, Mark.LACKS.value})


def _has(mark: str, _shown: str) -> bool:
    return mark in _HAS


def _says(word: str) -> Callable[[str, str], bool]:
    return lambda mark, shown: mark in _HAS and shown == word


SERIES: dict[str, tuple[str, Callable[[str, str], bool]]] = {
    "starttls": ("starttls", _has),
    "tls13": ("tls_version", _says("TLSv1.3")),
    "forward_secrecy": ("forward_secrecy", _has),
    "dane": ("dane", _has),
    "mta_sts": ("mta_sts", _says("enforce")),
    "post_quantum": ("post_quantum", _has),
}
"""By series, the check that it counts, and by mark and words whether a day has it: TLS 1.3 on every host, an MTA-STS policy in force."""


def trends(days: Iterable[Document], first: date, last: date) -> Document:
    """Return the trends over some days.

    A domain counts as measured on a day where the check was; and where it does not apply (no TLS, so no certificate) although the domain
    takes mail, since it has not got it then. One that takes no mail counts as watched only.

    Args:
        days: of every domain.
        first: day.
        last: day.

    """
    length = (last - first).days + 1
    counted = {name: [[0, 0, 0] for _ in range(length)] for name in SERIES}
    for document in days:
        rows = {row["check"]: _by_day(row, first, length) for row in document["rows"]}
        verdicts = rows.get("verdict", [("unwatched", "")] * length)
        for name, (check, has) in SERIES.items():
            marks = rows.get(check)
            for number, (verdict, _) in enumerate(verdicts):
                if verdict == Mark.UNWATCHED:
                    continue
                day = counted[name][number]
                day[2] += 1
                mark, shown = marks[number] if marks is not None else (Mark.NONE.value, "")
                if mark in _MEASURED or (mark == Mark.NONE and verdict in _MEASURED):
                    day[1] += 1
                    day[0] += has(mark, shown)
    dates = [str(first + timedelta(days=number)) for number in range(length)]
    series = [{"name": name, "days": [[at, *day] for at, day in zip(dates, those, strict=True)]} for name, those in counted.items()]
    return {"schema": SCHEMA, "first": str(first), "last": str(last), "series": series}


def _by_day(row: Document, first: date, length: int) -> list[tuple[str, str]]:
    """Return mark and words of each day."""
    found = [(Mark.UNWATCHED.value, "")] * length
    for run in row["runs"]:
        start = max(0, (date.fromisoformat(run["from"]) - first).days)
        end = min(length, (date.fromisoformat(run["to"]) - first).days + 1)
        found[start:end] = [(run["mark"], run["shown"])] * max(0, end - start)
    return found
