"""The contract of a store, whatever the database: what it has said to be saved is there, and nothing is half there."""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

import pytest
from remembered import NOW, ONE, PLACE, TWO, found, same
from sqlalchemy import update

from mailtls.budget import Pause
from mailtls.model import Endpoint
from mailtls.store.codec import Unreadable
from mailtls.store.database import Store, StoreFailed
from mailtls.store.engine import writing
from mailtls.store.schema import hellos


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url)
    try:
        yield store
    finally:
        await store.close()


async def test_what_was_saved_is_there_when_it_is_opened_again(url: str) -> None:
    one, two = found(0x1301, complete=False), found(0x1302, 0x1303)
    async with opened(url) as store:
        await store.save(PLACE, {ONE: one, TWO: two}, NOW)
    async with opened(url) as store:
        assert same(await store.load(PLACE, ONE), one)
        assert same(await store.load(PLACE, TWO), two)


async def test_what_was_never_saved_is_none(store: Store) -> None:
    assert await store.load(PLACE, ONE) is None
    assert await store.load_pauses(PLACE) == {}


async def test_the_newest_takes_the_place_of_the_one_before_it(store: Store) -> None:
    for evidence in (found(1, complete=False), found(1, 2), found(3)):
        await store.save(PLACE, {ONE: evidence}, NOW)
        assert same(await store.load(PLACE, ONE), evidence)


async def test_vantage_host_address_port_and_server_name_are_told_apart(store: Store) -> None:
    keys = [(PLACE, ONE), ("nyc1", ONE), (PLACE, TWO), (PLACE, replace(ONE, host="mx2.example")), (PLACE, replace(ONE, port=2525))]
    keys += [(PLACE, replace(ONE, server_name="mx2.example"))]
    for number, (place, endpoint) in enumerate(keys):
        await store.save(place, {endpoint: found(number)}, NOW)
    for number, (place, endpoint) in enumerate(keys):
        assert same(await store.load(place, endpoint), found(number))


async def test_all_of_a_batch_is_saved_or_none_of_it(store: Store) -> None:
    await store.save(PLACE, {ONE: found(1)}, NOW)
    impossible = found(3, began=NOW.replace(tzinfo=None))
    with pytest.raises(StoreFailed, match="no time zone"):
        await store.save(PLACE, {ONE: found(2), TWO: impossible}, NOW)
    assert same(await store.load(PLACE, ONE), found(1))
    assert await store.load(PLACE, TWO) is None


async def test_a_moment_is_the_same_wherever_it_was_told(store: Store) -> None:
    elsewhere = datetime(2026, 11, 24, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    await store.save_pauses(PLACE, {"a": Pause(elsewhere, 1)})
    assert await store.load_pauses(PLACE) == {"a": Pause(NOW, 1)}


async def test_what_was_saved_before_a_moment_is_forgotten_of_every_vantage(store: Store) -> None:
    old, new = NOW - timedelta(seconds=1), NOW
    await store.save(PLACE, {ONE: found(1)}, old)
    await store.save("nyc1", {ONE: found(2)}, old)
    await store.save(PLACE, {TWO: found(3)}, new)
    assert await store.prune(NOW) == 2
    assert await store.load(PLACE, ONE) is None
    assert same(await store.load(PLACE, TWO), found(3))
    assert await store.prune(NOW) == 0


async def test_a_damaged_document_is_unreadable_and_its_neighbour_is_not(store: Store) -> None:
    await store.save(PLACE, {ONE: found(1), TWO: found(2)}, NOW)
    with writing(store._engine) as connection:
        connection.execute(update(hellos).where(hellos.c.address == str(ONE.address)).values(document=b"\0damaged"))
    with pytest.raises(Unreadable):
        await store.load(PLACE, ONE)
    assert same(await store.load(PLACE, TWO), found(2))


async def test_pauses_are_those_of_last_time_and_no_other(store: Store) -> None:
    await store.save_pauses(PLACE, {"operator a.example": Pause(NOW, 3), "address 192.0.2.1": Pause(NOW, 1)})
    await store.save_pauses("nyc1", {"operator a.example": Pause(NOW, 9)})
    await store.save_pauses(PLACE, {"operator b.example": Pause(NOW, 2)})
    assert await store.load_pauses(PLACE) == {"operator b.example": Pause(NOW, 2)}
    assert await store.load_pauses("nyc1") == {"operator a.example": Pause(NOW, 9)}
    await store.save_pauses(PLACE, {})
    assert await store.load_pauses(PLACE) == {}


async def test_two_may_open_one_database_at_once_and_empty_as_it_is(url: str) -> None:
    stores = await asyncio.gather(Store.open(url), Store.open(url))
    await asyncio.gather(*(store.save(place, {ONE: found(n)}, NOW) for n, (place, store) in enumerate(zip("ab", stores, strict=True))))
    assert same(await stores[0].load("b", ONE), found(1))
    for store in stores:
        await store.close()


async def test_a_closed_store_says_so_and_may_be_closed_again(store: Store) -> None:
    await store.close()
    await store.close()
    with pytest.raises(StoreFailed, match="closed"):
        await store.load(PLACE, ONE)


@pytest.mark.parametrize("acknowledged", [1, 2, 20])
async def test_a_process_killed_at_any_moment_loses_nothing_that_it_was_told_is_saved(url: str, acknowledged: int) -> None:
    for _ in range(2):  # the second one goes on where the first was killed
        program = Path(__file__).with_name("saving.py")
        saving = await asyncio.create_subprocess_exec(sys.executable, str(program), url, stdout=asyncio.subprocess.PIPE)
        assert saving.stdout is not None
        for _ in range(acknowledged):
            assert await asyncio.wait_for(saving.stdout.readline(), 30)
        saving.send_signal(signal.SIGKILL)
        told = acknowledged + len((await saving.stdout.read()).splitlines())
        assert await saving.wait() == -signal.SIGKILL
        async with opened(url) as store:
            for number in range(told):
                assert same(await store.load(PLACE, Endpoint(f"mx{number}.example", ip_address("192.0.2.1"))), found(number))
            for number in itertools.count(told):  # what it was about to say is whole, or not there
                saved = await store.load(PLACE, Endpoint(f"mx{number}.example", ip_address("192.0.2.1")))
                if saved is None:
                    break
                assert same(saved, found(number))


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothing://x/y", "sqlite://host/x"])
async def test_what_is_no_database_is_told(url: str) -> None:
    with pytest.raises(StoreFailed, match="no URL of a database"):
        await Store.open(url)
