"""Measuring one domain: its route, its endpoints, what may be said of it. Endpoints that domains share are scanned once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from mailtls.evidence import Failure, Purpose, RouteEvidence
from mailtls.facts.certificates import chains_of
from mailtls.keyreuse import with_shared_keys
from mailtls.model import Cause, DomainObservation, Endpoint, EndpointObservation, Stage
from mailtls.observation import endpoints_of, observe_domain
from mailtls.policy.judge import Judge
from mailtls.resolve import BadName, ascii_name
from mailtls.sts_host import sts_host_name
from mailtls.tracking.fresh import fresh_look, fresh_scan
from mailtls.tracking.holding import Track, absorb, is_full_scan_due, observe, shows_another_certificate
from mailtls.tracking.kept import kind_of_scan
from mailtls.tracking.reach import as_seen_blind
from mailtls.tracking.seen import seen_in_look, seen_in_scan
from mailtls.trust.anchors import Path, find_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from mailtls.evidence import ScanEvidence, StsFetch
    from mailtls.hellos import HelloEvidence
    from mailtls.policy.rules import Policy
    from mailtls.probe import Prober
    from mailtls.resolve import Resolver
    from mailtls.sts_keeper import StsKeeper
    from mailtls.tracking.fresh import FreshLook, FreshScan
    from mailtls.tracking.history import Seen
    from mailtls.tracking.kept import RouteKind, ScanKind
    from mailtls.tracking.sts import StsTrack
    from mailtls.trust.pkix import Anchors


@dataclass(frozen=True, slots=True)
class Pace:
    """How often an endpoint is scanned, and how long what was seen holds.

    Args:
        interval: between two quick scans.
        enumeration_interval: between two full scans, which check whether the last enumeration still holds.
        renewal_interval: between two whole enumerations.

    """

    interval: timedelta
    enumeration_interval: timedelta
    renewal_interval: timedelta = timedelta(days=7)


class Memory(Protocol):
    """What outlives the process, and scans that are broken off: :class:`~mailtls.store.keeper.Keeper`, in a daemon."""

    async def recall(self, endpoint: Endpoint) -> HelloEvidence | None:
        """Return the last enumeration of an endpoint."""

    def keep(self, endpoint: Endpoint, found: HelloEvidence) -> None:
        """Remember an enumeration, or what there is of it so far."""

    def keep_scan(self, scan: ScanEvidence, kind: ScanKind) -> None:
        """Remember a scan."""

    def keep_route(self, route: RouteEvidence, kind: RouteKind) -> None:
        """Remember a look-up of the way to a domain."""

    def keep_policy(self, domain: str, track: StsTrack) -> None:
        """Remember what is known of a domain's MTA-STS policy."""

    def note(self, seen: Seen) -> None:
        """Take what a scan, or a look, saw, for history."""

    def note_only(self, hosts: AbstractSet[str], domains: AbstractSet[str]) -> None:
        """Drop what other MX hosts and domains looked like."""

    def distrust(self, endpoint: Endpoint) -> None:
        """Take it that another process may have made a newer enumeration of an endpoint."""

    def forget_all_but(self, endpoints: AbstractSet[Endpoint]) -> None:
        """Drop what is not needed soon."""


