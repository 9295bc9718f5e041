"""Politeness across processes: whose turn it is with an operator, and who asked us to stay away, kept in PostgreSQL.

A lock of a job bounds how many visit an operator at a time. What remains is the gap between two visits, and to heed at once what another
process was told. Both are asked for before each connection, in one round trip, and only where the job that it belongs to is still ours.
"""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
from procrastinate.exceptions import ConnectorException
from psycopg_pool import PoolTimeout

from mailtls.budget import Pause
from mailtls.dial import ended
from mailtls.model import Cause, Stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from psycopg_pool import AsyncConnectionPool

AWAY = (psycopg.Error, PoolTimeout, ConnectorException, OSError)
"""What is raised where the database cannot be reached, or fails."""
_AGAIN = 0.5
"""Seconds until a database that is away is tried again."""

# What is reserved is a moment of the database's clock, so that those of the machines need not agree.
_RESERVE = """
    INSERT INTO turns (vantage, account, next_start)
    SELECT %(vantage)s, account, clock_timestamp() + %(pace)s * interval '1 second' FROM unnest(%(accounts)s::text[]) AS account ORDER BY account
    ON CONFLICT (vantage, account)
    DO UPDATE SET next_start = greatest(turns.next_start, clock_timestamp()) + %(pace)s * interval '1 second'
    RETURNING extract(epoch FROM next_start - clock_timestamp())::float8 - %(pace)s
"""
_LEVEL = """
    UPDATE turns SET next_start = greatest(next_start, clock_timestamp() + %(after)s * interval '1 second')
    WHERE vantage = %(vantage)s AND account = ANY(%(accounts)s)
"""
_PAUSES = """
    SELECT account, until, strikes FROM pauses WHERE vantage = %(vantage)s AND (%(accounts)s::text[] IS NULL OR account = ANY(%(accounts)s))
"""
_PAUSE = """
    INSERT INTO pauses (vantage, account, until, strikes) VALUES (%(vantage)s, %(account)s, %(until)s, %(strikes)s)
    ON CONFLICT (vantage, account) DO UPDATE SET until = greatest(pauses.until, excluded.until), strikes = excluded.strikes
"""
_FORGET = (
    "DELETE FROM turns WHERE next_start < clock_timestamp() - interval '1 day'",
    "DELETE FROM pauses WHERE until < clock_timestamp() - interval '30 days'",
)


class LostJob(Exception):  # noqa: N818 - it is what happened
    """Another process has taken over the job that this visit belongs to."""


@dataclass(slots=True, eq=False)
class Holding:
    """A job that is being done.

    Args:
        is_ours: asks whether it still is.

    """

    is_ours: Callable[[], Awaitable[bool]]


HELD: ContextVar[Holding | None] = ContextVar("HELD", default=None)
"""The job on whose behalf a visit is made."""


class Turns:
    """Gives the processes of a vantage one gap between visits, and one memory of who asked us to stay away."""

    def __init__(self, vantage: str, prefix: str = "") -> None:
        """Make the turns of a vantage.

        Args:
            vantage: its name.
            prefix: of the accounts, where a budget is not that of mail servers.

        """
        self.pool: AsyncConnectionPool | None = None
        """Connections to the database; ``None`` while it is away."""
        self._vantage = vantage
        self._prefix = prefix

    async def take(self, accounts: Collection[str], pace: float, deadline: float) -> tuple[float, Mapping[str, Pause]]:
        """Reserve the next turn with all of some accounts.

        Args:
            accounts: of the budget.
            pace: least gap, in seconds.
            deadline: on the clock of ``time.monotonic``; after that no database is waited for.

        Returns:
            For how many seconds to wait, and who of them asked us to stay away.

        Raises:
            Ended: ``budget-exhausted``; the database is away.
            LostJob: it is not ours to visit any more.

        """
        while True:
            held = HELD.get()
            try:
                if held is not None and not await held.is_ours():
                    raise LostJob
                return await self._take([self._prefix + account for account in accounts], pace)
            except AWAY as error:
                if time.monotonic() + _AGAIN >= deadline:
                    raise ended(Cause.BUDGET_EXHAUSTED, Stage.CONNECT, "the database that tells whose turn it is is away") from error
            await asyncio.sleep(_AGAIN)

    def _connections(self) -> AsyncConnectionPool:
        if self.pool is None:
            raise psycopg.OperationalError("not connected")
        return self.pool

    async def _take(self, accounts: list[str], pace: float) -> tuple[float, Mapping[str, Pause]]:
        asked = {"vantage": self._vantage, "accounts": accounts, "pace": pace}
        async with self._connections().connection() as connection, connection.transaction():
            pauses = await self._pauses(connection, accounts)
            if any(pause.until > datetime.now(UTC) for pause in pauses.values()):
                return 0.0, pauses
            waits = [row[0] for row in await (await connection.execute(_RESERVE, asked)).fetchall()]
            if max(waits) - min(waits) > 0.001:  # the one with the earlier turn waits for the other, and so must who comes after it
                await connection.execute(_LEVEL, asked | {"after": max(waits) + pace})
        return max(0.0, *waits), pauses

    async def _pauses(self, connection: psycopg.AsyncConnection, accounts: list[str] | None) -> dict[str, Pause]:
        rows = await (await connection.execute(_PAUSES, {"vantage": self._vantage, "accounts": accounts})).fetchall()
        return {
            account.removeprefix(self._prefix): Pause(until.astimezone(UTC), strikes)
            for account, until, strikes in rows
            if account.startswith(self._prefix)
        }

    async def pauses(self, accounts: Collection[str] | None = None) -> dict[str, Pause]:
        """Return who asked us to stay away, of some accounts or of all. Raises one of :data:`AWAY`."""
        async with self._connections().connection() as connection:
            return await self._pauses(connection, None if accounts is None else [self._prefix + account for account in accounts])

    async def tell(self, changed: Mapping[str, Pause]) -> None:
        """Tell the others who asked us to stay away, or lets us in again. Raises one of :data:`AWAY`."""
        rows = [
            {"vantage": self._vantage, "account": self._prefix + account, "until": pause.until, "strikes": pause.strikes}
            for account, pause in sorted(changed.items())
        ]
        async with self._connections().connection() as connection, connection.cursor() as cursor:
            await cursor.executemany(_PAUSE, rows)

    async def forget(self) -> None:
        """Drop turns and pauses, of whatever vantage, that have long been over. Raises one of :data:`AWAY`."""
        async with self._connections().connection() as connection:
            for statement in _FORGET:
                await connection.execute(statement)
