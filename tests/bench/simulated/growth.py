"""How much has to be stored: what the ledger asks to be stored, and the run-length rows of what came of probes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mailtls.tracking.written import written

if TYPE_CHECKING:
    from simulated.running import Simulation

    from mailtls.tracking.changes import Change

ROW = 60
"""Octets that a row takes beside its document, roughly: its own number, its key, and its places in two indices."""


class Growth:
    """Adds up what would be stored."""

    what = "documents of the ledger, by their length"

    def __init__(self, run: Simulation) -> None:
        """Watch a run."""
        self.run = run
        self.changes = 0
        run.on_changes = self._add

    def _add(self, changes: tuple[Change, ...]) -> None:
        self.changes += sum(len(json.dumps(written(change), separators=(",", ":"))) + ROW for change in changes)

    def bytes_per_endpoint_and_year(self, length: float) -> float:
        """Return what a year of one endpoint takes: its changes, and the rows of what it is held to."""
        kept = self.run.ledger.take_changed()
        standing = sum(len(json.dumps(written(each), separators=(",", ":"))) + ROW for each in kept.values() if each is not None)
        return (self.changes * (365 * 86400 / length) + standing) / len(self.run.fleet.addresses)
