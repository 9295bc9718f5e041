"""The schedule: what it takes to look at a domain, and what is known of all of them; a driver decides when, and in which process."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

from mailtls.model import MXSet, Provider, Snapshot, Verdict
from mailtls.rounds import Rounds
from mailtls.tracking.fresh import subject_of
from mailtls.tracking.kept import kind_of_route
from mailtls.tracking.reach import attempt_of, has_answered, reachable
from mailtls.tracking.routes import RouteTrack, absorb_route, route_now
from mailtls.tracking.told import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailtls.evidence import RouteEvidence
    from mailtls.measure import Measurer
    from mailtls.model import Endpoint, Family
    from mailtls.store.tracks import Recalled
    from mailtls.tracking.changes import Subject
    from mailtls.tracking.revisits import Again

log = structlog.get_logger(component="schedule")

_WARNED_AGAIN = timedelta(hours=1)
REACHED_FOR = 2
"""For how many intervals the last attempt at an endpoint says something of this vantage."""
_RENDERED_AGAIN = timedelta(seconds=1)


def _now() -> datetime:
    return datetime.now(UTC)


def _is_meant(endpoint: Endpoint, subject: Subject) -> bool:
    """Whether a subject is an endpoint, or a host that has it."""
    return endpoint.host == subject.host and (not subject.address or subject_of(endpoint) == subject)


class Driver(Protocol):
    """Who has the domains looked at, again and again."""

    def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End what is under way, and wait until that is done."""

    def late_by(self) -> float:
        """Return by how many seconds the look is late that has been due for longest, and has not begun; 0 where none is."""

    async def measure_now(self, measurer: Measurer, route: RouteEvidence) -> None:
        """Have the endpoints of a route visited once, because somebody asks now, and let a measurer know what came of it."""


