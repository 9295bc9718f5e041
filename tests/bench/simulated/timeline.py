"""What happens to something over time: spans, asked for in the order of time, with the gaps between them known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FOREVER = float("inf")
SILENT = "silent"
"""Nothing can be measured."""
FULL = "full"
"""Another certificate is met, so that a full scan follows at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """Something that holds from one time to another, in seconds since the simulation began.

    Args:
        start: when it begins.
        end: when it is over.
        kind: what it is: a kind of loss, or of silence.
        cause: why nothing can be measured, where that is so.
        real: it is a regression of the server's, and not noise.

    """

    start: float
    end: float
    kind: str
    cause: str = ""
    real: bool = False


class Timeline:
    """Spans, asked for in the order of time."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        """Make a timeline; spans may overlap."""
        self.spans = sorted(spans, key=attrgetter("start"))
        self._next = 0
        self._active: list[Span] = []

    def add(self, *spans: Span) -> None:
        """Add more, before the first question."""
        self.spans = sorted((*self.spans, *spans), key=attrgetter("start"))

    def at(self, time: float) -> list[Span]:
        """Return what holds at a time; no earlier one is asked for afterwards."""
        while self._next < len(self.spans) and self.spans[self._next].start <= time:
            self._active.append(self.spans[self._next])
            self._next += 1
        if self._active:
            self._active = [span for span in self._active if span.end > time]
        return self._active

    def wake(self) -> float:
        """Return when next something begins or ends."""
        first = self.spans[self._next].start if self._next < len(self.spans) else FOREVER
        return min([first, *(span.end for span in self._active)])
