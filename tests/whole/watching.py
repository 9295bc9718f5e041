"""The whole daemon in the loop of a test, against the lab, with cycles of two seconds; and what its ledger makes of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mailtls.config import Configuration
from mailtls.daemon import Daemon
from mailtls.lab import Lab


class Watched:
    """The daemon, and what its ledger makes of the lab."""

    def __init__(self, lab: Lab, daemon: Daemon, directory: Path) -> None:
        self.lab, self.daemon, self.directory = lab, daemon, directory

    def regressions(self) -> set[tuple[str, str]]:
        return {(str(each.subject), each.check) for each in self.daemon.told().regressions}

    def candidates(self) -> set[tuple[str, str]]:
        books = self.daemon.persistence.books
        assert books is not None
        standings = books.ledger.standings
        return {(str(s), check) for s, held in standings.items() for check, st in held.items() if st.candidate is not None}

    def is_settled(self, domain: str, check: str = "starttls") -> bool:
        return self.daemon.is_held_to(domain, check)

    async def until(self, holds: Callable[[], object], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                await asyncio.sleep(0.1)

    async def cycles(self, number: int) -> None:
        """Wait until each domain was looked at so many times more."""
        for _ in range(number):
            before = self.daemon.schedule.last_cycle_at
            await self.until(lambda before=before: self.daemon.schedule.last_cycle_at != before)


@asynccontextmanager
async def watching(lab: Lab, directory: Path, *domains: str, settle: bool = True, interval: str = "2s") -> AsyncIterator[Watched]:
    settings: Any = lab.configuration()
    settings["schedule"] |= {"interval": interval}
    settings["network"] |= {"connect_timeout": "500ms", "probe_deadline": "1500ms"}
    settings["storage"] = {"url": f"sqlite:///{directory}/mailtls.db"}
    settings["providers"] = [{"name": d, "domains": [d]} for d in domains]
    daemon = Daemon(Configuration.model_validate(settings))
    up = asyncio.Event()
    running = asyncio.create_task(daemon.run([("127.0.0.1", 0)], lambda _url: up.set()))
    try:
        await up.wait()
        watched = Watched(lab, daemon, directory)
        if settle:
            await watched.until(lambda: all(watched.is_settled(domain) for domain in domains))
        yield watched
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        await running
