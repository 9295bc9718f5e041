"""The tables of history: subjects, their states and how visits to them ended, and the evidence of both.

Each function works within a transaction of its caller's. Several processes of one vantage may write: what stands is read in the transaction
that changes it, with the row of its subject locked.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import delete, insert, select, update

from mailtls.instants import AHEAD
from mailtls.store import exhibits, schema, states
from mailtls.store.codec import Unreadable
from mailtls.store.compact import deflated, inflated, packed, unpacked
from mailtls.store.documents import TooLarge
from mailtls.store.engine import put
from mailtls.store.happened import change_of
from mailtls.store.schema import blobs, changes, evidence, outcome_days, outcomes, standings, subjects
from mailtls.tracking.changes import Subject
from mailtls.tracking.history import Run, Story, by_day, compare, joined
from mailtls.tracking.standing import Standing as Held
from mailtls.tracking.written import read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from sqlalchemy import Connection

    from mailtls.evidence import RouteEvidence, ScanEvidence
    from mailtls.store.states import Standing
    from mailtls.tracking.changes import Change
    from mailtls.tracking.journal import Entry

FOLDED_AFTER = timedelta(days=30)
"""After how long it is only known of each day how its visits ended."""
AT_ONCE = 500
"""Rows that are deleted, or subjects whose visits are folded, in one transaction: others wait for a moment only."""


# Writing.


def record(connection: Connection, vantage: str, entries: Iterable[Entry], now: datetime) -> int:
    """Write what a journal says is to be written. Returns how many pieces of evidence were too large to be kept."""
    left_out = 0
    kept: dict[int, bytes | None] = {}
    # In one order of subjects, so that two who write the same ones wait for each other, and not each for the other.
    for entry in sorted(entries, key=lambda entry: (entry.subject.key, entry.at)):
        number, seen, runs = _page(connection, vantage, entry.subject, entry.at)
        stands = states.standing(connection, number)
        ahead = max([now, entry.at, *(at for _, at in entry.renewed.values())]) + AHEAD
        if max([*seen.values(), *(row.last_seen for row in stands.values())], default=now) > ahead:
            before = min([entry.at, *(at for _, at in entry.renewed.values())]) - timedelta(microseconds=1)
            states.set_back(connection, number, ahead, before)
            stands = states.standing(connection, number)
            seen |= {fact: before for fact, at in seen.items() if at > ahead}
            for purpose, run in runs.items():
                first, last = (before if at > ahead else at for at in (run.first, run.last))
                runs[purpose] = Run(run.outcome, first, last, run.count)
        left_out += _move(connection, entry, number, stands, seen, kept, now)
        closed = {purpose: _add_runs(runs, purpose, those) for purpose, those in entry.runs.items()}
        rows = [
            {
                "subject_id": number,
                "purpose": purpose,
                "outcome": run.outcome,
                "first": run.first,
                "last": run.last,
                "visits": run.count,
            }
            for purpose, those in closed.items()
            for run in those
        ]
        if rows:
            connection.execute(insert(outcomes), rows)
        page = {"seen": _seen_written(seen), "runs": _json({purpose: _run_written(run) for purpose, run in runs.items()})}
        connection.execute(update(subjects).where(subjects.c.id == number).values(seen_at=entry.at, **page))
    return left_out


def _page(connection: Connection, vantage: str, subject: Subject, at: datetime) -> tuple[int, dict[str, datetime], dict[str, Run]]:
    """Return the number of a subject, when its states were seen last, and the runs that go on; its row is locked from now on."""
    wanted = select(subjects.c.id, subjects.c.seen, subjects.c.runs).where(
        subjects.c.subject == subject.key, subjects.c.vantage == vantage
    )
    row = connection.execute(wanted.with_for_update()).one_or_none()
    if row is None:
        fresh = {"vantage": vantage, "subject": subject.key, "seen_at": at, "seen": "{}", "runs": "{}"}
        put(connection, subjects, [fresh], key=("subject", "vantage"))
        row = connection.execute(wanted.with_for_update()).one()
    return row.id, _seen_read(row.seen), {purpose: _run_read(run) for purpose, run in json.loads(row.runs).items()}


def _move(
    connection: Connection,
    entry: Entry,
    number: int,
    stands: dict[str, Standing],
    seen: dict[str, datetime],
    kept: dict[int, bytes | None],
    now: datetime,
) -> int:
    """End, begin and renew states as an entry says. Returns how many pieces of evidence were too large."""
    current = {fact: (row.values[fact], seen.get(fact, row.last_seen)) for fact, row in stands.items()}
    left_out = 0
    steps: list[tuple[dict[str, str], datetime, Any, Any]] = [({fact: value}, at, None, None) for fact, (value, at) in entry.renewed.items()]
    steps += [(dict(entry.values), entry.at, entry.evidence, entry.before)] if entry.values else []
    for values, at, first, last in steps:
        moves = compare(current, {fact: states.short(value) for fact, value in values.items()}, at)
        for fact in moves.renewed:
            current[fact] = (current[fact][0], at)
            seen[fact] = at
        ends = {}
        for name, found in (("evidence", first if moves.begun else None), ("last_evidence", last if moves.ended else None)):
            ends[name], too_large = _keep(connection, found, kept, now)
            left_out += too_large
        if moves.ended:
            last_seen = {fact: current[fact][1] for fact in moves.ended}
            stands |= states.end(connection, number, {fact: stands[fact] for fact in moves.ended}, last_seen, at, ends["last_evidence"])
        if moves.begun:
            begun = states.begin(connection, number, {fact: values[fact] for fact in moves.begun}, at, ends["evidence"], now)
            stands |= dict.fromkeys(moves.begun, begun)
            current |= {fact: (begun.values[fact], at) for fact in moves.begun}
            seen |= dict.fromkeys(moves.begun, at)
    return left_out


def _keep(
    connection: Connection, found: ScanEvidence | RouteEvidence | None, kept: dict[int, bytes | None], now: datetime
) -> tuple[bytes | None, int]:
    """Keep evidence. Returns its name, ``None`` where it is not kept; and whether that is so because it is too large."""
    if found is None:
        return None, 0
    if id(found) not in kept:
        try:
            exhibit = exhibits.packed(found)
        except TooLarge:
            kept[id(found)] = None
            return None, 1
        rows = [{"id": digest, "saved_at": now, "octets": deflated(octets)} for digest, octets in exhibit.parts.items()]
        put(connection, blobs, rows)
        row = {
            "id": exhibit.id,
            "at": found.began or now,
            "saved_at": now,
            "document": exhibit.document,
            "parts": b"".join(exhibit.parts),
        }
        put(connection, evidence, [row])
        kept[id(found)] = exhibit.id
    return kept[id(found)], 0


def _add_runs(runs: dict[str, Run], purpose: str, those: tuple[Run, ...]) -> list[Run]:
    """Let runs go on, or begin. Returns those that have ended by it."""
    closed = []
    for run in those:
        longer = joined(runs.get(purpose), run)
        if longer is None and purpose in runs:
            closed.append(runs[purpose])
        runs[purpose] = longer or run
    return closed


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _days_read(octets: bytes) -> dict[str, dict[str, int]]:
    return cast("dict[str, dict[str, int]]", unpacked(octets))


def _seen_written(seen: Mapping[str, datetime]) -> str:
    at: dict[str, list[str]] = {}
    for fact, moment in seen.items():
        at.setdefault(moment.isoformat(), []).append(fact)
    return _json({moment: " ".join(facts) for moment, facts in at.items()})


def _seen_read(text: str) -> dict[str, datetime]:
    return {fact: datetime.fromisoformat(moment) for moment, facts in json.loads(text).items() for fact in facts.split()}


def _run_written(run: Run) -> list[Any]:
    return [run.outcome, run.first.isoformat(), run.last.isoformat(), run.count]


def _run_read(written: list[Any]) -> Run:
    outcome, first, last, count = written
    return Run(outcome, datetime.fromisoformat(first), datetime.fromisoformat(last), count)


# Reading.


def stories(connection: Connection, domain: str, since: datetime | None = None, vantage: str | None = None) -> tuple[Story, ...]:
    """Return what is known of a domain over time: of itself, with each MX host it ever had, of those in each family, and of their endpoints.

    Of a host in a family there are changes, and what is held back, only: what it is held to is folded from its endpoints, which have the states.

    Args:
        connection: with an open transaction.
        domain: in ASCII.
        since: what ended before this is left out; ``None`` for nothing.
        vantage: whose story; ``None`` for all.

    """
    of_domain = _found(connection, [f"{domain}/"], vantage)
    hosts = sorted({Subject.of(row.subject).host for row in of_domain} - {""})
    of_hosts = _found(connection, [f"/{host}/" for host in hosts], vantage)
    vantages = sorted({row.vantage for row in (*of_domain, *of_hosts)})
    folded = [Subject(host=host, family=family) for host in hosts for family in ("ipv4", "ipv6")]
    of_all = (
        Story(place, each, changes=_changes(connection, each.key, place, since), held_back=_held_back(connection, each.key, place))
        for place in vantages
        for each in folded
    )
    of_folds = (story for story in of_all if story.changes or story.held_back)
    whole = [_story(connection, row, since) for row in (*of_domain, *of_hosts)]
    return (*(story for story in whole if story.subject.domain), *of_folds, *(story for story in whole if not story.subject.domain))


def _found(connection: Connection, beginnings: Collection[str], vantage: str | None) -> list[Any]:
    found: list[Any] = []
    for beginning in beginnings:
        wanted = select(subjects).where(subjects.c.subject.startswith(beginning, autoescape=True))
        if vantage is not None:
            wanted = wanted.where(subjects.c.vantage == vantage)
        found += [row for row in connection.execute(wanted) if row.subject.startswith(beginning)]
    return sorted(found, key=lambda row: (row.subject, row.vantage))


def _story(connection: Connection, row: Any, since: datetime | None) -> Story:
    told = states.told(connection, row.id, _seen_read(row.seen), since)
    runs: dict[str, list[Run]] = {}
    for each in connection.execute(select(outcomes).where(outcomes.c.subject_id == row.id).order_by(outcomes.c.first)):
        if since is None or each.last >= since:
            runs.setdefault(each.purpose, []).append(Run(each.outcome, each.first, each.last, each.visits))
    for purpose, written in json.loads(row.runs).items():
        if since is None or _run_read(written).last >= since:
            runs.setdefault(purpose, []).append(_run_read(written))
    happened = _changes(connection, row.subject, row.vantage, since)
    days: dict[str, dict[str, int]] = {}
    months = select(outcome_days.c.days).where(outcome_days.c.subject_id == row.id).order_by(outcome_days.c.month)
    for octets in connection.scalars(months):
        days |= {day: those for day, those in _days_read(octets).items() if since is None or day >= since.date().isoformat()}
    return Story(
        row.vantage,
        Subject.of(row.subject),
        told,
        happened,
        {purpose: tuple(those) for purpose, those in runs.items()},
        days,
        _held_back(connection, row.subject, row.vantage),
    )


def _held_back(connection: Connection, subject: str, vantage: str) -> dict[str, Held]:
    """Return the checks of a subject whose loss is held back, and not believed yet."""
    theirs = (standings.c.subject == subject, standings.c.vantage == vantage, standings.c.document.contains('"held_back"'))
    found = {}
    for check, text in connection.execute(select(standings.c.check, standings.c.document).where(*theirs).order_by(standings.c.check)):
        try:
            held = read(json.loads(text))
        except ValueError:  # one damaged row is not worth all the others
            continue
        if isinstance(held, Held) and held.baseline is not None and held.held_back is not None and not held.held_back.is_believed:
            found[check] = held
    return found


def _changes(connection: Connection, subject: str, vantage: str, since: datetime | None) -> tuple[Change, ...]:
    return tuple(_changes_read(connection, subject, vantage, since))


def _changes_read(connection: Connection, subject: str, vantage: str, since: datetime | None) -> Iterator[Change]:
    wanted = select(changes).where(changes.c.subject == subject, changes.c.vantage.in_(["", vantage])).order_by(changes.c.at, changes.c.id)
    if since is not None:
        wanted = wanted.where(changes.c.at >= since)
    for row in connection.execute(wanted):
        try:
            yield change_of(row)
        except ValueError:  # one damaged row is not worth all the others
            continue


def find_evidence(connection: Connection, name: str) -> tuple[str, ScanEvidence | RouteEvidence] | None:
    """Return evidence, and its whole name; ``None`` where there is none. Raises ``Unreadable``.

    Args:
        connection: with an open transaction.
        name: in hexadecimal, or the beginning of it: eight digits or more. Where several begin so, there is none.

    """
    low = bytes.fromhex(name[: len(name) // 2 * 2])
    found = connection.execute(
        select(evidence.c.id, evidence.c.document).where(evidence.c.id >= low, evidence.c.id <= low + b"\xff" * (32 - len(low)))
    )
    rows = [row for row in found if row.id.hex().startswith(name)]
    if len(rows) != 1:
        return None

    def part(digest: bytes) -> bytes | None:
        octets = connection.scalar(select(blobs.c.octets).where(blobs.c.id == digest))
        if octets is None:
            return None
        try:
            return inflated(octets)
        except ValueError as error:
            raise Unreadable(f"a part is damaged: {error}") from error

    return rows[0].id.hex(), exhibits.unpacked(rows[0].document, part)


def evidence_about(connection: Connection, vantages: Collection[str], at: datetime) -> tuple[str, str]:
    """Return the names of the evidence before and after what a scan, or a look, saw change; empty where none is kept.

    Args:
        connection: with an open transaction.
        vantages: whose scan it was: one of these.
        at: when it began, which tells it from all others.

    """
    table = schema.states
    theirs = table.join(subjects, table.c.subject_id == subjects.c.id)
    names = []
    for column, moment in ((table.c.last_evidence, table.c.ended_at), (table.c.evidence, table.c.first_seen)):
        wanted = select(column).select_from(theirs).where(moment == at, column.is_not(None), subjects.c.vantage.in_(vantages)).limit(1)
        found = connection.scalar(wanted)
        names.append("" if found is None else found.hex())
    return names[0], names[1]


# Forgetting.


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
            for day, counted in (_days_read(known) if known is not None else {}).items():
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
    ended = select(schema.states.c.id).where(schema.states.c.ended_at < before).limit(AT_ONCE)
    numbers = connection.scalars(ended).all()
    if numbers:
        gone += connection.execute(delete(schema.states).where(schema.states.c.id.in_(numbers))).rowcount
    gone += connection.execute(delete(outcome_days).where(outcome_days.c.month < before.strftime("%Y-%m"))).rowcount
    # Of a subject that nobody has looked at for as long as that, nothing is current any more.
    silent = connection.scalars(select(subjects.c.id).where(subjects.c.seen_at < before).limit(AT_ONCE // 10)).all()
    if silent:
        for table in (schema.states, outcomes, outcome_days):
            gone += connection.execute(delete(table).where(table.c.subject_id.in_(silent))).rowcount
        gone += connection.execute(delete(subjects).where(subjects.c.id.in_(silent))).rowcount
    return gone


def forget_orphans(connection: Connection, before: datetime) -> int:
    """Delete some evidence, and parts of it, that was saved before a moment and that nothing names any more. Returns how many."""
    first, last = schema.states.c.evidence, schema.states.c.last_evidence
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
