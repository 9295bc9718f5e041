"""One gap and one memory of who asked us to stay away, for all processes of a vantage: in a real PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from servers import PostgreSQL

from mailtls.budget import Pause
from mailtls.dial import Ended
from mailtls.jobs.turns import HELD, Holding, LostJob, Turns
from mailtls.store.database import Store, StoreFailed

A, B, X = "operator a.example", "operator b.example", "address 192.0.2.1"


@pytest.fixture
async def url(postgresql_url: str) -> str:
    """Name a database with our tables."""
    store = await Store.open(postgresql_url)
    await store.close()
    return postgresql_url


@asynccontextmanager
async def process(url: str, vantage: str = "fra1", prefix: str = "") -> AsyncIterator[Turns]:
    """Be one process of a vantage."""
    async with AsyncConnectionPool(url, min_size=1, max_size=4, open=False, timeout=2) as pool:
        turns = Turns(vantage, prefix)
        turns.pool = pool
        yield turns


def soon() -> float:
    return time.monotonic() + 5


async def test_processes_of_a_vantage_have_their_turns_one_after_the_other(url: str) -> None:
    async with process(url) as one, process(url) as two:
        starts = sorted([time.monotonic() + (await turns.take([A, X], 10.0, soon()))[0] for turns in (one, two, one, two)])
    assert [later - earlier for earlier, later in pairwise(starts)] == pytest.approx([10.0] * 3, abs=0.5)


async def test_many_at_once_each_have_a_turn_of_their_own(url: str) -> None:
    async with process(url) as one, process(url) as two:
        took = await asyncio.gather(*(turns.take([A, X], 10.0, soon()) for turns in (one, two) for _ in range(10)))
    assert sorted(round(wait / 10) for wait, _ in took) == list(range(20))


async def test_vantages_and_operators_and_kinds_of_servers_do_not_wait_for_each_other(url: str) -> None:
    async with process(url) as one, process(url, "nyc1") as far, process(url, prefix="policy ") as web:
        for turns, account in ((one, A), (one, B), (far, A), (web, A)):
            assert (await turns.take([account], 10.0, soon()))[0] == 0.0


async def test_an_address_of_two_operators_has_one_gap_and_who_waits_for_it_lets_nobody_in_between(url: str) -> None:
    async with process(url) as turns:
        assert (await turns.take([A, X], 10.0, soon()))[0] == 0.0
        assert (await turns.take([B, X], 10.0, soon()))[0] == pytest.approx(10, abs=0.5)
        assert (await turns.take([B], 10.0, soon()))[0] == pytest.approx(20, abs=0.5)


async def test_what_one_was_told_the_other_knows_at_its_next_turn_and_takes_none(url: str) -> None:
    until = datetime.now(UTC) + timedelta(seconds=30)
    async with process(url) as one, process(url) as two, process(url, "nyc1") as far:
        await one.tell({A: Pause(until, 2)})
        wait, pauses = await two.take([A, X], 10.0, soon())
        assert (wait, pauses) == (0.0, {A: Pause(until, 2)})
        assert (await two.take([X], 10.0, soon()))[0] == 0.0
        assert (await far.take([A, X], 10.0, soon()))[1] == {}
        await two.tell({A: Pause(until - timedelta(minutes=5), 0)})  # it let us in; but until then we promised the first to stay away
        assert await one.pauses() == {A: Pause(until, 0)}


async def test_nobody_takes_a_turn_for_a_job_that_is_not_his_any_more(url: str) -> None:
    async def is_ours() -> bool:
        return False

    async with process(url) as turns:
        token = HELD.set(Holding(is_ours))
        try:
            with pytest.raises(LostJob):
                await turns.take([A], 10.0, soon())
        finally:
            HELD.reset(token)
        assert (await turns.take([A], 10.0, soon()))[0] == 0.0


async def test_without_the_database_there_is_no_turn_and_the_visit_is_told_why(url: str) -> None:
    turns = Turns("fra1")
    with pytest.raises(Ended, match="database"):
        await turns.take([A], 1.0, time.monotonic() + 0.2)


async def test_a_database_that_comes_back_in_time_has_been_waited_for() -> None:
    async with PostgreSQL() as server:
        url = server.fresh_database()
        await (await Store.open(url)).close()
        async with process(url) as turns:
            await server.stop()
            waiting = asyncio.create_task(turns.take([A], 1.0, time.monotonic() + 20))
            await asyncio.sleep(0.3)
            await server.start()
            assert (await waiting)[0] == 0.0


async def test_the_tables_of_the_queue_are_made_once_whoever_comes_at_the_same_time(url: str) -> None:
    stores = [await Store.open(url) for _ in range(4)]
    await asyncio.gather(*(store.prepare_queue() for store in stores))
    for store in stores:
        await store.close()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('procrastinate_jobs') IS NOT NULL").fetchone() == (True,)


async def test_tables_of_an_older_queue_are_brought_up_to_date_and_those_of_a_newer_one_are_refused(url: str) -> None:
    store = await Store.open(url)
    await store.prepare_queue()
    comment = "SELECT obj_description(to_regclass('procrastinate_jobs'), 'pg_class')"
    with psycopg.connect(url, autocommit=True) as connection:
        newest = connection.execute(comment).fetchone()
        connection.execute("COMMENT ON TABLE procrastinate_jobs IS 'its schema is up to 03.04.00_01_pre_add_retry_failed_job_procedure'")
        await store.prepare_queue()
        assert connection.execute(comment).fetchone() == newest
        connection.execute("COMMENT ON TABLE procrastinate_jobs IS 'its schema is up to 99.00.00_01_of_tomorrow'")
        with pytest.raises(StoreFailed, match="newer mailtls"):
            await store.prepare_queue()
    await store.close()


