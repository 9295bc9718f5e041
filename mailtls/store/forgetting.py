"""What becomes of old history: visits are folded to days, and what ended long ago, and its evidence, is deleted.

Each function does a part of it, within a transaction of its caller's, so that whoever else writes waits for a moment only.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from mailtls.store import states
from mailtls.store.compact import packed
from mailtls.store.engine import put
from mailtls.store.history import days_read
from mailtls.store.schema import blobs, evidence, outcome_days, outcomes, subjects
from mailtls.store.schema import states as state_rows
from mailtls.tracking.history import Run, by_day

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

FOLDED_AFTER = timedelta(days=30)
"""After how long it is only known of each day how its visits ended."""
AT_ONCE = 500
"""Rows that are deleted, or subjects whose visits are folded, in one transaction: others wait for a moment only."""


def fold(connection: Connection, before: datetime) -> int:
    """Fold visits that ended before a moment to days, of some subjects at most. Returns how many rows that were; 0 where none is left."""
    wanted = select(outcomes.c.subject_id).where(outcomes.c.last < before).distinct().limit(AT_ONCE // 10)
    numbers = connection.scalars(wanted).all()
    folded = 0
    for number in numbers:
        rows = connection.execute(select(outcomes).where(outcomes.c.subject_id == number, outcomes.c.last < before)).all()
        months: dict[str, dict[str, dict[str, int]]] = {}
        for day, counted in by_day(Run(row.outcome, row.first, row.last, row.visits) for row in rows).items():
            months.setdefault(day[:7], {})[day] = counted
        for month, days in months.items():
            known = connection.scalar(
                select(outcome_days.c.days).where(outcome_days.c.subject_id == number, outcome_days.c.month == month)
            )
            for day, counted in (days_read(known) if known is not None else {}).items():
                now = days.setdefault(day, {})
                for outcome, count in counted.items():
                    now[outcome] = now.get(outcome, 0) + count
            put(connection, outcome_days, [{"subject_id": number, "month": month, "days": packed(dict(sorted(days.items())))}])
        connection.execute(delete(outcomes).where(outcomes.c.id.in_([row.id for row in rows])))
        folded += len(rows)
    return folded


def forget(connection: Connection, before: datetime) -> int:
    """Delete some of what ended before a moment; what is current stays. Returns how many rows that were; 0 where none is left."""
    gone = 0
    ended = select(state_rows.c.id).where(state_rows.c.ended_at < before).limit(AT_ONCE)
    numbers = connection.scalars(ended).all()
    if numbers:
        gone += connection.execute(delete(state_rows).where(state_rows.c.id.in_(numbers))).rowcount
    gone += connection.execute(delete(outcome_days).where(outcome_days.c.month < before.strftime("%Y-%m"))).rowcount
    # Of a subject that nobody has looked at for as long as that, nothing is current any more.
    silent = connection.scalars(select(subjects.c.id).where(subjects.c.seen_at < before).limit(AT_ONCE // 10)).all()
    if silent:
        for table in (state_rows, outcomes, outcome_days):
            gone += connection.execute(delete(table).where(table.c.subject_id.in_(silent))).rowcount
        gone += connection.execute(delete(subjects).where(subjects.c.id.in_(silent))).rowcount
    return gone


def forget_orphans(connection: Connection, before: datetime) -> int:
    """Delete some evidence, and parts of it, that was saved before a moment and that nothing names any more. Returns how many."""
    first, last = state_rows.c.evidence, state_rows.c.last_evidence
    named = select(first).where(first.is_not(None)).union(select(last).where(last.is_not(None)))
    idle = select(evidence.c.id).where(evidence.c.saved_at < before, evidence.c.id.not_in(named)).limit(AT_ONCE)
    names = connection.scalars(idle).all()
    if names:
        return connection.execute(delete(evidence).where(evidence.c.id.in_(names), evidence.c.saved_at < before)).rowcount
    used = {
        parts[start : start + 32] for parts in connection.scalars(select(evidence.c.parts)) for start in range(0, len(parts), 32)
    }
    used |= states.parts_of(connection)
    old = [name for name in connection.scalars(select(blobs.c.id).where(blobs.c.saved_at < before)) if name not in used][:AT_ONCE]
    return connection.execute(delete(blobs).where(blobs.c.id.in_(old), blobs.c.saved_at < before)).rowcount if old else 0
