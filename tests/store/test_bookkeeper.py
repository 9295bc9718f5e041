"""A ledger that is kept: what is confirmed is there after a restart, for other processes and for other vantages, and while the store fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from mailtls.store.accepting import accept
from mailtls.store.bookkeeper import Bookkeeper
from mailtls.store.database import Store, StoreFailed
from mailtls.store.engine import reading
from mailtls.store.schema import changes
from mailtls.tracking.changes import Subject
from mailtls.tracking.fresh import FreshLook, FreshScan
from mailtls.tracking.ledger import Ledger
from mailtls.tracking.settling import JointRegression
from mailtls.tracking.standing import Confirmation, Event, Sighting
from mailtls.tracking.votes import Attribution

START = datetime(2026, 3, 1, tzinfo=UTC)
CYCLE = timedelta(minutes=15)
ENDPOINT = Subject(host="mx.a.example", family="ipv4", address="192.0.2.1:25")
HOST = Subject(host="mx.a.example", family="ipv4")
DOMAIN = Subject("a.example")


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Vantage:
    """One process of one vantage, whose scans come from the test."""

    def __init__(self, store: Store, name: str, clock: Clock) -> None:
        self.clock = clock
        self.failures = 0
        self.books = Bookkeeper(store, Ledger(Confirmation(cycle=CYCLE), vantage=name), failed=self.failed, now=clock)

    def failed(self) -> None:
        self.failures += 1

    async def see(self, *, starttls: bool | None) -> None:
        """See one cycle, or fail to see it."""
        at = self.clock.now
        sightings = {} if starttls is None else {"starttls": Sighting(at, float(starttls), "yes" if starttls else "no")}
        self.books.saw(FreshScan(ENDPOINT, at, "a.example", "" if sightings else "read-timeout", sightings))
        addresses = {("mx.a.example", "ipv4"): frozenset({ENDPOINT.address})}
        self.books.saw(FreshLook("a.example", at, "a.example", frozenset({"mx.a.example"}), addresses))
        await self.books.turn()

    async def see_many(self, *, starttls: bool | None, cycles: int = 5) -> None:
        for _ in range(cycles):
            await self.see(starttls=starttls)
            self.clock.now += CYCLE

    def open(self) -> dict[Subject, JointRegression]:
        return {each.subject: each for each in self.books.told.regressions if each.ended_at is None}


@asynccontextmanager
async def vantage(url: str, name: str, clock: Clock) -> AsyncIterator[Vantage]:
    store = await Store.open(url)
    process = Vantage(store, name, clock)
    await process.books.open()
    try:
        yield process
    finally:
        await process.books.close()
        await store.close()


async def noted(store: Store, **wanted: str) -> list[str]:
    def read(engine) -> list[str]:
        with reading(engine) as connection:
            rows = connection.execute(select(changes).order_by(changes.c.id)).mappings().all()
        return [row["event"] for row in rows if all(row[name] == value for name, value in wanted.items())]

    return await store.run(read)


async def test_a_loss_that_is_confirmed_is_a_regression_of_address_host_and_domain_and_recovers(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        await fra.see_many(starttls=True)
        assert fra.open() == {}
        await fra.see_many(starttls=False)
        assert set(fra.open()) == {ENDPOINT, HOST, DOMAIN}
        found = fra.open()[DOMAIN]
        assert (found.before.shown, found.after.shown, found.attribution, found.counts) == ("yes", "no", Attribution.UNEXPLAINED, True)
        await fra.see_many(starttls=True)
        assert fra.open() == {}
        assert {each.ended_by for each in fra.books.told.regressions} == {Event.RECOVERED}
        assert await noted(fra.books.store, vantage="", subject=DOMAIN.key) == ["confirmed", "recovered"]


async def test_silence_after_a_loss_neither_confirms_nor_recovers_it(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        await fra.see_many(starttls=True)
        await fra.see(starttls=False)
        clock.now += CYCLE
        await fra.see_many(starttls=None, cycles=20)
        assert fra.open() == {}
        await fra.see_many(starttls=False)
        assert DOMAIN in fra.open()
        await fra.see_many(starttls=None, cycles=100)
        assert DOMAIN in fra.open()


async def test_it_is_there_after_a_restart_and_goes_on_where_it_was(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=False)
        before = fra.open()[DOMAIN]
    async with vantage(url, "fra", clock) as again:
        assert again.open()[DOMAIN] == before
        await again.see_many(starttls=True)
        assert again.open() == {}


async def test_a_candidate_survives_a_restart_too(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=False, cycles=2)
        assert fra.open() == {}
    async with vantage(url, "fra", clock) as again:
        await again.see_many(starttls=False, cycles=1)
        assert DOMAIN in again.open()


async def test_two_processes_of_one_vantage_confirm_together(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as one, vantage(url, "fra", clock) as other:
        await one.see_many(starttls=True)
        for process in (one, other, one, other):
            await process.see(starttls=False)
            clock.now += CYCLE
        await one.books.turn()
        assert set(one.open()) == set(other.open()) == {ENDPOINT, HOST, DOMAIN}
        assert await noted(one.books.store, vantage="fra", event="confirmed", subject=ENDPOINT.key) == ["confirmed"]


async def test_what_one_of_three_vantages_sees_lies_on_its_path_and_does_not_count(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra, vantage(url, "nyc", clock) as nyc, vantage(url, "sin", clock) as sin:
        for _ in range(5):
            for place in (fra, nyc, sin):
                await place.see(starttls=True)
            clock.now += CYCLE
        for _ in range(5):
            await fra.see(starttls=False)
            for place in (nyc, sin):
                await place.see(starttls=True)
            clock.now += CYCLE
        found = fra.open()[DOMAIN]
        assert (found.counts, found.attribution, found.vantages) == (False, Attribution.PATH, ("fra",))
        for _ in range(5):
            for place in (fra, nyc, sin):
                await place.see(starttls=False)
            clock.now += CYCLE
        for place in (fra, nyc, sin):
            await place.books.turn()
            found = place.open()[DOMAIN]
            assert (found.counts, found.attribution, found.vantages) == (True, Attribution.SERVER, ("fra", "nyc", "sin"))


async def test_an_operator_accepts_and_the_daemon_that_runs_takes_it_in(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=False)
        operator = await Store.open(url)
        happened = await operator.run(lambda engine: accept(engine, "a.example", "starttls", "they told us", clock.now, CYCLE))
        assert {change.subject for change in happened} >= {ENDPOINT, HOST, DOMAIN}
        assert await operator.run(lambda engine: accept(engine, "a.example", "starttls", "again", clock.now, CYCLE)) == ()
        await operator.close()
        await fra.see_many(starttls=False)
        assert fra.open() == {}
        assert {each.ended_by for each in fra.books.told.regressions if each.subject == DOMAIN} == {Event.ACCEPTED}
        assert await noted(fra.books.store, vantage="", subject=DOMAIN.key) == ["confirmed", "accepted"]
    async with vantage(url, "fra", clock) as again:
        assert [each.why for each in again.books.told.regressions if each.subject == DOMAIN] == ["they told us"]
        clock.now += timedelta(days=2)
        assert (await again.books.turn()).regressions == ()


async def test_while_the_store_fails_it_is_confirmed_in_memory_and_written_afterwards(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        await fra.see_many(starttls=True)

        async def fail(_work: object) -> None:
            raise StoreFailed("no disk")

        with monkeypatch.context() as patched:
            patched.setattr(fra.books.store, "run", fail)
            await fra.see_many(starttls=False)
            assert DOMAIN in fra.open()
            assert fra.failures
        assert await noted(fra.books.store, event="confirmed") == []
        await fra.see(starttls=False)
        assert DOMAIN in fra.open()
        assert await noted(fra.books.store, event="confirmed", vantage="fra", subject=DOMAIN.key) == ["confirmed"]


async def test_what_came_in_is_learnt_without_being_asked(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        fra.books.saw(FreshScan(ENDPOINT, clock.now, "a.example", "", {"starttls": Sighting(clock.now, 1.0)}))
        while not fra.books.ledger.standings.get(ENDPOINT):
            await asyncio.sleep(0.05)
