"""What is published as tables: CSV (RFC 4180) in UTF-8, a row for each domain, incident, and day of a trend."""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import TYPE_CHECKING

from mailtls.readable import readable
from mailtls.site.file import File

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mailtls.publication import Publication

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"
Row = tuple[object, ...]

_ACTS = ("=", "+", "-", "@")
_OF_A_CELL = 1000


def _cell(value: object) -> str:
    """Return a value for a cell: on one line, and no formula where the file is opened in a spreadsheet."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    text = readable(value, _OF_A_CELL)
    return f"'{text}" if text.startswith(_ACTS) else text


def _table(rows: Callable[[Publication], Iterable[Row]], publication: Publication) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows(publication))
    return text.getvalue().encode()


def domains(publication: Publication) -> Iterator[Row]:
    """Yield a row for each domain: what is said of it, and by each policy its grade, empty where it could not be graded."""
    policies = [policy["name"] for policy in publication.edition["policies"]]
    graded = [f"{policy} {part}" for policy in policies for part in ("version", "level", "coverage")]
    yield ("provider", "domain", "verdict", "measured_at", "vantage", "open_regressions", "findings", "not_measured", *graded)
    for name, each in publication.domains.items():
        grades = [each["grades"].get(policy, {}).get(part) for policy in policies for part in ("version", "level", "coverage")]
        counts = (sum(1 for one in each["regressions"] if one["counts"]), len(each["findings"]), len(each["missing"]))
        yield (each["provider"], name, each["verdict"], each["measured_at"], each["vantage"], *counts, *grades)


_OF_INCIDENTS = ("id", "providers", "domains", "mx", "family", "address", "check", "since", "confirmed_at", "ended_at", "ended_by", "attribution")


def incidents(publication: Publication) -> Iterator[Row]:
    """Yield a row for each incident; several names in one cell have a space between them."""
    yield (*_OF_INCIDENTS, "before", "after")
    for each in publication.incidents:
        told = [" ".join(each[key]) if isinstance(each[key], list) else each[key] for key in _OF_INCIDENTS]
        yield (*told, each["before"]["value"], each["after"]["value"])


def trends(publication: Publication) -> Iterator[Row]:
    """Yield a row for each day of each series."""
    yield ("name", "day", "have", "measured", "watched")
    for series in publication.trends["series"]:
        yield from ((series["name"], *day) for day in series["days"])


_TABLES: Mapping[str, Callable[[Publication], Iterable[Row]]] = {"domains": domains, "incidents": incidents, "trends": trends}


def files(publication: Publication) -> Mapping[str, File]:
    """Return the tables."""
    return {f"api/v1/{name}.csv": File(MEDIA_TYPE, partial(_table, rows, publication)) for name, rows in _TABLES.items()}
