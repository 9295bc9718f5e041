"""Putting the parts together as a configuration says: resolver, budget, prober, fetcher of policies, measurer, keeper."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING

from mailtls import __version__
from mailtls.budget import Budget
from mailtls.config import BadConfiguration
from mailtls.domain_name import BadName, ascii_name
from mailtls.measure import Measurer
from mailtls.probe import Prober
from mailtls.recording import Pace
from mailtls.resolve import Resolver
from mailtls.sts_host import Fetching, StsFetcher
from mailtls.sts_keeper import StsKeeper
from mailtls.tracking.agenda import Rhythm
from mailtls.tracking.maintenance import muting
from mailtls.tracking.standing import Confirmation
from mailtls.tracking.sts import Cadence
from mailtls.visit import Visitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtls.config import Configuration
    from mailtls.notifier import Notifier
    from mailtls.probe import Told
    from mailtls.schedule import Schedule
    from mailtls.show.daemon_metrics import DaemonMetrics
    from mailtls.store.bookkeeper import Bookkeeper
    from mailtls.store.database import Store
    from mailtls.store.keeper import Keeper
    from mailtls.store.outbox import Telling


def ehlo_name(configuration: Configuration) -> str:
    """Return what we call ourselves: the configured name, else this host's, else ``localhost``."""
    if configuration.vantage.ehlo_name is not None:
        return configuration.vantage.ehlo_name
    try:
        return ascii_name(socket.getfqdn())
    except BadName:
        return "localhost"


def measurer(configuration: Configuration, *, lasting: bool = False, told: Told | None = None) -> Measurer:
    """Make a measurer.

    Args:
        configuration: what it goes by.
        lasting: whether it is a daemon's, which remembers and holds, or for a single check.
        told: called after each connection.

    Raises:
        BadConfiguration: the trust anchors cannot be read, or a policy is wrong.

    """
    network = configuration.network
    visitor = Visitor(
        configuration.dialling(), ehlo_name(configuration), network.probe_deadline.total_seconds(), configuration.vantage.name
    )
    prober = Prober(visitor, Budget(configuration.budget()), told)
    schedule = configuration.schedule
    pace = Pace(schedule.interval, schedule.enumeration_interval, schedule.renewal_interval) if lasting else None
    resolver, anchors = Resolver(configuration.nameservers(), port=network.port), configuration.anchors()
    agent = f"mailtls/{__version__} (+https://{visitor.ehlo_name}/)"
    fetching = Fetching(visitor.network, agent, configuration.mta_sts.https_port, visitor.probe_deadline)
    fetcher = StsFetcher(fetching, resolver, Budget(configuration.budget()))
    sts = StsKeeper(fetcher, anchors, Cadence(schedule.interval, schedule.enumeration_interval), lasting=lasting)
    excluded = frozenset(configuration.exclude.domains)
    return Measurer(resolver, prober, anchors, network.port, excluded, pace, sts, configuration.graded_by())


async def keeper(configuration: Configuration, failed: Callable[[], object]) -> Keeper:
    """Open the store, and make who keeps in it what a daemon finds.

    Args:
        configuration: what it goes by.
        failed: called each time that the store fails.

    Raises:
        BadConfiguration: the store cannot be used.

    """
    from mailtls.store.database import Store, StoreFailed  # noqa: PLC0415 - takes a quarter of a second, and only a daemon remembers
    from mailtls.store.keeper import Keeper  # noqa: PLC0415

    try:
        store = await Store.open(configuration.storage.url)
    except StoreFailed as error:
        raise BadConfiguration([f"storage.url: {error}"]) from error
    return Keeper(store, configuration.vantage.name, configuration.storage.retention, failed)


def confirmation(configuration: Configuration) -> Confirmation:
    """Return when sightings are enough, as a configuration says."""
    wanted = configuration.confirmation
    return Confirmation(wanted.probes, wanted.cycles, configuration.schedule.interval, wanted.holds)


def telling(configuration: Configuration) -> Telling:
    """Return what puts into the outbox what a configuration's webhooks are to be told."""
    from mailtls.store.outbox import Telling  # noqa: PLC0415 - as above

    webhooks = configuration.notifications.webhooks
    return Telling({webhook.name: webhook.kinds for webhook in webhooks}, configuration.web.external_url or "/mailtls")


def go_by(configuration: Configuration, books: Bookkeeper) -> None:
    """Let a ledger's keeper go by a configuration's domains, maintenance windows and webhooks."""
    books.watch_only((domain for provider in configuration.partners() for domain in provider.domains), configuration.vantage.controls)
    books.muted, books.tell = partial(muting, configuration.windows()), telling(configuration)


def notifier(configuration: Configuration, store: Store, own: DaemonMetrics) -> Notifier:
    """Make who sends what is in the outbox.

    Args:
        configuration: what it goes by.
        store: where the outbox is.
        own: the metrics in which it counts.

    """
    from mailtls.notifier import Notifier  # noqa: PLC0415 - as above
    from mailtls.webhook import Webhook  # noqa: PLC0415

    webhooks = [
        Webhook(w.name, w.url, frozenset(w.kinds), w.bearer_token_file, w.timeout.total_seconds(), w.per_minute, w.ca_file)
        for w in configuration.notifications.webhooks
    ]
    return Notifier(
        store,
        webhooks,
        ehlo_name(configuration),
        count=lambda outcome: own.notifications.labels(outcome).inc(),
        pending=own.notifications_pending.set,
        failed=own.store_errors.inc,
    )


async def bookkeeper(configuration: Configuration, store: Store, failed: Callable[[], object]) -> Bookkeeper:
    """Make who keeps the ledger of regressions in a store, and let him read what is known.

    Args:
        configuration: what it goes by.
        store: where to keep it.
        failed: called each time that the store fails.

    """
    from mailtls.store.bookkeeper import Bookkeeper  # noqa: PLC0415 - as above
    from mailtls.tracking.ledger import Ledger  # noqa: PLC0415

    books = Bookkeeper(store, Ledger(confirmation(configuration), vantage=configuration.vantage.name), failed)
    go_by(configuration, books)
    await books.open()
    return books


async def share(configuration: Configuration, schedule: Schedule, keeper: Keeper, failed: Callable[[], object]) -> bool:
    """Let a schedule share its work with other processes, where the store is one that they can share. Returns whether it is.

    Args:
        configuration: what it goes by.
        schedule: which.
        keeper: of the store.
        failed: called each time that the database fails.

    Raises:
        BadConfiguration: the store cannot be used for that.

    """
    from mailtls.store.database import StoreFailed  # noqa: PLC0415 - only a daemon remembers

    if not keeper.store.is_shared:
        return False
    from mailtls.jobs.rounds import SharedRounds  # noqa: PLC0415 - only where PostgreSQL is used, its libraries are installed

    try:
        await keeper.store.prepare_queue()
    except StoreFailed as error:
        raise BadConfiguration([f"storage.url: {error}"]) from error
    rhythm = Rhythm(configuration.vantage.name, schedule.interval, schedule.jitter)
    schedule.driver = SharedRounds(schedule, keeper, rhythm, failed)
    return True
