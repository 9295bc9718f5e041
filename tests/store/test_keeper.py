"""A store may fail at any time: what was found is kept for when it works again, each failure is counted, and nobody's scan breaks."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from remembered import NOW, ONE, PLACE, TWO, found, hello, kept_of, policy_of, route_of, same, scan_of
from test_engine import no_more_than

from mailtls.budget import Budget, Limits, Pause
from mailtls.evidence import Failure
from mailtls.hellos import HelloEvidence, Silent
from mailtls.model import Cause, Endpoint, Stage
from mailtls.store import engine as engine_module
from mailtls.store import keeper as keeper_module
from mailtls.store.codec import Unreadable
from mailtls.store.database import Store, StoreFailed
from mailtls.store.keeper import Keeper
from mailtls.store.tracks import Recalled
from mailtls.tracking.kept import RouteKind, ScanKind

RETENTION = timedelta(days=400)


class Flaky:
    """A store that does what a store does, unless it is told to fail."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.failing: Exception | None = None
        self.hanging = False
        self.saved: list[dict[Endpoint, HelloEvidence]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.store, name)

        async def called(*args: Any) -> Any:
            if self.hanging:
                await asyncio.Event().wait()
            if self.failing is not None:
                raise self.failing
            if name == "save":
                self.saved.append(dict(args[1]))
            return await method(*args)

        return called

    async def close(self) -> None:
        await self.store.close()


class Kept:
    """A keeper with a flaky store, and what it counted and said."""

    def __init__(self, store: Store) -> None:
        self.store = Flaky(store)
        self.failures = 0
        self.keeper = Keeper(self.store, PLACE, RETENTION, self.count, lambda: NOW)  # type: ignore[arg-type]

    def count(self) -> None:
        self.failures += 1

    async def until(self, what: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not what():
                await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "_TOGETHER", 0.02)
    monkeypatch.setattr(keeper_module, "_AGAIN", 0.02)


@pytest.fixture
async def kept(url: str):
    one = Kept(await Store.open(url))
    yield one
    one.store.failing, one.store.hanging = None, False
    await one.keeper.close()


async def test_what_is_kept_is_known_at_once_and_saved_soon(kept: Kept) -> None:
    evidence = found()
    kept.keeper.keep(ONE, evidence)
    assert await kept.keeper.recall(ONE) is evidence
    assert await kept.keeper.recall(TWO) is None
    await kept.until(lambda: kept.store.saved)
    assert same(await kept.store.store.load(PLACE, ONE), evidence)


async def test_of_each_endpoint_the_newest_is_written_and_all_of_them_together(kept: Kept) -> None:
    newest = found(3)
    for evidence in (found(1), found(2), newest):
        kept.keeper.keep(ONE, evidence)
    kept.keeper.keep(TWO, found(4))
    await kept.until(lambda: kept.store.saved)
    assert [list(batch) for batch in kept.store.saved] == [[ONE, TWO]]
    assert same(await kept.store.store.load(PLACE, ONE), newest)


async def test_what_an_earlier_process_kept_is_recalled_and_read_once(kept: Kept) -> None:
    await kept.store.store.save(PLACE, {ONE: found(1, 2)}, NOW)
    first = await kept.keeper.recall(ONE)
    assert same(first, found(1, 2))
    assert await kept.keeper.recall(ONE) is first


async def test_hellos_without_an_answer_take_the_place_of_nothing(kept: Kept) -> None:
    kept.keeper.keep(ONE, known := found())
    kept.keeper.keep(ONE, HelloEvidence((hello(answer=Silent(Cause.RATE_LIMITED, Stage.GREETING)),), NOW, complete=False))
    assert await kept.keeper.recall(ONE) is known


async def test_what_is_forgotten_is_read_again_when_it_is_needed(kept: Kept) -> None:
    kept.keeper.keep(ONE, found(1))
    kept.keeper.keep(TWO, found(2))
    await kept.until(lambda: kept.store.saved)
    kept.keeper.forget_all_but({TWO})
    again = await kept.keeper.recall(ONE)
    assert same(again, found(1))


async def test_while_the_store_fails_it_is_tried_again_counted_each_time_and_told_once(kept: Kept) -> None:
    kept.store.failing = StoreFailed("the disk is full")
    with structlog.testing.capture_logs() as said:
        kept.keeper.keep(ONE, found(1))
        await kept.until(lambda: kept.failures >= 3)
        kept.keeper.keep(ONE, newest := found(2))
        kept.keeper.keep(TWO, found(3))
        kept.store.failing = None
        await kept.until(lambda: kept.store.saved)
        await kept.until(lambda: len(said) == 2)
    assert same(await kept.store.store.load(PLACE, ONE), newest)
    assert same(await kept.store.store.load(PLACE, TWO), found(3))
    assert [(entry["log_level"], entry["event"]) for entry in said] == [
        ("error", "the store fails, and measuring goes on without remembering"), ("info", "the store works again"),
    ]  # fmt: skip
    assert said[0]["why"] == "the disk is full"


