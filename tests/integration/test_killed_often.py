"""kill -9 at two hundred moments, on each kind of database; the test is the unit suite's."""

from pathlib import Path

import pytest
from test_killed import (
    test_a_process_killed_at_any_moment_loses_nothing_that_it_said_is_saved as test_killed_processes_lose_nothing,
)

__all__ = ["test_killed_processes_lose_nothing"]


@pytest.fixture
def points() -> int:
    """Kill as many."""
    return 200


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an empty database."""
    return f"sqlite:///{tmp_path}/mailtls.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
