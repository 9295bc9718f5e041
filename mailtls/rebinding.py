"""Whether a request is meant for us, by the host that it names (RFC 9110 section 7.2): a defence against DNS rebinding.

A page of a stranger can have its own name lead to our address, and then read our pages with the reader's browser, listening on loopback or
not. Its name stands in the request all the same. What nobody can rebind is let in by default: an address, and a name without a dot, which
no stranger can register; so a scrape by the address of a machine or of a pod, or by the name of a container, works as it is.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from starlette.types import ASGIApp, Receive, Scope, Send

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]*)?", re.ASCII)
_NOT_OURS = "mailtls does not go by this host name; web.hosts can have it.\n"


def is_meant_for_us(host: str, ours: Collection[str]) -> bool:
    """Whether the value of a Host field is an address, a name without a dot, or one of ours.

    Args:
        host: perhaps with a port; empty is let in, since browsers always send one.
        ours: names in lower case; ``*.example.net`` stands for all names below that one, and ``*`` for any.

    """
    found = _HOST.fullmatch(host)
    if "*" in ours or not host or found is None:
        return "*" in ours or not host
    try:
        ip_address(found[1] or found[2])
    except ValueError:
        name = (found[2] or "").lower().removesuffix(".")
    else:
        return True
    parents = name.split(".")
    below = ("*." + ".".join(parents[start:]) for start in range(1, len(parents)))
    return len(parents) == 1 or parents[-1] == "localhost" or name in ours or any(each in ours for each in below)


class OnlyForUs:
    """Answers requests that are not meant for us with 421 (RFC 9110 section 15.5.20), and passes on the others."""

    def __init__(self, application: ASGIApp, ours: Callable[[], Collection[str]]) -> None:
        """Guard an application.

        Args:
            application: to guard.
            ours: returns the names that we go by now.

        """
        self._application, self._ours = application, ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if not all(is_meant_for_us(host, self._ours()) for host in hosts):
                await PlainTextResponse(_NOT_OURS, 421)(scope, receive, send)
                return
        await self._application(scope, receive, send)