async def test_a_failure_to_read_is_nothing_remembered_and_is_asked_again_next_time(kept: Kept) -> None:
    await kept.store.store.save(PLACE, {ONE: found(1)}, NOW)
    kept.store.failing = StoreFailed("it is malformed")
    assert await kept.keeper.recall(ONE) is None
    assert kept.failures == 1
    kept.store.failing = None
    assert same(await kept.keeper.recall(ONE), found(1))


async def test_a_document_that_is_damaged_is_counted_and_is_nothing_remembered(kept: Kept) -> None:
    kept.store.failing = Unreadable("it is damaged")
    with structlog.testing.capture_logs() as said:
        assert await kept.keeper.recall(ONE) is None
        assert await kept.keeper.recall(ONE) is None
    assert kept.failures == 1
    assert [entry["why"] for entry in said] == ["it is damaged"]


async def test_a_disk_that_hangs_keeps_no_scan_waiting_nor_the_end(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "_READ_WITHIN", 0.05)
    monkeypatch.setattr(keeper_module, "_LAST_WRITE", 0.05)
    kept.store.hanging = True
    assert await kept.keeper.recall(ONE) is None
    kept.keeper.keep(ONE, found())
    await kept.keeper.close()
    assert kept.failures == 2


async def test_no_more_wait_than_memory_is_meant_for(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "_MOST_WAITING", 2)
    kept.store.failing = StoreFailed("no")
    for number in range(4):
        kept.keeper.keep(Endpoint(f"mx{number}.example", ip_address("192.0.2.1")), found(number))
    await kept.until(lambda: kept.failures >= 1)
    kept.store.failing = None
    await kept.until(lambda: kept.store.saved)
    assert [endpoint.host for endpoint in kept.store.saved[0]] == ["mx2.example", "mx3.example"]


async def test_a_fault_of_ours_is_told_and_stops_nobody(kept: Kept) -> None:
    kept.store.failing = RuntimeError("a fault")
    with structlog.testing.capture_logs() as said:
        kept.keeper.keep(ONE, found(1))
        await kept.until(lambda: said)
    assert kept.failures == 1
    kept.store.failing = None
    kept.keeper.keep(TWO, found(2))
    await kept.until(lambda: kept.store.saved)


async def test_the_end_writes_what_waits(kept: Kept, url: str) -> None:
    kept.keeper.keep(ONE, found(complete=False))
    await kept.keeper.close()
    store = await Store.open(url)
    assert same(await store.load(PLACE, ONE), found(complete=False))
    await store.close()


async def test_what_is_older_than_retention_goes(kept: Kept) -> None:
    await kept.store.store.save(PLACE, {ONE: found(1)}, NOW - RETENTION - timedelta(seconds=1))
    await kept.store.store.save(PLACE, {TWO: found(2)}, NOW - RETENTION)
    kept.keeper.keep(Endpoint("mx2.example", ip_address("192.0.2.1")), found(3))
    await kept.until(lambda: kept.keeper._pruned_at)
    assert await kept.store.store.load(PLACE, ONE) is None
    assert await kept.store.store.load(PLACE, TWO) is not None


