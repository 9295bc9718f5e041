"""Telling webhooks what is in the outbox: one task each, so that one that fails holds up neither the others nor any probing."""

from __future__ import annotations

import asyncio
import random
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import structlog

from mailtls import __version__
from mailtls.store import outbox
from mailtls.store.database import StoreFailed
from mailtls.store.engine import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    import httpx
    from sqlalchemy import Connection, Engine

    from mailtls.store.database import Store
    from mailtls.store.outbox import Claimed
    from mailtls.tracking.notices import Notice

T = TypeVar("T")
log = structlog.get_logger(component="notifier")

CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
MAX_ATTEMPTS = 24
"""Trials of one notice: with the waits between them, most of a day."""
_FIRST_WAIT, _LONGEST_WAIT, _LONGEST_WISH = 30.0, 3600.0, 86_400.0
_MAX_ANSWER = 65_536
_GONE = 410
_LEASE = timedelta(seconds=60)
"""How long a claim lasts beyond the time that sending may take."""
_LOOK_AGAIN = 5.0


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where notices go.

    Args:
        name: in the configuration, for the outbox and the log; the URL may hold a secret and is never logged.
        url: ``https``, or ``http``.
        kinds: of notices that it is told; summaries come with any.
        token_file: holds a bearer token; read at each trial, so that it can be changed.
        timeout: seconds for one trial in all.
        per_minute: trials within a minute.
        ca_file: PEM of whom to trust; ``None`` for the system's.

    """

    name: str
    url: str = field(repr=False)
    kinds: frozenset[str]
    token_file: Path | None = None
    timeout: float = 10.0
    per_minute: int = 10
    ca_file: Path | None = None


class _Refused(Exception):  # noqa: N818 - it is what happened
    """A trial failed; ``wait`` is how long the receiver wants to be left alone, in seconds."""

    def __init__(self, why: str, wait: float = 0, *, gone: bool = False) -> None:
        super().__init__(why)
        self.wait = wait
        self.gone = gone


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
        self._store, self._origin, self._now = store, origin, now
        self._count, self._pending, self._failed = count, pending, failed
        self._tasks: list[asyncio.Task[None]] = []
        self._trouble: dict[str, str] = {}

    def add(self, connection: Connection, notices: Collection[Notice]) -> None:
        """Put notices into the outbox, in the transaction of whoever found them out."""
        outbox.add(connection, {webhook.name: webhook.kinds for webhook in self.webhooks}, notices, self._now())

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
            async with asyncio.timeout(webhook.timeout):
                await self._post(webhook, claimed)
        except _Refused as refusal:
            return await self._put_off(webhook, claimed, str(refusal), refusal.wait, gone=refusal.gone)
        except TimeoutError:
            return await self._put_off(webhook, claimed, f"no answer within {webhook.timeout:g} seconds")
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

    async def _post(self, webhook: Webhook, claimed: Claimed) -> None:
        import httpx  # noqa: PLC0415 - takes a while, and only who tells webhooks needs it

        headers = {
            "Content-Type": CONTENT_TYPE,
            "User-Agent": f"mailtls/{__version__}",
            "WebHook-Request-Origin": self._origin,
            "Accept-Encoding": "identity",
        }
        try:
            if webhook.token_file is not None:
                headers["Authorization"] = f"Bearer {webhook.token_file.read_text('ascii').strip()}"
            trust = ssl.create_default_context(cafile=webhook.ca_file)
            async with (
                httpx.AsyncClient(verify=trust, trust_env=False, follow_redirects=False, timeout=webhook.timeout) as client,
                client.stream("POST", webhook.url, content=claimed.document.encode(), headers=headers) as response,
            ):
                await _judge(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _Refused(f"{type(error).__name__}: the request failed") from error  # its text may hold the URL
        except (OSError, ValueError) as error:
            raise _Refused(f"{type(error).__name__}: its token or trust anchors cannot be read or used") from error


async def _judge(response: httpx.Response) -> None:
    """Read what there is to read, in bounds. Raises ``_Refused`` for anything but acceptance (CloudEvents HTTP webhooks, section 2.2)."""
    if not response.is_success:
        wish = response.headers.get("Retry-After", "")
        wait = min(float(wish), _LONGEST_WISH) if wish.isascii() and wish.isdigit() and len(wish) < 10 else 0.0
        raise _Refused(f"answers {response.status_code}", wait, gone=response.status_code == _GONE)
    read = 0
    async for part in response.aiter_raw():
        read += len(part)
        if read > _MAX_ANSWER:
            return  # it has accepted, and what else it says is nobody's concern
