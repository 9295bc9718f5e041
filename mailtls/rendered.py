"""The files of one publication as octets: each made in another thread when it is first asked for, and kept within a bound."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailtls.publishing import Published
    from mailtls.site.file import File

MOST_KEPT = 134_217_728
"""Octets of files that are kept, of one publication: a list of a thousand domains alone has thirty million."""
_WORTH_PACKING = 1000  # octets; less fits into one packet anyway


class Made(NamedTuple):
    """A file that was made.

    Args:
        octets: of it.
        packed: the same compressed; empty where that is not worth while. There is no secret in it that its length could tell.
        tag: what tells it from others.

    """

    octets: bytes
    packed: bytes
    tag: str


class Rendered:
    """The files of one publication, as they are while it is fresh, or once it is out of date."""

    def __init__(self, published: Published, *, stale: bool) -> None:
        self.published, self.stale = published, stale
        self.files: Mapping[str, File] = {}
        self._kept: OrderedDict[str, Made] = OrderedDict()
        self._octets = 0
        self._under_way: dict[str, asyncio.Future[Made]] = {}

    def is_of(self, published: Published, *, stale: bool) -> bool:
        """Whether it is of a publication."""
        return self.published is published and self.stale == stale

    def has(self, path: str) -> bool:
        """Whether a file is made already."""
        return path in self._kept

    async def made(self, path: str, render: Callable[[], bytes]) -> Made:
        """Return a file, made in another thread where it is not there yet; who asks for it meanwhile waits for the same."""
        found = self._kept.get(path)
        if found is not None:
            self._kept.move_to_end(path)
            return found
        if path not in self._under_way:
            self._under_way[path] = asyncio.ensure_future(asyncio.to_thread(make, render))
            self._under_way[path].add_done_callback(lambda done: self._keep(path, done))
        return await asyncio.shield(self._under_way[path])

    def _keep(self, path: str, done: asyncio.Future[Made]) -> None:
        del self._under_way[path]
        if done.cancelled() or done.exception() is not None:
            return
        self._kept[path] = done.result()
        self._octets += _size(done.result())
        while self._octets > MOST_KEPT and self._kept:
            self._octets -= _size(self._kept.popitem(last=False)[1])


def make(render: Callable[[], bytes]) -> Made:
    """Make a file."""
    octets = render()
    packed = gzip.compress(octets, mtime=0) if len(octets) >= _WORTH_PACKING else b""
    return Made(octets, packed, hashlib.sha256(octets).hexdigest()[:32])


def _size(made: Made) -> int:
    return len(made.octets) + len(made.packed)
