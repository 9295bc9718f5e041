"""States share rows where they began and ended together, and each is told as if it had one of its own."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from remembered import NOW, PLACE
from sqlalchemy import func, select
from test_store_history import ENDPOINT, HOUR, entry, known, scan, told

from mailtls.store.database import Store
from mailtls.store.engine import reading
from mailtls.store.schema import blobs, states
from mailtls.tracking.changes import Subject

LONG = '"' + "x" * 500 + '"'


async def rows(store: Store, table=states) -> int:
    """Count rows, of states those of the endpoint alone."""

    def counted(engine) -> int:
        with reading(engine) as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0

    return await store.run(counted) - (2 if table is states else 0)


async def test_what_is_lost_at_once_and_comes_again_at_once_is_three_rows(store: Store) -> None:
    await known(store)
    facts = {f"fact_{number}": "true" for number in range(40)}
    for hours, value in enumerate(("true", "absent", "true")):
        await store.record(PLACE, [entry(hours, **dict.fromkeys(facts, value))], NOW)
    assert await rows(store) == 3
    assert len(await told(store)) == 120


async def test_what_ends_in_part_leaves_the_rest_with_its_evidence(store: Store) -> None:
    await known(store)
    first = scan(0)
    await store.record(PLACE, [replace(entry(0, a="1", b="2", c="3"), evidence=first)], NOW)
    await store.record(PLACE, [replace(entry(2, b="4"), evidence=scan(2), before=scan(1))], NOW)
    (story,) = [story for story in await store.stories("a.example") if story.subject == ENDPOINT]
    ended, *others, begun = story.states
    assert (ended.fact, ended.value, {each.fact for each in others}, begun.value) == ("b", "2", {"a", "c"}, "4")
    assert len({each.evidence for each in (ended, *others)}) == 1
    found = await store.find_evidence(ended.evidence)
    assert found is not None
    assert found[1] == first
    assert [bool(each.last_evidence) for each in story.states] == [True, False, False, False]


async def test_what_was_seen_last_at_different_times_ends_each_with_its_own(store: Store) -> None:
    await known(store)
    await store.record(PLACE, [entry(0, quick="1", full="2")], NOW)
    await store.record(PLACE, [replace(entry(3, quick="absent", full="absent"), renewed={"quick": ("1", NOW + 2 * HOUR)})], NOW)
    assert [state for state in await told(store) if state[1] != "absent"] == [("quick", "1", 0, 2, 3), ("full", "2", 0, 0, 3)]


async def test_a_long_value_goes_with_the_last_row_that_has_it(store: Store) -> None:
    await known(store)
    await store.record(PLACE, [entry(0, suites=LONG, key="1")], NOW)
    await store.record(PLACE, [entry(1, suites="absent", key="2")], NOW)
    await store.record(PLACE, [entry(5, Subject("a.example"), null_mx="false")], NOW + 9 * HOUR)
    assert await rows(store, blobs) == 1
    assert ("suites", LONG, 0, 0, 1) in await told(store)
    await store.record(PLACE, [entry(6, suites="absent", key="2")], NOW + 9 * HOUR)
    await store.tidy(NOW + 4 * HOUR, NOW)
    assert await rows(store, blobs) == 0


@pytest.mark.parametrize("seed", range(12))
async def test_any_history_is_told_as_if_each_state_had_a_row_of_its_own(store: Store, seed: int) -> None:
    dice = random.Random(seed)
    await known(store)
    current: dict[str, list] = {}
    over = []
    for hours in range(1, 30):
        values = {fact: dice.choice(["1", "2", LONG, "absent"]) for fact in "abcdefgh" if dice.random() < 0.4}
        for fact, value in values.items():
            if fact in current and current[fact][1] == value:
                current[fact][3] = hours
                continue
            if fact in current:
                over.append((*current[fact][:4], hours))
            current[fact] = [fact, value, hours, hours, None]
        if values:
            await store.record(PLACE, [entry(hours, **values)], NOW + timedelta(hours=hours))
    assert sorted(await told(store), key=str) == sorted([*over, *map(tuple, current.values())], key=str)
