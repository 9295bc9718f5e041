"""The outbox: what webhooks are to be told, written in the transaction that finds it out, so that neither is ever without the other.

Each function works within a transaction of its caller's. Who sends claims a notice first, for a while: what was claimed by a process that was
killed is due again after that. So a notice comes at least once, and twice where a process ends between sending and noting that; its id is the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from mailtls.instants import AHEAD
from mailtls.store.schema import notices
from mailtls.tracking.notices import SUMMARY, notice, summary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from mailtls.tracking.notices import News, Notice

SENT, SUMMARISED, GIVEN_UP = "sent", "summarised", "given-up"
_MINUTE = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=25)
"""More than any trial is put off."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notice that is one's own to send, for a while; ``attempts`` counts this one."""

    id: str
    attempts: int
    document: str


@dataclass(frozen=True, slots=True)
class Telling:
    """Puts into the outbox what is to be told of what happened.

    Args:
        wanted: for each webhook the kinds that it is told.
        source: what tells of it: the URL under which the daemon's pages are seen, or ``/mailtls``.

    """

    wanted: Mapping[str, Collection[str]]
    source: str

    def __call__(self, connection: Connection, happened: Iterable[News], at: datetime) -> None:
        """Do so, in the transaction that writes down what happened, at the time that it is."""
        found = (notice(news.change, self.source, news.domains, news.vantages, alone=news.alone) for news in happened)
        add(connection, self.wanted, [each for each in found if each is not None], at)


def add(connection: Connection, wanted: Mapping[str, Collection[str]], found: Iterable[Notice], at: datetime) -> None:
    """Put notices into the outbox; those that are or were in it are left alone.

    Args:
        connection: with the transaction that found them out.
        wanted: for each webhook the kinds that it is told.
        found: notices.
        at: now.

    """
    rows = [
        {
            "id": each["id"], "webhook": webhook, "kind": each["data"]["kind"],
            "added_at": at, "attempts": 0, "next_at": at, "document": json.dumps(each),
        }
        for each in found
        for webhook, kinds in wanted.items()
        if each["data"]["kind"] in kinds or each["data"]["kind"] == SUMMARY
    ]
    if rows:
        insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(notices)
        connection.execute(insert.on_conflict_do_nothing(), sorted(rows, key=lambda row: (row["id"], row["webhook"])))


def claim(connection: Connection, webhook: str, now: datetime, lease: timedelta, per_minute: int) -> Claimed | None:
    """Return the next notice to send to a webhook, or ``None`` where none is due, or there were enough within a minute.

    What would be too many for this minute becomes one summary.

    Args:
        connection: with a transaction that writes.
        webhook: its name.
        now: the time.
        lease: for how long nobody else sends it.
        per_minute: how many are sent within a minute, trials included.

    """
    mine = notices.c.webhook == webhook
    ahead = now + AHEAD
    lately = (notices.c.claimed_at > now - _MINUTE, notices.c.claimed_at <= ahead)
    left = per_minute - (connection.scalar(select(func.count()).where(mine, *lately)) or 0)
    if left <= 0:
        return None
    is_due = or_(notices.c.next_at <= now, notices.c.next_at > now + _LONGEST_WAIT, notices.c.added_at > ahead, notices.c.claimed_at > ahead)
    due = select(notices).where(mine, notices.c.outcome.is_(None), is_due)
    ordered = due.order_by(notices.c.added_at, notices.c.id).with_for_update(skip_locked=True)  # SQLite locks it all, and knows no such words
    single = connection.execute(ordered.where(notices.c.kind != SUMMARY)).all()
    if len(single) > left:
        many = single[left - 1 :]
        whole = [json.loads(row.document) for row in many]
        add(connection, {webhook: ()}, [summary(whole, whole[0]["source"], now)], now)
        for row in many:
            connection.execute(update(notices).where(mine, notices.c.id == row.id).values(outcome=SUMMARISED))
    first = connection.execute(ordered.limit(1)).first()
    if first is None:
        return None
    tried = update(notices).where(mine, notices.c.id == first.id)
    added_at = now if first.added_at > ahead else first.added_at
    connection.execute(tried.values(claimed_at=now, next_at=now + lease, attempts=first.attempts + 1, added_at=added_at))
    return Claimed(first.id, first.attempts + 1, first.document)


def settle(connection: Connection, webhook: str, notice_id: str, outcome: str | None, next_at: datetime) -> None:
    """Note what became of a trial: an outcome, or, where that is ``None``, that it is tried again at a moment."""
    mine = (notices.c.webhook == webhook, notices.c.id == notice_id, or_(notices.c.outcome.is_(None), notices.c.outcome != SENT))
    connection.execute(update(notices).where(*mine).values(outcome=outcome, next_at=next_at))


def waiting(connection: Connection, webhooks: Collection[str]) -> int:
    """Return how many notices wait for some webhooks."""
    return connection.scalar(select(func.count()).where(notices.c.webhook.in_(webhooks), notices.c.outcome.is_(None))) or 0


def forget_settled(connection: Connection, before: datetime) -> int:
    """Forget notices that wait no longer and were added before a moment: the change that each told of is kept. Returns how many."""
    return connection.execute(delete(notices).where(notices.c.added_at < before, notices.c.outcome.is_not(None))).rowcount


def prune(connection: Connection, before: datetime) -> int:
    """Forget what was added before a moment. Returns how many."""
    return connection.execute(delete(notices).where(notices.c.added_at < before)).rowcount
