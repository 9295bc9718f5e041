"""What of the daemon outlives the process: who keeps what is seen, who keeps the ledger, and who tells webhooks.

They change with the configuration: ``prepare`` does what can fail, and ``change_to`` what cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from mailtls import assembly
from mailtls.tracking.changes import Subject
from mailtls.tracking.holding import INTERVALS_HELD
from mailtls.tracking.told import Told

if TYPE_CHECKING:
    from mailtls.config import Configuration
    from mailtls.notifier import Notifier
    from mailtls.schedule import Schedule
    from mailtls.show.daemon_metrics import DaemonMetrics
    from mailtls.store.bookkeeper import Bookkeeper
    from mailtls.store.database import Store
    from mailtls.store.keeper import Keeper

log = structlog.get_logger(component="daemon")


@dataclass(frozen=True, slots=True)
class Successors:
    """Who keeps what by a configuration that is not in force yet; where nothing that they go by is another, those who do so already.

    Args:
        keeper: of what is seen.
        books: the ledger's keeper.
        shared: whether the schedule shares its work, and who is to be let alone, with other processes.

    """

    keeper: Keeper
    books: Bookkeeper
    shared: bool


class Persistence:
    """The daemon's memory: nothing, until it begins."""

    def __init__(self, own: DaemonMetrics) -> None:
        """Remember nothing yet.

        Args:
            own: the metrics in which failures are counted.

        """
        self._own = own
        self._keeper: Keeper | None = None
        self._notifier: Notifier | None = None
        self.books: Bookkeeper | None = None

    @property
    def store(self) -> Store | None:
        """Where it is kept; ``None`` before it began."""
        return None if self._keeper is None else self._keeper.store

    def told(self) -> Told:
        """Return what is known of regressions."""
        return Told() if self.books is None else self.books.told

    def is_held_to(self, domain: str, check: str) -> bool:
        """Whether enough was seen of a check of a domain for less to be a regression."""
        return self.books is not None and self.books.is_held_to(Subject(domain), check)

    async def begin(self, configuration: Configuration, schedule: Schedule) -> None:
        """Open the store, and let a schedule know again what it has, and who asked an earlier process to stay away.

        Args:
            configuration: what it goes by.
            schedule: which has not started.

        Raises:
            BadConfiguration: the store cannot be used.

        """
        measurer = schedule.measurer
        self._keeper = measurer.memory = keeper = await assembly.keeper(configuration, self._own.store_errors.inc)
        log.info("remembering", store=keeper.store.name)
        if not await assembly.share(configuration, schedule, keeper, self._own.store_errors.inc):
            await keeper.resume(measurer.prober.budget)
            keeper.watch(measurer.prober.budget)
        # An enumeration is shown for three intervals after it was last seen to hold; of what is older, nothing can be said.
        recalled = await keeper.recall_tracks(datetime.now(UTC) - INTERVALS_HELD * configuration.schedule.enumeration_interval)
        await schedule.recall(recalled)
        log.info("recalled", scans=len(recalled.scans), routes=len(recalled.routes), policies=len(recalled.policies))
        self.books = await assembly.bookkeeper(configuration, keeper.store, self._own.store_errors.inc)
        self._listen_to(schedule, self.books)
        await self.tell_webhooks(configuration)

    async def prepare(self, current: Configuration, fresh: Configuration, schedule: Schedule) -> Successors | None:
        """Return who keeps what by a new configuration, and change nothing of what is; ``None`` where nothing is kept yet.

        Args:
            current: the configuration in force.
            fresh: the new one.
            schedule: that is to go by it.

        Raises:
            BadConfiguration: its store cannot be used.

        """
        if self._keeper is None or self.books is None:
            return None
        failed = self._own.store_errors.inc
        stays = (fresh.storage.url, fresh.vantage.name) == (current.storage.url, current.vantage.name)
        keeper = self._keeper if stays else await assembly.keeper(fresh, failed)
        try:
            shared = await assembly.share(fresh, schedule, keeper, failed)
            if stays and assembly.confirmation(fresh) == assembly.confirmation(current):
                return Successors(keeper, self.books, shared)
            await self.books.turn()
            return Successors(keeper, await assembly.bookkeeper(fresh, keeper.store, failed), shared)
        except BaseException:
            if not stays:
                await keeper.close()
            raise

    def change_to(
        self, successors: Successors | None, fresh: Configuration, former: Schedule, schedule: Schedule
    ) -> tuple[Bookkeeper | Keeper, ...]:
        """Let a new schedule know what the one before it knew, and remember by a new configuration from now on.

        Args:
            successors: as they were prepared.
            fresh: the new configuration.
            former: the schedule that has stopped.
            schedule: that is about to start.

        Returns:
            Those who keep nothing any more, to be closed in this order.

        """
        if successors is None:
            schedule.inherit(former)
            return ()
        keeper, books = self._keeper, self.books
        if keeper is not None and successors.keeper is not keeper and successors.keeper.vantage == keeper.vantage:
            keeper.hand_over(successors.keeper)
            former.measurer.hand_over(successors.keeper)
        successors.keeper.retention = fresh.storage.retention
        if successors.books is books:
            assembly.go_by(fresh, books)
        schedule.measurer.memory = successors.keeper
        self._listen_to(schedule, successors.books)
        schedule.inherit(former)
        if not successors.shared:
            successors.keeper.watch(schedule.measurer.prober.budget)
        self._keeper, self.books = successors.keeper, successors.books
        return tuple(each for each in (books, keeper) if each is not None and each not in (successors.books, successors.keeper))

    async def tell_webhooks(self, configuration: Configuration) -> None:
        """Send what waits for the webhooks of a configuration, in the place of whoever did by another one."""
        if self._notifier is not None:
            await self._notifier.stop()
        if self._keeper is not None:
            self._notifier = assembly.notifier(configuration, self._keeper.store, self._own)
            self._notifier.start()

    async def close(self) -> None:
        """Write what is left, where that can be done in time, and remember nothing any more."""
        if self.books is not None:
            await self.books.close()
        if self._notifier is not None:
            await self._notifier.stop()
        if self._keeper is not None:
            await self._keeper.close()

    def _listen_to(self, schedule: Schedule, books: Bookkeeper) -> None:
        """Let the ledger learn what a schedule sees, and the schedule who is to be looked at again."""
        schedule.measurer.saw, schedule.saw_controls, schedule.told = books.saw, books.saw_controls, self.told
