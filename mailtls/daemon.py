"""The daemon: schedule, memory, web server and signals together, and word to the service manager."""

from __future__ import annotations

import asyncio
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
from mailtls.measure import Measurer
from mailtls.persistence import Persistence
from mailtls.publishing import Publisher
from mailtls.reloading import Reloading
from mailtls.schedule import REACHED_FOR, Schedule
from mailtls.sealing import last_in, seal_in
from mailtls.service_manager import ServiceManager
from mailtls.serving import Addresses, Serving
from mailtls.show.daemon_metrics import DaemonMetrics
from mailtls.show.metrics import SnapshotCollector
from mailtls.show.mx_changes import MXCollector
from mailtls.show.operators import OperatorVisits
from mailtls.show.regressions import RegressionCollector, VantageCollector

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from pathlib import Path

    from mailtls.config import Configuration
    from mailtls.config.webfile import Access
    from mailtls.evidence import ProbeEvidence
    from mailtls.hellos import Asked
    from mailtls.model import Family, Snapshot
    from mailtls.tracking.told import Told

log = structlog.get_logger(component="daemon")

_DRAIN = 15.0


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
        self._notify = ServiceManager()
        self.persistence = Persistence(self.own)
        self.reloading = Reloading(path, web_file, self._take_over, self.own, self._notify, follow=follow)
        self._access = self.reloading.access()
        self._serving: Serving | None = None
        self._listens: Addresses = ()
        self._listens_as_configured: Addresses | None = None  # or as an option says, which a reload does not change
        self._listens_to_the_public: Addresses | None = None
        self.configuration = configuration
        self.schedule = self._plan(configuration)
        self.publisher = Publisher(
            lambda: self.configuration, lambda: self.schedule, lambda: self.persistence.store, self.own, seal=seal_in, recall=last_in
        )
        self.reloading.is_done()

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
        return self.persistence.told()

    def is_held_to(self, domain: str, check: str) -> bool:
        """Whether enough was seen of a check of a domain for less to be a regression."""
        return self.persistence.is_held_to(domain, check)

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
        await self.reloading.reload()

    async def _take_over(self, fresh: Configuration, access: Access) -> None:
        """Let a new configuration be in force. Raises ``BadConfiguration``, and has changed nothing then."""
        if self._listens_as_configured not in (None, fresh.web.listen):
            log.warning("web.listen has changed; that takes a restart")
        if self._listens_to_the_public not in (None, fresh.web.public_listen):
            log.warning("web.public_listen has changed; that takes a restart")
        schedule = self._plan(fresh)
        successors = await self.persistence.prepare(self.configuration, fresh, schedule)
        self._access = access
        if self._serving is not None:
            self._serving.go_by(access)
        await self.schedule.stop()
        to_close = self.persistence.change_to(successors, fresh, self.schedule, schedule)
        self.configuration, self.schedule = fresh, schedule
        schedule.start()
        await self.persistence.tell_webhooks(fresh)
        self.publisher.hasten()
        self.reloading.is_done()
        log.info("reloaded", domains=sum(len(p.domains) for p in schedule.partners))
        for each in to_close:
            await each.close()

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
            await self.persistence.begin(self.configuration, self.schedule)
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
            task = asyncio.create_task(self.reloading.quietly())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, hang_up)
        for url in serving.urls:
            announce(url)
        self.schedule.start()
        serving.begin()
        beside = [asyncio.create_task(each) for each in self._beside()]
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
            await self.persistence.close()
            await serving.end()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _beside(self) -> tuple[Coroutine[None, None, None], ...]:
        """Return what goes on for as long as the daemon runs."""
        return self._heartbeat(), self.reloading.look_at_files(), self.publisher.again_and_again()

    async def _heartbeat(self) -> None:
        """Feed the watchdog for as long as the schedule goes on."""
        while True:
            if self.is_healthy():
                self._notify("WATCHDOG=1")
            self._notify(f"STATUS={self.status()}")
            await asyncio.sleep(5)
