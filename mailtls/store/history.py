"""The tables of history: subjects, their states and how visits to them ended, and the evidence of both.

Each function works within a transaction of its caller's. Several processes of one vantage may write: what stands is read in the transaction
that changes it, with the row of its subject locked. What was written is read by ``stories``, and folded and deleted by ``forgetting``.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import insert, select, update

from mailtls.instants import AHEAD
from mailtls.store import exhibits, states
from mailtls.store.compact import unpacked
from mailtls.store.engine import put
from mailtls.store.schema import outcomes, subjects
from mailtls.tracking.history import Run, compare, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from mailtls.store.states import Standing
    from mailtls.tracking.changes import Subject
    from mailtls.tracking.journal import Entry


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
    return row.id, seen_read(row.seen), {purpose: run_read(run) for purpose, run in json.loads(row.runs).items()}


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
            ends[name], too_large = exhibits.keep(connection, found, kept, now)
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


def days_read(octets: bytes) -> dict[str, dict[str, int]]:
    """Return the days of a month, as they are kept: of each, how often which outcome was met. Raises ``ValueError``."""
    return cast("dict[str, dict[str, int]]", unpacked(octets))


def _seen_written(seen: Mapping[str, datetime]) -> str:
    at: dict[str, list[str]] = {}
    for fact, moment in seen.items():
        at.setdefault(moment.isoformat(), []).append(fact)
    return _json({moment: " ".join(facts) for moment, facts in at.items()})


def seen_read(text: str) -> dict[str, datetime]:
    """Return of each current fact of a subject when it was seen last, as its row has it."""
    return {fact: datetime.fromisoformat(moment) for moment, facts in json.loads(text).items() for fact in facts.split()}


def _run_written(run: Run) -> list[Any]:
    return [run.outcome, run.first.isoformat(), run.last.isoformat(), run.count]


def run_read(written: list[Any]) -> Run:
    """Return the run of a purpose that goes on, as the row of its subject has it."""
    outcome, first, last, count = written
    return Run(outcome, datetime.fromisoformat(first), datetime.fromisoformat(last), count)
