"""A process that saves one enumeration after the other, and says of each that it is saved, until somebody kills it."""

from __future__ import annotations

import asyncio
import itertools
import sys
from ipaddress import ip_address

from remembered import NOW, PLACE, found

from mailtls.model import Endpoint
from mailtls.store.database import Store


async def main(url: str) -> None:
    store = await Store.open(url)
    for number in itertools.count():
        endpoint = Endpoint(f"mx{number}.example", ip_address("192.0.2.1"))
        await store.save(PLACE, {endpoint: found(number % 0x10000)}, NOW)
        print(number, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
