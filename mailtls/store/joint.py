"""The table of regressions: what all vantages together make of what each of them holds.

Each function works within a transaction of its caller's.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import structlog
from sqlalchemy import insert, select, update

from mailtls.store import by_vantage, exhibits
from mailtls.store.engine import one_at_a_time
from mailtls.store.schema import regressions, vantages
from mailtls.tracking.changes import Subject
from mailtls.tracking.settling import Settled, settle
from mailtls.tracking.standing import Event
from mailtls.tracking.written import read, written

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from mailtls.tracking.ledger import Key
    from mailtls.tracking.settling import JointRegression

log = structlog.get_logger(component="store")

GONE_AFTER = timedelta(hours=24)
"""After how long without a word from it a vantage counts as gone for good: nobody waits for it to see a recovery."""


def open_regressions(connection: Connection) -> dict[Key, JointRegression]:
    """Return the regressions that are open, of all vantages together."""
    wanted = select(regressions.c.id, regressions.c.document).where(regressions.c.ended_at.is_(None))
    found = [each for name, text in connection.execute(wanted) if (each := _joint(name, text)) is not None]
    return {(each.subject, each.check): each for each in found}


def ended_since(connection: Connection, moment: datetime) -> dict[str, JointRegression]:
    """Return the regressions that ended after a moment, by their names."""
    wanted = select(regressions.c.id, regressions.c.document).where(regressions.c.ended_at >= moment)
    return {name: each for name, text in connection.execute(wanted) if (each := _joint(name, text)) is not None}


def known_since(connection: Connection, moment: datetime) -> tuple[JointRegression, ...]:
    """Return the regressions that are open, and those that ended after a moment."""
    return (*open_regressions(connection).values(), *ended_since(connection, moment).values())


def heard_of(connection: Connection, now: datetime) -> dict[str, bool]:
    """Return the vantages that are not gone for good, by name, and whether each is blind."""
    wanted = select(vantages.c.name, vantages.c.blind_since).where(vantages.c.seen_at >= now - GONE_AFTER).order_by(vantages.c.name)
    return {name: blind_since is not None for name, blind_since in connection.execute(wanted)}


def settle_all(
    connection: Connection,
    weaker: Collection[Key],
    now: datetime,
    patience: timedelta,
    accepted: Mapping[Key, str] | None = None,
    window: Callable[[Key], str] | None = None,
) -> tuple[Settled, ...]:
    """Bring the regressions of all vantages together up to date. Returns those that began, changed, or ended.

    Args:
        connection: with an open transaction.
        weaker: what this vantage has confirmed to be weaker.
        now: the time.
        patience: after how long without a word from it a vantage casts no vote.
        accepted: what an operator has just accepted, and why; then nothing else is settled.
        window: tells the maintenance window that a check of a subject falls into now; ``None`` leaves it to somebody else.

    """
    one_at_a_time(connection)
    known = open_regressions(connection)
    keys = sorted(known.keys() | set(weaker) if accepted is None else accepted.keys() & known.keys())
    names = {name: (seen_at, blind) for name, seen_at, blind, _ in connection.execute(select(vantages))}
    gone = {name for name, (seen_at, _) in names.items() if now - seen_at > GONE_AFTER}
    unable = {name for name, (seen_at, blind) in names.items() if blind is not None or now - seen_at > patience}
    held, out = by_vantage.held(connection, keys), by_vantage.out(connection, {subject for subject, _ in keys})
    left = by_vantage.left_out(connection, {subject.domain for subject, _ in keys} - {""})
    settled = []
    still = dict(known)
    for key in keys:  # a host before its addresses
        subject, check = key
        theirs = {vantage: standing for vantage, standing in held.get(key, {}).items() if vantage in names and vantage not in gone}
        was = known.get(key)
        found = settle(subject, check, was, theirs, unable | out.get(subject, set()) | left.get(subject.domain, set()), now)
        if found is not None and found.ended_at is not None and accepted is not None and key in accepted:
            found = replace(found, ended_by=Event.ACCEPTED, why=accepted[key])
        if found is not None and window is not None:
            found = found.telling(window(key))
        if found is not None and was is None:
            host = Subject(host=subject.host, family=subject.family)
            found = replace(found, alone=bool(subject.address) and (host, check) not in still)
            before, after = exhibits.about(connection, found.vantages, found.after.at)
            found = replace(found, before=replace(found.before, evidence=before), after=replace(found.after, evidence=after))
        if found is not None and found.ended_at is None:
            still[key] = found
        else:
            still.pop(key, None)
        if found is not None and found != was:
            settled.append(Settled(was, _write(connection, found)))
    return tuple(settled)


def _write(connection: Connection, regression: JointRegression) -> JointRegression:
    row = {
        "subject": regression.subject.key,
        "check": regression.check,
        "confirmed_at": regression.confirmed_at,
        "ended_at": regression.ended_at,
        "document": json.dumps(written(regression), separators=(",", ":")),
    }
    if regression.id:
        connection.execute(update(regressions).where(regressions.c.id == regression.id).values(row))
        return regression
    named = replace(regression, id=str(uuid.uuid4()))
    connection.execute(insert(regressions).values(id=named.id, **row))
    return named


def _joint(name: str, text: str) -> JointRegression | None:
    try:
        return replace(cast("JointRegression", read(json.loads(text))), id=name)
    except ValueError as error:
        log.warning("what was written of a regression is of no use", id=name, why=str(error))
        return None
