"""The contract of a store, on PostgreSQL: the test functions are those of the unit suite, and here their database is another one."""

import pytest
from test_bookkeeper import *  # noqa: F403 - they are what is run here
from test_migrations import *  # noqa: F403
from test_outbox import *  # noqa: F403
from test_outbox_killed import *  # noqa: F403
from test_pruning import *  # noqa: F403
from test_publications import *  # noqa: F403
from test_store import *  # noqa: F403

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
