"""The contract of history in a store, on PostgreSQL: the test functions are those of the unit suite, and here their database is another one."""

import pytest
from test_states import *  # noqa: F403
from test_store_history import *  # noqa: F403 - they are what is run here

from mailtls.store.database import Store


@pytest.fixture
def url(postgresql_url: str) -> str:
    """Name an empty database that outlives the stores which open it."""
    return postgresql_url


@pytest.fixture
async def store(url: str):
    opened = await Store.open(url)
    yield opened
    await opened.close()
