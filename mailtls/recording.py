"""What was measured so far: what is remembered of each endpoint, who is told of what was seen, and what may be said of a domain now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from mailtls.facts.certificates import chains_of
from mailtls.keyreuse import with_shared_keys
from mailtls.observation import observe_domain
from mailtls.policy.judge import Judge
from mailtls.tracking.fresh import fresh_look, fresh_scan
from mailtls.tracking.holding import Track, absorb, observe
from mailtls.tracking.kept import kind_of_scan
from mailtls.tracking.reach import as_seen_blind
from mailtls.tracking.seen import seen_in_look, seen_in_scan
from mailtls.trust.anchors import Path, find_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from mailtls.evidence import RouteEvidence, ScanEvidence
    from mailtls.hellos import HelloEvidence
    from mailtls.model import DomainObservation, Endpoint, EndpointObservation
    from mailtls.policy.rules import Policy
    from mailtls.probe import Prober
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


class Record:
    """What was measured so far; :class:`~mailtls.measure.Measurer` adds to it."""

    def __init__(
        self, prober: Prober, anchors: Anchors, port: int, pace: Pace | None, sts: StsKeeper | None, policies: tuple[Policy, ...]
    ) -> None:
        self.prober = prober
        self.anchors = anchors
        self.port = port
        self.pace = pace
        self.memory: Memory | None = None
        self.sts = sts
        self.saw: Callable[[FreshScan | FreshLook], object] | None = None
        """Is told what each scan, and each look at a domain, saw, for what becomes of that over time."""
        self.is_control: Callable[[Endpoint], bool] = lambda _endpoint: False
        """Whether an endpoint only tells whether we can measure at all: nothing is held to it over time."""
        self.judge = Judge(policies)
        self.tracks: dict[Endpoint, Track] = {}

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
