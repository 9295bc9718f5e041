"""Word to the service manager (sd_notify(3)), where there is one."""

from __future__ import annotations

import contextlib
import os
import socket
import time


class ServiceManager:
    """Sends datagrams to the service manager's socket, if the environment names one."""

    def __init__(self) -> None:
        self._path = os.environ.get("NOTIFY_SOCKET", "")

    def __call__(self, state: str) -> None:
        """Tell it a state, e.g. ``READY=1``. That is lost where it does not listen."""
        if not self._path:
            return
        if state == "RELOADING=1":
            state += f"\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
        address = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)  # a manager that does not read must not stop us
            channel.sendto(state.encode(), address)
