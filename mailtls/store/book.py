"""The tables of the ledgers: what each vantage holds of its checks, what happened to them, and what all vantages together make of that.

Each function works within a transaction of its caller's. Two processes of one vantage take turns, since whoever begins one locks the row of
the vantage first; so each of them reads what the other has written before it learns anything itself.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import structlog
from sqlalchemy import delete, insert, select, tuple_, update

from mailtls.instants import AHEAD
from mailtls.store.engine import one_at_a_time, put
from mailtls.store.happened import row_of
from mailtls.store.history import evidence_about
from mailtls.store.schema import changes, regressions, standings, vantages
from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.ledger import PRESENCE, WAY
from mailtls.tracking.settling import settle
from mailtls.tracking.standing import Event
from mailtls.tracking.written import read, written

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from mailtls.tracking.ledger import Kept, Key
    from mailtls.tracking.presence import Presence, Way
    from mailtls.tracking.settling import JointRegression
    from mailtls.tracking.standing import Standing

log = structlog.get_logger(component="store")

GONE_AFTER = timedelta(hours=24)
"""After how long without a word from it a vantage counts as gone for good: nobody waits for it to see a recovery."""
_REVISIONS_READ = 1000
"""Turns of a vantage after which nobody has still to read that something was forgotten: many hours of them."""
_AT_ONCE = 200
"""Keys in one question to the database, which takes a few hundred parameters of each row at most."""


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


@dataclass(frozen=True, slots=True)
class Settled:
    """What has become of a regression of all vantages together.

    Args:
        before: as it was; ``None`` where there was none.
        after: as it is now.

    """

    before: JointRegression | None
    after: JointRegression

    @property
    def change(self) -> Change | None:
        """What there is to tell: that it counts, now or beyond a maintenance window, or that one that did has ended; ``None`` for less.

        A recovery leads from what it had become to what it is held to.
        """
        now, known = self.after, self.before
        counted = known is not None and (known.counts or known.told)
        waited = known is not None and known.muted and now.told and not known.told
        if now.ended_at is not None and counted:
            event, at = now.ended_by or Event.RECOVERED, now.ended_at
        elif now.ended_at is None and now.counts and (not counted or waited):
            event, at = Event.CONFIRMED, now.confirmed_at
        else:
            return None
        before, after = (now.after, now.before) if event is Event.RECOVERED else (now.before, now.after)
        why = "the maintenance window is over" if waited else now.why
        return Change(at, now.subject, now.check, event, before, after, "", now.attribution, why, "" if now.told else now.muted)


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
    return Turn(vantage, revision + 1, {(Subject.of(key), name): _kept(text) for key, name, text in connection.execute(wanted)}, blind_since)


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


def open_regressions(connection: Connection) -> dict[Key, JointRegression]:
    """Return the regressions that are open, of all vantages together."""
    wanted = select(regressions.c.id, regressions.c.document).where(regressions.c.ended_at.is_(None))
    found = [each for name, text in connection.execute(wanted) if (each := _joint(name, text)) is not None]
    return {(each.subject, each.check): each for each in found}


def ended_since(connection: Connection, moment: datetime) -> dict[str, JointRegression]:
    """Return the regressions that ended after a moment, by their names."""
    wanted = select(regressions.c.id, regressions.c.document).where(regressions.c.ended_at >= moment)
    return {name: each for name, text in connection.execute(wanted) if (each := _joint(name, text)) is not None}


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
    held, out = _held(connection, keys), _out(connection, {subject for subject, _ in keys})
    left = _left_out(connection, {subject.domain for subject, _ in keys} - {""})
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
            before, after = evidence_about(connection, found.vantages, found.after.at)
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


def _in_parts(keys: Iterable[Key]) -> list[list[tuple[str, str]]]:
    wanted = [(subject.key, check) for subject, check in keys]
    return [wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE)]


def _held(connection: Connection, keys: Iterable[Key]) -> dict[Key, dict[str, Standing]]:
    """Return what each vantage holds of some checks, or keeps of some subjects besides."""
    found: dict[Key, dict[str, Standing]] = {}
    columns = (standings.c.vantage, standings.c.subject, standings.c.check, standings.c.document)
    for part in _in_parts(keys):
        wanted = select(*columns).where(tuple_(standings.c.subject, standings.c.check).in_(part), standings.c.document.is_not(None))
        for vantage, subject, check, text in connection.execute(wanted):
            kept = _kept(text)
            if kept is not None:
                found.setdefault((Subject.of(subject), check), {})[vantage] = cast("Standing", kept)
    return found


def _out(connection: Connection, subjects: Iterable[Subject]) -> dict[Subject, set[str]]:
    """Return which vantages cannot measure some subjects: each has told an outage."""
    kept = _held(connection, [(subject, PRESENCE) for subject in sorted(subjects)])
    return {
        subject: {vantage for vantage, presence in theirs.items() if cast("Presence", presence).out_at is not None}
        for (subject, _), theirs in kept.items()
    }


def _left_out(connection: Connection, domains: Iterable[str]) -> dict[str, set[str]]:
    """Return which vantages have left some domains out of their configuration: they do not measure them."""
    kept = _held(connection, [(Subject(domain), WAY) for domain in sorted(domains)])
    return {
        subject.domain: {vantage for vantage, way in theirs.items() if cast("Way", way).left_at is not None}
        for (subject, _), theirs in kept.items()
    }


def _joint(name: str, text: str) -> JointRegression | None:
    try:
        return replace(cast("JointRegression", read(json.loads(text))), id=name)
    except ValueError as error:
        log.warning("what was written of a regression is of no use", id=name, why=str(error))
        return None


def _kept(text: str | None) -> Kept | None:
    if text is None:
        return None
    try:
        return cast("Kept", read(json.loads(text)))
    except ValueError as error:  # one damaged row is not worth all the others
        log.warning("what was held of a check is of no use, and is learnt anew", why=str(error))
        return None


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
    out, left = _out(connection, {subject for subject, _ in keys}), _left_out(connection, {subject.domain for subject, _ in keys} - {""})
    found = set()
    for (subject, check), theirs in _held(connection, sorted(keys)).items():
        for name in able.intersection(theirs) - out.get(subject, set()) - left.get(subject.domain, set()):
            held = theirs[name].held_back
            is_fresh = held is not None and (held.latest.full or now - held.latest.at <= patience)
            if theirs[name].regression is not None or is_fresh:
                found.add((subject, check))
    return found


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
