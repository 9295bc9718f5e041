"""One webhook: posting a document to it, within bounds of time and of what it may answer.

The URL may hold a secret: no text here shows any of it.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mailtls import __version__
from mailtls.readable import readable

if TYPE_CHECKING:
    from pathlib import Path

    import httpcore

CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
_LONGEST_WISH = 86_400.0
_MAX_ANSWER = 65_536
_GONE = 410


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where notices go.

    Args:
        name: in the configuration, for the outbox and the log; the URL may hold a secret and is never logged.
        url: ``https``, or ``http``.
        kinds: of notices that it is told; summaries come with any.
        token_file: holds a bearer token; read at each trial, so that it can be changed.
        timeout: seconds for one trial in all.
        per_minute: trials within a minute.
        ca_file: PEM of whom to trust; ``None`` for the system's.

    """

    name: str
    url: str = field(repr=False)
    kinds: frozenset[str]
    token_file: Path | None = None
    timeout: float = 10.0
    per_minute: int = 10
    ca_file: Path | None = None


class Refused(Exception):  # noqa: N818 - it is what happened
    """A trial failed; ``wait`` is how long the receiver wants to be left alone, in seconds; ``gone`` that it wants nothing any more."""

    def __init__(self, why: str, wait: float = 0, *, gone: bool = False) -> None:
        super().__init__(why)
        self.wait = wait
        self.gone = gone


class Poster:
    """Posts to one webhook. Whom to trust is read once, when it is first needed and can be."""

    def __init__(self, webhook: Webhook, origin: str) -> None:
        """Make one; ``origin`` is a DNS name for all that we run, for ``WebHook-Request-Origin``."""
        self.webhook = webhook
        self._origin = origin
        self._trust: ssl.SSLContext | None = None

    async def post(self, document: str) -> None:
        """Post a CloudEvent in JSON. Raises :class:`Refused` for anything but acceptance (CloudEvents HTTP webhooks, section 2.2)."""
        try:
            async with asyncio.timeout(self.webhook.timeout):
                await self._post(document)
        except TimeoutError as error:
            raise Refused(f"no answer within {self.webhook.timeout:g} seconds") from error

    async def _post(self, document: str) -> None:
        import httpcore  # noqa: PLC0415 - takes a while, and only who tells webhooks needs it

        from mailtls.connecting import Connecting  # noqa: PLC0415 - as above

        headers = {
            "Content-Type": CONTENT_TYPE,
            "User-Agent": f"mailtls/{__version__}",
            "WebHook-Request-Origin": self._origin,
            "Accept-Encoding": "identity",
        }
        try:
            headers |= await asyncio.to_thread(self._read)
        except (OSError, ValueError) as error:
            raise Refused(f"{type(error).__name__}: its token or trust anchors cannot be read or used") from error
        try:
            async with (
                httpcore.AsyncConnectionPool(self._trust, network_backend=Connecting()) as pool,
                pool.stream("POST", self.webhook.url, headers=[*headers.items()], content=document.encode()) as response,
            ):
                await _judge(response)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise Refused(_told(error)) from error

    def _read(self) -> dict[str, str]:
        """Return the header of the token, if there is one, and read whom to trust where that is not known yet. In a thread."""
        if self._trust is None:
            self._trust = ssl.create_default_context(cafile=self.webhook.ca_file)
        if self.webhook.token_file is None:
            return {}
        return {"Authorization": f"Bearer {self.webhook.token_file.read_text('ascii').strip()}"}


def _told(error: BaseException) -> str:
    """Return what went wrong, without the URL."""
    cause: Any = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {readable(cause.verify_message, 200)}"
        cause = cause.__cause__ or cause.__context__
    return f"{type(error).__name__}: the request failed"


async def _judge(response: httpcore.Response) -> None:
    """Read what there is to read, in bounds."""
    if not 200 <= response.status < 300:
        wish = next((value.decode("latin-1") for name, value in response.headers if name.lower() == b"retry-after"), "")
        wait = min(float(wish), _LONGEST_WISH) if wish.isascii() and wish.isdigit() and len(wish) < 10 else 0.0
        raise Refused(f"answers {response.status}", wait, gone=response.status == _GONE)
    read = 0
    async for part in response.aiter_stream():
        read += len(part)
        if read > _MAX_ANSWER:
            return  # it has accepted, and what else it says is nobody's concern
