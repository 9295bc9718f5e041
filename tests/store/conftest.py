"""The databases that the contract of a store is held against; another kind is one more parameter."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailtls.store.database import Store


@pytest.fixture(params=["sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an empty database that outlives the stores which open it."""
    assert request.param == "sqlite"
    return f"sqlite:///{tmp_path}/mailtls.db"


@pytest.fixture
async def store(url: str):
    opened = await Store.open(url)
    yield opened
    await opened.close()
