"""The files of the chain, as a daemon finds them in its store one at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailtls.publication.archive import add
from mailtls.publication.verifying import Verification
from mailtls.site import api
from mailtls.site.file import Caching
from mailtls.site.snapshots import find
from mailtls.store.database import Store
from mailtls.store.publications import Publications
from tests.site.sample import publication

NOW = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)


@pytest.fixture
async def chain(tmp_path: Path):
    store = await Store.open(f"sqlite:///{tmp_path}/mailtls.db")
    yield Publications(store, "lab")
    await store.close()


async def test_what_a_daemon_serves_is_verified_and_shows_what_its_pages_show(chain: Publications) -> None:
    links = [await add(chain, publication(), NOW + number * timedelta(hours=1), None) for number in range(3)]
    for link in links:  # while another process has published more already
        pages = api.files(publication(), link, stale=False)
        verification = Verification()
        while verification.wanted:
            found = {}
            for path in verification.wanted:
                file = pages.get(path) or await find(chain, path, link.number)
                found[path] = None if file is None else file.render()
            verification.learn(found)
        assert verification.report.problems == []
        assert verification.report.number == link.number


async def test_what_is_named_by_number_or_hash_is_kept_for_ever_and_the_head_is_not(chain: Publications) -> None:
    await add(chain, publication(), NOW, None)
    head = await chain.head()
    assert head is not None
    for path in ("snapshots/1.json", f"snapshots/objects/{head.parts[0]}.json"):
        file = await find(chain, path, 1)
        assert file is not None
        assert file.caching is Caching.FOR_EVER
    file = await find(chain, "snapshots/head.json", 1)
    assert file is not None
    assert file.caching is Caching.EDITION


@pytest.mark.parametrize(
    "path",
    ["snapshots/2.json", "snapshots/1.sig", "snapshots/0.json", "snapshots/01.json", "snapshots/9999999999.json", "snapshots/key.pem", "snapshots/",
     f"snapshots/objects/{'0' * 64}.json", f"snapshots/objects/{'0' * 63}.json", "snapshots/../1.json", "snapshots/1.json\n", "snapshots/١.json"],
)  # fmt: skip
async def test_what_is_not_there_is_not_found(chain: Publications, path: str) -> None:
    assert await find(chain, "snapshots/head.json", 1) is None
    await add(chain, publication(), NOW, None)
    assert await find(chain, path, 1) is None
