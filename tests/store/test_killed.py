"""kill -9 at any moment: what a process said to be saved is there, and whole; the next process goes on from there."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from held import LOST_FROM, SHARED, Clock, at, books_of, subject_of
from remembered import NOW, PLACE, found, kept_of, same
from sqlalchemy import select

from mailtls.model import Endpoint
from mailtls.store.database import Store
from mailtls.store.engine import reading
from mailtls.store.schema import changes

if TYPE_CHECKING:
    from sqlalchemy import Engine


@pytest.fixture
def points() -> int:
    """How many processes are killed; the integration tests have two hundred, on each kind of database."""
    return 10


class Saving:
    """Processes that save, one after the other, in one database."""

    def __init__(self, process: asyncio.subprocess.Process, seed: int) -> None:
        self.process = process
        self.random = random.Random(seed)
        self.saved = 0
        self.moments = Counter[str]()

    async def line(self) -> tuple[str, int]:
        assert self.process.stdout is not None
        word, number = (await asyncio.wait_for(self.process.stdout.readline(), 60)).split()
        return word.decode(), int(number)

    async def kill_one(self) -> None:
        """Let a process save, kill it at a random moment, and note what it said to be saved."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{self.saved}\n".encode())
        pid, wanted, said = 0, self.random.choice([0, 0, 1, 1, 2, 3, 5]), 0
        while pid == 0 or said < wanted:
            word, number = await self.line()
            if word == "pid":
                pid = number
            else:
                assert (word, number) == ("saved", self.saved)
                self.saved += 1
                said += 1
        await asyncio.sleep(self.random.uniform(0, 0.25 if wanted == 0 else 0.02))
        os.kill(pid, signal.SIGKILL)  # it is not reaped before we hear of its end
        while (line := await self.line())[0] == "saved":
            assert line[1] == self.saved
            self.saved += 1
            said += 1
        assert line == ("end", -signal.SIGKILL)
        self.moments["before its first batch was saved" if said == 0 else "between or within batches"] += 1


async def check(store: Store, numbers: range, *, may_go_on: bool) -> None:
    """See that all batches are there, whole; of the one after them either part is whole, or not there."""
    recalled = await store.load_tracks(PLACE, NOW - timedelta(days=1))
    assert recalled.unreadable == ()
    known = {scan.endpoint.host: scan for scan in recalled.scans}
    ways, policies = {route.domain: route for route in recalled.routes}, dict(recalled.policies)
    for number in [*numbers, *([numbers.stop] if may_go_on else [])]:
        scan, route, policy = (item.value for item in kept_of(number))
        there = (known.get(f"mx{number}.example"), ways.get(f"d{number}.example"), policies.get(f"d{number}.example"))
        hellos = await store.load(PLACE, Endpoint(f"mx{number}.example", ip_address("192.0.2.1")))
        if number in numbers or hellos is not None:
            assert same(hellos, found(number % 0x10000))
        assert there == (scan, route, policy) or (number not in numbers and there == (None, None, None))
        assert hellos is not None or there[0] is None  # the one was saved after the other
    assert await store.load(PLACE, Endpoint(f"mx{numbers.stop + 1}.example", ip_address("192.0.2.1"))) is None
    await check_ledger(store, numbers)


async def check_ledger(store: Store, numbers: range) -> None:
    """See that all that was learnt in the batches is known, and that the loss was confirmed once, however many processes it took."""
    clock = Clock()
    clock.number = numbers.stop
    books = books_of(store, clock)
    told = await books.turn()
    ledger = books.ledger
    for number in numbers:
        assert ledger.standings[subject_of(number)]["starttls"].latest is not None
    if not numbers:
        return
    latest = ledger.standings[SHARED]["starttls"].latest
    assert latest is not None
    assert at(numbers.stop - 1) - latest.at <= timedelta(hours=1)  # that nothing has changed is written once an hour

    def events(engine: Engine) -> list[str]:
        with reading(engine) as connection:
            ours = select(changes.c.event).where(changes.c.subject == SHARED.key, changes.c.vantage == "").order_by(changes.c.id)
            return list(connection.scalars(ours))

    is_open = any(each.subject == SHARED for each in told.regressions)
    assert await store.run(events) == ["confirmed"] * is_open
    assert is_open or numbers.stop < LOST_FROM + 5


async def test_a_process_killed_at_any_moment_loses_nothing_that_it_said_is_saved(
    url: str, points: int, capsys: pytest.CaptureFixture[str]
) -> None:
    program, seed = str(Path(__file__).with_name("saving.py")), random.randrange(2**32)
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    saving = Saving(await asyncio.create_subprocess_exec(sys.executable, program, url, **pipes), seed)
    with capsys.disabled():
        for point in range(points):
            before = saving.saved
            await saving.kill_one()
            store = await Store.open(url)
            try:
                await check(store, range(before, saving.saved), may_go_on=True)
                if point == points - 1:
                    await check(store, range(saving.saved), may_go_on=True)
            finally:
                await store.close()
        moments = ", ".join(f"{count} {moment}" for moment, count in sorted(saving.moments.items()))
        print(f"\n{points} processes killed ({moments}; seed {seed}), {saving.saved} batches said to be saved, all there", flush=True)
    assert saving.process.stdin is not None
    saving.process.stdin.close()
    assert await saving.process.wait() == 0
    assert saving.saved > points / 4
