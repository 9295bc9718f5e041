"""The tables of the ledgers: what each vantage holds of its checks, and what happened to them.

Each function works within a transaction of its caller's. Two processes of one vantage take turns, since whoever begins one locks the row of
the vantage first; so each of them reads what the other has written before it learns anything itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import delete, insert, select, update

from mailtls.instants import AHEAD
from mailtls.store.by_vantage import kept_read
from mailtls.store.engine import put
from mailtls.store.happened import row_of
from mailtls.store.schema import changes, regressions, standings, vantages
from mailtls.tracking.changes import Subject
from mailtls.tracking.written import written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from mailtls.tracking.changes import Change
    from mailtls.tracking.ledger import Kept, Key

log = structlog.get_logger(component="store")

_REVISIONS_READ = 1000
"""Turns of a vantage after which nobody has still to read that something was forgotten: many hours of them."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of one process of a vantage at its ledger.

    Args:
        vantage: whose.
        revision: under which all is written in this turn.
        news: what other processes have written since the turn that was named; ``None`` for what they have forgotten.
        blind_since: since when the vantage cannot measure, as the last turn left it; ``None`` where it can.

    """

    vantage: str
    revision: int
    news: Mapping[Key, Kept | None]
    blind_since: datetime | None = None


def begin(connection: Connection, vantage: str, known: int, now: datetime) -> Turn:
    """Begin a turn: nobody else has one at the ledger of this vantage before the transaction ends.

    Args:
        connection: with an open transaction that will write.
        vantage: whose ledger.
        known: the revision up to which the process knows what is written; 0 for nothing.
        now: the time.

    """
    theirs = vantages.c.name == vantage
    row = connection.execute(select(vantages.c.revision, vantages.c.blind_since).where(theirs).with_for_update()).one_or_none()
    if row is None:
        put(connection, vantages, [{"name": vantage, "seen_at": now, "blind_since": None, "revision": 0}])
        row = connection.execute(select(vantages.c.revision, vantages.c.blind_since).where(theirs).with_for_update()).one()
    revision, blind_since = row
    ahead = connection.execute(update(vantages).where(vantages.c.seen_at > now + AHEAD).values(seen_at=now)).rowcount
    if ahead:
        log.warning("a clock ran ahead: times in the store that are still to come are taken for now", count=ahead)
    connection.execute(update(vantages).where(theirs).values(seen_at=now, revision=revision + 1))
    wanted = select(standings.c.subject, standings.c.check, standings.c.document).where(
        standings.c.vantage == vantage, standings.c.revision > known
    )
    return Turn(vantage, revision + 1, {(Subject.of(key), name): kept_read(text) for key, name, text in connection.execute(wanted)}, blind_since)


def note_sight(connection: Connection, turn: Turn, now: datetime, *, blind: bool) -> None:
    """Write down whether the vantage can measure, by all that its processes have seen; while it cannot, it casts no vote.

    Args:
        connection: the turn's.
        turn: in which all that others have seen was taken in, and what came in here was learnt.
        now: the time.
        blind: it cannot.

    """
    if blind is not (turn.blind_since is not None):
        connection.execute(update(vantages).where(vantages.c.name == turn.vantage).values(blind_since=now if blind else None))


def enter(connection: Connection, turn: Turn, kept: Mapping[Key, Kept | None], happened: Sequence[Change]) -> None:
    """Write down what a turn has led to.

    Args:
        connection: the turn's.
        turn: whose.
        kept: what has changed; ``None`` for what is forgotten.
        happened: the changes, in order.

    """
    rows = [
        {
            "vantage": turn.vantage,
            "subject": subject.key,
            "check": name,
            "revision": turn.revision,
            "document": None if document is None else json.dumps(written(document), separators=(",", ":")),
        }
        for (subject, name), document in kept.items()
    ]
    put(connection, standings, rows)
    note(connection, happened)


def note(connection: Connection, happened: Sequence[Change]) -> None:
    """Write down changes, in order."""
    if happened:
        connection.execute(insert(changes), [row_of(change) for change in happened])


def prune(connection: Connection, before: datetime) -> int:
    """Forget what happened before a moment, and regressions that ended before it. Returns how many."""
    gone = connection.execute(delete(changes).where(changes.c.at < before)).rowcount
    gone += connection.execute(delete(regressions).where(regressions.c.ended_at < before)).rowcount
    connection.execute(delete(vantages).where(vantages.c.seen_at < before))
    connection.execute(delete(standings).where(standings.c.vantage.not_in(select(vantages.c.name))))
    for name, revision in connection.execute(select(vantages.c.name, vantages.c.revision)).all():
        old = standings.c.revision < revision - _REVISIONS_READ  # every process of the vantage has read by now that it is forgotten
        connection.execute(delete(standings).where(standings.c.vantage == name, standings.c.document.is_(None), old))
    return gone
