"""What outlives the process: a new configuration that cannot be used changes nothing of it, and one that can lets go of no more than it must."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from mailtls import assembly
from mailtls.config import BadConfiguration, Configuration
from mailtls.daemon import Daemon
from mailtls.persistence import Persistence
from mailtls.schedule import Schedule
from mailtls.show.daemon_metrics import DaemonMetrics
from mailtls.store.database import StoreFailed
from mailtls.store.keeper import Keeper
from mailtls.tracking.told import Told


def configuration(database: Path, **more: Any) -> Configuration:
    storage = {"url": f"sqlite:///{database}", "retention": "30d"} | more.pop("storage", {})
    return Configuration.model_validate({"providers": [{"name": "A", "domains": ["a.example"]}], "storage": storage, **more})


def schedule(of: Configuration) -> Schedule:
    return Daemon(of).schedule


@pytest.fixture
async def current(tmp_path: Path) -> Configuration:
    return configuration(tmp_path / "one.db")


@pytest.fixture
async def persistence(current: Configuration):
    one = Persistence(DaemonMetrics(CollectorRegistry()))
    await one.begin(current, schedule(current))
    yield one
    await one.close()


def keeper_of(persistence: Persistence) -> Keeper:
    keeper = persistence._keeper
    assert keeper is not None
    return keeper


async def test_before_it_begins_nothing_is_known_and_nobody_is_succeeded(current: Configuration) -> None:
    one = Persistence(DaemonMetrics(CollectorRegistry()))
    assert (one.told(), one.is_held_to("a.example", "starttls")) == (Told(), False)
    assert await one.prepare(current, current, schedule(current)) is None


async def test_what_stays_where_it_is_is_kept_by_whoever_keeps_it(persistence: Persistence, current: Configuration, tmp_path: Path) -> None:
    keeper, books = keeper_of(persistence), persistence.books
    fresh = configuration(tmp_path / "one.db", storage={"retention": "90d"})
    after = schedule(fresh)
    successors = await persistence.prepare(current, fresh, after)
    assert keeper.retention == current.storage.retention
    assert persistence.change_to(successors, fresh, schedule(current), after) == ()
    assert (keeper_of(persistence), persistence.books) == (keeper, books)
    assert keeper.retention == fresh.storage.retention


async def test_another_confirmation_takes_another_ledger_in_the_same_store(
    persistence: Persistence, current: Configuration, tmp_path: Path
) -> None:
    keeper, books = keeper_of(persistence), persistence.books
    fresh = configuration(tmp_path / "one.db", confirmation={"probes": 5})
    after = schedule(fresh)
    successors = await persistence.prepare(current, fresh, after)
    to_close = persistence.change_to(successors, fresh, schedule(current), after)
    assert (to_close, keeper_of(persistence)) == ((books,), keeper)
    for each in to_close:
        await each.close()


async def test_another_store_lets_go_of_the_one_before(persistence: Persistence, current: Configuration, tmp_path: Path) -> None:
    keeper, books = keeper_of(persistence), persistence.books
    fresh = configuration(tmp_path / "two.db")
    after = schedule(fresh)
    successors = await persistence.prepare(current, fresh, after)
    to_close = persistence.change_to(successors, fresh, schedule(current), after)
    assert to_close == (books, keeper)
    assert after.measurer.memory is keeper_of(persistence) is not keeper
    for each in to_close:
        await each.close()


async def test_a_store_that_cannot_be_shared_is_closed_again_and_changes_nothing(
    persistence: Persistence, current: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Keeper] = []

    async def refuse(_of: Configuration, _schedule: Schedule, keeper: Keeper, _failed: object) -> bool:
        opened.append(keeper)
        raise BadConfiguration(["storage.url: no"])

    monkeypatch.setattr(assembly, "share", refuse)
    keeper, books = keeper_of(persistence), persistence.books
    for database in ("one.db", "two.db"):
        fresh = configuration(tmp_path / database, storage={"retention": "90d"})
        with pytest.raises(BadConfiguration):
            await persistence.prepare(current, fresh, schedule(fresh))
        assert (keeper_of(persistence), persistence.books) == (keeper, books)
        assert keeper.retention == current.storage.retention
    assert opened[0] is keeper
    with pytest.raises(StoreFailed, match="closed already"):
        await opened[1].store.stories("a.example")
    assert await keeper.store.stories("a.example") == ()
