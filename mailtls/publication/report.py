"""What came of verifying what is published, as nouns and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailtls.instants import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Problem:
    """Something is not as it should be.

    Args:
        where: the path of a file, or which snapshot.
        text: what is wrong.

    """

    where: str
    text: str


@dataclass(slots=True)
class Report:
    """What was found.

    Args:
        number: of the last snapshot; 0 where none could be read.
        hash: of the last manifest.
        snapshots: time of each that was verified, by number.
        until: the number down to which the chain was gone through.
        whole: how many were verified with all their objects.
        thinned: how many have lost objects, as old ones do.
        objects: how many were verified.
        compared: how many documents of the API were held against the last snapshot.
        signed: who has to have signed each snapshot: SHA-256 of the public key; ``None`` for nobody.
        problems: what is wrong.
        remarks: what is worth knowing.
        stale_after: how old the last snapshot may be, in seconds, as it says itself; ``None`` where that could not be read.

    """

    number: int = 0
    hash: str = ""
    snapshots: dict[int, datetime] = field(default_factory=dict)
    until: int = 0
    whole: int = 0
    thinned: int = 0
    objects: int = 0
    compared: int = 0
    signed: dict[int, str | None] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    stale_after: int | None = None


def summary(report: Report) -> list[str]:
    """Return in words what was verified."""
    if not report.snapshots:
        return ["Nothing could be verified."]
    first, last = (report.snapshots[number] for number in (min(report.snapshots), max(report.snapshots)))
    count = len(report.snapshots)
    lines = [
        f"Snapshots {report.until:,} to {report.number:,}, {count:,} in all, published from {rfc3339(first)} to {rfc3339(last)}.",
        f"The last one has the hash {report.hash}.",
        f"{report.whole:,} have all their objects, {report.objects:,} different ones; {report.thinned:,} lost theirs, as old ones do.",
        f"{report.compared:,} documents of the API were held against the last snapshot.",
    ]
    return lines + list(_signers(report.signed))


def _signers(signed: Mapping[int, str | None]) -> Iterator[str]:
    """Yield who signed which snapshots."""
    start = None
    for number in sorted(signed):
        if start is None or signed[number] != signed[start]:
            if start is not None:
                yield _signed(start, number - 1, signed[start])
            start = number
    if start is not None:
        yield _signed(start, max(signed), signed[start])


def _signed(first: int, last: int, key: str | None) -> str:
    which = f"Snapshot {first:,}" if first == last else f"Snapshots {first:,} to {last:,}"
    return f"{which}: not signed." if key is None else f"{which}: signed with the key of SHA-256 {key}."
