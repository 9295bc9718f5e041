"""Two processes cannot fork a chain of publications, however close together they come."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from test_publications import NOW, grown, link

from mailtls.store.database import Store
from mailtls.store.publications import Publications


async def test_of_several_processes_one_adds_the_next_link_and_the_others_are_told(postgresql_url: str) -> None:
    stores = [await Store.open(postgresql_url) for _ in range(4)]
    chains = [Publications(store, "fra1") for store in stores]
    (last,) = await grown(chains[0], 1, timedelta(hours=1))
    for number in range(2, 12):
        made = [link(number, f"of {place}", NOW + number * timedelta(hours=1)) for place in range(4)]
        done = await asyncio.gather(
            *(chain.append(mine, last.hash, named, indexes) for chain, (mine, named, indexes) in zip(chains, made, strict=True))
        )
        assert sorted(done) == [False, False, False, True]
        last = made[done.index(True)][0]
        assert [await chain.head() for chain in chains] == [last] * 4
    for store in stores:
        await store.close()
