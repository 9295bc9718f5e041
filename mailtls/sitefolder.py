"""A site as files in a directory, for a web server or a CDN: written so that whoever reads meanwhile, or whatever ends us, finds it whole.

A file is written beside, flushed to the disk, and then put in its place; one that is the same already is left alone. What is written is kept
in a list, which names a file before it is there: so nothing is ever deleted that is not ours, and what was left by a process that was killed
is known. Files that point to others come after them; what is gone is deleted last.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

LIST, _LOCK, _BESIDE = ".mailtls-files.json", ".mailtls-lock", ".mailtls-writing"
_OURS = frozenset({LIST, _LOCK, _BESIDE})
_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", re.ASCII)
_LONGEST, _LONGEST_SEGMENT = 1000, 255


class BadFolder(Exception):  # noqa: N818 - it is what it is
    """The directory cannot be used; the text names it, and says why."""


def is_plain(path: str) -> bool:
    """Whether a path is one that a site may have: of letters, digits, dots, hyphens and underscores, leading nowhere else."""
    return len(path) <= _LONGEST and all(len(part) <= _LONGEST_SEGMENT and _SEGMENT.fullmatch(part) for part in path.split("/"))


class SiteFolder:
    """The directory of a site, while it is being written."""

    def __init__(self, root: Path) -> None:
        """Take a directory; :func:`opened` makes one of these."""
        self.root = root
        self.written = 0
        self.listed = self._read_list()
        self._before = frozenset(self.listed)
        self._touched: set[Path] = set()

    def announce(self, paths: Iterable[str]) -> None:
        """Put files on the list that are going to be written. Raises :class:`BadFolder` for one that somebody else put there."""
        new = set(paths) - self.listed
        for path in new:
            if not is_plain(path):
                raise BadFolder(f"{self.root}: {ascii(path)[:200]} is no path that a site may have")
            if os.path.lexists(self.root / path):
                raise BadFolder(f"{self.root / path}: it is there already, and mailtls did not write it")
        if new:
            self.listed |= new
            self._write_list()

    def has(self, path: str) -> bool:
        """Whether a file that never changes is there already."""
        return path in self._before and (self.root / path).is_file()

    def write(self, path: str, octets: bytes) -> None:
        """Write a file that was announced; one that is the same is left alone."""
        target = self.root / path
        if path not in self.listed:
            raise ValueError(f"{path} was not announced")
        with suppress(OSError):
            if target.stat().st_size == len(octets) and target.read_bytes() == octets:
                return
        if target.parent not in self._touched:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.parent.resolve().is_relative_to(self.root.resolve()):
                raise BadFolder(f"{target.parent}: it leads out of {self.root}")
            self._touched.add(target.parent)
        self._put(target, octets)
        self.written += 1

    def settle(self) -> None:
        """Wait until what was written so far is on the disk under its name: what is written from here on may point to it."""
        for directory in sorted(self._touched | {each for one in self._touched for each in one.parents if each.is_relative_to(self.root)}):
            _flush(directory)
        self._touched.clear()

    def keep_only(self, paths: Collection[str]) -> int:
        """Delete what we wrote, and is not among these. Returns how many files."""
        gone = self.listed - set(paths)
        for path in gone:
            with suppress(FileNotFoundError, NotADirectoryError):
                (self.root / path).unlink()
        for directory in sorted({parent for path in gone for parent in PurePosixPath(path).parents}, key=lambda each: -len(each.parts)):
            if directory.parts:
                with suppress(OSError):  # somebody else has something in it
                    (self.root / directory).rmdir()
        if gone:
            self.listed -= gone
            self._write_list()
        return len(gone)

    def _put(self, target: Path, octets: bytes) -> None:
        beside = self.root / _BESIDE
        with beside.open("wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)

    def _read_list(self) -> set[str]:
        try:
            found = json.loads((self.root / LIST).read_bytes())
        except FileNotFoundError:
            if any(each.name not in _OURS for each in self.root.iterdir()):
                raise BadFolder(f"{self.root}: it is not empty, and mailtls did not write it: name another, or a new one") from None
            return set()
        except ValueError:
            found = None
        if not isinstance(found, list) or not all(isinstance(path, str) and is_plain(path) for path in found):
            raise BadFolder(f"{self.root / LIST}: it is no list of what mailtls wrote: move the directory away, and publish again")
        return set(found)

    def _write_list(self) -> None:
        self._put(self.root / LIST, json.dumps(sorted(self.listed), indent=0).encode("ascii"))
        _flush(self.root)


@contextmanager
def opened(root: Path) -> Iterator[SiteFolder]:
    """Open the directory of a site, and make it where it is not there; nobody else has it open meanwhile.

    Raises:
        BadFolder: it is somebody else's, or another process writes it.
        OSError: it cannot be made, or read.

    """
    root.mkdir(parents=True, exist_ok=True)
    if not (root / LIST).exists() and any(each.name not in _OURS for each in root.iterdir()):
        raise BadFolder(f"{root}: it is not empty, and mailtls did not write it: name another, or a new one")
    with (root / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadFolder(f"{root}: another mailtls publish writes it now") from error
        yield SiteFolder(root)


def _flush(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
