"""What the lab's servers share: an address, tasks for their connections, and an end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Listener:
    """A server on one address and port; who derives from it says in ``_accept`` what becomes of a connection."""

    def __init__(self) -> None:
        """Describe a server that does not listen yet."""
        self.connections = 0  # accepted so far, whatever became of them
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._address = ("", 0)

    @property
    def address(self) -> tuple[str, int]:
        """The host and port listened on."""
        return self._address

    async def stop(self) -> None:
        """Stop listening and drop open connections; stopping twice is harmless."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if server is not None:
            await server.wait_closed()

    async def _listen(self, address: str, port: int) -> None:
        self._server = await asyncio.start_server(self._accept, address, port)
        self._address = (address, self._server.sockets[0].getsockname()[1])

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    def _begin(self, serving: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Serve one more connection."""
        self.connections += 1
        task = asyncio.create_task(serving)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
