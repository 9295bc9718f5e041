"""Telling webhooks what is in the outbox: one task each, so that one that fails holds up neither the others nor any probing."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import structlog

from mailtls.store import outbox
from mailtls.store.database import StoreFailed
from mailtls.store.engine import writing
from mailtls.webhook import Poster, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Engine

    from mailtls.store.database import Store
    from mailtls.store.outbox import Claimed
    from mailtls.webhook import Webhook

T = TypeVar("T")
log = structlog.get_logger(component="notifier")

MAX_ATTEMPTS = 24
"""Trials of one notice: with the waits between them, most of a day."""
_FIRST_WAIT, _LONGEST_WAIT = 30.0, 3600.0
_LEASE = timedelta(seconds=60)
"""How long a claim lasts beyond the time that sending may take."""
_LOOK_AGAIN = 5.0


def _now() -> datetime:
    return datetime.now(UTC)


class Notifier:
    """Sends what is in the outbox."""

    def __init__(
        self,
        store: Store,
        webhooks: Iterable[Webhook],
        origin: str,
        count: Callable[[str], object] = bool,
        pending: Callable[[int], object] = bool,
        failed: Callable[[], object] = bool,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """Make one; :meth:`start` starts it.

        Args:
            store: which has the outbox.
            webhooks: where to send.
            origin: a DNS name for all that we run, for ``WebHook-Request-Origin``.
            count: called with the outcome of each trial: sent, failed or given-up.
            pending: called with how many notices wait.
            failed: called each time that the store fails.
            now: tells the time.

        """
        self.webhooks = tuple(webhooks)
        self._store, self._now = store, now
        self._posters = {webhook: Poster(webhook, origin) for webhook in self.webhooks}
        self._count, self._pending, self._failed = count, pending, failed
        self._tasks: list[asyncio.Task[None]] = []
        self._trouble: dict[str, str] = {}

    def start(self) -> None:
        """Begin to send."""
        self._tasks = [asyncio.create_task(self._serve(webhook), name=f"webhook {webhook.name}") for webhook in self.webhooks]

    async def stop(self) -> None:
        """End at once; what was not acknowledged is sent again by whoever comes next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, webhook: Webhook) -> None:
        while True:
            wait = _LOOK_AGAIN
            try:
                wait = await self._send_next(webhook)
            except StoreFailed as error:
                self._failed()
                self._tell(webhook, f"the store fails: {error}")
            except Exception:
                log.exception("a fault of ours in telling a webhook", webhook=webhook.name)
            await asyncio.sleep(wait)

    async def _send_next(self, webhook: Webhook) -> float:
        """Send one notice, if one is due. Returns after how many seconds to look again."""
        lease = _LEASE + timedelta(seconds=webhook.timeout)
        claimed = await self._do(outbox.claim, webhook.name, self._now(), lease, webhook.per_minute)
        self._pending(await self._do(outbox.waiting, [each.name for each in self.webhooks]))
        if claimed is None:
            return _LOOK_AGAIN
        try:
            await self._posters[webhook].post(claimed.document)
        except Refused as refusal:
            return await self._put_off(webhook, claimed, str(refusal), refusal.wait, gone=refusal.gone)
        await self._do(outbox.settle, webhook.name, claimed.id, outbox.SENT, self._now())
        self._count("sent")
        if self._trouble.pop(webhook.name, ""):
            log.info("the webhook works again", webhook=webhook.name)
        return 0

    async def _put_off(self, webhook: Webhook, claimed: Claimed, why: str, wait: float = 0, *, gone: bool = False) -> float:
        given_up = gone or claimed.attempts >= MAX_ATTEMPTS
        self._count("given-up" if given_up else "failed")
        if given_up:
            log.error("a notice is given up", webhook=webhook.name, id=claimed.id, attempts=claimed.attempts, why=why)
        else:
            self._tell(webhook, why)
        backoff = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(claimed.attempts - 1, 16)) * random.uniform(0.5, 1)  # noqa: S311 - no secret
        pause = max(backoff, wait)
        await self._do(outbox.settle, webhook.name, claimed.id, outbox.GIVEN_UP if given_up else None, self._now() + timedelta(seconds=pause))
        return max(wait, 1.0)

    def _tell(self, webhook: Webhook, why: str) -> None:
        if self._trouble.get(webhook.name) != why:
            self._trouble[webhook.name] = why
            log.warning("a webhook could not be told, and will be later", webhook=webhook.name, why=why)

    async def _do(self, work: Callable[..., T], *args: object) -> T:
        def within(engine: Engine) -> T:
            with writing(engine) as connection:
                return work(connection, *args)

        return await self._store.run(within)
