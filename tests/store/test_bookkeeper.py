"""A ledger that is kept: what is confirmed is there after a restart, for other processes and for other vantages, and while the store fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from mailtls.store.accepting import accept
from mailtls.store.bookkeeper import Bookkeeper, Muted
from mailtls.store.database import Store, StoreFailed
from mailtls.store.engine import reading, writing
from mailtls.store.outbox import Telling
from mailtls.store.schema import changes, notices, regressions, standings
from mailtls.tracking.changes import Subject
from mailtls.tracking.fresh import FreshLook, FreshScan
from mailtls.tracking.ledger import Ledger
from mailtls.tracking.maintenance import Once, Window, muting
from mailtls.tracking.settling import JointRegression
from mailtls.tracking.standing import Confirmation, Event, Sighting
from mailtls.tracking.votes import Attribution, Sight

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
async def vantage(url: str, name: str, clock: Clock, muted: Muted | None = None) -> AsyncIterator[Vantage]:
    store = await Store.open(url)
    process = Vantage(store, name, clock)
    if muted is not None:
        process.books.muted, process.books.tell = muted, TELL
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


async def test_what_vantages_settle_together_is_in_the_log_of_each_once_and_what_one_saw_alone_not_twice(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra, vantage(url, "nyc", clock) as nyc:
        with capture_logs() as logged:
            for starttls in (True, False):
                for _ in range(5):
                    await fra.see(starttls=True)
                    await nyc.see(starttls=starttls)
                    clock.now += CYCLE
        assert [each["event"] for each in logged if "vantages" in each] == []  # on the path: it does not count
        assert len([each for each in logged if each["event"] == "confirmed" and each["subject"] == "a.example"]) == 1
        with capture_logs() as logged:
            for _ in range(5):
                await fra.see(starttls=False)
                await nyc.see(starttls=False)
                clock.now += CYCLE
        together = [each for each in logged if "vantages" in each and each["subject"] == "a.example"]
        assert [(each["event"], each["vantages"]) for each in together] == [("confirmed", "nyc")] * 2  # the other is not sure any more
        with capture_logs() as logged:
            await fra.books.store.run(lambda engine: accept(engine, "a.example", "starttls", "they told us", clock.now, CYCLE))
            for place in (fra, nyc):
                await place.books.turn()
        assert [(each["event"], each["why"]) for each in logged if each.get("subject") == "a.example"] == [("accepted", "they told us")] * 2
    with capture_logs() as logged:
        async with vantage(url, "fra", clock):
            pass
    assert not [each for each in logged if "check" in each]


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


class Broken:
    """Lets the commit of a turn fail, before it is done or after it, as where a connection is lost."""

    def __init__(self, *, done: bool) -> None:
        self.done = done

    @contextmanager
    def __call__(self, engine):
        if self.done:
            with writing(engine) as connection:
                yield connection
        else:
            with engine.connect() as connection, connection.begin() as transaction:
                yield connection
                transaction.rollback()
        raise OperationalError("COMMIT", None, Exception("the connection is lost"))


@pytest.mark.parametrize("done", [False, True])
async def test_a_commit_that_fails_undoes_nothing_that_was_learnt_and_nothing_is_told_twice(
    url: str, monkeypatch: pytest.MonkeyPatch, *, done: bool
) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as one, vantage(url, "fra", clock) as other:
        await other.see_many(starttls=True)  # news to the one, which reads them in the turn that fails
        with monkeypatch.context() as patched:
            patched.setattr("mailtls.store.bookkeeper.writing", Broken(done=done))
            await one.see_many(starttls=False, cycles=1)
            assert one.failures
        await one.see_many(starttls=False, cycles=2)
        for subject in (ENDPOINT, HOST, DOMAIN):
            for event in ("candidate", "confirmed"):
                assert await noted(one.books.store, vantage="fra", subject=subject.key, event=event) == [event]
        await other.books.turn()
        assert set(one.open()) == set(other.open()) == {ENDPOINT, HOST, DOMAIN}


async def test_what_could_not_be_written_gives_way_to_what_others_wrote_since_and_so_do_its_changes(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as one, vantage(url, "fra", clock) as other:
        await one.see_many(starttls=True)
        await one.see_many(starttls=False, cycles=2)
        with monkeypatch.context() as patched:
            patched.setattr("mailtls.store.bookkeeper.writing", Broken(done=False))
            await one.see(starttls=False)  # confirmed, and not written
        clock.now += timedelta(minutes=1)
        await other.see(starttls=False)
        await one.books.turn()
        assert await noted(one.books.store, vantage="fra", subject=ENDPOINT.key, event="confirmed") == ["confirmed"]
        assert one.open()[ENDPOINT] == other.open()[ENDPOINT]


def in_window(*names: str, until: datetime):
    return partial(muting, [Window(frozenset(names), Once(START, until), "moving")])


async def outbox_of(store: Store) -> list[tuple[str, str]]:
    """Return kind and subject of what is to be told, in order."""

    def read(engine) -> list[tuple[str, str]]:
        with reading(engine) as connection:
            found = [json.loads(text) for text in connection.scalars(select(notices.c.document).order_by(notices.c.added_at, notices.c.id))]
        return [(each["data"]["kind"], each["subject"]) for each in found]

    return await store.run(read)


TELL = Telling({"pager": ("regression", "recovery", "accepted", "outage", "outage-over")}, "/mailtls")


@pytest.mark.parametrize("name", ["a.example", "mx.a.example"])
async def test_what_regresses_in_a_window_is_told_when_that_is_over_and_then_its_recovery_too(url: str, name: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        over = START + 12 * CYCLE
        fra.books.muted, fra.books.tell = in_window(name, until=over), TELL
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=False)
        assert DOMAIN in fra.open()
        assert await outbox_of(fra.books.store) == []
        clock.now = over
        await fra.books.turn()
        await fra.books.turn()
        told = await outbox_of(fra.books.store)
        assert sorted(told) == sorted(("regression", str(subject)) for subject in (DOMAIN, HOST))
        fra.books.muted = in_window(name, until=over + 100 * CYCLE)  # another one begins: what was told has its end told
        await fra.see_many(starttls=True)
        told = await outbox_of(fra.books.store)
        assert [kind for kind, _ in sorted(told)] == ["recovery"] * 2 + ["regression"] * 2


async def test_what_regresses_and_recovers_in_a_window_is_recorded_and_told_to_nobody(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        fra.books.muted, fra.books.tell = in_window("a.example", until=START + 15 * CYCLE), TELL
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=False)
        await fra.see_many(starttls=True)
        assert fra.open() == {}
        assert await noted(fra.books.store, vantage="", subject=DOMAIN.key) == ["confirmed", "recovered"]
        assert await outbox_of(fra.books.store) == []


async def test_a_host_that_a_domain_outside_of_the_window_shares_is_told(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        fra.books.muted, fra.books.tell = in_window("a.example", until=START + 1000 * CYCLE), TELL
        addresses = {("mx.a.example", "ipv4"): frozenset({ENDPOINT.address})}
        fra.books.saw(FreshLook("b.example", START, "b.example", frozenset({"mx.a.example"}), addresses))
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=False)
        told = await outbox_of(fra.books.store)
        assert sorted(told) == sorted(("regression", str(subject)) for subject in (Subject("b.example"), HOST))


async def test_an_outage_in_a_window_is_told_to_nobody_nor_is_its_end_after_it(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        fra.books.tell = TELL
        fra.books.muted = in_window("mx.a.example", until=START + 11 * CYCLE)
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=None)
        assert "outage" in await noted(fra.books.store, subject=DOMAIN.key)
        clock.now = START + 20 * CYCLE
        await fra.see_many(starttls=True)
        assert "measured-again" in await noted(fra.books.store, subject=DOMAIN.key)
        assert await outbox_of(fra.books.store) == []
        await fra.see_many(starttls=None)
        await fra.see_many(starttls=True)
        assert {kind for kind, _ in await outbox_of(fra.books.store)} == {"outage", "outage-over"}


@pytest.mark.parametrize("name", ["a.example", "mx.a.example"])
async def test_an_outage_that_outlasts_its_window_is_told_when_that_is_over_once_and_then_its_end_too(url: str, name: str) -> None:
    clock = Clock()
    over = START + 20 * CYCLE
    every = sorted(("outage", str(subject)) for subject in (DOMAIN, HOST, ENDPOINT))
    async with vantage(url, "fra", clock) as fra:
        fra.books.tell, fra.books.muted = TELL, in_window(name, until=over)
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=None, cycles=10)
        assert await outbox_of(fra.books.store) == []
    async with vantage(url, "fra", clock, in_window(name, until=over)) as fra:  # also by a process that has begun since
        await fra.see_many(starttls=None, cycles=2)
        assert await outbox_of(fra.books.store) == []
        clock.now = over
        for _ in range(2):
            await fra.books.turn()
            assert sorted(await outbox_of(fra.books.store)) == every
        fra.books.muted = in_window(name, until=over + 100 * CYCLE)
        await fra.see_many(starttls=True)
        assert sorted(await outbox_of(fra.books.store)) == sorted([*every, *(("outage-over", subject) for _, subject in every)])


async def test_an_outage_that_ends_at_the_end_of_its_window_is_told_to_nobody(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        fra.books.tell, fra.books.muted = TELL, in_window("a.example", until=START + 10 * CYCLE)
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=None, cycles=5)
        await fra.see_many(starttls=True)
        assert (await noted(fra.books.store, subject=DOMAIN.key))[-2:] == ["outage", "measured-again"]
        assert await outbox_of(fra.books.store) == []


async def test_a_regression_that_a_window_muted_is_told_by_a_process_that_has_begun_since(url: str) -> None:
    clock = Clock()
    over = START + 20 * CYCLE
    async with vantage(url, "fra", clock) as fra:
        fra.books.tell, fra.books.muted = TELL, in_window("a.example", until=over)
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=False)
    async with vantage(url, "fra", clock, in_window("a.example", until=over)) as fra:
        await fra.see_many(starttls=None)  # nothing can be measured when the window ends: what was confirmed is told all the same
        clock.now = over
        await fra.books.turn()
        told = await outbox_of(fra.books.store)
        assert sorted(each for each in told if each[0] == "regression") == [("regression", str(DOMAIN)), ("regression", str(HOST))]


async def test_an_address_that_becomes_as_weak_as_its_host_always_was_is_told_by_itself_and_so_is_its_recovery(url: str) -> None:
    clock = Clock()
    weak = Subject(host="mx.a.example", family="ipv4", address="192.0.2.2:25")
    addresses = {("mx.a.example", "ipv4"): frozenset({ENDPOINT.address, weak.address})}
    async with vantage(url, "fra", clock) as fra:
        fra.books.tell = TELL
        for starttls in (1.0, 0.0, 1.0):
            for _ in range(5):
                for subject, strength in ((weak, 0.0), (ENDPOINT, starttls)):
                    fra.books.saw(FreshScan(subject, clock.now, "a.example", "", {"starttls": Sighting(clock.now, strength)}))
                fra.books.saw(FreshLook("a.example", clock.now, "a.example", frozenset({"mx.a.example"}), addresses))
                told = await fra.books.turn()
                clock.now += CYCLE
            if not starttls:
                assert set(fra.open()) == {ENDPOINT}
                assert fra.open()[ENDPOINT].alone
                assert told.led == {"mx.a.example": {"a.example"}}
        assert sorted(await outbox_of(fra.books.store)) == [("recovery", str(ENDPOINT)), ("regression", str(ENDPOINT))]


async def test_a_clock_that_ran_ahead_holds_up_neither_a_loss_nor_an_outage(url: str) -> None:
    clock = Clock()
    clock.now = START.replace(year=2030)
    async with vantage(url, "fra", clock) as fra:
        await fra.see_many(starttls=True)
        clock.now = START
        await fra.see_many(starttls=None)
        assert "outage" in await noted(fra.books.store, subject=DOMAIN.key)
        await fra.see_many(starttls=False)
        assert DOMAIN in fra.open()


async def test_an_acceptance_is_told_by_whoever_writes_it(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        fra.books.tell = TELL
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=False)
        await fra.books.store.run(lambda engine: accept(engine, "a.example", "starttls", "they told us", clock.now, CYCLE, TELL))
        await fra.see_many(starttls=False)
        told = await outbox_of(fra.books.store)
        assert [kind for kind, _ in sorted(told)] == ["accepted"] * 2 + ["regression"] * 2


async def test_a_vantage_that_is_long_gone_has_no_vote_and_leaves_nothing_behind(url: str) -> None:
    clock = Clock()
    async with vantage(url, "old", clock) as old:
        await old.see_many(starttls=True)
    clock.now += timedelta(days=500)
    async with vantage(url, "fra", clock) as fra:
        await fra.see_many(starttls=True)
        await fra.books.store.prune(clock.now - timedelta(days=400))
        await fra.see_many(starttls=False)
        found = fra.open()[DOMAIN]
        assert (found.counts, found.attribution) == (True, Attribution.UNEXPLAINED)
        left = await fra.books.store.run(lambda engine: _count(engine, standings, standings.c.vantage == "old"))
        assert left == 0


def _count(engine, table, where) -> int:
    with reading(engine) as connection:
        return len(connection.execute(select(table).where(where)).all())


async def test_a_damaged_row_stops_neither_a_turn_nor_a_start(url: str) -> None:
    clock = Clock()

    def damage(engine) -> None:
        with writing(engine) as connection:
            for table in (regressions, standings):
                connection.execute(update(table).values(document="{}"))

    async with vantage(url, "fra", clock) as fra:
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=False)
        assert DOMAIN in fra.open()
        await fra.books.store.run(damage)
        await fra.see(starttls=False)
    async with vantage(url, "fra", clock) as again:
        clock.now += CYCLE
        await again.see_many(starttls=True)
        assert again.failures == 0


async def test_a_host_whose_name_holds_a_slash_is_survived_by_the_next_process(url: str) -> None:
    clock = Clock()
    hostile = "a/b%2F.evil.example"
    async with vantage(url, "fra", clock) as fra:
        seen = {Subject("a.example", hostile): {"dane": Sighting(clock.now, 1.0)}}
        fra.books.saw(FreshLook("a.example", clock.now, "a.example", frozenset({hostile}), {}, seen))
        await fra.books.turn()
    async with vantage(url, "fra", clock) as again:
        assert again.books.ledger.ways["a.example"].hosts == {hostile}


async def test_what_retired_while_the_store_fails_ends_what_was_open(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=False)

        async def fail(_work: object) -> None:
            raise StoreFailed("no disk")

        with monkeypatch.context() as patched:
            patched.setattr(fra.books.store, "run", fail)
            fra.books.watch_only(())
            await fra.books.turn()
            assert fra.open() == {}
            clock.now += timedelta(days=7)
            await fra.books.turn()
            assert not fra.books.ledger.standings
            assert fra.open() == {}


async def test_a_domain_that_a_reload_leaves_out_shows_nothing_and_has_all_again_when_it_is_back(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        fra.books.tell = TELL
        fra.books.watch_only(["a.example"])
        await fra.see_many(starttls=True)
        await fra.see_many(starttls=False)
        before, told = fra.open(), await outbox_of(fra.books.store)
        assert DOMAIN in before
        fra.books.watch_only(["a.exmaple"])
        assert (await fra.books.turn()).regressions == ()
        clock.now += timedelta(days=3)
        assert (await fra.books.turn()).again == ()
    async with vantage(url, "fra", clock) as fra:
        fra.books.tell = TELL
        assert fra.open() == {}
        fra.books.watch_only(["a.example"])
        await fra.books.turn()
        assert fra.open() == before
        assert await outbox_of(fra.books.store) == told
        fra.books.watch_only([])
        await fra.books.turn()
        clock.now += timedelta(days=7)
        await fra.books.turn()
        assert fra.books.ledger.standings == {}
        assert await noted(fra.books.store, vantage="", subject=DOMAIN.key) == ["confirmed", "retired"]
        assert await outbox_of(fra.books.store) == told


async def test_what_came_in_is_learnt_without_being_asked(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra:
        fra.books.saw(FreshScan(ENDPOINT, clock.now, "a.example", "", {"starttls": Sighting(clock.now, 1.0)}))
        while not fra.books.ledger.standings.get(ENDPOINT):
            await asyncio.sleep(0.05)


def operators_seen(number: int, clock: Clock, *, silent: bool = False, starttls: bool = True) -> list[FreshScan]:
    subjects = [Subject(host=f"mx.{each}.example", family="ipv4", address=f"192.0.2.{each}:25") for each in range(number)]
    seen = {} if silent else {"starttls": Sighting(clock.now, float(starttls), "yes" if starttls else "no")}
    return [FreshScan(subject, clock.now, subject.host, "connect-timeout" if silent else "", seen) for subject in subjects]


async def test_processes_of_one_vantage_are_blind_together_by_what_each_of_them_has_seen(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as one, vantage(url, "fra", clock) as other:

        async def see(*, silent: bool) -> None:
            """Each of them visits every other operator."""
            clock.now += CYCLE
            for process, part in ((one, 0), (other, 1)):
                for scan in operators_seen(4, clock, silent=silent)[part::2]:
                    process.books.saw(scan)
                await process.books.turn()

        for _ in range(4):
            await see(silent=False)
        assert not one.books.told.blind
        await see(silent=True)
        assert other.books.told.blind  # by its own two operators, and the two of the first, of which neither knows enough alone
        await one.books.turn()
        assert one.books.told.blind
        await see(silent=False)
        await one.books.turn()
        assert not one.books.told.blind
        assert not other.books.told.blind


async def test_what_one_process_knows_of_the_controls_goes_for_the_other_and_for_the_next(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as one, vantage(url, "fra", clock) as other:
        for process in (one, other):
            process.books.watch_only(["a.example"], ["one.example", "two.example"])
        one.books.saw_controls({"one.example": False})
        await one.books.turn()
        other.books.saw_controls({"two.example": False})
        await other.books.turn()
        await one.books.turn()
        assert one.books.told.blind
        assert other.books.told.blind
        one.books.saw_controls({"one.example": True})
        await one.books.turn()
        await other.books.turn()
        assert not other.books.told.blind
    async with vantage(url, "fra", clock) as again:
        again.books.watch_only(["a.example"], ["two.example"])
        await again.books.turn()
        assert again.books.told.blind


async def test_a_vantage_has_no_vote_from_the_turn_on_in_which_any_of_its_processes_makes_it_blind(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra, vantage(url, "fra", clock) as idle, vantage(url, "nyc", clock) as nyc:
        for _ in range(5):
            await fra.see(starttls=True)
            await nyc.see(starttls=True)
            clock.now += CYCLE
        for _ in range(4):
            await fra.see(starttls=True)
            await nyc.see(starttls=False)
            clock.now += CYCLE
        assert not nyc.open()[DOMAIN].counts
        fra.books.saw_controls({"one.example": False})
        await fra.books.turn()
        await nyc.books.turn()
        assert nyc.open()[DOMAIN].counts
        await idle.books.turn()  # it has seen nothing of that itself, and does not say otherwise
        await nyc.books.turn()
        assert nyc.open()[DOMAIN].counts


async def see_operators(clock: Clock, cycles: int, *places: tuple[Vantage, bool]) -> None:
    """See four operators, a second after each other, at each place with or without STARTTLS."""
    for _ in range(cycles):
        for number in range(4):
            for place, starttls in places:
                place.books.saw(operators_seen(4, clock, starttls=starttls)[number])
            clock.now += timedelta(seconds=1)
        for place, _starttls in places:
            await place.books.turn()
        clock.now += CYCLE


async def test_a_loss_at_half_of_the_operators_is_believed_when_another_vantage_sees_it_too(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra, vantage(url, "nyc", clock) as nyc:
        await see_operators(clock, 5, (fra, True), (nyc, True))
        await see_operators(clock, 12, (fra, False), (nyc, True))
        assert fra.open() == {}
        assert len(fra.books.ledger.disbelieved()) == 4
        await see_operators(clock, 6, (fra, False), (nyc, False))
        found = [each for each in fra.open().values() if each.subject.address]
        assert {(each.counts, each.attribution, each.vantages) for each in found} == {(True, Attribution.SERVER, ("fra", "nyc"))}
        assert len(found) == 4
        assert fra.books.ledger.held_back() == nyc.books.ledger.held_back() == {}


async def test_a_blind_vantage_and_one_that_is_not_heard_of_let_nothing_be_believed(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra, vantage(url, "nyc", clock) as nyc:
        await see_operators(clock, 5, (fra, True), (nyc, True))
        await see_operators(clock, 2, (nyc, False))  # it holds it back
        nyc.books.saw_controls({"control.example": False})
        await nyc.books.turn()
        await see_operators(clock, 8, (fra, False))
        assert fra.open() == {}
        assert len(fra.books.ledger.disbelieved()) == 4


async def test_what_a_vantage_holds_back_puts_what_another_confirms_on_no_path(url: str) -> None:
    clock = Clock()
    async with vantage(url, "fra", clock) as fra, vantage(url, "nyc", clock) as nyc:
        nyc.books.ledger.faults.sight = Sight(operators=100)  # it holds nothing back
        await see_operators(clock, 5, (fra, True), (nyc, True))
        told = []
        for _ in range(8):
            await see_operators(clock, 1, (fra, False), (nyc, False))
            told += [each for each in nyc.open().values() if each.subject.address]
        assert len(told) > 4
        assert all(each.counts and each.attribution is not Attribution.PATH for each in told)
        assert len(fra.open()) == len(nyc.open()) > 0
