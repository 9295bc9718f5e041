"""The work of a vantage that several processes share, each with a schedule of its own that hears of what the others found out.

Every process plans, and the queue sees to it that a plan is made once. A look finds out where the mail of a domain goes, and leaves a scan
for each address; a scan has the lock of one of its operator's places. Who takes a job asks the store first whether it is still to be done:
so it does no harm that one is planned twice, taken over from somebody who had finished it, or found by a process that comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from mailtls.evidence import Purpose
from mailtls.jobs.queue import Queue
from mailtls.jobs.turns import AWAY, Turns
from mailtls.tracking.agenda import Look, Rhythm, Scan

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from psycopg_pool import AsyncConnectionPool

    from mailtls.evidence import RouteEvidence
    from mailtls.measure import Measurer
    from mailtls.model import Endpoint
    from mailtls.schedule import Schedule
    from mailtls.store.keeper import Keeper
    from mailtls.tracking.routes import RouteTrack

log = structlog.get_logger(component="jobs")

_JOBS_PER_VISIT = 4
"""Jobs at a time, for each visit that may be under way: most of a scan is waiting for one's turn."""
_TOLD_AGAIN = 1.0
"""Seconds until the others are told again what they could not be told."""
_HEARD_AGAIN = 1.0
"""Seconds until what other processes found out is asked for again."""
_LOOKED_BACK = timedelta(seconds=15)
"""By how much clocks of machines may differ, and the time that it takes to save something, without a process missing it."""
_ASKED_FOR = 30.0
"""Seconds that who asks for a measurement now waits for it."""
_MOST_AGAIN = 100
"""Second looks that are planned at a time."""
_NEW = 0.7
"""Share of an interval within which a scan for another domain is one for this as well."""


