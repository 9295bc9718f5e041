"""One PostgreSQL for all tests that need one, and an empty database in it for each. Where it is not installed, they fail."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from processes import Process
from servers import PostgreSQL

sys.path.append(str(Path(__file__).parents[1] / "store"))  # the contract of a store is held against PostgreSQL too
sys.path.append(str(Path(__file__).parents[1] / "deploy"))  # and the Containerfile is read there


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
