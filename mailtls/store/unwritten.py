"""What was learnt and is not written yet, while a store fails, and how that meets what others have written since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.tracking.ledger import MX_HOSTS, OUTAGE, PRESENCE, WAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailtls.tracking.changes import Change
    from mailtls.tracking.ledger import Kept, Key, Ledger

_MOST = 10_000
"""Changes that wait to be written, while that fails; the oldest are lost beyond that, and the log has them."""
_KEPT_AS = {OUTAGE: PRESENCE, MX_HOSTS: WAY}
"""Under which name is kept what a change that is none of a check is about."""


class Unwritten:
    """What a ledger has learnt since it was last written. Of one key, memory and store never say two things for long."""

    def __init__(self) -> None:
        """Make an empty one."""
        self.kept: dict[Key, Kept | None] = {}
        """What is to be written of each key; ``None`` for what is forgotten."""
        self.happened: list[Change] = []
        """The changes that are to be written, in order."""
        self._doubtful: dict[Key, Kept | None] = {}
        self._doubted: list[Change] = []

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.kept or self.happened)

    def add(self, kept: Mapping[Key, Kept | None], happened: Iterable[Change]) -> None:
        """Take what was learnt."""
        self.kept |= kept
        self.happened = [*self.happened, *happened][-_MOST:]

    def give_way(self, ledger: Ledger, news: Mapping[Key, Kept | None]) -> None:
        """Restore to a ledger what was written by others since it was last asked for: who had the last turn knows more.

        What this process had learnt of the same keys, and could not write, is dropped with the changes that it led to, so that nothing is
        told of what is not held. News that are this process's own, of a commit that seemed to fail and did not, are written already.
        """
        for key, kept in news.items():
            if key in self._doubtful and self._doubtful[key] == kept:
                self._strike([key], self._doubted)
                if key in self.kept and self.kept[key] == kept:
                    del self.kept[key]
                continue
            ledger.restore(*key, kept)
            if key in self.kept:
                del self.kept[key]
                self._strike([key], self.happened)
        self._doubtful, self._doubted = {}, []

    def _strike(self, keys: Iterable[Key], changes: Iterable[Change]) -> None:
        mine = {id(change) for change in changes if _key_of(change) in keys}
        self.happened = [change for change in self.happened if id(change) not in mine]

    def doubt(self) -> None:
        """Note that a commit of all of this failed, which may yet have been done: whoever lost the connection meanwhile cannot tell."""
        self._doubtful, self._doubted = dict(self.kept), list(self.happened)

    def clear(self) -> None:
        """Note that all of it is written."""
        self.kept, self.happened, self._doubtful, self._doubted = {}, [], {}, []


def _key_of(change: Change) -> Key:
    return change.subject, _KEPT_AS.get(change.check, change.check)