class Schedule:
    """Measures the partners' domains again and again, and keeps the snapshot that is shown."""

    def __init__(
        self,
        measurer: Measurer,
        partners: tuple[Provider, ...],
        interval: timedelta,
        jitter: float,
        now: Callable[[], datetime] = _now,
        controls: tuple[str, ...] = (),
    ) -> None:
        """Make a schedule.

        Args:
            measurer: does the work, and remembers.
            partners: whose domains.
            interval: between two looks at a domain.
            jitter: share of the interval by which a look may come earlier or later.
            now: tells the time.
            controls: domains whose mail hosts show whether this vantage can measure at all; they are looked at, and not shown.

        """
        self.measurer = measurer
        self.controls = controls
        self._control_ways: dict[str, RouteTrack] = {}
        if controls:
            measurer.is_control = self._is_control
        self.told: Callable[[], Told] = Told
        """What is known of regressions, and who is to be looked at again soon; nothing where nobody keeps a ledger."""
        self.leads_to: Callable[[set[str]], object] = bool
        """Is told after each cycle which MX hosts there are."""
        self.saw_controls: Callable[[Mapping[str, bool]], object] = bool
        self.partners = partners
        self.interval = interval
        self.jitter = jitter
        self.routes: dict[str, RouteTrack] = {}
        self.mx_sets: dict[str, MXSet] = {}
        self.lag = 0.0
        self.last_cycle_at: datetime | None = None
        self.progressed_at = time.monotonic()
        self.now = now
        self._cycle: set[str] = set()
        self._looked_at_elsewhere: set[str] = set()
        self._warned_at: datetime | None = None
        self._snapshot: tuple[datetime, Snapshot] | None = None
        self.driver: Driver = Rounds(self)
        """Who does the work: this process alone, unless it shares that with others."""

    def inherit(self, older: Schedule) -> None:
        """Take over what another schedule knows: after a reload nothing has to be measured anew."""
        self.measurer.inherit(older.measurer)
        owners = self.watched()
        self.routes = {domain: route for domain, route in older.routes.items() if domain in owners}
        self.mx_sets = {domain: known for domain, known in older.mx_sets.items() if domain in owners}
        self.last_cycle_at, self._cycle = older.last_cycle_at, older._cycle & set(owners)

    async def recall(self, recalled: Recalled) -> None:
        """Know again what an earlier process knew, with the age that it has."""
        owners = self.watched()
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

    async def hear(self, recalled: Recalled) -> None:
        """Take what other processes of this vantage have found out meanwhile; what is known here already, or better, is left out."""
        owners = self.watched()
        for route in recalled.routes:
            known = self.routes.get(route.domain)
            latest = None if known is None else known.latest.began
            if route.domain in owners and route.began is not None and (latest is None or route.began > latest):
                self.learn_way(route.domain, absorb_route(known, route))
                self._looked_at_elsewhere.add(route.domain)
        if self.measurer.sts is not None:  # of a domain that was looked at here last, what is here is the newest
            self.measurer.sts.tracks |= {domain: track for domain, track in recalled.policies if domain in self._looked_at_elsewhere}
        for scan in recalled.scans:
            if self.measurer.recall(scan):
                if self.measurer.memory is not None:
                    self.measurer.memory.distrust(scan.endpoint)
                self.note_progress()
                await asyncio.sleep(0)

    def owners(self) -> dict[str, str]:
        """Return the domains that are watched, and whose they are."""
        return {domain: provider.name for provider in self.partners for domain in provider.domains}

    def watched(self) -> tuple[str, ...]:
        """Return the domains that are looked at: those of the partners, and the controls."""
        return tuple(dict.fromkeys((*self.owners(), *self.controls)))

    def start(self) -> None:
        """Begin to look at the domains, or to have them looked at."""
        self.driver.start()

    async def stop(self) -> None:
        """End that, and wait until it is done."""
        await self.driver.stop()

    def lag_now(self) -> float:
        """Return by how many seconds the last look came late, or one that is due still is late: whichever is more."""
        return max(self.lag, self.driver.late_by())

    async def look(self, domain: str, *, again: bool = False) -> None:
        """Look at one domain: its route, then its endpoints; ``again`` where what its records said is to be confirmed."""
        track = await self.find_way(domain)
        # Where the resolver failed, the endpoints of the route known so far are still there to be looked at.
        await self.measurer.measure(self.way(track), again=again)
        self.learn_way(domain, track)
        self.keep_way(track)
        self.conclude(track)

    async def look_again(self, again: Again) -> None:
        """Look at somebody before its usual turn, since something about it is to be confirmed."""
        subject = again.subject
        if again.purpose is None or subject.domain:
            await self.look(subject.domain, again=True)
        if again.purpose is not None:
            await asyncio.gather(*(self.measurer.scan(endpoint, again.purpose) for endpoint in self.meant(subject)))
        self.note_progress()

    def meant(self, subject: Subject) -> list[Endpoint]:
        """Return the known endpoints of a subject."""
        return [endpoint for endpoint in self.measurer.tracks if _is_meant(endpoint, subject)]

    async def find_way(self, domain: str) -> RouteTrack:
        """Find out where the mail of a domain goes, and return what is known of that now."""
        route = await self.measurer.route(domain)
        self._looked_at_elsewhere.discard(domain)
        track = absorb_route(self.routes.get(domain), route)
        if domain in self.controls:
            self._control_ways[domain] = track
        return track

    def learn_way(self, domain: str, track: RouteTrack) -> None:
        """Take what is known of the way to a domain, be it that this process found it out, or another one of this vantage."""
        self.routes[domain] = track
        self._note_mx(domain, track.latest)
        self.note_progress()
        self._cycle.add(domain)
        if len(self._cycle) >= len(self.watched()):
            self._cycle.clear()
            self.last_cycle_at = self.now()
            self._forget()
            self._warn_if_blind()

    def keep_way(self, track: RouteTrack) -> None:
        """Keep what came of the last look-up of the way to a domain, where that outlives the process."""
        if self.measurer.memory is not None:
            self.measurer.memory.keep_route(track.latest, kind_of_route(track.latest))

    def conclude(self, track: RouteTrack) -> None:
        """Tell what the last look at a domain saw, its endpoints having been scanned."""
        domain = track.latest.domain
        owners = self.owners()
        if domain in owners:
            self.measurer.saw_way(owners[domain], self.measurer.permitted(track.latest))
            self.measurer.note_look(owners[domain], self.way(track), self.measurer.permitted(track.latest))
        if domain in self.controls:
            self.saw_controls({domain: self._answers(domain)})

    def _is_control(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint is there for the controls alone, and no partner's."""
        if not any(endpoint in self.measurer.endpoints(self.way(track)) for track in self._control_ways.values()):
            return False
        owners = self.owners()
        return not any(endpoint in self.measurer.endpoints(self.way(track)) for domain, track in self.routes.items() if domain in owners)

    def _answers(self, control: str) -> bool:
        tracks = (self.measurer.tracks.get(endpoint) for endpoint in self.measurer.endpoints(self.way(self.routes[control])))
        return any(track is not None and has_answered(track.latest) for track in tracks)

    def reachable(self) -> Mapping[Family, bool]:
        """Return for each family whether port 25 can be reached from here; one of which that cannot be told is missing."""
        known = [self.way(self.routes[name]) for name in self.controls if name in self.routes]
        controls = {endpoint for route in known for endpoint in self.measurer.endpoints(route)}
        operator_of = self.measurer.prober.budget.operator_of
        attempts = (
            attempt_of(track.latest, operator_of(endpoint.host), is_control=endpoint in controls)
            for endpoint, track in self.measurer.tracks.items()
        )
        return reachable((attempt for attempt in attempts if attempt is not None), self.now(), REACHED_FOR * self.interval)

    def note_progress(self) -> None:
        """Take it that something was measured: work goes on, and what was shown so far is out of date."""
        self.progressed_at = time.monotonic()
        self._snapshot = None

    def way(self, track: RouteTrack) -> RouteEvidence:
        """Return the way to a domain that holds now. An older configuration may have let in hosts that are excluded."""
        return self.measurer.permitted(route_now(track, self.now(), self.interval))

    def _note_mx(self, domain: str, route: RouteEvidence) -> None:
        if route.mx is None or not route.mx.is_answer or not route.hosts:
            return
        hosts = frozenset(host.host for host in route.hosts)
        before = self.mx_sets.get(domain)
        if before is None:
            self.mx_sets[domain] = MXSet(hosts)
        elif before.hosts != hosts:
            self.mx_sets[domain] = MXSet(hosts, self.now(), before.changes + 1)
            log.info("MX hosts changed", domain=domain, added=sorted(hosts - before.hosts), gone=sorted(before.hosts - hosts))

    def _forget(self) -> None:
        led_to = self._led_to()
        self.measurer.forget_all_but(led_to)
        self.leads_to({endpoint.host for endpoint in led_to})
        if self.measurer.memory is not None:
            self.measurer.memory.note_only({endpoint.host for endpoint in led_to}, set(self.watched()))
        if self.measurer.sts is not None:
            self.measurer.sts.forget_all_but(set(self.watched()))

    def _led_to(self) -> set[Endpoint]:
        return set().union(*(self.measurer.endpoints(self.way(track)) for track in self.routes.values()))

    def _warn_if_blind(self) -> None:
        """Say so, at most once an hour, when nothing conclusive came of the last attempt at any domain."""
        for domain in self.snapshot().domains:
            takes_none = domain.verdict is Verdict.NO_MAIL and domain.unresolved is None
            if takes_none or any(endpoint.conclusive for host in domain.mx for endpoint in host.endpoints):
                self._warned_at = None
                return
        now = self.now()
        if self._warned_at is None or not timedelta() <= now - self._warned_at < _WARNED_AGAIN:
            self._warned_at = now
            log.warning("no domain could be measured this cycle", domains=len(self.owners()), hint="mailtls doctor examines this vantage")

    def snapshot(self) -> Snapshot:
        """Return what is known now; made anew at most once a second, however often it is asked for."""
        now = self.now()
        if self._snapshot is not None and timedelta() <= now - self._snapshot[0] < _RENDERED_AGAIN:
            return self._snapshot[1]
        owners = self.owners()
        tracks = [(domain, track) for domain, track in sorted(self.routes.items()) if domain in owners]
        blind = self.told().blind
        seen = tuple(self.measurer.observe(owners[domain], self.way(track), now, track.latest, blind=blind) for domain, track in tracks)
        waiting = tuple((owner, domain) for domain, owner in owners.items() if domain not in self.routes)
        self._snapshot = now, Snapshot(self.measurer.compare(seen, now), waiting)
        return self._snapshot[1]
