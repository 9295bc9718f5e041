"""The contract of a store, whatever the database: what it has said to be saved is there, and nothing is half there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from remembered import NOW, ONE, PLACE, TWO, found, kept_of, policy_of, route_of, same, scan_of
from sqlalchemy import update

from mailtls.budget import Pause
from mailtls.evidence import LookupOutcome, Purpose
from mailtls.store import documents
from mailtls.store.codec import Unreadable
from mailtls.store.database import Store, StoreFailed
from mailtls.store.engine import writing
from mailtls.store.schema import hellos, scans
from mailtls.store.tracks import Recalled, policy_kept, route_kept, scan_kept
from mailtls.tracking.kept import RouteKind, ScanKind


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


LONG_AGO = NOW - timedelta(days=1)


async def test_scans_routes_and_policies_are_there_in_the_order_in_which_they_began(url: str) -> None:
    later, failed = NOW + timedelta(minutes=1), route_of("a.example", began=NOW + timedelta(minutes=1), outcome=LookupOutcome.TIMED_OUT)
    quick, full = scan_of(ONE, began=later), scan_of(ONE, purpose=Purpose.FULL)
    policy = policy_of("a.example")
    kept = [scan_kept(quick, ScanKind.CONCLUDED), scan_kept(full, ScanKind.FULL), scan_kept(scan_of(TWO), ScanKind.FULL)]
    kept += [route_kept(failed, later, RouteKind.FAILED), route_kept(route_of("a.example"), NOW, RouteKind.WHOLE)]
    async with opened(url) as store:
        assert await store.save_tracks(PLACE, [*kept, policy_kept("a.example", policy, NOW)], NOW) == ()
    async with opened(url) as store:
        found = await store.load_tracks(PLACE, LONG_AGO)
        assert found == Recalled(found.scans, (route_of("a.example"), failed), (("a.example", policy),))
        assert sorted(map(repr, found.scans)) == sorted(map(repr, (full, scan_of(TWO), quick)))
        assert found.scans[-1] == quick
        assert await store.load_tracks("nyc1", LONG_AGO) == Recalled()
        assert await store.load_tracks(PLACE, NOW) == Recalled()


async def test_of_each_kind_the_newest_takes_the_place_of_the_one_before_it(store: Store) -> None:
    for minutes in range(3):
        scan = scan_of(ONE, began=NOW + timedelta(minutes=minutes))
        await store.save_tracks(PLACE, [scan_kept(scan, ScanKind.CONCLUDED)], NOW)
    assert (await store.load_tracks(PLACE, LONG_AGO)).scans == (scan,)


async def test_two_processes_of_one_vantage_may_save_the_same_at_once(url: str) -> None:
    async with opened(url) as one, opened(url) as other:
        batches = [[item for number in numbers for item in kept_of(number)] for numbers in (range(40), reversed(range(40)))]
        for _ in range(5):
            await asyncio.gather(one.save_tracks(PLACE, batches[0], NOW), other.save_tracks(PLACE, batches[1], NOW))
        assert len((await one.load_tracks(PLACE, LONG_AGO)).scans) == 40


async def test_a_damaged_scan_is_left_out_and_told_and_its_neighbour_is_not(store: Store) -> None:
    await store.save_tracks(PLACE, [scan_kept(scan_of(endpoint), ScanKind.FULL) for endpoint in (ONE, TWO)], NOW)
    with writing(store._engine) as connection:
        connection.execute(update(scans).where(scans.c.address == str(ONE.address)).values(document=b"\0damaged"))
    found = await store.load_tracks(PLACE, LONG_AGO)
    assert found.scans == (scan_of(TWO),)
    assert [why.partition(":")[0] for why in found.unreadable] == ["mx1.example 192.0.2.1"]


async def test_what_is_too_large_is_left_out_and_told_and_its_neighbours_are_not(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LARGEST_COMPRESSED", 1000)
    large = scan_kept(replace(scan_of(ONE), vantage=os.urandom(2000).hex()), ScanKind.FULL)
    assert await store.save_tracks(PLACE, [large, *kept_of(1)], NOW) == (large,)
    assert len((await store.load_tracks(PLACE, LONG_AGO)).scans) == 1


async def test_scans_routes_and_policies_are_forgotten_after_their_time(store: Store) -> None:
    await store.save_tracks(PLACE, kept_of(1), NOW - timedelta(seconds=1))
    await store.save_tracks(PLACE, kept_of(2), NOW)
    assert await store.prune(NOW) == 3
    assert [route.domain for route in (await store.load_tracks(PLACE, LONG_AGO)).routes] == ["d2.example"]


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothing://x/y", "sqlite://host/x"])
async def test_what_is_no_database_is_told(url: str) -> None:
    with pytest.raises(StoreFailed, match="no URL of a database"):
        await Store.open(url)
