"""Keeping the MTA-STS policies of domains: fetches one when it is due, and remembers what may be said of it and what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from mailtls.evidence import StsEvidence
from mailtls.facts.mta_sts import asks_for_policy
from mailtls.tracking.sts import StsTrack, absorb_fetch, absorb_look, evidence_now, is_fetch_due
from mailtls.trust.mta_sts import StsRecord
from mailtls.trust.sts_fetch import judge_fetch

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtls.evidence import RouteEvidence
    from mailtls.sts_host import StsFetcher
    from mailtls.tracking.sts import Cadence
    from mailtls.trust.pkix import Anchors

log = structlog.get_logger(component="sts_keeper")


def _now() -> datetime:
    return datetime.now(UTC)


class StsKeeper:
    """Knows the policies of domains."""

    def __init__(
        self, fetcher: StsFetcher, anchors: Anchors, cadence: Cadence, now: Callable[[], datetime] = _now, *, lasting: bool = True
    ) -> None:
        """Make a keeper.

        Args:
            fetcher: fetches policies.
            anchors: the trust anchors.
            cadence: how often to fetch one.
            now: tells the time.
            lasting: whether it sees domains again and again, so that it can tell what became of them.

        """
        self.fetcher = fetcher
        self.anchors = anchors
        self.cadence = cadence
        self.tracks: dict[str, StsTrack] = {}
        self._now = now
        self._lasting = self._watches = lasting
        self._turns: dict[str, asyncio.Lock] = {}

    def one_off(self) -> StsKeeper:
        """Return a keeper that knows what this one knows, and tells it nothing: nobody is asked again who was asked just now."""
        keeper = StsKeeper(self.fetcher, self.anchors, self.cadence, self._now)
        keeper.tracks, keeper._watches = dict(self.tracks), False
        return keeper

    def inherit(self, older: StsKeeper) -> None:
        """Take over what another keeper knows, and who asked it to stay away."""
        self.tracks = older.tracks
        self.fetcher.budget.inherit(older.fetcher.budget)
        self.fetcher.clocks = older.fetcher.clocks

    async def renew(self, route: RouteEvidence, *, again: bool = False) -> None:
        """Fetch the policy of a domain, where its record asks for it and it is due; ``again`` where what it said is to be confirmed.

        Looks at one domain that go on at once do so one after the other, each with what the one before it learned: what became of the
        policy is told once, and one that was fetched while a look waited for that is not fetched again.
        """
        wanted = self._now()
        async with self._turns.setdefault(route.domain, asyncio.Lock()):
            await self._renew(route, wanted, again=again)

    async def _renew(self, route: RouteEvidence, wanted: datetime, *, again: bool) -> None:
        record = asks_for_policy(route)
        track = self.tracks.get(route.domain)
        began = self._now()
        if isinstance(record, StsRecord) and track is not None and track.latest is not None and track.latest.id == record.id:
            again = again and track.latest.began < wanted
        if isinstance(record, StsRecord) and is_fetch_due(track, record.id, began, self.cadence, self.anchors, again=again):
            fetch = await self.fetcher.fetch(route.domain, record.id)
            track = absorb_fetch(self.tracks.get(route.domain), fetch, self.anchors)
            self.tracks[route.domain] = track
            judged = judge_fetch(fetch, self.anchors)
            if judged.policy is None:
                why = judged.flaws[0].why if judged.flaws else judged.gap.detail if judged.gap is not None else ""
                log.info("no policy fetched", domain=route.domain, why=why)
        if self._watches and route.mta_sts is not None:
            self._note(track, self.observed(route, began), began)

    def _note(self, track: StsTrack | None, route: RouteEvidence, now: datetime) -> None:
        after = self.tracks[route.domain] = absorb_look(track, route, now, self.anchors)
        known = () if track is None else track.changes
        for change in after.changes:
            if change not in known:
                log.info("MTA-STS policy changed", domain=route.domain, kind=change.kind, before=change.before, after=change.after)

    def observed(self, route: RouteEvidence, now: datetime) -> RouteEvidence:
        """Return a route with what is known now of its domain's policy."""
        if route.mta_sts is None:
            return route
        sts = evidence_now(self.tracks.get(route.domain), route.mta_sts.record, now, self.cadence, self.anchors)
        return replace(route, mta_sts=sts if self._lasting else replace(sts, changes=None))

    def fetched(self, route: RouteEvidence, since: datetime) -> RouteEvidence:
        """Return a route with what was fetched of its domain's policy since a moment, and nothing that stands in for it."""
        track = self.tracks.get(route.domain)
        if route.mta_sts is None:
            return route
        fetch = None if track is None else track.latest
        return replace(route, mta_sts=StsEvidence(route.mta_sts.record, fetch if fetch is not None and fetch.began >= since else None))

    def forget_all_but(self, domains: set[str]) -> None:
        """Drop what is remembered of domains that are not watched any more."""
        for domain in self.tracks.keys() - domains:
            del self.tracks[domain]
        for domain in self._turns.keys() - domains:
            del self._turns[domain]
