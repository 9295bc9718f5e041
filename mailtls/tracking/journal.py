"""The journal: what of all that is seen has to be written down, so that an unchanged visit costs next to nothing.

It remembers of each subject what was seen last, and lets through only what differs. What is the same is noted in memory, and written
at most hourly, all of a subject in one row.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mailtls.tracking.history import CALM, CONCLUSIVE, NOT_KEPT, RESTLESS, VARIES, Run, Seen, canonical, joined

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from mailtls.evidence import RouteEvidence, ScanEvidence
    from mailtls.model import Reading
    from mailtls.tracking.changes import Subject

WRITTEN_AGAIN = timedelta(hours=1)
"""After how long it is written down that something is still as it was."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written of one subject.

    Args:
        subject: of what.
        at: when the scan, or look, began that leads to it.
        values: what it saw, by fact; empty where nothing has changed.
        renewed: of each fact what stood before, and when that was seen last.
        runs: of each purpose, how visits ended since the last entry, in order.
        evidence: that ``values`` were read from.
        before: the last that showed what stood before.

    """

    subject: Subject
    at: datetime
    values: Mapping[str, str] = field(default_factory=dict)
    renewed: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)
    runs: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    evidence: ScanEvidence | RouteEvidence | None = None
    before: ScanEvidence | RouteEvidence | None = None


@dataclass(slots=True)
class _Page:
    """What is remembered of one subject."""

    written_at: datetime
    readings: dict[str, Reading[Any]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    renewed: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    runs: dict[str, tuple[Run, ...]] = field(default_factory=dict)
    turns: dict[str, deque[datetime]] = field(default_factory=dict)
    last: ScanEvidence | RouteEvidence | None = None


class Journal:
    """Says what has to be written. It is one vantage's, in one process, and starts empty: what it sees first is always written."""

    def __init__(self) -> None:
        """Make an empty one."""
        self._pages: dict[Subject, _Page] = {}

    def note(self, seen: Seen) -> Entry | None:
        """Take what was seen. Returns what is to be written now, or ``None``."""
        page = self._pages.get(seen.subject)
        is_new = page is None
        if page is None:
            page = self._pages[seen.subject] = _Page(seen.at)
        if seen.outcome:
            page.runs[seen.purpose] = _with(page.runs.get(seen.purpose, ()), Run(seen.outcome, seen.at, seen.at))
        before = page.last
        values, renewed = self._moved(page, seen)
        if seen.evidence is not None and (seen.readings or is_new) and seen.outcome in ("", CONCLUSIVE):
            page.last = seen.evidence
        if values:
            entry = replace(self._entry(seen.subject, page, seen.at), values=values, evidence=seen.evidence, before=before)
            page.renewed = renewed
            return entry
        page.renewed |= renewed
        if is_new or not timedelta() <= seen.at - page.written_at < WRITTEN_AGAIN:
            return self._entry(seen.subject, page, seen.at)
        return None

    def rest(self) -> Iterator[Entry]:
        """Yield what is left to be written of all subjects, before the end."""
        for subject, page in self._pages.items():
            if page.renewed or page.runs:
                latest = [*(at for _, at in page.renewed.values()), *(run.last for runs in page.runs.values() for run in runs)]
                yield self._entry(subject, page, max(latest))

    def keep_only(self, hosts: Collection[str], domains: Collection[str]) -> None:
        """Forget the subjects of other MX hosts and domains; what is left of them to be written is little, and lost."""
        self._pages = {
            subject: page
            for subject, page in self._pages.items()
            if (subject.domain in domains if subject.domain else subject.host in hosts)
        }  # fmt: skip

    def _entry(self, subject: Subject, page: _Page, at: datetime) -> Entry:
        entry = Entry(subject, at, {}, page.renewed, page.runs)
        page.renewed, page.runs, page.written_at = {}, {}, at
        return entry

    def _moved(self, page: _Page, seen: Seen) -> tuple[dict[str, str], dict[str, tuple[str, datetime]]]:
        """Return the values that are new, and what was seen again; and remember both."""
        values: dict[str, str] = {}
        renewed: dict[str, tuple[str, datetime]] = {}
        for fact, reading in seen.readings.items():
            if fact in NOT_KEPT:
                continue
            if page.readings.get(fact) == reading and (page.values[fact] != VARIES or not _is_calm(page.turns[fact], seen.at)):
                renewed[fact] = page.values[fact], seen.at
                continue
            page.readings[fact] = reading
            value = self._said(page, fact, canonical(fact, reading), seen.at)
            if value == page.values.get(fact):
                renewed[fact] = value, seen.at
            else:
                values[fact] = page.values[fact] = value
        return values, renewed

    def _said(self, page: _Page, fact: str, value: str, at: datetime) -> str:
        """Return a value, or that it varies."""
        stands = page.values.get(fact)
        if stands is None or stands == value:
            return value
        turns = page.turns.setdefault(fact, deque(maxlen=RESTLESS))
        if stands == VARIES and _is_calm(turns, at):
            turns.clear()
            return value
        turns.append(at)
        return VARIES if stands == VARIES or (len(turns) == RESTLESS and at - turns[0] < CALM) else value


def _is_calm(turns: deque[datetime], at: datetime) -> bool:
    return not turns or at - turns[-1] >= CALM


def _with(runs: tuple[Run, ...], run: Run) -> tuple[Run, ...]:
    last = joined(runs[-1], run) if runs else None
    return (*runs, run) if last is None else (*runs[:-1], replace(last))
