"""Publishing: a daemon makes a publication each interval, in the background, has it sealed, and keeps the last one to be served."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from mailtls import __version__, assembly
from mailtls.instants import moment_of
from mailtls.publication.gathering import Beside, Part, Terms, first_day, part, publication, strange_statements
from mailtls.publication.statements import read_corrections, read_statements
from mailtls.schedule import Schedule
from mailtls.tracking.holding import INTERVALS_HELD
from mailtls.tracking.told import Told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.config import Configuration
    from mailtls.model import Snapshot
    from mailtls.publication import Link, Publication
    from mailtls.show.daemon_metrics import DaemonMetrics
    from mailtls.store.database import Store
    from mailtls.tracking.settling import JointRegression

log = structlog.get_logger(component="publication")

_LOOKED_AFTER = 1.0
"""Seconds from one look whether every domain has been looked at to the next."""
_AGAIN = 60.0
"""Seconds from a failure to the next trial, where the interval is not shorter."""


@dataclass(frozen=True, slots=True)
class Published:
    """The last publication.

    Args:
        publication: what is said.
        link: its place in the chain; ``None`` where it is not sealed.

    """

    publication: Publication
    link: Link | None

    @property
    def as_of(self) -> datetime:
        """The time of which it is."""
        return moment_of(self.publication.edition["as_of"])

    def is_stale(self, now: datetime) -> bool:
        """Whether it is older than it says that it may be."""
        return now - self.as_of > timedelta(seconds=self.publication.edition["stale_after"])


Seal = Callable[["Publication", "Store", "Configuration"], Awaitable["Link | None"]]
"""Gives a publication its place in the chain, and keeps it."""
Recall = Callable[["Store", "Configuration"], Awaitable["Published | None"]]
"""Returns the last publication that is kept."""


async def unsealed(_publication: Publication, _store: Store, _configuration: Configuration) -> None:
    """Keep nothing."""


async def nothing_kept(_store: Store, _configuration: Configuration) -> None:
    """Recall nothing."""


def terms(configuration: Configuration) -> Terms:
    """Return what publications go by. Raises ``BadConfiguration``, where a policy is wrong."""
    said = configuration.publication
    who = said.publisher
    return Terms(
        title=said.title,
        publisher=(who.name or assembly.ehlo_name(configuration), who.contact, who.url),
        licence=(said.licence.name, said.licence.url),
        interval=said.interval,
        stale_after=said.stale_after,
        external_url=configuration.web.external_url,
        program=f"mailtls {__version__}",
        vantage=configuration.vantage.name,
        policies=configuration.graded_by(),
        looks=configuration.schedule.interval,
    )


async def gather(snapshot: Snapshot, store: Store, configuration: Configuration, now: datetime, *, blind: bool | None = None) -> Publication:
    """Gather a publication, a domain at a time: the reading in the store's thread, the thinking in another, so that the loop goes on.

    Args:
        snapshot: what is known now.
        store: where history is.
        configuration: what it goes by.
        now: the time of which it is.
        blind: whether this vantage cannot measure now; ``None`` where the store is to say.

    Raises:
        StoreFailed: the store cannot be read.
        BadConfiguration: a policy is wrong.

    """
    by = await asyncio.to_thread(terms, configuration)
    known = await store.regressions(now - configuration.storage.retention)
    vantages = await store.vantages(now)
    beside = await asyncio.to_thread(_beside, configuration, known, tuple(vantages))
    still = tuple(each for each in known if each.ended_at is None)
    told = Told(still, blind=vantages.get(by.vantage, False) if blind is None else blind, led=_led(snapshot))
    since = datetime.combine(first_day(now), datetime.min.time(), UTC)
    parts: list[Part] = []
    for observed in snapshot.domains:
        stories = await store.stories(observed.domain, since, by.vantage)
        parts.append(await asyncio.to_thread(part, observed, stories, told, by, now))
    made = await asyncio.to_thread(publication, snapshot, parts, beside, told, by, now)
    for strange in strange_statements(beside.statements, made):
        log.warning("a statement is of no incident", why=strange)
    return made


def _led(snapshot: Snapshot) -> dict[str, frozenset[str]]:
    """Return for each MX host the domains that lead to it."""
    led: dict[str, set[str]] = {}
    for domain in snapshot.domains:
        for host in domain.mx:
            led.setdefault(host.host, set()).add(domain.domain)
    return {host: frozenset(domains) for host, domains in led.items()}


def _beside(configuration: Configuration, known: tuple[JointRegression, ...], vantages: tuple[str, ...]) -> Beside:
    """Read what people say, and tell what of it is wrong."""
    said = configuration.publication
    statements, wrong = read_statements(said.statements) if said.statements is not None else ((), ())
    corrections, mistaken = read_corrections(said.corrections) if said.corrections is not None else ((), ())
    for mistake in (*wrong, *mistaken):
        log.warning("what was to be published is wrong, and left out", mistake=mistake)
    return Beside(known, vantages, statements, corrections)


async def gather_from(store: Store, configuration: Configuration, now: datetime) -> Publication | None:
    """Gather a publication without a daemon, of what one has stored: as of the last thing that it saw. ``None`` where it saw nothing.

    Args:
        store: which it keeps.
        configuration: the daemon's.
        now: the time.

    Raises:
        StoreFailed: the store cannot be read.
        BadConfiguration: a policy, or the trust store, is wrong.

    """
    vantage, schedule = configuration.vantage, configuration.schedule
    lasts = INTERVALS_HELD * schedule.enumeration_interval
    recalled = await store.load_tracks(vantage.name, datetime.min.replace(tzinfo=UTC))
    seen = [scan.began for scan in recalled.scans] + [route.began for route in recalled.routes if route.began is not None]
    if not seen:
        return None
    as_of = min(now, max(seen))
    recalled = await store.load_tracks(vantage.name, as_of - lasts)
    planned = Schedule(
        assembly.measurer(configuration, lasting=True),
        configuration.partners(),
        schedule.interval,
        schedule.jitter,
        lambda: as_of,
        vantage.controls,
    )
    await planned.recall(recalled)
    return await gather(planned.snapshot(), store, configuration, as_of)


class Publisher:
    """Makes publications, for as long as a daemon runs."""

    def __init__(
        self,
        configuration: Callable[[], Configuration],
        schedule: Callable[[], Schedule],
        store: Callable[[], Store | None],
        own: DaemonMetrics,
        *,
        seal: Seal = unsealed,
        recall: Recall = nothing_kept,
    ) -> None:
        """Publish nothing yet.

        Args:
            configuration: returns the one in force.
            schedule: returns the one that runs.
            store: returns where history is; ``None`` before it was opened.
            own: the daemon's metrics.
            seal: gives a publication its place in the chain.
            recall: returns the last one that was sealed.

        """
        self._configuration, self._schedule, self._store, self._own = configuration, schedule, store, own
        self._seal, self._recall = seal, recall
        self._due = asyncio.Event()
        self.last: Published | None = None

    def hasten(self) -> None:
        """Publish again soon: the configuration has changed."""
        self._due.set()

    async def again_and_again(self) -> None:
        """Publish for ever: what an earlier process published last until every domain has been looked at, and then each interval."""
        await self._remember()
        while True:
            interval = self._configuration().publication.interval.total_seconds()
            if not self._configuration().publication.enabled:
                self._keep(None)
                await self._due.wait()
                self._due.clear()
            elif self._schedule().last_cycle_at is None:
                await asyncio.sleep(_LOOKED_AFTER)
                continue
            else:
                made = await self._publish(anew=self._due.is_set())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(interval if made else min(interval, _AGAIN)):
                        await self._due.wait()

    async def _remember(self) -> None:
        store = self._store()
        if store is None or not self._configuration().publication.enabled:
            return
        with self._telling():  # what cannot be read again is made anew
            self._keep(await self._recall(store, self._configuration()))

    async def _publish(self, *, anew: bool = True) -> bool:
        """Publish, and say whether that came off; what fails is counted and told, and what was published last stays.

        Args:
            anew: also where another process of this vantage has done so lately.

        """
        self._due.clear()
        began = time.monotonic()
        published = None
        with self._telling():  # what cannot be read again is made anew
            if not anew and await self._take_over():
                return True
        with self._telling():
            published = await self.publish()
        if published is None:
            return False
        took = time.monotonic() - began
        self._own.publishing_took.set(took)
        number = None if published.link is None else published.link.number
        log.info("published", domains=len(published.publication.domains), number=number, seconds=round(took, 2))
        return True

    async def _take_over(self) -> bool:
        """Take what another process of this vantage has published within half an interval, and say whether there is such."""
        store, configuration = self._store(), self._configuration()
        if store is None or not store.is_shared:
            return False
        last = await self._recall(store, configuration)
        if last is None or not timedelta() <= self._schedule().now() - last.as_of < configuration.publication.interval / 2:
            return False
        self._keep(last)
        return True

    async def publish(self) -> Published | None:
        """Make a publication now; ``None`` where there is no store. Raises what gathering or sealing raises."""
        configuration, schedule, store = self._configuration(), self._schedule(), self._store()
        if store is None:
            return None
        made = await gather(schedule.snapshot(), store, configuration, schedule.now(), blind=schedule.told().blind)
        published = Published(made, await self._seal(made, store, configuration))
        self._keep(published)
        return published

    def _keep(self, published: Published | None) -> None:
        """Let a publication be the last one, or none."""
        self.last = published
        self._own.published_at.set(None if published is None else published.as_of.timestamp())
        self._own.publication_good_for.set(None if published is None else published.publication.edition["stale_after"])

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Count and tell what fails; a page that is out of date says so, and nobody is to be without the others for that."""
        from mailtls.config import BadConfiguration  # noqa: PLC0415
        from mailtls.store.database import StoreFailed  # noqa: PLC0415 - takes a quarter of a second, and is there already

        try:
            yield
        except (StoreFailed, BadConfiguration) as error:
            self._own.publication_failures.inc()
            log.error("nothing could be published", why=str(error))  # noqa: TRY400 - no traceback
        except Exception:
            self._own.publication_failures.inc()
            log.exception("nothing could be published")
