"""The accounts of a budget, within a bound: when an operator or an address may be visited next, and how often it asked us to stay away.

An account that is as good as a new one is dropped at no loss. Where there are too many still, those go that are idle, the least recently
used first, and with them only how long the next pause would have been. One that is live never goes, since politeness is in it: where so
many are, nobody else is visited until one of them is not.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

MAX_ACCOUNTS = 100_000
"""Of about 500 octets each. With the default limits, silent servers can make about 40,000 of them live: ten time-outs a second, for an hour."""
_FEW = 20_000
"""With no more, nothing is looked for that could be dropped."""
_AGAIN = 1.0
"""Seconds until a table that is full of live accounts is looked through again."""


@dataclass(slots=True)
class Account:
    """What is known of an operator, or of an address. Times are on the budget's clock.

    Args:
        key: its name.
        places: for the visits that it has at a time.
        gate: held by who waits for the next turn.
        visits: how many are under way, or wait for their turn.
        next_start: when the next may begin, so that the gap is kept.
        closed_until: when it may be visited again, as it asked.
        strikes: how often in a row it asked.

    """

    key: str
    places: asyncio.Semaphore
    gate: asyncio.Lock = field(default_factory=asyncio.Lock)
    visits: int = 0
    next_start: float = 0.0
    closed_until: float = 0.0
    strikes: int = 0

    def is_live(self, now: float) -> bool:
        """Whether politeness is lost with it."""
        return self.visits > 0 or max(self.next_start, self.closed_until) > now


class Accounts:
    """A table of accounts, the least recently used first."""

    def __init__(self, places: int, memory: float, most: int = MAX_ACCOUNTS) -> None:
        """Make a table.

        Args:
            places: visits at a time that a new account has.
            memory: seconds after a pause until its strikes are forgotten.
            most: accounts that are kept.

        """
        self.untold: set[str] = set()
        """Those of whose pauses nobody has been told yet."""
        self._places, self._memory, self._most = places, memory, most
        self._known: OrderedDict[str, Account] = OrderedDict()
        self._tidy_beyond, self._tidy_from = min(_FEW, most), 0.0

    def __len__(self) -> int:
        return len(self._known)

    def of(self, now: float, *keys: str) -> list[Account]:
        """Return some accounts, new ones where there are none."""
        if any(key not in self._known for key in keys):
            self._make_room(now)
        return [self._used(key) for key in keys]

    def _used(self, key: str) -> Account:
        account = self._known.get(key)
        if account is None:
            account = self._known[key] = Account(key, asyncio.Semaphore(self._places))
        self._known.move_to_end(key)
        return account

    def known(self, keys: Iterable[str]) -> list[Account]:
        """Return those of some accounts that there are."""
        return [self._known[key] for key in keys if key in self._known]

    def all(self) -> Collection[Account]:
        """Return all of them."""
        return self._known.values()

    def has_room_for(self, keys: Collection[str], now: float) -> bool:
        """Whether all of some accounts are there, or can be without one too many."""
        if len(self._known) + self._missing(keys) > self._most:
            self._make_room(now)
        missing = self._missing(keys)
        return not missing or len(self._known) + missing <= self._most

    def _missing(self, keys: Collection[str]) -> int:
        return sum(key not in self._known for key in keys)

    def _make_room(self, now: float) -> None:
        """Drop what may go, but seldom: each account costs a look or two all in all."""
        if len(self._known) < self._tidy_beyond - 1 or now < self._tidy_from:
            return
        for key in [key for key, account in self._known.items() if self._is_as_new(account, now)]:
            del self._known[key]
        too_many = len(self._known) - self._most * 3 // 4
        if len(self._known) > self._most - 2 and too_many > 0:
            for key in [key for key, account in self._known.items() if not account.is_live(now)][:too_many]:
                del self._known[key]
        self.untold &= self._known.keys()
        self._tidy_beyond = min(max(_FEW, 2 * len(self._known)), self._most)
        self._tidy_from = now + _AGAIN if len(self._known) > self._most - 2 else now

    def _is_as_new(self, account: Account, now: float) -> bool:
        remembered = bool(account.strikes) and account.closed_until > now - self._memory
        return not account.is_live(now) and not remembered and account.key not in self.untold
