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
from datetime import timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from publicsuffixlist import PublicSuffixList

from mailtls.dial import ended
from mailtls.model import Cause, Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from datetime import datetime

    from mailtls.evidence import Failure
    from mailtls.model import Endpoint

# "Go away" is said by an operator; a stall is one address's own.
_ASKED_TO_LEAVE = frozenset({Cause.RATE_LIMITED, Cause.DEFERRED, Cause.BLOCKED})
_STALLED = frozenset({Cause.TARPIT, Cause.READ_TIMEOUT, Cause.CONNECT_TIMEOUT})

_FIRST_PAUSE = 60
_LONGEST_PAUSE = 3600
_MOST_STRIKES = 16
_LEAST_PACE = 0.05  # seconds: who asks us to leave is heeded, even where no pace is kept
_IDLE_ACCOUNTS = 20_000


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


@dataclass(slots=True)
class _Account:
    places: asyncio.Semaphore
    gate: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_start: float = 0.0
    closed_until: float = 0.0
    strikes: int = 0


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
        self._all = asyncio.Semaphore(limits.concurrency)
        self._accounts: dict[str, _Account] = {}

    def operator_of(self, host: str) -> str:
        """Return the operator of an MX host."""
        labels = host.split(".")
        for start in range(len(labels)):
            named = self.limits.operators.get(".".join(labels[start:]))
            if named is not None:
                return named
        return _organization(host)

    def _account(self, key: str, places: int) -> _Account:
        account = self._accounts.get(key)
        if account is None:
            if len(self._accounts) > _IDLE_ACCOUNTS:
                now = self._clock()
                self._accounts = {
                    k: a for k, a in self._accounts.items() if a.places.locked() or max(a.next_start, a.closed_until) > now - 3600
                }
            account = self._accounts[key] = _Account(asyncio.Semaphore(places))
        return account

    def _both(self, endpoint: Endpoint) -> tuple[_Account, _Account]:
        operator = self._account(f"operator {self.operator_of(endpoint.host)}", self.limits.per_operator)
        return operator, self._account(f"address {endpoint.address}", self.limits.per_operator)

    def inherit(self, older: Budget) -> None:
        """Take over who asked us to stay away, and for how long: a reload is no excuse to knock again."""
        for key, account in older._accounts.items():
            mine = self._account(key, self.limits.per_operator)
            mine.next_start, mine.closed_until, mine.strikes = account.next_start, account.closed_until, account.strikes

    def pauses(self, now: datetime) -> dict[str, Pause]:
        """Return who asked us to stay away: those who are left alone now, and those who were lately, and have not let us in since."""
        moment = self._clock()
        lately = moment - self._longest
        return {
            key: Pause(now + timedelta(seconds=account.closed_until - moment), account.strikes)
            for key, account in self._accounts.items()
            if account.closed_until > (lately if account.strikes else moment)
        }

    def resume(self, pauses: Mapping[str, Pause], now: datetime) -> None:
        """Stay away from whom an earlier process was asked to. No longer than the longest pause, should the clock have been set back."""
        for key, pause in pauses.items():
            left = min((pause.until - now).total_seconds(), self._longest)
            if left > -self._longest:
                account = self._account(key, self.limits.per_operator)
                account.closed_until, account.strikes = self._clock() + left, max(0, min(pause.strikes, _MOST_STRIKES))

    @property
    def _unit(self) -> float:
        return max(self.limits.pace, _LEAST_PACE)

    @property
    def _longest(self) -> float:
        return _LONGEST_PAUSE * self._unit * 1.1

    def closed_for(self, endpoint: Endpoint) -> float:
        """Return for how many seconds we stay away from an endpoint, because it or its operator asked us to; 0 where nobody did."""
        return max(0.0, max(account.closed_until for account in self._both(endpoint)) - self._clock())

    @asynccontextmanager
    async def place(self, endpoint: Endpoint, deadline: float) -> AsyncIterator[None]:
        """Wait for a place, and hold it for one connection.

        Args:
            endpoint: where the connection goes.
            deadline: on the budget's clock; a place that cannot be had before it is given up.

        Raises:
            Ended: ``budget-exhausted``, where the deadline came first.

        """
        operator, address = self._both(endpoint)
        spent = ended(Cause.BUDGET_EXHAUSTED, Stage.CONNECT, f"no place for another visit to {self.operator_of(endpoint.host)} in time")
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock())) as waiting, operator.places, address.places:
                async with operator.gate:  # one at a time, so that the gap holds however long each waits for a place of ours
                    while True:
                        wait = self._wait(operator, address)
                        if self._clock() + wait >= deadline:
                            raise spent  # also where there is nothing to wait for: a time-out comes only to those who wait
                        if wait == 0:
                            break
                        await self._sleep(wait)
                    await self._all.acquire()
                    operator.next_start = address.next_start = self._clock() + self.limits.pace
                waiting.reschedule(None)
                try:
                    yield
                finally:
                    self._all.release()
        except TimeoutError:
            raise spent from None

    def _wait(self, *accounts: _Account) -> float:
        """Return for how many seconds a visit has to wait for its turn."""
        return max(0.0, max(max(account.next_start, account.closed_until) for account in accounts) - self._clock())

    def report(self, endpoint: Endpoint, failure: Failure | None) -> None:
        """Learn from a visit: its failure may ask for a pause, its success ends all of them."""
        operator, address = self._both(endpoint)
        if failure is None:
            if operator.strikes or address.strikes:
                operator.strikes = address.strikes = 0
                self.changed()
            return
        if failure.cause in _ASKED_TO_LEAVE:
            self._close(operator)
            self._close(address)
        elif failure.cause in _STALLED:
            self._close(address)

    def _close(self, account: _Account) -> None:
        now = self._clock()
        if account.closed_until > now:
            return  # several visits that were under way together are one occasion
        account.strikes = min(account.strikes + 1, _MOST_STRIKES)
        pause = min(_FIRST_PAUSE * 2 ** (account.strikes - 1), _LONGEST_PAUSE) * self._unit
        account.closed_until = now + pause * self._vary()
        self.changed()
