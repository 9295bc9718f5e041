"""Reading the tables of history: what is known of a domain, its hosts and their endpoints over time.

Each function works within a transaction of its caller's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from mailtls.store import states
from mailtls.store.happened import change_of
from mailtls.store.history import days_read, run_read, seen_read
from mailtls.store.schema import changes, outcome_days, outcomes, standings, subjects
from mailtls.tracking.changes import Subject
from mailtls.tracking.history import Run, Story
from mailtls.tracking.standing import Standing
from mailtls.tracking.written import read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from sqlalchemy import Connection

    from mailtls.tracking.changes import Change


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
    told = states.told(connection, row.id, seen_read(row.seen), since)
    runs: dict[str, list[Run]] = {}
    for each in connection.execute(select(outcomes).where(outcomes.c.subject_id == row.id).order_by(outcomes.c.first)):
        if since is None or each.last >= since:
            runs.setdefault(each.purpose, []).append(Run(each.outcome, each.first, each.last, each.visits))
    for purpose, written in json.loads(row.runs).items():
        if since is None or run_read(written).last >= since:
            runs.setdefault(purpose, []).append(run_read(written))
    happened = _changes(connection, row.subject, row.vantage, since)
    days: dict[str, dict[str, int]] = {}
    months = select(outcome_days.c.days).where(outcome_days.c.subject_id == row.id).order_by(outcome_days.c.month)
    for octets in connection.scalars(months):
        days |= {day: those for day, those in days_read(octets).items() if since is None or day >= since.date().isoformat()}
    return Story(
        row.vantage,
        Subject.of(row.subject),
        told,
        happened,
        {purpose: tuple(those) for purpose, those in runs.items()},
        days,
        _held_back(connection, row.subject, row.vantage),
    )


def _held_back(connection: Connection, subject: str, vantage: str) -> dict[str, Standing]:
    """Return the checks of a subject whose loss is held back, and not believed yet."""
    theirs = (standings.c.subject == subject, standings.c.vantage == vantage, standings.c.document.contains('"held_back"'))
    found = {}
    for check, text in connection.execute(select(standings.c.check, standings.c.document).where(*theirs).order_by(standings.c.check)):
        try:
            held = read(json.loads(text))
        except ValueError:  # one damaged row is not worth all the others
            continue
        if isinstance(held, Standing) and held.baseline is not None and held.held_back is not None and not held.held_back.is_believed:
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
