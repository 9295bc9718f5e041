"""Providers as they are published: their domains in brief, and which way they went."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

from mailtls.model import Level
from mailtls.publication import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailtls.publication import Document

LONGEST_SLUG = 60
_WORST_FIRST = tuple(reversed([level.value for level in Level]))
_RANKS = {"lacks": 0, "less": 1, "has": 2}


def slugs(names: Iterable[str]) -> Mapping[str, str]:
    """Return for each name of a provider one that is safe in a path; where two would be alike, each has a hash behind it.

    So that of a provider stays, whoever else comes and goes, unless their names are as good as equal.
    """
    plain = {name: _slug(name) for name in names}
    alike = Counter(plain.values())
    return {name: slug if slug and alike[slug] == 1 else f"{slug or 'provider'}-{_short(name)}" for name, slug in plain.items()}


def _slug(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", letters)[:LONGEST_SLUG].strip("-")


def _short(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def provider_document(name: str, slug: str, domains: Sequence[Document], days: Mapping[str, Document]) -> Document:
    """Return what is published of a provider.

    Args:
        name: its.
        slug: its name in paths.
        domains: the documents of its domains, at least one.
        days: by domain.

    """
    policies = domains[0]["grades"]
    levels = {policy: Counter(each["grades"][policy]["level"] for each in domains) for policy in policies}
    return {
        "schema": SCHEMA,
        "provider": name,
        "slug": slug,
        "domains": [_brief(each) for each in domains],
        "verdicts": dict(Counter(each["verdict"] for each in domains)),
        "grades": {policy: _graded(policies[policy]["version"], counted) for policy, counted in levels.items()},
        "trend": trend([days[each["domain"]] for each in domains]),
        "measured_at": min((each["measured_at"] for each in domains if each["measured_at"] is not None), default=None),
    }


def _brief(domain: Document) -> Document:
    return {
        "domain": domain["domain"],
        "verdict": domain["verdict"],
        "measured_at": domain["measured_at"],
        "grades": {policy: grade["level"] for policy, grade in domain["grades"].items()},
        "regressions": sum(1 for each in domain["regressions"] if each["counts"]),
    }


def _graded(version: str, counted: Counter[str | None]) -> Document:
    return {
        "version": version,
        "level": next((level for level in _WORST_FIRST if counted[level]), None),
        "levels": {level: counted[level] for level in _WORST_FIRST if counted[level]},
        "ungraded": counted[None],
    }


def trend(days: Sequence[Document]) -> Document:
    """Return which way some domains went over the days that are published: by the first and the last day on which each check was measured."""
    lost: set[str] = set()
    gained: set[str] = set()
    is_known = False
    for document in days:
        for row in document["rows"]:
            measured = [run for run in row["runs"] if run["mark"] in _RANKS]
            if not measured or measured[0]["from"] == measured[-1]["to"]:
                continue  # one day is no trend
            is_known = True
            before, after = (_RANKS[run["mark"]] for run in (measured[0], measured[-1]))
            if before != after:
                (lost if after < before else gained).add(row["check"])
    direction = "unknown" if not is_known else "mixed" if lost and gained else "worse" if lost else "better" if gained else "same"
    since = min((max(each["first"], each["watched_since"] or each["last"]) for each in days), default="")
    return {"direction": direction, "since": since, "lost": _checks(lost), "gained": _checks(gained)}


def _checks(names: set[str]) -> list[str]:
    return sorted(names - {"verdict"})
