"""Snapshots: the last one, those before it that can be read in full, and what an old one said, as of then."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from itertools import groupby
from typing import TYPE_CHECKING

from mailtls.instants import rfc3339
from mailtls.site.overview import VERDICT_MARKS, graded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailtls.publication import Link
    from mailtls.publication.chain import Gist
    from mailtls.site.overview import Graded
    from mailtls.site.words import Words
    from mailtls.store.publications import Kept

IN_FULL = 24
"""Of how many snapshots the list tells the hash; of older ones only the number, since each has a page of its own."""
_PAGE = re.compile(r"status/snapshots/([1-9][0-9]{0,8})/index\.html", re.ASCII)


@dataclass(frozen=True, slots=True)
class Day:
    """The snapshots of a day.

    Args:
        date: which, in UTC.
        numbers: of each, with the minute at which it was published; the newest first.

    """

    date: str
    numbers: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class SaidRow:
    """What a snapshot said of a domain.

    Args:
        provider: whose it was.
        domain: its name.
        verdict: of it.
        mark: the sign beside that.
        grades: by each policy.
        measured_at: when it had been measured last; ``None`` where it never was.
        object: the hash of all that was said of it; ``None`` where that is not named.

    """

    provider: str
    domain: str
    verdict: str
    mark: str
    grades: tuple[Graded, ...]
    measured_at: str | None
    object: str | None


def page_path(number: int) -> str:
    """Return where the page of a snapshot is."""
    return f"status/snapshots/{number}/index.html"


def number_of(path: str) -> int | None:
    """Return of which snapshot a path is the page; ``None`` where of none."""
    found = _PAGE.fullmatch(path)
    return None if found is None else int(found[1])


def hash_by_hand(link: Link) -> str:
    """Return how the hash of a manifest is seen, and what has to come out."""
    return f"sha256sum snapshots/{link.number}.json\n{link.hash}  snapshots/{link.number}.json"


def signature_by_hand(link: Link) -> str:
    """Return how the signature of a manifest is verified."""
    manifest, signature = f"snapshots/{link.number}.json", f"snapshots/{link.number}.sig"
    return f"openssl pkeyutl -verify -pubin -inkey snapshots/key.pem -rawin -in {manifest} -sigfile {signature}"


def newest(kept: Sequence[Kept]) -> list[tuple[int, str, str]]:
    """Return number, time and hash of the newest snapshots."""
    return [(each.number, rfc3339(each.published_at), each.hash) for each in kept[:IN_FULL]]


def months(kept: Sequence[Kept]) -> list[tuple[str, list[Day]]]:
    """Return snapshots by the month and the day of their publication; the newest first."""
    stamped = [(rfc3339(each.published_at.astimezone(UTC)), each.number) for each in kept]
    days = [
        Day(date, tuple((number, at[11:16]) for at, number in some)) for date, some in groupby(stamped, lambda stamped: stamped[0][:10])
    ]
    return [(month, list(some)) for month, some in groupby(days, lambda day: day.date[:7])]


def rows(gist: Gist, words: Words) -> list[SaidRow]:
    """Return what a snapshot said of each domain, by provider."""
    return [
        SaidRow(
            provider["provider"],
            each["domain"],
            each["verdict"],
            VERDICT_MARKS[each["verdict"]],
            tuple(graded(policy["name"], each["grades"].get(policy["name"]), each["verdict"], words) for policy in gist.edition["policies"]),
            each["measured_at"],
            gist.domains.get(each["domain"]),
        )
        for provider in gist.providers
        for each in provider["domains"]
    ]
