"""A process that saves one batch after the other, and says of each that it is saved, until somebody kills it; then the next one is asked for.

For each number on standard input a process is forked (which takes no time to load), and saves batches from that number on. Standard output
has its id, a line for each batch, and one when it has ended.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from ipaddress import ip_address

from held import Clock, books_of, seen_at
from remembered import NOW, PLACE, found, kept_of

from mailtls import logs
from mailtls.model import Endpoint
from mailtls.store import migrations  # noqa: F401 - loaded once, and not in each process
from mailtls.store.database import Store


async def main(url: str, start: int) -> None:
    store = await Store.open(url)
    clock = Clock()
    books = books_of(store, clock)
    for number in itertools.count(start):
        endpoint = Endpoint(f"mx{number}.example", ip_address("192.0.2.1"))
        await store.save(PLACE, {endpoint: found(number % 0x10000)}, NOW)
        await store.save_tracks(PLACE, kept_of(number), NOW)
        clock.number = number
        for seen in seen_at(number):
            books.saw(seen)
        await books.turn()
        assert not books.failures
        os.write(1, f"saved {number}\n".encode())


if __name__ == "__main__":
    logs.configure("critical", "logfmt")  # on standard error, and what is said there is ours
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            asyncio.run(main(sys.argv[1], int(line)))
        os.write(1, f"pid {pid}\n".encode())
        os.write(1, f"end {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
