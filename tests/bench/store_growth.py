"""How much a store grows: octets of an endpoint and year, by table, on SQLite or PostgreSQL. Exits with 1 where that is over the goal.

A fleet is watched for a year at the default schedule, with the noise and the losses of docs/simulation.md, as many as its size calls for. Every
visit goes the way that it goes in the daemon: through the keeper of history, scans and raw hellos, and the keeper of the ledger with an outbox for
one webhook. The clock is virtual, and what is found is written once a cycle instead of once a second. Run:
python tests/bench/store_growth.py [--postgresql] [--skip] [--endpoints N] [--days N]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import structlog
from simulated.fleet import CYCLE, Address, Domain, Fleet, make_fleet
from simulated.losses import BEGAN, OF_DOMAINS, OF_ENDPOINTS, OF_ENUMERATIONS, OF_HOSTS, Loss, draw_losses
from simulated.running import Shown, Simulation
from simulated.servers import Servers
from simulated.weather import DAY, HOUR, YEAR, Noise, make_weather
from sqlalchemy import event, func, select, text

from mailtls.config.telling import KINDS
from mailtls.store import outbox
from mailtls.store.bookkeeper import Bookkeeper
from mailtls.store.database import Store
from mailtls.store.engine import reading, writing
from mailtls.store.keeper import Keeper
from mailtls.store.outbox import Telling
from mailtls.store.schema import metadata
from mailtls.tracking.changes import Change
from mailtls.tracking.kept import kind_of_route, kind_of_scan

ROOM = 100_000
"""Octets of an endpoint and year."""
KNOWN_AFTER = 3 * DAY
"""Seconds in which everything was seen once: what stands then is what is known, and what comes on top of it is growth."""
RETENTION = timedelta(days=400)
LOSSES = 24 / 1000
"""Of each kind, for each endpoint and year: those of docs/simulation.md."""
KINDS_OF_LOSSES = len((*OF_ENDPOINTS, *OF_ENUMERATIONS, *OF_HOSTS, *OF_DOMAINS))


class Daemon:
    """What a daemon does with what it finds, on the simulation's clock."""

    def __init__(self, run: Simulation, servers: Servers, runner: asyncio.Runner, url: str) -> None:
        """Open a store, and watch a run."""
        self._run, self._servers, self._runner = run, servers, runner
        self._at = 0.0
        self._written = self._tidied = self._vacuumed = 0.0
        self.sizes: dict[float, dict[str, int]] = {}
        runner.run(self._open(url))
        run.on_scan, run.on_look = self._scanned, self._looked
        run.on_changes = self._happened
        run.ledger.vantage = "simulated"

    async def _open(self, url: str) -> None:
        self.store = await Store.open(url)
        if not self.store.is_shared:
            event.listen(self.store._engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous = OFF"))
            await self.store.run(lambda engine: engine.dispose())
        self.keeper = Keeper(self.store, "simulated", RETENTION, now=self._now)
        self.keeper.prunes = False
        self.books = Bookkeeper(self.store, self._run.ledger, tell=Telling({"pager": KINDS}, "https://mailtls.example"), now=self._now)
        self.sizes[0] = await self.store.run(_sizes)

    def _happened(self, changes: tuple[Change, ...]) -> None:
        self.books._unwritten.add({}, changes)

    def _now(self) -> datetime:
        return BEGAN + timedelta(seconds=self._at)

    def _scanned(self, address: Address, at: float, shown: Shown) -> None:
        self._go_on(at)
        visit = self._servers.visit(address, at, shown)
        self.keeper.note(visit.seen)
        self.keeper.keep_scan(visit.scan, kind_of_scan(visit.scan, conclusive=not shown.cause))
        if visit.scan.hellos is not None:
            self.keeper.keep(visit.scan.endpoint, visit.scan.hellos)

    def _looked(self, domain: Domain, at: float, shown: Shown, of_hosts) -> None:
        self._go_on(at)
        route, found = self._servers.look(domain, at, shown, of_hosts)
        self.keeper.keep_route(route, kind_of_route(route))
        for seen in found:
            self.keeper.note(seen)

    def _go_on(self, at: float) -> None:
        """Write what waits, once a cycle, and tidy up once a day."""
        self._at = at
        if at - self._written < CYCLE:
            return
        self._written = at
        self._runner.run(self._write())
        if self.store.is_shared and at - self._vacuumed >= HOUR:
            self._vacuumed = at
            self._runner.run(self.store.run(_vacuum_where_due))
        if at - self._tidied >= DAY:
            self._tidied = at
            self._runner.run(self._tidy())

    async def _write(self) -> None:
        await self.books.turn()
        await self.store.run(lambda engine: _send(engine, self._now()))
        await self.keeper.flush()
        if self._at >= KNOWN_AFTER and KNOWN_AFTER not in self.sizes:
            self.sizes[KNOWN_AFTER] = await self.store.run(_sizes)

    async def _tidy(self) -> None:
        await self.keeper.prune()

    async def end(self) -> None:
        """Write the rest, and measure."""
        await self._write()
        await self._tidy()
        self.sizes[self._at] = await self.store.run(_sizes)


def _send(engine, now: datetime) -> None:
    """Do what a notifier does whose webhook takes everything."""
    with writing(engine) as connection:
        while (claimed := outbox.claim(connection, "pager", now, timedelta(minutes=1), 1000)) is not None:
            outbox.settle(connection, "pager", claimed.id, outbox.SENT, now)


def _sizes(engine) -> dict[str, int]:
    """Return the octets of each table with its indexes."""
    with reading(engine) as connection:
        if engine.dialect.name == "sqlite":
            owner = {row[0]: row[1] for row in connection.exec_driver_sql("SELECT name, tbl_name FROM sqlite_schema")}
            sizes: dict[str, int] = {}
            for name, octets in connection.exec_driver_sql("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
                table = owner.get(name, name)
                sizes[table] = sizes.get(table, 0) + octets
            return sizes
        wanted = "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        return {row[0]: row[1] for row in connection.execute(text(wanted))}


def _vacuum_where_due(engine) -> None:
    """Do what autovacuum would have done within the hour, if that had been one."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        wanted = "SELECT relname FROM pg_stat_user_tables WHERE n_dead_tup > 50 + 0.2 * n_live_tup"
        for (name,) in connection.exec_driver_sql(wanted).all():
            connection.exec_driver_sql(f'VACUUM ANALYZE "{name}"')


def _vacuum_whole(engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM FULL")


def main() -> int:
    """Run it, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoints", type=int, default=40)
    parser.add_argument("--days", type=float, default=365)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mixed", type=int, default=0, help="addresses with two unlike machines behind them")
    parser.add_argument("--skip", action="store_true", help="pass over turns in which nothing can change: quick, and rows are not renewed hourly")
    parser.add_argument("--postgresql", action="store_true", help="in a cluster of its own (Debian's postgresql) instead of an SQLite file")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    began, length = time.monotonic(), options.days * DAY
    fleet = make_fleet(options.endpoints, options.seed, mixed=options.mixed, rotating=0)
    weather = make_weather(fleet, Noise(), length, options.seed)
    losses = _losses(fleet, length, options.seed)
    run = Simulation(fleet, weather, losses, length, options.seed, skips=options.skip)
    with tempfile.TemporaryDirectory() as directory, asyncio.Runner() as runner:
        url, stop = runner.run(_postgresql()) if options.postgresql else (f"sqlite:///{directory}/growth.db", None)
        daemon = Daemon(run, Servers(weather, options.seed), runner, url)
        run.run()
        daemon._at = length
        runner.run(daemon.end())
        rows = runner.run(daemon.store.run(_rows))
        whole: dict[str, int] = {}
        if daemon.store.is_shared:
            runner.run(daemon.store.run(_vacuum_whole))
            whole = runner.run(daemon.store.run(_sizes))
        file = Path(f"{directory}/growth.db")
        octets = file.stat().st_size if file.exists() else 0
        runner.run(daemon.keeper.close())
        if stop is not None:
            runner.run(stop())
    endpoints = len(fleet.addresses)
    print(
        f"{'PostgreSQL' if whole else 'SQLite'}: {endpoints} endpoints of {len(fleet.hosts)} hosts, {len(fleet.domains)} domains, "
        f"{options.days:g} days, seed {options.seed}, {len(losses)} losses; "
        f"{run.done['scans']} scans and {run.done['looks']} looks; load {os.getloadavg()[0]:.1f}"
    )
    grown = _report(daemon.sizes, endpoints, length, rows, whole)
    if octets:
        print(f"the file: {octets / 1e6:.2f} MB, {octets / endpoints / 1000:.1f} kB an endpoint")
    print(f"in {time.monotonic() - began:.0f} s")
    return 0 if grown < ROOM else 1


async def _postgresql() -> tuple[str, Callable[[], Awaitable[None]]]:
    """Start a cluster; return the URL of an empty database, and what ends it."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
    from servers import PostgreSQL

    stack = contextlib.AsyncExitStack()
    running = await stack.enter_async_context(PostgreSQL())
    return running.fresh_database(), stack.aclose


def _losses(fleet: Fleet, length: float, seed: int) -> list[Loss]:
    """Draw as many losses as a fleet of this size has in this time."""
    many = LOSSES * len(fleet.addresses) * length / YEAR
    drawn = draw_losses(fleet, math.ceil(many), length, seed)
    return random.Random(seed).sample(drawn, min(len(drawn), round(many * KINDS_OF_LOSSES)))


def _rows(engine) -> dict[str, int]:
    with reading(engine) as connection:
        return {name: connection.scalar(select(func.count()).select_from(table)) or 0 for name, table in metadata.tables.items()}


def _report(sizes: dict[float, dict[str, int]], endpoints: int, length: float, rows: dict[str, int], whole: dict[str, int]) -> float:
    """Print what each table takes; return the octets of an endpoint and year."""
    empty, known, last = sizes[0], sizes[KNOWN_AFTER], sizes[max(sizes)]
    years = (length - KNOWN_AFTER) / YEAR
    names = sorted(last, key=lambda name: -(last[name] - known.get(name, 0)))
    totals = [0.0] * 4
    print(f"{'kB an endpoint':<16}{'known':>8}{'a year':>9}{'after it':>10}" + (f"{'vacuumed':>10}" if whole else "") + f"{'rows':>9}")
    for name in names:
        first = (known.get(name, 0) - empty.get(name, 0)) / endpoints / 1000
        year = (last[name] - known.get(name, 0)) / endpoints / 1000 / years
        after = (last[name] - empty.get(name, 0)) / endpoints / 1000
        least = (whole.get(name, 0) - empty.get(name, 0)) / endpoints / 1000
        for place, value in enumerate((first, year, after, least)):
            totals[place] += value
        if last[name] != empty.get(name, 0):
            print(f"{name:<16}{first:8.1f}{year:9.1f}{after:10.1f}" + (f"{least:10.1f}" if whole else "") + f"{rows.get(name, 0) / endpoints:9.1f}")
    first, year, after, least = totals
    print(f"{'all':<16}{first:8.1f}{year:9.1f}{after:10.1f}" + (f"{least:10.1f}" if whole else ""))
    print(f"{'met   ' if year * 1000 < ROOM else 'MISSED'} less than {ROOM // 1000} kB an endpoint and year: {year:.1f}")
    return year * 1000


if __name__ == "__main__":
    sys.exit(main())
