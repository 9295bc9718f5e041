"""The work of one process that has its vantage for itself: it looks at each domain once an interval, at a moment of its own."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

import structlog

from mailtls.evidence import Purpose

if TYPE_CHECKING:
    from mailtls.evidence import RouteEvidence
    from mailtls.measure import Measurer
    from mailtls.schedule import Schedule
    from mailtls.tracking.changes import Subject
    from mailtls.tracking.revisits import Again

log = structlog.get_logger(component="schedule")

_FIRST_ROUND = 30.0
_ASKED_AGAIN = 1.0
"""Seconds between two questions who should be looked at again."""
_MOST_AGAIN = 100
"""Second looks under way at a time."""


class Rounds:
    """Has a schedule look at its domains, in this process alone."""

    def __init__(self, schedule: Schedule) -> None:
        """Take a schedule; nothing begins before :meth:`start`."""
        self._schedule = schedule
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._due: dict[str, float] = {}
        self._again: dict[Subject, asyncio.Task[None]] = {}
        self._random = random.Random()  # noqa: S311 - jitter, not secrets

    def start(self) -> None:
        """Begin: the first looks are spread over half a minute, or over the interval where that is shorter."""
        domains = self._schedule.watched()
        spread = min(_FIRST_ROUND, self._schedule.interval.total_seconds() / 2)
        for index, domain in enumerate(domains):
            self._tasks[domain] = asyncio.create_task(self._watch(domain, spread * index / max(1, len(domains))), name=f"watch {domain}")
        self._tasks[""] = asyncio.create_task(self._look_again(), name="look again")

    async def stop(self) -> None:
        """End every look that is under way, and wait until that is done."""
        under_way = [*self._tasks.values(), *self._again.values()]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        self._tasks.clear()
        self._due.clear()
        self._again.clear()

    async def measure_now(self, measurer: Measurer, route: RouteEvidence) -> None:
        """Visit the endpoints of a route once, because somebody asks now; only the measurer that is given knows what came of it."""
        await measurer.measure(route, Purpose.QUICK)

    def late_by(self) -> float:
        """Return by how many seconds the look is late that has been due for longest; one that is stuck makes the next of its domain late."""
        return max(0.0, time.monotonic() - min(self._due.values(), default=time.monotonic()))

    async def _watch(self, domain: str, wait: float) -> None:
        schedule = self._schedule
        due = time.monotonic() + wait
        period = schedule.interval.total_seconds()
        while True:
            self._due[domain] = due
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            schedule.lag = max(0.0, time.monotonic() - due)
            following = self._due[domain] = due + period * self._random.uniform(1 - schedule.jitter, 1 + schedule.jitter)
            try:
                await schedule.look(domain)
            except Exception:
                log.exception("a look broke", domain=domain)
            # The next is counted from when this one was due, so that a slow partner does not drift; never in the past.
            due = max(following, time.monotonic())

    async def _look_again(self) -> None:
        """Look again at whom the ledger wants to see soon, since something about it is to be confirmed."""
        while True:
            await asyncio.sleep(_ASKED_AGAIN)
            for wanted in self._schedule.told().again:
                if wanted.due > self._schedule.now():
                    break
                if wanted.subject not in self._again and len(self._again) < _MOST_AGAIN:
                    self._again[wanted.subject] = asyncio.create_task(self._one_again(wanted), name=f"look again at {wanted.subject}")

    async def _one_again(self, wanted: Again) -> None:
        try:
            await self._schedule.look_again(wanted)
            await asyncio.sleep(_ASKED_AGAIN)  # until the ledger has learnt it
        except Exception:
            log.exception("a second look broke", subject=str(wanted.subject))
        finally:
            self._again.pop(wanted.subject, None)
