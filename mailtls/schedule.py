"""The schedule: each domain is looked at once an interval, at a moment of its own, for as long as the daemon lives."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from mailtls.model import Provider, Snapshot
from mailtls.observation import endpoints_of

if TYPE_CHECKING:
    from mailtls.evidence import RouteEvidence
    from mailtls.measure import Measurer
    from mailtls.model import Endpoint

log = structlog.get_logger(component="schedule")

_FIRST_ROUND = 30.0


@dataclass(frozen=True, slots=True)
class MXSet:
    """The MX hosts of a domain, when they last changed, and how often they have since the daemon began."""

    hosts: frozenset[str]
    changed_at: datetime | None = None
    changes: int = 0


class Schedule:
    """Measures the partners' domains again and again, and keeps the snapshot that is shown."""

    def __init__(self, measurer: Measurer, partners: tuple[Provider, ...], interval: timedelta, jitter: float) -> None:
        """Make a schedule.

        Args:
            measurer: does the work, and remembers.
            partners: whose domains.
            interval: between two looks at a domain.
            jitter: share of the interval by which a look may come earlier or later.

        """
        self.measurer = measurer
        self.partners = partners
        self.interval = interval
        self.jitter = jitter
        self.routes: dict[str, RouteEvidence] = {}
        self.mx_sets: dict[str, MXSet] = {}
        self.lag = 0.0
        self.last_cycle_at: datetime | None = None
        self.progressed_at = time.monotonic()
        self._cycle: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._random = random.Random()  # noqa: S311 - jitter, not secrets
        self._snapshot: tuple[float, Snapshot] | None = None

    def inherit(self, older: Schedule) -> None:
        """Take over what another schedule knows: after a reload nothing has to be measured anew."""
        self.measurer.inherit(older.measurer)
        owners = self._owners()
        self.routes = {domain: route for domain, route in older.routes.items() if domain in owners}
        self.mx_sets = {domain: known for domain, known in older.mx_sets.items() if domain in owners}
        self.last_cycle_at = older.last_cycle_at

    def _owners(self) -> dict[str, str]:
        return {domain: provider.name for provider in self.partners for domain in provider.domains}

    def start(self) -> None:
        """Begin: the first looks are spread over half a minute, or over the interval where that is shorter."""
        owners = self._owners()
        spread = min(_FIRST_ROUND, self.interval.total_seconds() / 2)
        for index, domain in enumerate(owners):
            self._tasks[domain] = asyncio.create_task(self._watch(domain, spread * index / max(1, len(owners))), name=f"watch {domain}")

    async def stop(self) -> None:
        """End every look that is under way, and wait until that is done."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    async def _watch(self, domain: str, wait: float) -> None:
        due = time.monotonic() + wait
        period = self.interval.total_seconds()
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.lag = max(0.0, time.monotonic() - due)
            try:
                await self.look(domain)
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("a look broke", domain=domain)
            # The next is counted from when this one was due, so that a slow partner does not drift; never in the past.
            due = max(due + period * self._random.uniform(1 - self.jitter, 1 + self.jitter), time.monotonic())

    async def look(self, domain: str) -> None:
        """Look at one domain: its route, then its endpoints."""
        route = await self.measurer.route(domain)
        known = self.routes.get(domain)
        if known is not None and known.hosts and route.mx is not None and not route.mx.is_answer:
            # The resolver failed: the endpoints of the route known so far are still there to be looked at.
            await self.measurer.measure(known)
        else:
            await self.measurer.measure(route)
        self.routes[domain] = route
        self._note_mx(domain, route)
        self.progressed_at = time.monotonic()
        self._snapshot = None
        self._cycle.add(domain)
        if len(self._cycle) >= len(self._owners()):
            self._cycle.clear()
            self.last_cycle_at = datetime.now(UTC)
            self._forget()

    def _note_mx(self, domain: str, route: RouteEvidence) -> None:
        if route.mx is None or not route.mx.is_answer or not route.hosts:
            return
        hosts = frozenset(host.host for host in route.hosts)
        before = self.mx_sets.get(domain)
        if before is None:
            self.mx_sets[domain] = MXSet(hosts)
        elif before.hosts != hosts:
            self.mx_sets[domain] = MXSet(hosts, datetime.now(UTC), before.changes + 1)
            log.info("MX hosts changed", domain=domain, added=sorted(hosts - before.hosts), gone=sorted(before.hosts - hosts))

    def _forget(self) -> None:
        port = self.measurer.port
        led_to: set[Endpoint] = {e for route in self.routes.values() for host in route.hosts for e in endpoints_of(host, port)}
        self.measurer.forget_all_but(led_to)

    def snapshot(self) -> Snapshot:
        """Return what is known now; made anew at most once a second, however often it is asked for."""
        if self._snapshot is not None and time.monotonic() - self._snapshot[0] < 1.0:
            return self._snapshot[1]
        now = datetime.now(UTC)
        owners = self._owners()
        seen = tuple(self.measurer.observe(owners[d], route, now) for d, route in sorted(self.routes.items()) if d in owners)
        waiting = tuple((owner, domain) for domain, owner in owners.items() if domain not in self.routes)
        self._snapshot = time.monotonic(), Snapshot(seen, waiting)
        return self._snapshot[1]
