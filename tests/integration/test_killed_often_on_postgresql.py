"""kill -9 at two hundred moments, on PostgreSQL; the test is the unit suite's. A file of its own, so that it goes on beside SQLite's."""

import pytest
from test_killed import (
    test_a_process_killed_at_any_moment_loses_nothing_that_it_said_is_saved as test_killed_processes_lose_nothing,
)

__all__ = ["test_killed_processes_lose_nothing"]


@pytest.fixture
def points() -> int:
    """Kill as many."""
    return 200


@pytest.fixture
def url(postgresql_url: str) -> str:
    """Name an empty database."""
    return postgresql_url
