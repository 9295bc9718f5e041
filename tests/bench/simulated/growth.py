"""How much has to be stored: the pages that the real store takes for what the ledger keeps, its changes, and the regressions."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from simulated.losses import BEGAN
from simulated.weather import DAY, YEAR
from sqlalchemy import text

from mailtls.store import book
from mailtls.store.bookkeeper import VOTES_FOR
from mailtls.store.database import Store
from mailtls.store.engine import engine_of, reading, writing

if TYPE_CHECKING:
    from simulated.running import Simulation

    from mailtls.tracking.changes import Change


class Growth:
    """Stores what a run leads to, as the daemon does, in an SQLite file that is gone afterwards."""

    def __init__(self, run: Simulation) -> None:
        """Watch a run."""
        self._run = run
        self._place = tempfile.TemporaryDirectory()
        url = f"sqlite:///{Path(self._place.name) / 'simulation.db'}"

        async def make() -> None:
            await (await Store.open(url)).close()

        asyncio.run(make())
        self._engine = engine_of(url)
        self._revision = 0
        self._happened: list[Change] = []
        run.on_changes = self._happened.extend
        self._empty = self._known = self._size()
        self._saved = self._since = 0.0

    def save(self, share: float) -> None:
        """Store what has happened so far: in one turn, where the daemon has one each few seconds."""
        if self._saved and share - self._saved < 1 / 200 and share < 1:
            return
        self._saved = share
        now, ledger = BEGAN + timedelta(seconds=share * self._run.length), self._run.ledger
        with writing(self._engine) as connection:
            turn = book.begin(connection, "simulated", self._revision, now, blind=False)
            book.enter(connection, turn, ledger.take_changed(), self._happened)
            settled = book.settle_all(connection, ledger.regressions().keys(), now, VOTES_FOR * ledger.confirmation.cycle)
            book.note(connection, [each.change for each in settled if each.change is not None])
        self._revision = turn.revision
        self._happened.clear()
        if not self._since and share * self._run.length >= 3 * DAY:
            self._known, self._since = self._size(), share * self._run.length

    def bytes_per_endpoint_and_year(self) -> float:
        """Return what one endpoint takes in its first year, and remove the file: what getting to know it took, and what a year makes of that."""
        grown = (self._size() - self._known) * (YEAR / (self._run.length - self._since))
        self._engine.dispose()
        self._place.cleanup()
        return (self._known - self._empty + grown) / len(self._run.fleet.addresses)

    def _size(self) -> int:
        with reading(self._engine) as connection:
            said = {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "freelist_count", "page_size")}
        return int((said["page_count"] - said["freelist_count"]) * said["page_size"])
