"""Politeness as a budget: few connections at a time to one operator, with a pause between them, and longer ones when asked.

An operator is the organizational domain of the MX host's name by the public suffix list, so that all the hosts of one provider
share one budget, and all the partner domains that lead to them do.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Protocol

from publicsuffixlist import PublicSuffixList

from mailtls.accounts import Account, Accounts
from mailtls.dial import Ended, ended
from mailtls.model import Cause, Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping

    from mailtls.evidence import Failure
    from mailtls.model import Endpoint

# "Go away" is said by an operator; a stall is one address's own.
_ASKED_TO_LEAVE = frozenset({Cause.RATE_LIMITED, Cause.DEFERRED, Cause.BLOCKED})
_STALLED = frozenset({Cause.TARPIT, Cause.READ_TIMEOUT, Cause.CONNECT_TIMEOUT})

_FIRST_PAUSE = 60
_LONGEST_PAUSE = 3600
_MOST_STRIKES = 16
_LEAST_PACE = 0.05  # seconds: who asks us to leave is heeded, even where no pace is kept


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be asked of others, and of ourselves.

    Args:
        concurrency: visits at a time, all together.
        per_operator: visits at a time to one operator.
        pace: least gap in seconds between the starts of two visits to one operator. The first back-off lasts 60 times as long,
            the longest 3600 times.
        scan_deadline: seconds for all visits of one scan, waiting included.
        operators: the operator of host names at or below a name, where the public suffix list would say otherwise.

    """

    concurrency: int = 100
    per_operator: int = 2
    pace: float = 1.0
    scan_deadline: float = 300.0
    operators: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pause:
    """How long an operator or an address is left alone, on the clock on the wall: that of the budget ends with the process.

    Args:
        until: when it may be visited again.
        strikes: how often in a row it asked for a pause; each time the pause is twice as long.

    """

    until: datetime
    strikes: int


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=100_000)
def _organization(host: str) -> str:
    return _suffixes().privatesuffix(host) or host


class Shared(Protocol):
    """What several processes know of their visits together: :class:`~mailtls.jobs.turns.Turns`, where a database holds it."""

    async def take(self, accounts: Collection[str], pace: float, deadline: float) -> tuple[float, Mapping[str, Pause]]:
        """Reserve the next turn with all of some accounts; return for how long to wait, and who of them asked us to stay away."""


def _asked_to_stay_away(operator: str) -> Ended:
    return ended(Cause.BUDGET_EXHAUSTED, Stage.CONNECT, f"{operator} asked us to stay away for now")


def _about_one() -> float:
    return random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not secrets


