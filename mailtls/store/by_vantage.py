"""What each vantage holds of a check, keeps of a subject, and can measure at all: what one vantage goes by when it looks at the others.

Each function works within a transaction of its caller's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar, cast

import structlog
from sqlalchemy import select, tuple_

from mailtls.store.schema import standings, vantages
from mailtls.tracking.changes import Subject
from mailtls.tracking.ledger import PRESENCE, WAY
from mailtls.tracking.presence import Presence, Way
from mailtls.tracking.standing import Standing
from mailtls.tracking.written import read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

    from mailtls.tracking.ledger import Kept, Key

T = TypeVar("T", Standing, Presence, Way)

log = structlog.get_logger(component="store")

_AT_ONCE = 200
"""Keys in one question to the database, which takes a few hundred parameters of each row at most."""


def kept_read(text: str | None) -> Kept | None:
    """Return what a row has of a check or a subject; ``None`` where it is forgotten, or cannot be read."""
    if text is None:
        return None
    try:
        return cast("Kept", read(json.loads(text)))
    except ValueError as error:  # one damaged row is not worth all the others
        log.warning("what was held of a check is of no use, and is learnt anew", why=str(error))
        return None


def _in_parts(keys: Iterable[Key]) -> list[list[tuple[str, str]]]:
    wanted = [(subject.key, check) for subject, check in keys]
    return [wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE)]


def held(connection: Connection, keys: Iterable[Key]) -> dict[Key, dict[str, Standing]]:
    """Return what each vantage holds of some checks."""
    return _kept(connection, keys, Standing)


def _kept(connection: Connection, keys: Iterable[Key], kind: type[T]) -> dict[Key, dict[str, T]]:
    """Return what each vantage keeps under some keys, where it is of that kind."""
    found: dict[Key, dict[str, T]] = {}
    columns = (standings.c.vantage, standings.c.subject, standings.c.check, standings.c.document)
    for part in _in_parts(keys):
        wanted = select(*columns).where(tuple_(standings.c.subject, standings.c.check).in_(part), standings.c.document.is_not(None))
        for vantage, subject, check, text in connection.execute(wanted):
            kept = kept_read(text)
            if isinstance(kept, kind):
                found.setdefault((Subject.of(subject), check), {})[vantage] = kept
    return found


def out(connection: Connection, subjects: Iterable[Subject]) -> dict[Subject, set[str]]:
    """Return which vantages cannot measure some subjects: each has told an outage."""
    kept = _kept(connection, [(subject, PRESENCE) for subject in sorted(subjects)], Presence)
    return {
        subject: {vantage for vantage, presence in theirs.items() if presence.out_at is not None}
        for (subject, _), theirs in kept.items()
    }


def left_out(connection: Connection, domains: Iterable[str]) -> dict[str, set[str]]:
    """Return which vantages have left some domains out of their configuration: they do not measure them."""
    kept = _kept(connection, [(Subject(domain), WAY) for domain in sorted(domains)], Way)
    return {
        subject.domain: {vantage for vantage, way in theirs.items() if way.left_at is not None}
        for (subject, _), theirs in kept.items()
    }


def seen_elsewhere(connection: Connection, vantage: str, keys: Collection[Key], now: datetime, patience: timedelta) -> set[Key]:
    """Return which of the losses that a vantage holds back another one sees too: it holds them back as well, or has confirmed them.

    Args:
        connection: with an open transaction.
        vantage: which holds them back.
        keys: of what was seen, and not folded.
        now: the time.
        patience: after how long without a word from it a vantage, and what it holds back, says nothing any more.

    """
    if not keys:
        return set()
    names = connection.execute(select(vantages.c.name, vantages.c.seen_at, vantages.c.blind_since).where(vantages.c.name != vantage))
    able = {name for name, seen_at, blind in names if blind is None and now - seen_at <= patience}
    if not able:
        return set()
    unable, left = out(connection, {subject for subject, _ in keys}), left_out(connection, {subject.domain for subject, _ in keys} - {""})
    found = set()
    for (subject, check), theirs in held(connection, sorted(keys)).items():
        for name in able.intersection(theirs) - unable.get(subject, set()) - left.get(subject.domain, set()):
            loss = theirs[name].held_back
            is_fresh = loss is not None and (loss.latest.full or now - loss.latest.at <= patience)
            if theirs[name].regression is not None or is_fresh:
                found.add((subject, check))
    return found
