"""The schedule: each domain is looked at once an interval, at a moment of its own, for as long as the daemon lives."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from mailtls.model import MXSet, Provider, Snapshot, Verdict
from mailtls.observation import endpoints_of
from mailtls.tracking.kept import kind_of_route
from mailtls.tracking.routes import RouteTrack, absorb_route, route_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtls.evidence import RouteEvidence
    from mailtls.measure import Measurer
    from mailtls.model import Endpoint
    from mailtls.store.tracks import Recalled

log = structlog.get_logger(component="schedule")

_FIRST_ROUND = 30.0
_WARNED_AGAIN = timedelta(hours=1)
_RENDERED_AGAIN = timedelta(seconds=1)


def _now() -> datetime:
    return datetime.now(UTC)


class Schedule:
    """Measures the partners' domains again and again, and keeps the snapshot that is shown."""

    def __init__(
        self,
        measurer: Measurer,
        partners: tuple[Provider, ...],
        interval: timedelta,
        jitter: float,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """Make a schedule.

        Args:
            measurer: does the work, and remembers.
            partners: whose domains.
            interval: between two looks at a domain.
            jitter: share of the interval by which a look may come earlier or later.
            now: tells the time.

        """
        self.measurer = measurer
        self.partners = partners
        self.interval = interval
        self.jitter = jitter
        self.routes: dict[str, RouteTrack] = {}
        self.mx_sets: dict[str, MXSet] = {}
        self.lag = 0.0
        self.last_cycle_at: datetime | None = None
        self.progressed_at = time.monotonic()
        self._now = now
        self._cycle: set[str] = set()
        self._warned_at: datetime | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._random = random.Random()  # noqa: S311 - jitter, not secrets
        self._snapshot: tuple[datetime, Snapshot] | None = None

    def inherit(self, older: Schedule) -> None:
        """Take over what another schedule knows: after a reload nothing has to be measured anew."""
        self.measurer.inherit(older.measurer)
        owners = self._owners()
        self.routes = {domain: route for domain, route in older.routes.items() if domain in owners}
        self.mx_sets = {domain: known for domain, known in older.mx_sets.items() if domain in owners}
        self.last_cycle_at = older.last_cycle_at

    async def recall(self, recalled: Recalled) -> None:
        """Know again what an earlier process knew, with the age that it has."""
        owners = self._owners()
        for route in recalled.routes:
            if route.domain in owners:
                track = self.routes[route.domain] = absorb_route(self.routes.get(route.domain), route)
                if track.answered is not None and track.answered.hosts:
                    self.mx_sets[route.domain] = MXSet(frozenset(host.host for host in track.answered.hosts))
        if self.measurer.sts is not None:
            self.measurer.sts.tracks |= {domain: track for domain, track in recalled.policies if domain in owners}
        led_to = self._led_to()
        for scan in recalled.scans:
            if scan.endpoint in led_to:
                self.measurer.recall(scan)
                await asyncio.sleep(0)  # a thousand of them take seconds
        self._snapshot = None

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
            except Exception:
                log.exception("a look broke", domain=domain)
            # The next is counted from when this one was due, so that a slow partner does not drift; never in the past.
            due = max(due + period * self._random.uniform(1 - self.jitter, 1 + self.jitter), time.monotonic())

    async def look(self, domain: str) -> None:
        """Look at one domain: its route, then its endpoints."""
        route = await self.measurer.route(domain)
        track = absorb_route(self.routes.get(domain), route)
        # Where the resolver failed, the endpoints of the route known so far are still there to be looked at.
        await self.measurer.measure(self._way(track))
        self.routes[domain] = track
        if self.measurer.memory is not None:
            self.measurer.memory.keep_route(route, kind_of_route(route))
        self._note_mx(domain, route)
        self.progressed_at = time.monotonic()
        self._snapshot = None
        self._cycle.add(domain)
        if len(self._cycle) >= len(self._owners()):
            self._cycle.clear()
            self.last_cycle_at = self._now()
            self._forget()
            self._warn_if_blind()

    def _way(self, track: RouteTrack) -> RouteEvidence:
        """Return the way to a domain that holds now. An older configuration may have let in hosts that are excluded."""
        return self.measurer.permitted(route_now(track, self._now(), self.interval))

    def _note_mx(self, domain: str, route: RouteEvidence) -> None:
        if route.mx is None or not route.mx.is_answer or not route.hosts:
            return
        hosts = frozenset(host.host for host in route.hosts)
        before = self.mx_sets.get(domain)
        if before is None:
            self.mx_sets[domain] = MXSet(hosts)
        elif before.hosts != hosts:
            self.mx_sets[domain] = MXSet(hosts, self._now(), before.changes + 1)
            log.info("MX hosts changed", domain=domain, added=sorted(hosts - before.hosts), gone=sorted(before.hosts - hosts))

    def _forget(self) -> None:
        self.measurer.forget_all_but(self._led_to())
        if self.measurer.sts is not None:
            self.measurer.sts.forget_all_but(set(self._owners()))

    def _led_to(self) -> set[Endpoint]:
        port = self.measurer.port
        return {e for track in self.routes.values() for host in self._way(track).hosts for e in endpoints_of(host, port)}

    def _warn_if_blind(self) -> None:
        """Say so, at most once an hour, when nothing conclusive came of the last attempt at any domain."""
        for domain in self.snapshot().domains:
            takes_none = domain.verdict is Verdict.NO_MAIL and domain.unresolved is None
            if takes_none or any(endpoint.conclusive for host in domain.mx for endpoint in host.endpoints):
                self._warned_at = None
                return
        now = self._now()
        if self._warned_at is None or not timedelta() <= now - self._warned_at < _WARNED_AGAIN:
            self._warned_at = now
            log.warning("no domain could be measured this cycle", domains=len(self._owners()), hint="mailtls doctor examines this vantage")

    def snapshot(self) -> Snapshot:
        """Return what is known now; made anew at most once a second, however often it is asked for."""
        now = self._now()
        if self._snapshot is not None and timedelta() <= now - self._snapshot[0] < _RENDERED_AGAIN:
            return self._snapshot[1]
        owners = self._owners()
        tracks = [(domain, track) for domain, track in sorted(self.routes.items()) if domain in owners]
        seen = tuple(self.measurer.observe(owners[domain], self._way(track), now, track.latest) for domain, track in tracks)
        waiting = tuple((owner, domain) for domain, owner in owners.items() if domain not in self.routes)
        self._snapshot = now, Snapshot(self.measurer.compare(seen, now), waiting)
        return self._snapshot[1]