class SharedRounds:
    """Has a schedule look at its domains, together with the other processes of its vantage."""

    def __init__(self, schedule: Schedule, keeper: Keeper, rhythm: Rhythm, failed: Callable[[], object] = bool) -> None:
        """Take a schedule; nothing begins before :meth:`start`.

        Args:
            schedule: whose budgets will be those of all processes.
            keeper: of the database in which they meet.
            rhythm: when domains are due.
            failed: called each time that the database fails.

        """
        self._schedule = schedule
        self._measurer = measurer = schedule.measurer
        self._keeper = keeper
        keeper.prunes = False  # a periodic job does, for all
        self._rhythm = rhythm
        self._failed = failed
        self._budget = measurer.prober.budget
        self._turns = Turns(rhythm.vantage)
        self._budgets = [(self._budget, self._turns)]
        if measurer.sts is not None:
            self._budgets.append((measurer.sts.fetcher.budget, Turns(rhythm.vantage, "policy ")))
        self._queue = Queue(keeper.store.conninfo, rhythm, self, _JOBS_PER_VISIT * self._budget.limits.concurrency, failed)
        self._tell = asyncio.Event()
        for budget, turns in self._budgets:
            budget.shared, budget.changed = turns, self._tell.set
        self._heard_at = self._started_at = datetime.now(UTC)
        self._tasks: list[asyncio.Task[None]] = []
        self._concluding: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Begin to take jobs."""
        self._started_at = datetime.now(UTC)
        work = {"jobs": self._queue.run(), "pauses": self._tell_others(), "news": self._hear_others()}
        self._tasks = [asyncio.create_task(each, name=name) for name, each in work.items()]

    async def stop(self) -> None:
        """Take no more jobs; those under way come to their next QUIT, and go to another process."""
        self._queue.is_closing = self._measurer.prober.closing = True
        under_way = [*self._tasks, *self._concluding.values()]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        self._tasks.clear()

    async def measure_now(self, measurer: Measurer, route: RouteEvidence) -> None:
        """Have the endpoints of a route scanned once, because somebody asks now: as jobs, since they need the locks as much as any other.

        What came of it is remembered, as of any scan; what comes too late for who asks is not waited for.
        """
        now = datetime.now(UTC)
        endpoints = measurer.endpoints(route)
        with contextlib.suppress(*AWAY):
            await self._queue.leave(self._scan_of(endpoint, now, Purpose.QUICK) for endpoint in endpoints)
        await measurer.renew_policy(route)
        await self._until_scanned(endpoints, now, _ASKED_FOR)
        known = self._measurer.tracks
        measurer.tracks |= {e: track for e in endpoints if (track := known.get(e)) is not None and track.attempted_at >= now}

    # What the processes tell each other.

    async def connected(self, pool: AsyncConnectionPool | None) -> None:
        """Take it that the database is there, or, without a pool, that it is away."""
        for budget, turns in self._budgets:
            turns.pool = pool
            if pool is not None:
                budget.heed(await turns.pauses(), datetime.now(UTC))

    async def _tell_others(self) -> None:
        """Tell the other processes at once who asked us to stay away."""
        while True:
            await self._tell.wait()
            self._tell.clear()
            for budget, turns in self._budgets:
                changed = budget.changes(datetime.now(UTC))
                try:
                    if changed:
                        await turns.tell(changed)
                except AWAY:
                    self._failed()
                    budget.remind(changed)
                    self._tell.set()
                    await asyncio.sleep(_TOLD_AGAIN)

    async def _hear_others(self) -> None:
        """Take, every second, what other processes of this vantage have found out: then all of them show the same."""
        while True:
            await asyncio.sleep(_HEARD_AGAIN)
            now = datetime.now(UTC)
            try:
                # When it was saved is told by the clock of who saved it, and seen when it is committed: so the last moments are read again.
                news = await self._keeper.news(self._heard_at - _LOOKED_BACK, self._known())
                if news is not None:
                    self._heard_at = now
                    await self._schedule.hear(news)
            except Exception:
                self._failed()
                log.exception("what others found out could not be taken")

    def _known(self) -> dict[Endpoint | str, datetime]:
        """Return of whom we know something, and from when the newest is."""
        scanned: dict[Endpoint | str, datetime] = {endpoint: track.attempted_at for endpoint, track in self._measurer.tracks.items()}
        looked = ((domain, track.latest.began) for domain, track in self._schedule.routes.items())
        return scanned | {domain: at for domain, at in looked if at is not None}

    async def _hear_of(self, what: Endpoint | str, after: datetime | None) -> None:
        """Take what another process may have found out of one endpoint, or one domain, a moment ago."""
        await self._schedule.hear(await self._keeper.recall_track(what, after))

    # The jobs.

    def plan(self) -> list[Look | Scan]:
        """Return the jobs that are due: looks at domains, and at whom the ledger wants to see again."""
        now, schedule, vantage = datetime.now(UTC), self._schedule, self._rhythm.vantage
        looked = {domain: self._looked_at(domain) for domain in schedule.watched()}
        jobs: list[Look | Scan] = [Look(vantage, domain, since) for domain, since in self._rhythm.looks_due(looked, now)]
        for again in schedule.told().again[:_MOST_AGAIN]:
            if again.due > now:
                break
            if again.purpose is None or again.subject.domain:
                jobs.append(Look(vantage, again.subject.domain, again.due, again=True))
            if again.purpose is not None:
                jobs += [self._scan_of(endpoint, again.due, again.purpose) for endpoint in schedule.meant(again.subject)]
        return jobs

    def late_by(self) -> float:
        """Return by how many seconds the look is late that has been due for longest, and that no process has done, as far as is known here."""
        now = datetime.now(UTC)
        known = ((domain, self._looked_at(domain)) for domain in self._schedule.watched())
        start = self._started_at  # before that, nobody here was late
        dues = [start if last is None else max(start, self._rhythm.next_due(domain, last, now)) for domain, last in known]
        return max(0.0, (now - min(dues, default=now)).total_seconds())

    def _looked_at(self, domain: str) -> datetime | None:
        track = self._schedule.routes.get(domain)
        return None if track is None else track.latest.began

    def _scanned_at(self, endpoint: Endpoint) -> datetime | None:
        track = self._measurer.tracks.get(endpoint)
        return None if track is None else track.attempted_at

    def _scan_of(self, endpoint: Endpoint, due: datetime, purpose: Purpose | None = None) -> Scan:
        operator = self._budget.operator_of(endpoint.host)
        return Scan(self._rhythm.vantage, endpoint, operator, self._budget.limits.per_operator, due, purpose)

    def _note_lag(self, due: datetime) -> None:
        self._schedule.lag = max(0.0, (datetime.now(UTC) - due).total_seconds())

    async def look(self, job: Look) -> None:
        """Find out where the mail of a domain goes, and leave a scan for each address."""
        schedule, measurer = self._schedule, self._measurer
        if job.domain not in schedule.watched():
            return
        await self._hear_of(job.domain, self._looked_at(job.domain))
        last = self._looked_at(job.domain)
        now = datetime.now(UTC)
        if last is not None and (last >= job.due if job.again else self._rhythm.next_due(job.domain, last, now) > now):
            return  # it has been done
        self._note_lag(job.due)
        track = await schedule.find_way(job.domain)
        schedule.learn_way(job.domain, track)
        schedule.keep_way(track)
        way = schedule.way(track)
        endpoints = measurer.endpoints(way)
        await self._queue.leave(self._scan_of(endpoint, job.due) for endpoint in endpoints)
        await measurer.renew_policy(way, again=job.again)
        await self._keeper.flush()
        self._conclude_soon(job.domain, track, endpoints)

    def _conclude_soon(self, domain: str, track: RouteTrack, endpoints: Collection[Endpoint]) -> None:
        """See to it that what a look saw is told once the scans are done, whoever does them. Meanwhile it takes nobody's place."""
        former = self._concluding.pop(domain, None)
        if former is not None:
            former.cancel()
        task = self._concluding[domain] = asyncio.create_task(self._conclude(domain, track, endpoints), name=f"conclude {domain}")
        task.add_done_callback(lambda done: self._concluding.pop(domain, None) if self._concluding.get(domain) is done else None)

    async def _conclude(self, domain: str, track: RouteTrack, endpoints: Collection[Endpoint]) -> None:
        new = _NEW * self._rhythm.interval
        patience = min(self._budget.limits.scan_deadline, new.total_seconds())
        await self._until_scanned(endpoints, (track.latest.began or datetime.now(UTC)) - new, patience)
        try:
            self._schedule.conclude(track)
        except Exception:
            log.exception("a look could not be concluded", domain=domain)

    async def _until_scanned(self, endpoints: Collection[Endpoint], since: datetime, patience: float) -> None:
        """Wait, for so many seconds at most, until some endpoints have been scanned since a moment, by whomever."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while any((at := self._scanned_at(endpoint)) is None or at < since for endpoint in endpoints):  # noqa: ASYNC110
                    await asyncio.sleep(_HEARD_AGAIN / 5)

    async def tidy(self) -> None:
        """Forget what is older than retention, of all vantages."""
        await self._keeper.prune()
        try:
            await self._turns.forget()
        except AWAY:
            self._failed()
            raise

    async def scan(self, job: Scan) -> None:
        """Scan an address, in the place of its operator's that the job has."""
        endpoint = job.endpoint
        await self._hear_of(endpoint, self._scanned_at(endpoint))
        last = self._scanned_at(endpoint)
        if job.purpose is not None and last is not None and last >= job.due:
            return  # it has been done
        self._budget.heed(await self._turns.pauses(self._budget.accounts_of(endpoint)), datetime.now(UTC))
        if not self._budget.is_worth_a_trial(endpoint):
            return  # we were asked to stay away: not now, and no job waits for that with a lock in its hand
        self._note_lag(job.due)
        try:
            await self._measurer.scan(endpoint, job.purpose)
        except asyncio.CancelledError:
            self._measurer.break_off(endpoint)
            raise
        self._schedule.note_progress()
        await self._keeper.flush()
