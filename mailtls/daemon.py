"""The daemon: schedule, web server, signals, reload, and word to the service manager."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from mailtls import assembly, config
from mailtls.config.files import files_behind
from mailtls.config.webfile import OPEN, load_access
from mailtls.measure import Measurer
from mailtls.schedule import REACHED_FOR, Schedule
from mailtls.service_manager import ServiceManager
from mailtls.serving import Addresses, Serving
from mailtls.show.daemon_metrics import DaemonMetrics
from mailtls.show.metrics import SnapshotCollector
from mailtls.show.mx_changes import MXCollector
from mailtls.show.operators import OperatorVisits
from mailtls.show.regressions import RegressionCollector, VantageCollector
from mailtls.tracking.changes import Subject
from mailtls.tracking.holding import INTERVALS_HELD
from mailtls.tracking.told import Told
from mailtls.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mailtls.config import Configuration
    from mailtls.config.webfile import Access
    from mailtls.evidence import ProbeEvidence
    from mailtls.hellos import Asked
    from mailtls.model import Family, Snapshot
    from mailtls.notifier import Notifier
    from mailtls.store.bookkeeper import Bookkeeper
    from mailtls.store.keeper import Keeper

log = structlog.get_logger(component="daemon")

_DRAIN = 15.0
_LOOK_EVERY = 2.0  # seconds between two looks at the configuration's files


class Daemon:
    """One running mailtls."""

    def __init__(self, configuration: Configuration, path: Path | None = None, web_file: Path | None = None, *, follow: bool = True) -> None:
        """Make a daemon.

        Args:
            configuration: what it goes by.
            path: where that was read from, for reloading; ``None`` where it was made in memory.
            web_file: the web configuration file, if there is one.
            follow: whether files that change are read again without being asked.

        Raises:
            BadConfiguration: that file is wrong, or one that the configuration names.

        """
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.own = DaemonMetrics(self.registry)
        self.operators = OperatorVisits()
        self.registry.register(self.operators)
        self.registry.register(SnapshotCollector(self.snapshot))
        self.registry.register(MXCollector(lambda: self.schedule.mx_sets))
        self.registry.register(RegressionCollector(self.told))
        self.registry.register(VantageCollector(self.reachable, lambda: self.told().blind, lambda: self.told().suspect))
        self._path, self._web_file = path, web_file
        self._watch = Watch(lambda: files_behind(path, web_file) if follow and path is not None else ())
        self._access = self._read_access()
        self._serving: Serving | None = None
        self._listens: Addresses = ()
        self._listens_as_configured: Addresses | None = None  # or as an option says, which a reload does not change
        self._listens_to_the_public: Addresses | None = None
        self._reloading = asyncio.Lock()
        self._notify = ServiceManager()
        self._keeper: Keeper | None = None
        self._books: Bookkeeper | None = None
        self._notifier: Notifier | None = None
        self.configuration = configuration
        self.schedule = self._plan(configuration)
        self.own.reload_ok.set(1)
        self.own.reload_at.set_to_current_time()

    def _read_access(self) -> Access:
        """Read the web configuration file. Raises ``BadConfiguration``."""
        if self._web_file is None:
            return OPEN
        access = load_access(self._web_file)
        for note in access.notes:
            log.info(note)
        return access

    def _plan(self, configuration: Configuration) -> Schedule:
        measurer = assembly.measurer(configuration, lasting=True, told=lambda endpoint, seen: self._count(operator_of(endpoint.host), seen))
        operator_of = measurer.prober.budget.operator_of
        schedule = configuration.schedule
        controls = configuration.vantage.controls
        planned = Schedule(measurer, configuration.partners(), schedule.interval, schedule.jitter, controls=controls)
        planned.leads_to = lambda hosts: self.operators.keep_only({operator_of(host) for host in hosts})
        return planned

    def _count(self, operator: str, seen: ProbeEvidence | Asked) -> None:
        self.own.count(seen)
        self.operators.count(operator, seen)

    def reachable(self) -> Mapping[Family, bool]:
        """Return for each family whether port 25 can be reached from here; one of which that cannot be told is missing."""
        return self.schedule.reachable()

    def told(self) -> Told:
        """Return what is known of regressions."""
        return Told() if self._books is None else self._books.told

    def is_held_to(self, domain: str, check: str) -> bool:
        """Whether enough was seen of a check of a domain for less to be a regression."""
        return self._books is not None and self._books.is_held_to(Subject(domain), check)

    def names(self) -> frozenset[str]:
        """Return the names that requests may call us by, beside those that nobody can make up."""
        web = self.configuration.web
        seen_as = urlsplit(web.external_url or "").hostname or ""
        listed = (host for host, _port in (*web.listen, *web.public_listen, *self._listens))
        return frozenset(name.lower() for name in (*web.hosts, seen_as, socket.gethostname(), *listed))

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)

    def snapshot(self) -> Snapshot:
        """Return what is known now."""
        return self.schedule.snapshot()

    def owner_of(self, domain: str) -> str | None:
        """Return the provider of a configured domain, or ``None``."""
        return next((p.name for p in self.schedule.partners if domain in p.domains), None)

    def one_off(self) -> Measurer:
        """Return a measurer that remembers nothing, under the budget that the schedule is under."""
        m = self.schedule.measurer
        sts = None if m.sts is None else m.sts.one_off()
        return Measurer(m.resolver, m.prober, m.anchors, m.port, m.excluded, sts=sts, policies=m.judge.policies)

    def refresh(self) -> None:
        """Bring the daemon's gauges up to date, before they are rendered."""
        self.own.in_flight.set(self.schedule.measurer.prober.in_flight)
        self.own.lag.set(self.schedule.lag_now())
        self.own.interval.set(self.schedule.interval.total_seconds())
        self.own.resolver_validates.set(self.schedule.measurer.resolver.validates(REACHED_FOR * self.schedule.interval.total_seconds()))
        sts = self.schedule.measurer.sts
        self.own.clock_skew.set(None if sts is None else sts.fetcher.clocks.skew(time.time(), time.monotonic()))
        cycle = self.schedule.last_cycle_at
        self.own.cycle.set(None if cycle is None else cycle.timestamp())

    def is_healthy(self) -> bool:
        """Whether the schedule goes on: some domain was looked at within three intervals and a scan's time."""
        patience = 3 * self.schedule.interval.total_seconds() + self.configuration.limits.scan_deadline.total_seconds()
        return time.monotonic() - self.schedule.progressed_at < patience

    def is_ready(self) -> bool:
        """Whether there is something to show."""
        return bool(self.schedule.routes)

    def status(self) -> str:
        """Return in one line how the daemon is, from what costs nothing to know."""
        domains = sum(len(p.domains) for p in self.schedule.partners)
        looked_at = f"{len(self.schedule.routes)} of {domains} domains looked at"
        return looked_at if self.is_healthy() else f"stuck: nothing was looked at for long; {looked_at}"

    async def reload(self) -> None:
        """Read the configuration again. Raises ``BadConfiguration``, and then the old one stays in force, whole."""
        if self._path is None:
            raise config.BadConfiguration(["this configuration was made in memory; there is no file to read again"])
        async with self._reloading:
            self._notify("RELOADING=1")
            try:
                await asyncio.to_thread(self._watch.note)
                fresh = await asyncio.to_thread(config.load, self._path)
                access = await asyncio.to_thread(self._read_access)
                if self._listens_as_configured not in (None, fresh.web.listen):
                    log.warning("web.listen has changed; that takes a restart")
                if self._listens_to_the_public not in (None, fresh.web.public_listen):
                    log.warning("web.public_listen has changed; that takes a restart")
                schedule = self._plan(fresh)
                keeper = await self._keeper_for(fresh)
                shared = keeper is not None and await assembly.share(fresh, schedule, keeper, self.own.store_errors.inc)
                books = await self._books_for(fresh, keeper)
            except config.BadConfiguration as error:
                self.own.reload_ok.set(0)
                log.error("reload refused, the old configuration stays in force", mistakes=error.mistakes)  # noqa: TRY400 - no traceback
                raise
            finally:
                self._notify("READY=1")
            self._access = access
            if self._serving is not None:
                self._serving.go_by(access)
            await self.schedule.stop()
            schedule.measurer.memory = keeper
            self._listen_to(schedule, books)
            schedule.inherit(self.schedule)
            if keeper is not None and not shared:
                keeper.watch(schedule.measurer.prober.budget)
            former, self._keeper = self._keeper, keeper
            former_books, self._books = self._books, books
            self.configuration, self.schedule = fresh, schedule
            schedule.start()
            await self._tell_webhooks()
            self.own.reload_ok.set(1)
            self.own.reload_at.set_to_current_time()
            log.info("reloaded", domains=sum(len(p.domains) for p in schedule.partners))
            if former_books is not None and former_books is not books:
                await former_books.close()
            if former is not None and former is not keeper:
                await former.close()

    async def _remember(self) -> None:
        """Begin to remember, and tell who asked an earlier process to stay away. Raises ``BadConfiguration``, where there is no store."""
        measurer = self.schedule.measurer
        self._keeper = measurer.memory = keeper = await assembly.keeper(self.configuration, self.own.store_errors.inc)
        log.info("remembering", store=keeper.store.name)
        if not await assembly.share(self.configuration, self.schedule, keeper, self.own.store_errors.inc):
            await keeper.resume(measurer.prober.budget)
            keeper.watch(measurer.prober.budget)
        # An enumeration is shown for three intervals after it was last seen to hold; of what is older, nothing can be said.
        recalled = await keeper.recall_tracks(self.now() - INTERVALS_HELD * self.configuration.schedule.enumeration_interval)
        await self.schedule.recall(recalled)
        log.info("recalled", scans=len(recalled.scans), routes=len(recalled.routes), policies=len(recalled.policies))
        self._books = await assembly.bookkeeper(self.configuration, keeper.store, self.own.store_errors.inc)
        self._listen_to(self.schedule, self._books)
        await self._tell_webhooks()

    async def _tell_webhooks(self) -> None:
        """Send what waits for the webhooks of the configuration, in the place of whoever did by another one."""
        if self._notifier is not None:
            await self._notifier.stop()
        if self._keeper is not None:
            self._notifier = assembly.notifier(self.configuration, self._keeper.store, self.own)
            self._notifier.start()

    def _listen_to(self, schedule: Schedule, books: Bookkeeper | None) -> None:
        """Let the ledger learn what a schedule sees, and the schedule who is to be looked at again."""
        if books is not None:
            schedule.measurer.saw, schedule.saw_controls, schedule.told = books.saw, books.saw_controls, self.told

    async def _books_for(self, fresh: Configuration, keeper: Keeper | None) -> Bookkeeper | None:
        """Return who keeps the ledger by a new configuration: the one that there is, unless something that it goes by is another now."""
        former = self._books
        if former is None or keeper is None:
            return None
        if keeper is self._keeper and assembly.confirmation(fresh) == assembly.confirmation(self.configuration):
            assembly.go_by(fresh, former)
            return former
        await former.turn()
        return await assembly.bookkeeper(fresh, keeper.store, self.own.store_errors.inc)

    async def _keeper_for(self, fresh: Configuration) -> Keeper | None:
        """Return who keeps what a new configuration's scans find: the one that there is, unless place or vantage are others now."""
        former = self._keeper
        if former is None:
            return None
        if (fresh.storage.url, fresh.vantage.name) == (self.configuration.storage.url, self.configuration.vantage.name):
            former.retention = fresh.storage.retention
            return former
        keeper = await assembly.keeper(fresh, self.own.store_errors.inc)
        if keeper.vantage == former.vantage:
            former.hand_over(keeper)
            self.schedule.measurer.hand_over(keeper)
        return keeper

    async def run(
        self, listen: Sequence[tuple[str, int]], announce: Callable[[str], None], ending: Callable[[], object] = bool
    ) -> None:
        """Run until SIGTERM or SIGINT; a second one ends it at once.

        Args:
            listen: addresses and ports of the web server; port 0 picks one. Those for the public are as configured.
            announce: told each URL that is served, those for the public last.
            ending: called when a signal begins the end, which may take seconds.

        Raises:
            CannotListen: an address cannot be had.
            BadConfiguration: the store cannot be used.

        """
        self._listens = tuple(listen)
        self._listens_as_configured = self._listens if self._listens == self.configuration.web.listen else None
        self._listens_to_the_public = self.configuration.web.public_listen
        serving = self._serving = Serving(self, listen, self._listens_to_the_public, self._access)
        try:
            await self._remember()
        except BaseException:
            serving.close()
            raise
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop() -> None:
            if stopping.is_set():
                log.warning("second signal, ending at once")
                os._exit(1)
            stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        reloads: set[asyncio.Task[None]] = set()

        def hang_up() -> None:
            task = asyncio.create_task(self._reload_quietly())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, hang_up)
        for url in serving.urls:
            announce(url)
        self.schedule.start()
        serving.begin()
        beside = [asyncio.create_task(each) for each in (self._heartbeat(), self._look_at_files())]
        self._notify("READY=1")
        interval = config.short_duration(self.schedule.interval)
        log.info("running", domains=sum(len(p.domains) for p in self.schedule.partners), interval=interval)
        try:
            await stopping.wait()
        finally:
            self._notify("STOPPING=1")
            log.info("stopping")
            ending()
            for task in beside:
                task.cancel()
            await self.schedule.stop()
            await self.schedule.measurer.drain(_DRAIN)
            if self._books is not None:
                await self._books.close()
            if self._notifier is not None:
                await self._notifier.stop()
            if self._keeper is not None:
                await self._keeper.close()
            await serving.end()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    async def reload_if_changed(self) -> None:
        """Read the configuration again, where one of its files has changed, and is not being written."""
        if await asyncio.to_thread(self._watch.is_due):
            log.info("a file of the configuration has changed")
            await self._reload_quietly()

    async def _look_at_files(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                await self.reload_if_changed()
            except Exception:
                log.exception("the changed configuration could not be taken over")

    async def _reload_quietly(self) -> None:
        with contextlib.suppress(config.BadConfiguration):  # logged, and counted
            await self.reload()

    async def _heartbeat(self) -> None:
        """Feed the watchdog for as long as the schedule goes on."""
        while True:
            if self.is_healthy():
                self._notify("WATCHDOG=1")
            self._notify(f"STATUS={self.status()}")
            await asyncio.sleep(5)
