"""Reading the configuration again: who asks for it, one at a time, and that a wrong one changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog

from mailtls import config
from mailtls.config.files import files_behind
from mailtls.config.webfile import OPEN, load_access
from mailtls.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from mailtls.config import Configuration
    from mailtls.config.webfile import Access
    from mailtls.service_manager import ServiceManager
    from mailtls.show.daemon_metrics import DaemonMetrics

log = structlog.get_logger(component="daemon")

_LOOK_EVERY = 2.0  # seconds between two looks at the configuration's files


class Reloading:
    """Reads the files of a configuration again: when it is asked to, and when they have changed."""

    def __init__(
        self,
        path: Path | None,
        web_file: Path | None,
        take_over: Callable[[Configuration, Access], Awaitable[None]],
        own: DaemonMetrics,
        notify: ServiceManager,
        *,
        follow: bool,
    ) -> None:
        """Note how the files are.

        Args:
            path: the configuration file; ``None`` where it was made in memory.
            web_file: the web configuration file, if there is one.
            take_over: lets a new configuration be in force. Raises ``BadConfiguration``, and has changed nothing then.
            own: the metrics that tell of it.
            notify: the service manager, which waits for the end of it.
            follow: whether files that change are read again without being asked.

        """
        self._path, self._web_file, self._take_over = path, web_file, take_over
        self._own, self._notify = own, notify
        self._watch = Watch(lambda: files_behind(path, web_file) if follow and path is not None else ())
        self._one_at_a_time = asyncio.Lock()

    def access(self) -> Access:
        """Read the web configuration file. Raises ``BadConfiguration``."""
        if self._web_file is None:
            return OPEN
        access = load_access(self._web_file)
        for note in access.notes:
            log.info(note)
        return access

    def is_done(self) -> None:
        """Note that a configuration is in force that was read just now."""
        self._own.reload_ok.set(1)
        self._own.reload_at.set_to_current_time()

    async def reload(self) -> None:
        """Read the configuration again. Raises ``BadConfiguration``, and then the old one stays in force, whole."""
        if self._path is None:
            raise config.BadConfiguration(["this configuration was made in memory; there is no file to read again"])
        async with self._one_at_a_time:
            self._notify("RELOADING=1")
            try:
                await asyncio.to_thread(self._watch.note)
                fresh = await asyncio.to_thread(config.load, self._path)
                await self._take_over(fresh, await asyncio.to_thread(self.access))
            except config.BadConfiguration as error:
                self._own.reload_ok.set(0)
                log.error("reload refused, the old configuration stays in force", mistakes=error.mistakes)  # noqa: TRY400 - no traceback
                raise
            finally:
                self._notify("READY=1")

    async def quietly(self) -> None:
        """Read the configuration again; one that is wrong is logged and counted only."""
        with contextlib.suppress(config.BadConfiguration):
            await self.reload()

    async def if_changed(self) -> None:
        """Read the configuration again, where one of its files has changed, and is not being written."""
        if await asyncio.to_thread(self._watch.is_due):
            log.info("a file of the configuration has changed")
            await self.quietly()

    async def look_at_files(self) -> None:
        """Look for ever whether a file has changed."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                await self.if_changed()
            except Exception:
                log.exception("the changed configuration could not be taken over")
