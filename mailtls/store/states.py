"""The table of states: each row has those of one subject that one scan began, and one other ended, or that are still current.

A server that loses STARTTLS ends forty states at once, and begins forty others when it has it again: that is a row each, and not forty. Of a
row that ends in part, that part becomes a row of its own. Each function works within a transaction that has the row of the subject locked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import delete, insert, select, update

from mailtls.store.compact import deflated, inflated, packed, unpacked
from mailtls.store.engine import put
from mailtls.store.schema import blobs, states
from mailtls.tracking.history import State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

_LONG = 200
"""Characters of a value from which it is kept apart, once for all states that have it."""


def short(value: str) -> str:
    """Return a value, or the digest of a long one: enough to compare it."""
    return value if len(value) <= _LONG else hashlib.sha256(value.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Standing:
    """A row of current states.

    Args:
        number: of the row.
        began: when the scan began that they are read from.
        last_seen: when they were seen last, unless the subject's row knows better.
        evidence: the SHA-256 of that scan, if it is kept.
        values: of each fact, as :func:`short` gives them.
        long: facts of which the value is a digest.

    """

    number: int
    began: datetime
    last_seen: datetime
    evidence: bytes | None
    values: Mapping[str, str]
    long: frozenset[str]


def standing(connection: Connection, subject: int) -> dict[str, Standing]:
    """Return the rows of a subject's current states, by each fact in them."""
    found: dict[str, Standing] = {}
    for row in connection.execute(select(states).where(states.c.subject_id == subject, states.c.ended_at.is_(None))):
        values, long = _read(row.facts)
        one = Standing(row.id, row.first_seen, row.last_seen, row.evidence, values | long, frozenset(long))
        found |= dict.fromkeys(one.values, one)
    return found


def set_back(connection: Connection, subject: int, ahead: datetime, before: datetime) -> None:
    """Let a subject's current states that a clock which ran ahead wrote, later than a moment, be of another moment before."""
    for column in (states.c.first_seen, states.c.last_seen):
        theirs = (states.c.subject_id == subject, states.c.ended_at.is_(None), column > ahead)
        connection.execute(update(states).where(*theirs).values({column: before}))


def begin(connection: Connection, subject: int, values: Mapping[str, str], at: datetime, evidence: bytes | None, now: datetime) -> Standing:
    """Begin states.

    Args:
        connection: with an open transaction.
        subject: the number of whose.
        values: by fact; at least one.
        at: when the scan began that saw them.
        evidence: the SHA-256 of it, if it is kept.
        now: the time.

    """
    long = frozenset(fact for fact, value in values.items() if len(value) > _LONG)
    apart = [{"id": bytes.fromhex(short(values[fact])), "saved_at": now, "octets": deflated(values[fact].encode())} for fact in long]
    put(connection, blobs, list({row["id"]: row for row in apart}.values()))
    known = {fact: short(value) for fact, value in values.items()}
    row = {"subject_id": subject, "first_seen": at, "last_seen": at, "evidence": evidence, **_written(known, long)}
    key = connection.execute(insert(states).values(row)).inserted_primary_key
    assert key is not None
    return Standing(key[0], at, at, evidence, known, long)


def end(
    connection: Connection, subject: int, ended: Mapping[str, Standing], seen: Mapping[str, datetime], at: datetime, evidence: bytes | None
) -> dict[str, Standing]:
    """End states, and return the rows of those that stood beside them and still do.

    Args:
        connection: with an open transaction.
        subject: the number of whose.
        ended: of each fact the row in which it stands.
        seen: of each fact when it was seen last.
        at: when the scan began that saw another value.
        evidence: the SHA-256 of the last scan that showed them, if it is kept.

    """
    left: dict[str, Standing] = {}
    for row in {one.number: one for one in ended.values()}.values():
        gone = [fact for fact in row.values if fact in ended]
        stays = {fact: value for fact, value in row.values.items() if fact not in ended}
        if stays:
            connection.execute(update(states).where(states.c.id == row.number).values(_written(stays, row.long)))
            left |= dict.fromkeys(stays, Standing(row.number, row.began, row.last_seen, row.evidence, stays, row.long & stays.keys()))
        else:
            connection.execute(delete(states).where(states.c.id == row.number))
        for last in dict.fromkeys(seen[fact] for fact in gone):
            those = {fact: row.values[fact] for fact in gone if seen[fact] == last}
            moments = {"first_seen": row.began, "last_seen": last, "ended_at": at}
            names = {"evidence": row.evidence, "last_evidence": evidence}
            connection.execute(insert(states).values(subject_id=subject, **moments, **names, **_written(those, row.long)))
    return left


def told(connection: Connection, subject: int, seen: Mapping[str, datetime], since: datetime | None) -> tuple[State, ...]:
    """Return the states of a subject in the order in which they began, and of those that began together the first to end first.

    Args:
        connection: with an open transaction.
        subject: the number of whose.
        seen: of each current fact when it was seen last.
        since: what ended before this is left out; ``None`` for nothing.

    """
    wanted = select(states).where(states.c.subject_id == subject)
    if since is not None:
        wanted = wanted.where(states.c.ended_at.is_(None) | (states.c.ended_at >= since))
    found: list[State] = []
    known: dict[str, str | None] = {}
    for row in connection.execute(wanted.order_by(states.c.first_seen, states.c.ended_at.is_(None), states.c.ended_at, states.c.id)):
        values, long = _read(row.facts)
        names = ((row.evidence or b"").hex(), (row.last_evidence or b"").hex())
        for fact, value in (values | long).items():
            whole = value if fact not in long else _long(connection, value, known)
            if whole is not None:
                last = row.last_seen if row.ended_at is not None else seen.get(fact, row.last_seen)
                found.append(State(fact, whole, row.first_seen, last, row.ended_at, *names))
    return tuple(found)


def parts_of(connection: Connection) -> set[bytes]:
    """Return the SHA-256 of every long value."""
    return {parts[start : start + 32] for parts in connection.scalars(select(states.c.parts)) for start in range(0, len(parts), 32)}


def _long(connection: Connection, digest: str, known: dict[str, str | None]) -> str | None:
    if digest not in known:
        octets = connection.scalar(select(blobs.c.octets).where(blobs.c.id == bytes.fromhex(digest)))
        known[digest] = None if octets is None else inflated(octets).decode()
    return known[digest]


def _written(values: Mapping[str, str], long: Collection[str]) -> dict[str, Any]:
    apart = {fact: value for fact, value in values.items() if fact in long}
    document = {"values": {fact: value for fact, value in values.items() if fact not in long}} | ({"long": apart} if apart else {})
    return {"facts": packed(document), "parts": b"".join(bytes.fromhex(value) for value in apart.values())}


def _read(facts: bytes) -> tuple[dict[str, str], dict[str, str]]:
    document = cast("dict[str, dict[str, str]]", unpacked(facts))
    return document["values"], document.get("long", {})
