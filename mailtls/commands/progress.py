"""A bar on a terminal for what takes longer than two seconds; nothing anywhere else."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 2.0
"""Seconds that nobody minds."""


class Bar:
    """How far something is."""

    def __init__(self, progress: Progress) -> None:
        """Show nothing yet."""
        self._progress = progress
        self._task = progress.add_task("files", total=None)
        self._shown_from = time.monotonic() + _PATIENCE

    def total(self, count: int) -> None:
        """Say how much there is to do."""
        self._progress.update(self._task, total=count)

    def advance(self, by: int = 1) -> None:
        """Say that so much more is done."""
        self._progress.advance(self._task, by)
        if not self._progress.live.is_started and not self._progress.disable and time.monotonic() > self._shown_from:
            self._progress.start()


@contextmanager
def bar() -> Iterator[Bar]:
    """Return a bar; it is gone at the end."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    try:
        yield Bar(progress)
    finally:
        progress.stop()
