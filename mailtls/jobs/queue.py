"""The queue of a vantage: connected for as long as PostgreSQL is there, worked on by Procrastinate, and rid of what dead processes hold.

Procrastinate has the jobs, their locks, the signs of life of its workers, and periodic jobs that are left once, whoever leaves them. Three
things are added here: a worker whose connection is lost begins again; what a dead one held goes to others, as a job of its own; and who does
a job can ask whether it is still his.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from psycopg_pool import AsyncConnectionPool

from mailtls.jobs.turns import AWAY, HELD, Holding, LostJob
from mailtls.tracking.agenda import Look, Rhythm, Scan, heir, queue_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    import psycopg
    from procrastinate import JobContext
    from procrastinate.jobs import Job

log = structlog.get_logger(component="jobs")

_AGAIN = 1.0
"""Seconds until a database that is away is tried again."""
_FAREWELL = 2.0
"""Seconds to leave a job that is broken off to somebody else."""
_FIRST, _SOON = 20, 10
"""Priorities: what keeps the others going; and what leads to scans, is asked for, or was held up. A usual scan has none."""
_LOOK, _SCAN = "look", "scan"
_KINDS: dict[str, type[Look | Scan]] = {_LOOK: Look, _SCAN: Scan}


class Work(Protocol):
    """What is done with jobs."""

    def plan(self) -> Iterable[Look | Scan]:
        """Return the jobs that are due."""

    async def look(self, job: Look) -> None:
        """Do one."""

    async def scan(self, job: Scan) -> None:
        """Do one; it may be cancelled."""

    async def tidy(self) -> None:
        """Drop from the database what is too old."""

    async def connected(self, pool: AsyncConnectionPool | None) -> None:
        """Take it that the database is there, or, without a pool, that it is away."""


class Queue:
    """Has jobs done, those of this process and of the others of its vantage."""

    def __init__(self, conninfo: str, rhythm: Rhythm, work: Work, at_once: int, failed: Callable[[], object] = bool) -> None:
        """Make a queue; nothing begins before :meth:`run`.

        Args:
            conninfo: of the database, as libpq takes it.
            rhythm: of the vantage.
            work: what is done with jobs.
            at_once: jobs at a time.
            failed: called each time that the database fails.

        """
        self.name = queue_of(rhythm.vantage)
        self.is_closing = False
        """Where this is set, what is done is left undone, and goes to another process."""
        self._conninfo = conninfo
        self._rhythm = rhythm
        self._work = work
        self._at_once = at_once
        self._failed = failed
        self._trouble = ""
        self._app: App | None = None
        self._worker_ids: set[int] = set()
        _quieten()

    @property
    def _beat(self) -> float:
        """Seconds between two signs of life. Who has no answer within three of them breaks off what it does, before it counts as dead."""
        return self._rhythm.silence.total_seconds() / 6

    async def run(self) -> None:
        """Take jobs, until this is cancelled; then those under way come to their end, or are broken off after half a silence."""
        while not self.is_closing:
            try:
                async with self._connected() as app:
                    await self._take_jobs(app)
            except AWAY as error:
                self._complain(error)
            except Exception:
                self._failed()
                log.exception("the work on jobs broke, and begins again")
            await asyncio.sleep(_AGAIN)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[App]:
        """Connect, with nothing left of a connection before: who waits with a pool for a database that is away finds it late."""
        settings = {"application_name": "mailtls jobs", "connect_timeout": 5, "tcp_user_timeout": int(2000 * self._beat)}
        pool = AsyncConnectionPool(
            self._conninfo,
            min_size=2,
            max_size=10,
            timeout=max(1.0, self._beat),
            kwargs={"prepare_threshold": None, **settings},
            configure=_commit_each_statement,
            check=AsyncConnectionPool.check_connection,
            open=False,
        )
        try:
            await pool.open(wait=True, timeout=max(2.0, self._beat))
            connector = PsycopgConnector()
            await connector.open_async(pool)
            await self._work.connected(pool)
            self._app = app = self._app_by(connector)
            yield app
        finally:
            self._app = None
            await self._work.connected(None)
            await pool.close(timeout=1)

    async def _take_jobs(self, app: App) -> None:
        mine = [job for number in self._worker_ids for job in await app.job_manager.list_jobs_async(worker_id=number, status="doing")]
        await self._take_over(app, mine)  # of our own, from before the connection was lost
        self._worker_ids.clear()
        if self._trouble:
            self._trouble = ""
            log.info("the database works again")
        log.info("sharing the work", vantage=self._rhythm.vantage)
        silence = self._rhythm.silence.total_seconds()
        await app.run_worker_async(
            queues=[self.name],
            concurrency=self._at_once,
            fetch_job_polling_interval=self._beat,
            abort_job_polling_interval=10 * silence,
            shutdown_graceful_timeout=silence / 2,
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=self._beat,
            stalled_worker_timeout=silence,
        )

    def _complain(self, error: Exception) -> None:
        self._failed()
        why = " ".join(str(error.__cause__ or error).split()) or type(error).__name__
        if why != self._trouble:
            self._trouble = why
            log.error("the database of the jobs is away, and nothing is measured until it is back", why=why)

    # Leaving jobs.

    async def leave(self, jobs: Iterable[Look | Scan]) -> None:
        """Leave jobs to whoever takes them; of equal ones, one waits. Raises one of ``AWAY``, or leaves none where the database is away."""
        if self._app is not None:
            for job in jobs:
                await self._defer(self._app, job)

    async def _defer(self, app: App, job: Look | Scan) -> None:
        name = next(name for name, kind in _KINDS.items() if isinstance(job, kind))
        is_urgent = isinstance(job, Look) or job.purpose is not None or job.taken_over
        task = app.configure_task(name, lock=job.lock, queueing_lock=job.name, priority=_SOON if is_urgent else None)
        with contextlib.suppress(AlreadyEnqueued):
            await task.defer_async(**job.written())

    # Doing them.

    def _app_by(self, connector: PsycopgConnector) -> App:
        app = App(connector=connector)
        app.task(name=_LOOK, queue=self.name, pass_context=True)(self._look)
        app.task(name=_SCAN, queue=self.name, pass_context=True)(self._scan)
        periodic = (  # each is left once: for each vantage, or for all together, by whoever comes first
            ("plan", self._plan, f"* * * * * */{self._rhythm.tick}", self.name),
            ("take over", self._take_over_stalled, f"* * * * * */{max(1, int(self._beat))}", self.name),
            ("tidy", self._tidy, "0 * * * *", "all"),
        )
        for name, work, cron, whose in periodic:
            # No lock: one that a dead process held would keep the others from noticing that it is dead.
            waiting = f"{self.name} {name}"
            task = app.task(name=name, queue=self.name, priority=_FIRST, pass_context=True, queueing_lock=waiting)(work)
            app.periodic(cron=cron, periodic_id=whose)(task)
        return app

    async def _tidy(self, _context: JobContext, timestamp: int) -> None:
        del timestamp
        await self._work.tidy()

    async def _plan(self, context: JobContext, timestamp: int) -> None:
        del timestamp
        try:
            for job in self._work.plan():
                await self._defer(context.app, job)
        except AWAY:
            self._failed()
            raise

    async def _take_over_stalled(self, context: JobContext, timestamp: int) -> None:
        del timestamp
        manager, silence = context.app.job_manager, self._rhythm.silence.total_seconds()
        await self._take_over(context.app, await manager.get_stalled_jobs(queue=self.name, seconds_since_heartbeat=silence))
        await manager.prune_stalled_workers(silence)

    async def _take_over(self, app: App, jobs: Iterable[Job]) -> None:
        """Put new jobs in the place of those whose process died, or lost its connection. So the old ones' locks are free.

        Not the same job again: should its process be alive after all, it would put an end to what is not its own any more.
        """
        for job in jobs:
            try:
                await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
            except ConnectorException:
                continue  # somebody else was quicker; where it is the database, the next statement will tell
            kind = _KINDS.get(job.task_name)
            successor = None if kind is None else heir(kind.read(job.task_kwargs))
            if successor is not None:
                await self._defer(app, successor)
            log.info("took over from a dead process", job=job.task_name, lock=job.lock, again=successor is not None)

    async def _look(self, context: JobContext, /, **document: Any) -> None:
        job = Look.read(document)
        await self._do(context, job, lambda: self._work.look(job))

    async def _scan(self, context: JobContext, /, **document: Any) -> None:
        job = Scan.read(document)
        await self._do(context, job, lambda: self._work.scan(job))

    async def _do(self, context: JobContext, job: Look | Scan, work: Callable[[], Awaitable[None]]) -> None:
        async def is_ours() -> bool:
            known = await context.app.job_manager.list_jobs_async(id=context.job.id)
            return any(each.status == Status.DOING.value for each in known)

        if context.job.worker_id is not None:
            self._worker_ids.add(context.job.worker_id)
        HELD.set(Holding(is_ours))
        try:
            await work()
            if self.is_closing:
                await self._defer(context.app, job)
        except LostJob:
            log.warning("another process took this over, and it is broken off here", lock=job.lock)
        except AWAY as error:
            self._complain(error)
        except asyncio.CancelledError:
            with contextlib.suppress(TimeoutError, *AWAY):
                async with asyncio.timeout(_FAREWELL):
                    await self._defer(context.app, job)
            raise
        except Exception:
            log.exception("a job broke", lock=job.lock)


async def _commit_each_statement(connection: psycopg.AsyncConnection) -> None:
    await connection.set_autocommit(True)


class _Briefly(logging.Handler):
    """Tells in one line what the libraries have to say of a database that is away, or of a mistake: their tracebacks are of no use here."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell one thing."""
        log.warning("the queue has trouble", why=" ".join(record.getMessage().split())[:300])


def _quieten() -> None:
    for name in ("procrastinate", "psycopg"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.ERROR)
        logger.propagate = False
        if not any(isinstance(handler, _Briefly) for handler in logger.handlers):
            logger.addHandler(_Briefly())
