"""What the processes that are killed learn: an address of its own with each batch, and one for all that loses STARTTLS."""

from __future__ import annotations

from datetime import datetime, timedelta

from remembered import NOW, PLACE

from mailtls.store.bookkeeper import Bookkeeper
from mailtls.store.database import Store
from mailtls.tracking.changes import Subject
from mailtls.tracking.fresh import FreshScan
from mailtls.tracking.ledger import Ledger
from mailtls.tracking.standing import Confirmation, Sighting

CYCLE = timedelta(minutes=15)
LOST_FROM = 6
"""The batch from which on the shared address has no STARTTLS."""
SHARED = Subject(host="mx.shared.example", family="ipv4", address="192.0.2.2:25")


class Clock:
    """A batch takes a cycle."""

    number = 0

    def __call__(self) -> datetime:
        return at(self.number)


class Books(Bookkeeper):
    """Counts the failures of its store."""

    failures = 0

    def count(self) -> None:
        self.failures += 1


def books_of(store: Store, clock: Clock) -> Books:
    """Return who keeps a ledger; nothing is read before its first turn."""
    books = Books(store, Ledger(Confirmation(cycle=CYCLE), vantage=PLACE), now=clock)
    books._failed = books.count
    return books


def at(number: int) -> datetime:
    """Return when a batch was seen."""
    return NOW + number * CYCLE


def subject_of(number: int) -> Subject:
    """Return the address of a batch."""
    return Subject(host=f"mx{number}.example", family="ipv4", address="192.0.2.1:25")


def seen_at(number: int) -> list[FreshScan]:
    """Return what a batch saw."""
    strength = 1.0 if number < LOST_FROM else 0.0
    return [
        FreshScan(subject, at(number), subject.host, "", {"starttls": Sighting(at(number), value)})
        for subject, value in ((subject_of(number), 1.0), (SHARED, strength))
    ]
