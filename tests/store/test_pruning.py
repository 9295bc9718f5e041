"""What is older than retention goes, from each table, and what is younger stays; what has done its work goes sooner."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial

from remembered import NOW, ONE, PLACE, found, kept_of
from sqlalchemy import insert, select

from mailtls.store import book, outbox
from mailtls.store.database import Store
from mailtls.store.engine import put, reading, writing
from mailtls.store.schema import changes, hellos, notices, regressions, routes, scans, standings, vantages
from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.standing import Event

DAY = timedelta(days=1)
OLD, YOUNG = NOW - 2 * DAY, NOW
BEFORE = NOW - DAY
"""What is older than this is beyond retention."""


async def do(store: Store, work, *args):
    def within(engine):
        with writing(engine) as connection:
            return work(connection, *args)

    return await store.run(within)


async def values(store: Store, column) -> list:
    def read(engine) -> list:
        with reading(engine) as connection:
            return sorted(connection.scalars(select(column)))

    return await store.run(read)


def add_notice(connection, name: str, at, outcome: str | None = None) -> None:
    row = {"id": name, "webhook": "pager", "kind": "outage", "added_at": at, "attempts": 0, "next_at": at, "outcome": outcome}
    connection.execute(insert(notices), [{**row, "document": json.dumps({"id": name})}])


def add_regression(connection, name: str, ended_at) -> None:
    row = {"id": name, "subject": f"{name}.example///", "check": "starttls", "confirmed_at": OLD, "ended_at": ended_at, "document": "{}"}
    connection.execute(insert(regressions), [row])


def add_standing(connection, vantage: str, check: str, revision: int, document: str | None) -> None:
    row = {"vantage": vantage, "subject": "a.example///", "check": check, "revision": revision, "document": document}
    put(connection, standings, [row])


def add_vantage(connection, name: str, seen_at, revision: int = 0) -> None:
    put(connection, vantages, [{"name": name, "seen_at": seen_at, "blind_since": None, "revision": revision}])


async def test_changes_go_when_they_are_older_than_retention(store: Store) -> None:
    for number, at in enumerate((OLD, YOUNG)):
        await do(store, book.note, [Change(at, Subject(f"a{number}.example"), "starttls", Event.CONFIRMED)])
    assert await store.prune(BEFORE) == 1
    assert await values(store, changes.c.subject) == ["a1.example///"]


async def test_regressions_go_when_they_ended_before_retention_and_stay_while_they_are_open(store: Store) -> None:
    for name, ended_at in (("old", OLD), ("young", YOUNG), ("open", None)):
        await do(store, add_regression, name, ended_at)
    assert await store.prune(BEFORE) == 1
    assert await values(store, regressions.c.id) == ["open", "young"]


async def test_a_vantage_that_has_been_gone_for_as_long_is_forgotten_with_what_it_held(store: Store) -> None:
    for name, at in (("gone", OLD), ("here", YOUNG)):
        await do(store, add_vantage, name, at)
        await do(store, add_standing, name, "starttls", 0, "{}")
    await store.prune(BEFORE)
    assert await values(store, vantages.c.name) == await values(store, standings.c.vantage) == ["here"]


async def test_that_something_was_forgotten_is_forgotten_once_every_process_has_read_it(store: Store) -> None:
    await do(store, add_vantage, "here", YOUNG, 2000)
    for check, revision, document in (("read", 900, None), ("unread", 1500, None), ("held", 900, "{}")):
        await do(store, add_standing, "here", check, revision, document)
    await store.prune(BEFORE)
    assert await values(store, standings.c.check) == ["held", "unread"]


async def test_notices_go_when_they_are_older_than_retention_whatever_became_of_them(store: Store) -> None:
    for name, at, outcome in (("sent", OLD, outbox.SENT), ("waiting", OLD, None), ("young", YOUNG, outbox.SENT)):
        await do(store, add_notice, name, at, outcome)
    assert await store.prune(BEFORE) == 2
    assert await values(store, notices.c.id) == ["young"]


async def test_notices_that_wait_no_longer_go_with_single_visits(store: Store) -> None:
    for name, at, outcome in (
        ("sent", OLD, outbox.SENT), ("summarised", OLD, outbox.SUMMARISED), ("given up", OLD, outbox.GIVEN_UP), ("waiting", OLD, None),
        ("young", YOUNG, outbox.SENT),
    ):  # fmt: skip
        await do(store, add_notice, name, at, outcome)
    assert await store.tidy(NOW - 400 * DAY, BEFORE) == 3
    assert await values(store, notices.c.id) == ["waiting", "young"]


async def test_what_is_known_goes_when_it_was_saved_before_retention(store: Store) -> None:
    for number, at in enumerate((OLD, YOUNG)):
        await store.save(f"{PLACE}{number}", {ONE: found()}, at)
        await store.save_tracks(PLACE, kept_of(number), at)
    assert await store.prune(BEFORE) == 4
    assert await values(store, hellos.c.vantage) == [f"{PLACE}1"]
    assert await values(store, scans.c.host) == ["mx1.example"]
    assert set(await values(store, routes.c.domain)) == {"d1.example"}


async def test_of_an_empty_store_nothing_goes(store: Store) -> None:
    counted = partial(store.prune, BEFORE)
    assert (await counted(), await store.tidy(BEFORE, BEFORE)) == (0, 0)
