"""Measuring one domain: its route, its endpoints, what may be said of it. Endpoints that domains share are scanned once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from mailtls.domain_name import BadName, ascii_name
from mailtls.evidence import Failure, Purpose, RouteEvidence
from mailtls.model import Cause, Endpoint, Stage
from mailtls.observation import endpoints_of
from mailtls.recording import Pace, Record
from mailtls.sts_host import sts_host_name
from mailtls.tracking.holding import Track, is_full_scan_due, shows_another_certificate

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtls.evidence import ScanEvidence, StsFetch
    from mailtls.hellos import HelloEvidence
    from mailtls.policy.rules import Policy
    from mailtls.probe import Prober
    from mailtls.resolve import Resolver
    from mailtls.sts_keeper import StsKeeper
    from mailtls.trust.pkix import Anchors


class Measurer(Record):
    """Measures domains, and remembers their endpoints in between."""

    def __init__(
        self,
        resolver: Resolver,
        prober: Prober,
        anchors: Anchors,
        port: int,
        excluded: frozenset[str] = frozenset(),
        pace: Pace | None = None,
        sts: StsKeeper | None = None,
        policies: tuple[Policy, ...] = (),
    ) -> None:
        """Make a measurer.

        Args:
            resolver: for the routes.
            prober: for the endpoints.
            anchors: the trust anchors.
            port: the SMTP port of every endpoint.
            excluded: domains, in ASCII, that are not to be measured, nor anything below them.
            pace: of a daemon; ``None`` for a single check, where nothing is held from earlier.
            sts: keeper of MTA-STS policies; ``None`` fetches none.
            policies: that domains are graded by.

        """
        super().__init__(prober, anchors, port, pace, sts, policies)
        self.resolver = resolver
        self.excluded = excluded
        self._under_way: dict[Endpoint, asyncio.Task[None]] = {}

    def _is_excluded(self, name: str) -> bool:
        labels = name.split(".")
        return any(".".join(labels[start:]) in self.excluded for start in range(len(labels)))

    async def route(self, domain: str) -> RouteEvidence:
        """Find out where mail for a domain goes, unless it is excluded."""
        try:
            excluded = self._is_excluded(ascii_name(domain))
        except BadName:
            excluded = False  # the resolver will say what is wrong with it
        if excluded:
            failure = Failure(Cause.NOT_ATTEMPTED, Stage.DNS, "excluded by configuration")
            return RouteEvidence(domain, None, failure=failure, began=datetime.now(UTC))
        return self.permitted(await self.resolver.route(domain))

    def permitted(self, route: RouteEvidence) -> RouteEvidence:
        """Return a route without the hosts that are excluded, and with that as what it lacks."""
        hosts = tuple(host for host in route.hosts if not self._is_excluded(host.host))
        if len(hosts) < len(route.hosts):
            failure = Failure(Cause.NOT_ATTEMPTED, Stage.DNS, "an MX host is excluded by configuration")
            return replace(route, hosts=hosts, failure=failure)
        return route

    async def measure(
        self,
        route: RouteEvidence,
        purpose: Purpose | None = None,
        progress: Callable[[Endpoint, bool], None] | None = None,
        *,
        again: bool = False,
    ) -> None:
        """Scan every endpoint of a route, and fetch the domain's MTA-STS policy where that is due.

        Args:
            route: which endpoints.
            purpose: of the scans; ``None`` lets what is remembered of each endpoint decide.
            progress: told when a scan begins (false) and when it is done (true).
            again: fetch the policy though it is not due.

        """
        endpoints = self.endpoints(route)
        await asyncio.gather(self.renew_policy(route, again=again), *(self.scan(endpoint, purpose, progress) for endpoint in endpoints))

    def endpoints(self, route: RouteEvidence) -> set[Endpoint]:
        """Return the endpoints that a route leads to."""
        return {endpoint for host in route.hosts for endpoint in endpoints_of(host, self.port)}

    async def renew_policy(self, route: RouteEvidence, *, again: bool = False) -> None:
        """Fetch a domain's MTA-STS policy, where that is due, or wanted again."""
        if self.sts is not None and not self.prober.closing and not self._is_excluded(sts_host_name(route.domain)):
            before = self.sts.tracks.get(route.domain)
            await self.sts.renew(route, again=again)
            track = self.sts.tracks.get(route.domain)
            if self.memory is not None and track is not None and track != before:
                self.memory.keep_policy(route.domain, track)

    def fetch_of(self, domain: str) -> StsFetch | None:
        """Return the last attempt to fetch a domain's MTA-STS policy, if there was one."""
        track = None if self.sts is None else self.sts.tracks.get(domain)
        return None if track is None else track.latest

    async def scan(
        self, endpoint: Endpoint, purpose: Purpose | None = None, progress: Callable[[Endpoint, bool], None] | None = None
    ) -> None:
        """Scan one endpoint, once for all who ask for it meanwhile; where that is not due, or it asked us to stay away, do nothing.

        The arguments are those of :meth:`measure`.
        """
        if progress is not None:
            progress(endpoint, False)
        task = self._under_way.get(endpoint)
        if task is None:
            task = self._under_way[endpoint] = asyncio.create_task(self._scan(endpoint, purpose))
            task.add_done_callback(lambda _done: self._under_way.pop(endpoint, None))
        # Another domain may wait for the same scan: one that gives up must not take it from the other.
        await asyncio.shield(task)
        if progress is not None:
            progress(endpoint, True)

    def break_off(self, endpoint: Endpoint) -> None:
        """End a scan at once, where one is under way: another process may begin one."""
        task = self._under_way.get(endpoint)
        if task is not None:
            task.cancel()

    async def _scan(self, endpoint: Endpoint, purpose: Purpose | None) -> None:
        now = datetime.now(UTC)
        track = self.tracks.get(endpoint)
        if purpose is None and self.pace is not None:
            if track is not None and timedelta() <= now - track.attempted_at < 0.7 * self.pace.interval:
                return  # another domain that leads here has just had it scanned
            if track is not None and not self.prober.budget.is_worth_a_trial(endpoint):
                return  # we were asked to stay away; what is remembered ages in plain sight
            purpose = Purpose.FULL if is_full_scan_due(track, now, self.pace.enumeration_interval) else Purpose.QUICK
        scan = await self._visit(endpoint, purpose or Purpose.FULL, track, now)
        if not self.prober.closing:  # a scan that we broke off ourselves says nothing
            self.remember(scan)

    async def _visit(self, endpoint: Endpoint, purpose: Purpose, track: Track | None, now: datetime) -> ScanEvidence:
        keep = partial(self._keep, endpoint)
        if purpose is Purpose.QUICK:
            scan = await self.prober.scan(endpoint, purpose)
            if track is None or track.full is None or not shows_another_certificate(track.full, scan):
                return scan
            return await self.prober.scan(endpoint, Purpose.FULL, keep=keep)
        shown = None if track is None else track.hellos
        # What is remembered and not shown: of an earlier process, of a scan that we broke off, or not seen to hold when it was checked last.
        earlier = (None if self.memory is None else await self.memory.recall(endpoint)) or shown
        if earlier is not None and shown is not None and earlier.is_like(shown):
            earlier = shown  # an earlier process saw it hold, and said so
        if earlier is not None and self.pace is not None and not timedelta() <= now - earlier.began < self.pace.renewal_interval:
            earlier = None  # time to ask for everything again
        return await self.prober.scan(endpoint, purpose, earlier, keep, seen_to_hold=earlier is shown)

    def _keep(self, endpoint: Endpoint, found: HelloEvidence) -> None:
        if self.memory is not None:
            self.memory.keep(endpoint, found)

    def inherit(self, older: Measurer) -> None:
        """Take over what an older measurer remembers, the scans it has under way, and who asked it to stay away.

        What its last scans still bring is kept where ours is.
        """
        self.tracks = older.tracks
        self.anchors = self.anchors.knowing(older.anchors.known)
        older.saw = self.saw
        self._under_way = older._under_way
        older.memory = self.memory
        self.prober.budget.inherit(older.prober.budget)
        if self.sts is not None and older.sts is not None:
            self.sts.inherit(older.sts)
        older.prober.closing = True  # by the old rules nobody is visited any more; what is under way comes to its QUIT

    async def drain(self, patience: float) -> None:
        """Begin no more visits, and let those under way come to their QUIT.

        Args:
            patience: seconds; what is still under way then is broken off.

        """
        self.prober.closing = True
        if self._under_way:
            _done, late = await asyncio.wait(self._under_way.values(), timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
