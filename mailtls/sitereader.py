"""Reading what is published, from a directory or over HTTP, in bounds: of octets, of time, and of redirects."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import urljoin, urlsplit

from mailtls import __version__
from mailtls.readable import readable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    import httpcore

PATIENCE = 30.0
"""Seconds for one file."""
_AT_ONCE = 8
_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_THERE = frozenset({404, 410})
_TRIALS = 2


class CannotRead(Exception):  # noqa: N818 - it is what happened
    """It cannot be known what a file holds; the text names it, and says why, safe for a terminal."""


class Reader(Protocol):
    """Reads files by their paths."""

    async def read(self, wanted: Mapping[str, int]) -> dict[str, bytes | None]:
        """Return the octets of files, of each one more than its limit at most; ``None`` where there is no such file.

        Args:
            wanted: limits by path.

        Raises:
            CannotRead: it is not known whether there is such a file, or what it holds.

        """


class FolderReader:
    """Reads from a directory."""

    def __init__(self, root: Path) -> None:
        """Take it."""
        self._root = root

    async def read(self, wanted: Mapping[str, int]) -> dict[str, bytes | None]:
        """Read some; as :class:`Reader` says."""
        return {path: self._read(path, limit) for path, limit in wanted.items()}

    def _read(self, path: str, limit: int) -> bytes | None:
        try:
            with (self._root / path).open("rb") as file:
                return file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise CannotRead(f"{readable(str(self._root / path))}: {error.strerror}") from error


class WebReader:
    """Reads over HTTP, a few files at a time."""

    def __init__(self, base: str) -> None:
        """Take the URL below which ``snapshots/`` is."""
        self._base = base if base.endswith("/") else f"{base}/"
        self._pool: httpcore.AsyncConnectionPool | None = None
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def __aenter__(self) -> Self:
        import httpcore  # noqa: PLC0415 - takes a while, and only this needs it

        from mailtls.connecting import Connecting  # noqa: PLC0415

        self._pool = httpcore.AsyncConnectionPool(
            ssl.create_default_context(), max_connections=_AT_ONCE, network_backend=Connecting()
        )
        await self._pool.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._pool is not None
        await self._pool.__aexit__(kind, error, trace)

    async def read(self, wanted: Mapping[str, int]) -> dict[str, bytes | None]:
        """Read some; as :class:`Reader` says."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {path: group.create_task(self._read(path, limit)) for path, limit in wanted.items()}
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return {path: task.result() for path, task in tasks.items()}

    async def _read(self, path: str, limit: int) -> bytes | None:
        for trial in range(_TRIALS):
            try:
                async with self._places, asyncio.timeout(PATIENCE):
                    return await self._get(self._base + path, limit)
            except TimeoutError as error:
                raise CannotRead(f"{readable(self._base + path)}: no answer within {PATIENCE:g} seconds") from error
            except CannotRead:
                if trial == _TRIALS - 1:
                    raise
        raise AssertionError

    async def _get(self, url: str, limit: int) -> bytes | None:
        import httpcore  # noqa: PLC0415 - as above

        assert self._pool is not None
        headers = {"User-Agent": f"mailtls/{__version__}", "Accept-Encoding": "identity", "Cache-Control": "no-cache"}
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                async with self._pool.stream("GET", url, headers=[*headers.items()]) as response:
                    if response.status in _REDIRECTS:
                        url = _led(url, response.headers)
                        continue
                    if response.status in _NOT_THERE:
                        return None
                    if response.status != 200:
                        raise CannotRead(f"{readable(url)}: it answers {response.status}")
                    octets = bytearray()
                    async for part in response.aiter_stream():
                        octets += part[: limit + 1 - len(octets)]
                        if len(octets) > limit:
                            break
                    return bytes(octets)
            except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError, ValueError) as error:
                raise CannotRead(f"{readable(url)}: {_told(error)}") from error
        raise CannotRead(f"{readable(url)}: it leads on and on")


def _led(url: str, headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Return where a redirect leads; never from HTTPS to anything less."""
    place = next((value.decode("latin-1") for name, value in headers if name.lower() == b"location"), "")
    to = urljoin(url, place)
    if urlsplit(to).scheme not in ({"https"} if url.startswith("https:") else {"http", "https"}) or not to.isascii():
        raise CannotRead(f"{readable(url)}: it leads to {readable(to, 200)}")
    return to


def _told(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {readable(cause.verify_message, 200)}"
        cause = cause.__cause__ or cause.__context__
    return readable(str(error), 200) or type(error).__name__
