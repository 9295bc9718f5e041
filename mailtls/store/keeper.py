"""What a daemon keeps of what it finds, in a store that may fail: then measuring goes on, and only remembering does not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import structlog

from mailtls.hellos import Silent
from mailtls.store.codec import Unreadable
from mailtls.store.database import StoreFailed
from mailtls.store.forgetting import FOLDED_AFTER
from mailtls.store.tracks import Recalled, policy_kept, route_kept, scan_kept
from mailtls.tracking.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from collections.abc import Set as AbstractSet

    from mailtls.budget import Budget
    from mailtls.evidence import RouteEvidence, ScanEvidence
    from mailtls.hellos import HelloEvidence
    from mailtls.model import Endpoint
    from mailtls.store.database import Store
    from mailtls.store.tracks import Kept
    from mailtls.tracking.history import Seen
    from mailtls.tracking.journal import Entry
    from mailtls.tracking.kept import RouteKind, ScanKind
    from mailtls.tracking.sts import StsTrack

K = TypeVar("K")
T = TypeVar("T")

log = structlog.get_logger(component="store")

_TOGETHER = 1.0
"""Seconds within which what is to be kept is written in one transaction."""
_AGAIN = 30.0
"""Seconds from a failure to the next trial."""
_READ_WITHIN = 15.0
"""Seconds for one read, waiting for a write included; a scan begins without what it does not get by then."""
_LAST_WRITE = 15.0
"""Seconds for the write at the end; more than a store waits for a lock."""
_MOST_WAITING = 20_000
"""Endpoints whose hellos wait to be written, and documents of other kinds, while that fails."""
_RECORDED_TOGETHER = 100
"""Entries of history that are written in one transaction."""
_PRUNED_AGAIN = timedelta(days=1)


def _now() -> datetime:
    return datetime.now(UTC)


class Keeper:
    """Keeps what one vantage finds. It writes in the background, the newest of each endpoint, and until it can."""

    def __init__(
        self,
        store: Store,
        vantage: str,
        retention: timedelta,
        failed: Callable[[], object] = bool,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """Make a keeper.

        Args:
            store: where to keep it; the keeper closes it.
            vantage: the name of where it is found.
            retention: after how long what was saved is forgotten.
            failed: called each time that the store fails, or a document in it.
            now: tells the time.

        """
        self.store = store
        self.vantage = vantage
        self.retention = retention
        self.prunes = True
        """Whether it forgets by itself, once a day, what is older than retention; else :meth:`prune` has to be called."""
        self._failed = failed
        self._now = now
        self._known: dict[Endpoint, HelloEvidence | None] = {}
        self._waiting: dict[Endpoint, HelloEvidence] = {}
        self._tracks: dict[object, Kept] = {}
        self._journal = Journal()
        self._entries: list[Entry] = []
        self._budget: Budget | None = None
        self._pauses_changed = False
        self._pruned_at: datetime | None = None
        self._trouble = ""
        self._due = asyncio.Event()
        self._writing = asyncio.Lock()
        self._task = asyncio.create_task(self._write(), name="store")

    # What was enumerated.

    async def recall(self, endpoint: Endpoint) -> HelloEvidence | None:
        """Return the last enumeration of an endpoint, of this process or of one before it; ``None`` where there is none to be had."""
        if endpoint not in self._known:
            try:
                async with asyncio.timeout(_READ_WITHIN):
                    found = await self.store.load(self.vantage, endpoint)
            except (StoreFailed, TimeoutError) as error:
                self._complain(error)
                return None
            except Unreadable as error:
                self._failed()
                log.warning("what was remembered is of no use", mx=endpoint.host, address=str(endpoint.address), why=str(error))
                found = None
            self._known.setdefault(endpoint, found)
        return self._known[endpoint]

    def keep(self, endpoint: Endpoint, found: HelloEvidence) -> None:
        """Remember an enumeration, or what there is of it so far; one without any answer is none."""
        if all(isinstance(item.answer, Silent) for item in found.asked):
            return
        self._known[endpoint] = self._waiting[endpoint] = found
        self._due.set()

    def forget_all_but(self, endpoints: AbstractSet[Endpoint]) -> None:
        """Drop from memory what was enumerated of other endpoints. In the store it stays until retention ends."""
        for endpoint in self._known.keys() - endpoints:
            del self._known[endpoint]

    def hand_over(self, younger: Keeper) -> None:
        """Let another keeper, with another store, keep what this one knows."""
        for endpoint, found in self._known.items():
            if found is not None:
                younger.keep(endpoint, found)

    # What was measured.

    def keep_scan(self, scan: ScanEvidence, kind: ScanKind) -> None:
        """Remember a scan, as it came from the prober."""
        self._keep(scan_kept(scan, kind))

    def keep_route(self, route: RouteEvidence, kind: RouteKind) -> None:
        """Remember a look-up of the way to a domain, as it came from the resolver."""
        self._keep(route_kept(route, route.began or self._now(), kind))

    def keep_policy(self, domain: str, track: StsTrack) -> None:
        """Remember what is known of a domain's MTA-STS policy."""
        self._keep(policy_kept(domain, track, self._now()))

    def _keep(self, kept: Kept) -> None:
        self._tracks[kept.place] = kept
        self._due.set()

    async def recall_tracks(self, since: datetime) -> Recalled:
        """Return what was measured and saved since a moment, as far as it can be read; nothing from a clock that ran ahead."""
        return await self._recalled(lambda: self.store.load_tracks(self.vantage, since)) or Recalled()

    async def news(self, since: datetime, known: Mapping[Endpoint | str, datetime]) -> Recalled | None:
        """Return the same, but of endpoints and domains nothing older than what is known of them; ``None`` where the store fails."""
        return await self._recalled(lambda: self.store.load_tracks(self.vantage, since, known))

    async def recall_track(self, what: Endpoint | str, after: datetime | None) -> Recalled:
        """Return what was measured after a moment of an endpoint, or of a domain by its name, likewise; ``None`` is before anything."""
        return await self._recalled(lambda: self.store.load_track(self.vantage, what, after)) or Recalled()

    async def _recalled(self, load: Callable[[], Awaitable[Recalled]]) -> Recalled | None:
        try:
            found = await load()
        except StoreFailed as error:
            self._complain(error)
            return None
        for why in found.unreadable:
            self._failed()
            log.warning("what was remembered is of no use", why=why)
        now = self._now()
        routes = tuple(route for route in found.routes if route.began is not None and route.began <= now)
        return replace(found, scans=tuple(scan for scan in found.scans if scan.began <= now), routes=routes)

    def distrust(self, endpoint: Endpoint) -> None:
        """Ask the store again for the enumeration of an endpoint: another process may have made a newer one."""
        if endpoint not in self._waiting:
            self._known.pop(endpoint, None)

    async def prune(self) -> None:
        """Forget what is older than retention."""
        try:
            await self._prune(self._now())
        except StoreFailed as error:
            self._complain(error)

    async def flush(self) -> None:
        """Write now what waits, so that other processes can read it; what cannot be written waits on."""
        async with self._writing:
            if self._due.is_set():
                await self._flush()

    # What was seen, over time.

    def note(self, seen: Seen) -> None:
        """Take what a scan, or a look, saw: what has changed is written soon, and what has not within the hour."""
        entry = self._journal.note(seen)
        if entry is not None:
            self._entries.append(entry)
            self._due.set()

    def note_only(self, hosts: AbstractSet[str], domains: AbstractSet[str]) -> None:
        """Forget, in memory, what other MX hosts and domains looked like."""
        self._journal.keep_only(hosts, domains)

    # Who asked us to stay away.

    def watch(self, budget: Budget) -> None:
        """Keep who asked us to stay away, by a budget."""
        self._budget = budget
        budget.changed = self._note_pauses
        self._note_pauses()

    async def resume(self, budget: Budget) -> None:
        """Tell a budget who asked us to stay away, as far as that is remembered."""
        try:
            budget.resume(await self.store.load_pauses(self.vantage), self._now())
        except StoreFailed as error:
            self._complain(error)

    def _note_pauses(self) -> None:
        self._pauses_changed = True
        self._due.set()

    # Writing.

    async def close(self) -> None:
        """Write what is still to be written, where that can be done in time, and close the store."""
        try:
            async with asyncio.timeout(_LAST_WRITE), self._writing:
                self._task.cancel()
                self._entries += self._journal.rest()
                if self._due.is_set() or self._entries:
                    await self._flush()
        except TimeoutError as error:
            self._complain(error)
            self._task.cancel()
        await self.store.close()

    async def _write(self) -> None:
        while True:
            await self._due.wait()
            await asyncio.sleep(_TOGETHER)
            async with self._writing:
                written = await self._flush()
            if not written:
                await asyncio.sleep(_AGAIN)

    async def _flush(self) -> bool:
        """Write all that waits. Returns whether that went well; what did not waits on."""
        self._due.clear()
        found, self._waiting = self._waiting, {}
        tracks, self._tracks = self._tracks, {}
        entries, self._entries = self._entries, []
        pauses_changed, self._pauses_changed = self._pauses_changed, False
        try:
            await self._record(entries)
            await self._save(found, tracks, pauses=pauses_changed)
        except StoreFailed as error:
            self._complain(error)
            self._waiting = _newest(found | self._waiting)
            self._tracks = _newest(tracks | self._tracks)
            self._hold([*entries, *self._entries])
            self._pauses_changed = self._pauses_changed or pauses_changed
            self._due.set()
            return False
        except Exception:
            self._failed()
            counts = {"endpoints": len(found), "others": len(tracks), "seen": len(entries)}
            log.exception("what was found could not be written, and is not tried again", **counts)
        if self._trouble:
            self._trouble = ""
            log.info("the store works again")
        return True

    async def _record(self, entries: list[Entry]) -> None:
        while entries:  # what is written is not written again, where a later part fails
            left_out = await self.store.record(self.vantage, entries[:_RECORDED_TOGETHER], self._now())
            del entries[:_RECORDED_TOGETHER]
            for _ in range(left_out):
                self._failed()
                log.warning("evidence of a change is too large to be kept")

    def _hold(self, entries: list[Entry]) -> None:
        """Let entries wait, the newest of them where they are too many: what is lost is counted and told."""
        lost = len(entries) - _MOST_WAITING
        if lost > 0:
            self._failed()
            log.error("history is lost: the store has failed for too long", entries=lost)
        self._entries = entries[-_MOST_WAITING:]

    async def _save(self, found: Mapping[Endpoint, HelloEvidence], tracks: Mapping[object, Kept], *, pauses: bool) -> None:
        now = self._now()
        if tracks:
            for kept in await self.store.save_tracks(self.vantage, tracks.values(), now):
                self._failed()
                log.warning("too large to be remembered", table=kept.table.name, key=dict(kept.key))
        if found:
            await self.store.save(self.vantage, found, now)
        if pauses and self._budget is not None:
            await self.store.save_pauses(self.vantage, self._budget.pauses(now))
        if self.prunes and (self._pruned_at is None or not timedelta() <= now - self._pruned_at < _PRUNED_AGAIN):
            await self._prune(now)
            self._pruned_at = now

    async def _prune(self, now: datetime) -> None:
        await self.store.prune(now - self.retention)
        await self.store.tidy(now - self.retention, now - FOLDED_AFTER)

    def _complain(self, error: Exception) -> None:
        """Count a failure, and tell it unless it is the one that was told last."""
        self._failed()
        why = str(error) or "it does not answer in time; is its disk in order?"
        if why != self._trouble:
            self._trouble = why
            log.error("the store fails, and measuring goes on without remembering", why=why)


def _newest(waiting: dict[K, T]) -> dict[K, T]:
    return dict(list(waiting.items())[-_MOST_WAITING:])
