"""One PostgreSQL for all tests of a worker that need one, and an empty database in it for each; and what is begun first.

Where it is not installed, they fail.
"""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from processes import Process
from servers import PostgreSQL

sys.path.append(str(Path(__file__).parents[1] / "store"))  # the contract of a store is held against PostgreSQL too
sys.path.append(str(Path(__file__).parents[1] / "deploy"))  # and the Containerfile is read there

FIRST = (
    "killed_often_on_postgresql", "alerting", "killed_often_on_sqlite", "turns", "compose_services", "postgresql", "quorum",
    "several_processes", "lost_starttls", "systemd_service", "container", "dashboard_queries", "site_in_chromium", "check", "promtool",
    "upgrade_and_rollback", "all_that_servers_accept", "sts_hosts",
)  # fmt: skip
"""What goes on for longest is begun first, so that no worker is left with it at the end. A worker that has but two tests left takes another
file, so short ones stand behind those that are longest."""



def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those files first."""
    names = [f"test_{name}" for name in FIRST]
    assert all(Path(__file__).with_name(f"{name}.py").exists() for name in names)
    items.sort(key=lambda item: names.index(item.path.stem) if item.path.stem in names else len(names))


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def postgresql() -> AsyncIterator[PostgreSQL]:
    """Run a cluster until the session ends."""
    async with PostgreSQL() as running:
        yield running


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL) -> str:
    """Name an empty database."""
    return postgresql.fresh_database()


@pytest.fixture
async def processes() -> AsyncIterator[list[Process]]:
    """Collect the processes that a test starts, and end those that still run after it."""
    started: list[Process] = []
    yield started
    for process in started:
        await process.done()