class Budget:
    """Hands out the permission to connect. One for a process, shared by all who probe."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        vary: Callable[[], float] = _about_one,
    ) -> None:
        """Make a budget.

        Args:
            limits: how much may be asked.
            clock: tells seconds.
            sleep: waits for so many of them.
            vary: by what to multiply a pause, so that visits do not come back together.

        """
        self.limits = limits
        self._clock = clock
        self._sleep = sleep
        self._vary = vary
        self.changed: Callable[[], object] = bool
        """Is called when :meth:`pauses` has changed."""
        self.shared: Shared | None = None
        """Where other processes visit from the same place: then a scan has one visit at a time, and nobody waits for a pause to end."""
        self._all = asyncio.Semaphore(limits.concurrency)
        self._accounts = Accounts(limits.per_operator, self._longest)

    def operator_of(self, host: str) -> str:
        """Return the operator of an MX host."""
        labels = host.split(".")
        for start in range(len(labels)):
            named = self.limits.operators.get(".".join(labels[start:]))
            if named is not None:
                return named
        return _organization(host)

    def _account(self, key: str) -> Account:
        return self._accounts.of(self._clock(), key)[0]

    def inherit(self, older: Budget) -> None:
        """Take over who asked us to stay away, and for how long: a reload is no excuse to knock again."""
        for account in older._accounts.all():
            mine = self._account(account.key)
            mine.next_start, mine.closed_until, mine.strikes = account.next_start, account.closed_until, account.strikes

    def pauses(self, now: datetime) -> dict[str, Pause]:
        """Return who asked us to stay away: those who are left alone now, and those who were lately, and have not let us in since."""
        moment = self._clock()
        lately = moment - self._longest
        return {
            account.key: Pause(now + timedelta(seconds=account.closed_until - moment), account.strikes)
            for account in self._accounts.all()
            if account.closed_until > (lately if account.strikes else moment)
        }

    def changes(self, now: datetime) -> dict[str, Pause]:
        """Return what became of whom since this was last asked: who asked us to stay away, or let us in again (no strikes)."""
        moment = self._clock()
        told, self._accounts.untold = self._accounts.untold, set()
        accounts = self._accounts.known(told)
        return {a.key: Pause(now + timedelta(seconds=min(a.closed_until - moment, self._longest)), a.strikes) for a in accounts}

    def remind(self, keys: Collection[str]) -> None:
        """Have :meth:`changes` tell of some accounts again, because nobody could be told."""
        self._accounts.untold |= set(keys)

    def accounts_of(self, endpoint: Endpoint) -> tuple[str, str]:
        """Return the names of the accounts that a visit to an endpoint goes to: its operator's, and its address's."""
        return f"operator {self.operator_of(endpoint.host)}", f"address {endpoint.address}"

    def heed(self, pauses: Mapping[str, Pause], now: datetime) -> None:
        """Stay away from whom another process was asked to; what this one was told itself counts as well."""
        for key, pause in pauses.items():
            account = self._account(key)
            left = min((pause.until - now).total_seconds(), self._longest)
            account.closed_until = max(account.closed_until, self._clock() + left)
            if key not in self._accounts.untold:
                account.strikes = max(0, min(pause.strikes, _MOST_STRIKES))

    def resume(self, pauses: Mapping[str, Pause], now: datetime) -> None:
        """Stay away from whom an earlier process was asked to. No longer than the longest pause, should the clock have been set back."""
        for key, pause in pauses.items():
            left = min((pause.until - now).total_seconds(), self._longest)
            if left > -self._longest:
                account = self._account(key)
                account.closed_until, account.strikes = self._clock() + left, max(0, min(pause.strikes, _MOST_STRIKES))

    @property
    def _unit(self) -> float:
        return max(self.limits.pace, _LEAST_PACE)

    @property
    def _longest(self) -> float:
        return _LONGEST_PAUSE * self._unit * 1.1

    def closed_for(self, endpoint: Endpoint) -> float:
        """Return for how many seconds we stay away from an endpoint, because it or its operator asked us to; 0 where nobody did."""
        known = self._accounts.known(self.accounts_of(endpoint))
        return max(0.0, max((account.closed_until for account in known), default=0.0) - self._clock())

    @property
    def at_once(self) -> int:
        """Visits at a time for one scan; where processes share an operator, each scan has one of its places."""
        return self.limits.per_operator if self.shared is None else 1

    def is_worth_a_trial(self, endpoint: Endpoint) -> bool:
        """Whether we may visit an endpoint so soon that a scan of it can begin now."""
        return self.closed_for(endpoint) <= (self.limits.scan_deadline if self.shared is None else 0)

    @asynccontextmanager
    async def place(self, endpoint: Endpoint, deadline: float) -> AsyncIterator[None]:
        """Wait for a place, and hold it for one connection.

        Args:
            endpoint: where the connection goes.
            deadline: on the budget's clock; a place that cannot be had before it is given up.

        Raises:
            Ended: ``budget-exhausted``, where the deadline came first, or too many others are visited or left alone already.

        """
        if not self._accounts.has_room_for(self.accounts_of(endpoint), self._clock()):
            raise ended(Cause.BUDGET_EXHAUSTED, Stage.CONNECT, "so many others are visited, or left alone, that no more are kept in mind")
        operator, address = self._accounts.of(self._clock(), *self.accounts_of(endpoint))
        spent = ended(Cause.BUDGET_EXHAUSTED, Stage.CONNECT, f"no place for another visit to {self.operator_of(endpoint.host)} in time")
        operator.visits += 1
        address.visits += 1
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock())) as waiting, operator.places, address.places:
                async with operator.gate:  # one at a time, so that the gap holds however long each waits for a place of ours
                    while True:
                        wait = self._wait(operator, address)
                        if self._clock() + wait >= deadline:
                            raise spent  # also where there is nothing to wait for: a time-out comes only to those who wait
                        if wait == 0:
                            break
                        if self.shared is not None and self.closed_for(endpoint):
                            raise _asked_to_stay_away(self.operator_of(endpoint.host))
                        await self._sleep(wait)
                    await self._all.acquire()
                    if self.shared is not None:
                        try:
                            await self._take(self.shared, endpoint, deadline)
                        except BaseException:
                            self._all.release()
                            raise
                    operator.next_start = address.next_start = self._clock() + self.limits.pace
                waiting.reschedule(None)
                try:
                    yield
                finally:
                    self._all.release()
        except TimeoutError:
            raise spent from None
        finally:
            operator.visits -= 1
            address.visits -= 1

    async def _take(self, shared: Shared, endpoint: Endpoint, deadline: float) -> None:
        """Wait for a turn among all processes. The place among ours is held meanwhile: so the gap lies between the visits themselves."""
        wait, pauses = await shared.take(self.accounts_of(endpoint), self.limits.pace, deadline)
        self.heed(pauses, datetime.now(UTC))
        if self.closed_for(endpoint):
            raise _asked_to_stay_away(self.operator_of(endpoint.host))
        if wait:
            await self._sleep(wait)

    def _wait(self, *accounts: Account) -> float:
        """Return for how many seconds a visit has to wait for its turn."""
        return max(0.0, max(max(account.next_start, account.closed_until) for account in accounts) - self._clock())

    def report(self, endpoint: Endpoint, failure: Failure | None) -> None:
        """Learn from a visit: its failure may ask for a pause, its success ends all of them."""
        operator, address = self._accounts.of(self._clock(), *self.accounts_of(endpoint))
        if failure is None:
            if operator.strikes or address.strikes:
                operator.strikes = address.strikes = 0
                self._accounts.untold |= {operator.key, address.key}
                self.changed()
            return
        if failure.cause in _ASKED_TO_LEAVE:
            self._close(operator)
            self._close(address)
        elif failure.cause in _STALLED:
            self._close(address)

    def _close(self, account: Account) -> None:
        now = self._clock()
        if account.closed_until > now:
            return  # several visits that were under way together are one occasion
        account.strikes = min(account.strikes + 1, _MOST_STRIKES)
        pause = min(_FIRST_PAUSE * 2 ** (account.strikes - 1), _LONGEST_PAUSE) * self._unit
        account.closed_until = now + pause * self._vary()
        self._accounts.untold.add(account.key)
        self.changed()
