"""A publication goes into the store and comes out as it was, whoever else publishes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete
from test_signing import private, written

from mailtls.publication.archive import add, link_of, reopened
from mailtls.publication.canonical import Malformed
from mailtls.publication.keys import fingerprint, is_signed_by
from mailtls.publication.signing import BadKey, load
from mailtls.store.database import Store
from mailtls.store.engine import writing
from mailtls.store.publications import Publications
from mailtls.store.schema import objects
from tests.site.sample import publication

NOW = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def chain(tmp_path: Path):
    store = await Store.open(f"sqlite:///{tmp_path}/mailtls.db")
    yield Publications(store, "lab")
    await store.close()


async def test_what_was_published_is_opened_again_with_its_place(chain: Publications) -> None:
    made = publication()
    first = await add(chain, made, NOW, None)
    second = await add(chain, replace(made, edition=made.edition | {"title": "Another"}), NOW + HOUR, None)
    last = await chain.head()
    assert last is not None
    assert await link_of(chain, last) == second
    assert (second.number, second.previous) == (2, first.hash)
    assert (await reopened(chain, last)).edition["title"] == "Another"
    former = await chain.snapshot(1)
    assert former is not None
    assert await reopened(chain, former) == made


async def test_several_that_publish_at_once_stand_one_behind_the_other(chain: Publications) -> None:
    links = await asyncio.gather(*(add(chain, publication(), NOW, None) for _ in range(3)))
    assert sorted(link.number for link in links) == [1, 2, 3]


async def test_a_snapshot_whose_objects_are_gone_says_so(chain: Publications) -> None:
    await add(chain, publication(), NOW, None)
    last = await chain.head()
    assert last is not None

    def lose(engine) -> None:
        with writing(engine) as connection:
            connection.execute(delete(objects))

    await chain._store.run(lose)
    with pytest.raises(Malformed, match="snapshot 1"):
        await reopened(chain, last)


async def test_the_old_key_signs_what_names_the_new_one_which_then_signs(chain: Publications, tmp_path: Path) -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    only_old, both, only_new = (
        load(written(tmp_path / name, octets))
        for name, octets in (("old", private(old)), ("both", private(new) + private(old)), ("new", private(new)))
    )
    await add(chain, publication(), NOW, only_old)
    with pytest.raises(BadKey, match="put the former key behind the new one"):
        await add(chain, publication(), NOW, only_new)
    with pytest.raises(BadKey, match="name its file"):
        await add(chain, publication(), NOW, None)
    handed = await add(chain, publication(), NOW + HOUR, both)
    after = await add(chain, publication(), NOW + 2 * HOUR, only_new)
    assert [handed.key, after.key] == [fingerprint(only_old.key), fingerprint(only_new.key)]
    for number, signer in ((1, only_old), (2, only_old), (3, only_new)):
        snapshot = await chain.snapshot(number)
        assert snapshot is not None
        assert snapshot.signature is not None
        assert is_signed_by(signer.key, snapshot.signature, snapshot.manifest)
        assert (await link_of(chain, snapshot)).key == fingerprint(signer.key)