@contextmanager
def held_by_another_program(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def on_a_full_disk(path: Path) -> Iterator[None]:
    with no_more_than(max(one.stat().st_size for one in path.parent.iterdir())):
        yield


@pytest.mark.parametrize("in_trouble", [held_by_another_program, on_a_full_disk])
async def test_a_locked_database_and_a_full_disk_are_told_once_counted_survived_and_caught_up_afterwards(
    in_trouble: Callable[[Path], AbstractContextManager[None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_PATIENCE", 0.05)
    path = tmp_path / "mailtls.db"
    kept = Kept(await Store.open(f"sqlite:///{path}"))
    batches = [item for number in range(2, 22) for item in kept_of(number)]
    with structlog.testing.capture_logs() as said:
        with in_trouble(path):
            kept.keeper.keep(ONE, found(1))
            kept.keeper.keep_scan(scan_of(ONE), ScanKind.CONCLUDED)
            kept.keeper.keep_route(route_of("a.example"), RouteKind.WHOLE)
            await kept.until(lambda: kept.failures >= 2)
            for item in batches:
                kept.keeper._keep(item)  # work goes on
            kept.keeper.keep_policy("a.example", policy_of("a.example"))
            before = kept.failures
            await kept.until(lambda: kept.failures > before + 1)
        await kept.until(lambda: said[-1]["event"] == "the store works again")
    assert [entry["log_level"] for entry in said] == ["error", "info"]
    assert same(await kept.store.store.load(PLACE, ONE), found(1))
    recalled = await kept.keeper.recall_tracks(NOW - timedelta(days=1))
    assert [len(recalled.scans), len(recalled.routes), len(recalled.policies)] == [21, 21, 21]
    await kept.keeper.close()


async def test_what_a_clock_that_ran_ahead_measured_is_not_recalled(kept: Kept) -> None:
    ahead = NOW + timedelta(seconds=1)
    kept.keeper.keep_scan(scan_of(ONE, began=ahead), ScanKind.CONCLUDED)
    kept.keeper.keep_scan(scan_of(TWO), ScanKind.CONCLUDED)
    kept.keeper.keep_route(route_of("a.example", began=ahead), RouteKind.WHOLE)
    await kept.until(lambda: not kept.keeper._due.is_set())
    async with kept.keeper._writing:
        recalled = await kept.keeper.recall_tracks(NOW - timedelta(days=1))
    assert (recalled.scans, recalled.routes) == ((scan_of(TWO),), ())


async def test_another_store_is_given_what_is_known(kept: Kept, url: str) -> None:
    kept.keeper.keep(ONE, found(1))
    await kept.keeper.recall(TWO)
    other = Kept(await Store.open(url.replace("mailtls.db", "other.db")))
    kept.keeper.hand_over(other.keeper)
    await other.keeper.close()
    assert [list(batch) for batch in other.store.saved] == [[ONE]]


async def test_who_asked_us_to_stay_away_is_remembered_by_the_clock_on_the_wall(kept: Kept) -> None:
    budget = Budget(Limits(pace=1.0), lambda: 5000.0, vary=lambda: 1.0)
    kept.keeper.watch(budget)
    budget.report(ONE, Failure(Cause.RATE_LIMITED, Stage.GREETING))
    await kept.until(lambda: not kept.keeper._due.is_set())
    async with asyncio.timeout(10):
        while not (saved := await kept.store.store.load_pauses(PLACE)):
            await asyncio.sleep(0.005)
    assert saved["address 192.0.2.1"] == Pause(NOW + timedelta(seconds=60), 1)
    later = Budget(Limits(pace=1.0), lambda: 10.0)
    await kept.keeper.resume(later)
    assert later.closed_for(ONE) == 60
    kept.store.failing = StoreFailed("no")
    await kept.keeper.resume(later)
    assert kept.failures == 1


async def test_what_is_flushed_is_there_for_other_processes_when_that_returns(kept: Kept, url: str) -> None:
    kept.keeper.keep_scan(scan_of(ONE), ScanKind.CONCLUDED)
    kept.keeper.keep_route(route_of("a.example"), RouteKind.WHOLE)
    await kept.keeper.flush()
    other = Kept(await Store.open(url))
    before = NOW - timedelta(seconds=1)
    for known in ({}, {TWO: NOW, "b.example": NOW}, {ONE: before, "a.example": before}):
        news = await other.keeper.news(before, known)
        assert news is not None
        assert (news.scans, news.routes) == ((scan_of(ONE),), (route_of("a.example"),))
    assert await other.keeper.news(before, {ONE: NOW, "a.example": NOW}) == Recalled()
    assert (await other.keeper.recall_track(ONE, None)).scans == (scan_of(ONE),)
    assert (await other.keeper.recall_track(ONE, NOW)).scans == ()
    assert (await other.keeper.recall_track(TWO, None)).scans == ()
    assert (await other.keeper.recall_track("a.example", None)).routes == (route_of("a.example"),)
    assert (await other.keeper.recall_track("b.example", None)).routes == ()
    await other.keeper.close()


async def test_no_news_and_a_store_that_fails_are_two_things(kept: Kept) -> None:
    assert (await kept.keeper.news(NOW, {})) is not None
    kept.store.failing = StoreFailed("it is away")
    assert await kept.keeper.news(NOW, {}) is None
    assert (await kept.keeper.recall_track(ONE, None)).scans == ()


async def test_an_enumeration_that_is_distrusted_is_read_again_unless_it_is_still_to_be_written(kept: Kept, url: str) -> None:
    kept.keeper.keep(ONE, found(1))
    kept.keeper.distrust(ONE)
    assert same(await kept.keeper.recall(ONE), found(1))
    await kept.keeper.flush()
    other = Kept(await Store.open(url))
    other.keeper.keep(ONE, found(2))
    await other.keeper.flush()
    await other.keeper.close()
    assert same(await kept.keeper.recall(ONE), found(1))
    kept.keeper.distrust(ONE)
    assert same(await kept.keeper.recall(ONE), found(2))
