"""Whether files have changed: by looking at them again and again, since that works on every file system, and through links."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_Look = tuple[tuple[int, int, int, int] | None, ...]


class Watch:
    """Looks at files, of which one may be another by the next time, for a link leads elsewhere, or be in the middle of being written."""

    def __init__(self, files: Callable[[], Iterable[Path]]) -> None:
        """Look at files.

        Args:
            files: returns those to look at from now on; asked each time that they are noted.

        """
        self._which = files
        self._files: tuple[Path, ...] = ()
        self._noted: _Look = ()
        self._last: _Look = ()
        self.note()

    def note(self) -> None:
        """Note how the files are, before they are read."""
        self._files = tuple(self._which())
        self._noted = self._last = self._look()

    def is_due(self) -> bool:
        """Whether a file is another than was noted, and all are as they were when this was last asked: nobody is writing."""
        now = self._look()
        before, self._last = self._last, now
        return now != self._noted and now == before

    def _look(self) -> _Look:
        return tuple(_seen(path) for path in self._files)


def _seen(path: Path) -> tuple[int, int, int, int] | None:
    """Return what is another where a file is: written to, or replaced; ``None`` where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - of what a link leads to
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