class Measurer:
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
        self.resolver = resolver
        self.prober = prober
        self.anchors = anchors
        self.port = port
        self.excluded = excluded
        self.pace = pace
        self.memory: Memory | None = None
        self.sts = sts
        self.saw: Callable[[FreshScan | FreshLook], object] | None = None
        """Is told what each scan, and each look at a domain, saw, for what becomes of that over time."""
        self.is_control: Callable[[Endpoint], bool] = lambda _endpoint: False
        """Whether an endpoint only tells whether we can measure at all: nothing is held to it over time."""
        self.judge = Judge(policies)
        self.tracks: dict[Endpoint, Track] = {}
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

    def remember(self, scan: ScanEvidence) -> None:
        """Add one more scan to what is remembered, here and in what outlives the process."""
        before = self.tracks.get(scan.endpoint)
        track = self._absorb(scan)
        if self.saw is not None and not self.is_control(scan.endpoint):
            self.saw(fresh_scan(scan, self.anchors, before, self.prober.budget.operator_of(scan.endpoint.host)))
        if self.memory is not None:
            conclusive = track.concluded_at == track.attempted_at
            self.memory.keep_scan(scan, kind_of_scan(scan, conclusive=conclusive))
            observed = None if conclusive else observe(track, scan.endpoint, scan.began, None)
            seen = seen_in_scan(track, scan, self.anchors, None if observed is None else observed.inconclusive)
            if seen is not None:
                self.memory.note(seen)

    def note_look(self, provider: str, way: RouteEvidence, route: RouteEvidence) -> None:
        """Let what outlives the process know what a look at a domain saw, its endpoints having been scanned.

        Args:
            provider: the partner's name.
            way: to the domain, by which its endpoints are known.
            route: what DNS said this time.

        """
        began = route.began
        if self.memory is None or self.pace is None or began is None or self.prober.closing:
            return
        observed = self.observe(provider, way, datetime.now(UTC), route)
        if self.sts is not None:
            route = self.sts.observed(route, began)
        for seen in seen_in_look(observed, route, began, self.anchors, self.pace.interval):
            self.memory.note(seen)

    def hand_over(self, memory: Memory) -> None:
        """Give the last full scans, and what is known of policies, to another memory; quick scans and routes come again soon."""
        for track in self.tracks.values():
            if track.full is not None:
                memory.keep_scan(track.full, kind_of_scan(track.full, conclusive=True))
        for domain, known in ({} if self.sts is None else self.sts.tracks).items():
            memory.keep_policy(domain, known)

    def recall(self, scan: ScanEvidence) -> bool:
        """Add a scan of an earlier process, or of another one, to what is remembered here, unless that is newer. Returns whether it was not."""
        track = self.tracks.get(scan.endpoint)
        if track is not None and scan.began <= track.attempted_at:
            return False
        self._absorb(scan)
        return True

    def saw_way(self, provider: str, route: RouteEvidence) -> None:
        """Tell what a look at a domain saw, after the scans of its endpoints.

        Args:
            provider: the partner's name. All domains of one are one operator's: that several of them change at once says nothing about us.
            route: as the resolver returned it, with the hosts that are permitted.

        """
        if self.saw is None or self.pace is None or route.began is None:
            return
        shown = route if self.sts is None else self.sts.fetched(route, route.began)
        self.saw(fresh_look(shown, route.began, self.tracks.get, self.anchors, self.port, self.pace.interval, provider))

    def _absorb(self, scan: ScanEvidence) -> Track:
        """Add a scan to what is remembered, and the authorities that it shows to what is known."""
        known = self.anchors.known
        for chain in chains_of(scan):
            path = find_path(chain, self.anchors, scan.began)
            known = known.learn(path) if isinstance(path, Path) else known
        if known is not self.anchors.known:
            self.anchors = self.anchors.knowing(known)
        interval = None if self.pace is None else self.pace.enumeration_interval
        track = self.tracks[scan.endpoint] = absorb(self.tracks.get(scan.endpoint), scan, self.anchors, interval)
        return track

    def observe(
        self, provider: str, route: RouteEvidence, now: datetime, latest: RouteEvidence | None = None, *, blind: bool = False
    ) -> DomainObservation:
        """Return what may be said of a domain now.

        Args:
            provider: the partner's name.
            route: where its mail goes.
            now: the time at which it is said.
            latest: what came of the latest look-up, where that is another.
            blind: this vantage cannot measure now.

        """
        interval = None if self.pace is None else self.pace.interval

        def observed(endpoint: Endpoint) -> EndpointObservation:
            seen = observe(self.tracks.get(endpoint), endpoint, now, interval)
            return as_seen_blind(seen) if blind else seen

        if self.sts is not None:
            route, latest = self.sts.observed(route, now), None if latest is None else self.sts.observed(latest, now)
        return observe_domain(provider, route, self.port, observed, self.anchors, latest, self.judge)

    def compare(self, domains: Sequence[DomainObservation], now: datetime) -> tuple[DomainObservation, ...]:
        """Return what was observed of several domains, with what only comparing them shows."""
        return with_shared_keys(domains, self.prober.budget.operator_of, self.anchors, now)

    def forget_all_but(self, endpoints: set[Endpoint]) -> None:
        """Drop what is remembered of endpoints to which nothing leads any more."""
        for endpoint in self.tracks.keys() - endpoints:
            del self.tracks[endpoint]
        if self.memory is not None:
            self.memory.forget_all_but(endpoints)
