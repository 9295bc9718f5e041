"""A chain of publications grows by one link at a time, cannot fork, and keeps its links when it is thinned."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mailtls.store.database import Store
from mailtls.store.publications import Publications, Snapshot

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=400)


def sha256(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


def link(number: int, text: str, at: datetime = NOW) -> tuple[Snapshot, dict[str, bytes], set[str]]:
    """Return a snapshot of an object of its own and one that an index names, which is there for every tenth alike."""
    own, shared = text.encode(), f"shared {number // 10}".encode()
    index = json.dumps({"a.example": sha256(shared)}).encode()
    manifest = f"manifest {number} {text}".encode()
    snapshot = Snapshot(number, sha256(manifest), at, manifest, b"s" * 64 if number % 2 else None, (sha256(own), sha256(index)))
    return snapshot, {sha256(each): each for each in (own, shared, index)}, {sha256(index)}


async def grown(chain: Publications, count: int, step: timedelta) -> list[Snapshot]:
    made: list[Snapshot] = []
    for number in range(1, count + 1):
        snapshot, named, indexes = link(number, f"own {number}", NOW + number * step)
        assert await chain.append(snapshot, made[-1].hash if made else None, named, indexes)
        made.append(snapshot)
    return made


async def test_what_was_added_is_read_as_it_was(store: Store) -> None:
    chain = Publications(store, "fra1")
    assert await chain.head() is None
    made = await grown(chain, 3, timedelta(hours=1))
    assert await chain.head() == made[-1]
    assert await chain.snapshots() == tuple(made)
    assert await chain.snapshots(after=1, limit=1) == (made[1],)
    assert await chain.snapshot(1) == made[0]
    assert await chain.snapshot(4) is None
    assert await chain.object(sha256(b"own 2")) == b"own 2"
    assert await chain.object("0" * 64) is None
    assert {sha256(b"own 1"), sha256(b"shared 0"), *made[2].parts} <= await chain.named()


async def test_whoever_comes_second_is_turned_away_and_leaves_nothing(store: Store) -> None:
    chain = Publications(store, "fra1")
    (first,) = await grown(chain, 1, timedelta(hours=1))
    for snapshot, previous in ((link(1, "fork")[0], None), (link(3, "fork")[0], first.hash), (link(2, "fork")[0], "0" * 64)):
        assert not await chain.append(snapshot, previous, {sha256(b"fork"): b"fork"}, set())
    assert await chain.head() == first
    assert await chain.object(sha256(b"fork")) is None


async def test_each_vantage_has_a_chain_of_its_own_and_shares_objects(store: Store) -> None:
    here, there = Publications(store, "fra1"), Publications(store, "ams1")
    await grown(here, 2, timedelta(hours=1))
    await grown(there, 1, timedelta(hours=1))
    assert [each.number for each in await there.snapshots()] == [1]
    assert len(await here.snapshots()) == 2
    assert sha256(b"own 2") not in await there.named()


async def test_old_snapshots_lose_their_objects_but_not_their_place(store: Store) -> None:
    chain = Publications(store, "fra1")
    made = await grown(chain, 60, timedelta(hours=4))  # ten days
    assert await store.tidy(LONG_AGO, LONG_AGO) > 0
    found = await chain.snapshots()
    assert [replace(each, whole=True) for each in found] == made
    thinned = [each.number for each in found if not each.whole]
    assert thinned == [1, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16, 17, 18]
    for number in range(1, 61):
        assert (await chain.object(sha256(f"own {number}".encode())) is None) == (number in thinned)
    for shared in range(1, 7):
        assert await chain.object(sha256(f"shared {shared}".encode())) is not None
    assert await store.tidy(LONG_AGO, LONG_AGO) == 0


async def test_what_is_not_a_day_late_is_left_for_the_next_time(store: Store) -> None:
    chain = Publications(store, "fra1")
    await grown(chain, 46, timedelta(hours=4))
    assert await store.tidy(LONG_AGO, LONG_AGO) == 0
    assert all(each.whole for each in await chain.snapshots())


async def test_whatever_retention_forgets_it_forgets_no_snapshot(store: Store) -> None:
    chain = Publications(store, "fra1")
    made = await grown(chain, 2, timedelta(hours=1))
    await store.prune(NOW + timedelta(days=4000))
    assert await chain.snapshots() == tuple(made)
