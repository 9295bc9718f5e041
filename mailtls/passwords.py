"""Who may see the pages: names and passwords (HTTP Basic, RFC 7617), held against bcrypt hashes."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import secrets
from typing import TYPE_CHECKING

import bcrypt
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_REMEMBERED = 100
"""Pairs of name and password that were right, and are known again without the work."""
MOST_WAITING = 16
"""Requests that wait for the verification of their passwords."""
_READ = 72
"""Octets of a password that bcrypt reads, as everywhere."""
_ASK = {"WWW-Authenticate": 'Basic realm="mailtls", charset="UTF-8"'}
_BUSY = "too many passwords wait to be verified; try again later\n"


class TooManyWait(Exception):  # noqa: N818 - it is what happened
    """More requests want to be verified than there is time for."""


class Passwords:
    """Verifies passwords, one at a time, and remembers those that were right, as digests under a key of this process."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, None] = {}
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0
        self.verified = 0

    async def is_right(self, users: Mapping[str, bytes], name: str, password: bytes) -> bool:
        """Whether a user has this password.

        A name that nobody has costs the same: it is held against the hash of somebody, always the same one, in vain.

        Args:
            users: names and bcrypt hashes; at least one.
            name: that was given.
            password: likewise, in UTF-8.

        Raises:
            TooManyWait: and nothing was verified.

        """
        hashed = users.get(name) or self._somebodys(users, name)
        digest = self._digest(name.encode(), hashed, password)
        if digest in self._right:
            self._right[digest] = self._right.pop(digest)  # the latest used goes last
            return name in users
        if self._waiting >= MOST_WAITING:
            raise TooManyWait
        self._waiting += 1
        try:
            async with self._turn:
                self.verified += 1
                fits = await asyncio.to_thread(bcrypt.checkpw, password[:_READ], hashed)
        finally:
            self._waiting -= 1
        if fits and name in users:
            self._right[digest] = None
            if len(self._right) > MOST_REMEMBERED:
                del self._right[next(iter(self._right))]
            return True
        return False

    def _somebodys(self, users: Mapping[str, bytes], name: str) -> bytes:
        hashes = list(users.values())
        return hashes[int.from_bytes(self._digest(name.encode())) % len(hashes)]

    def _digest(self, *parts: bytes) -> bytes:
        return hmac.digest(self._key, b"".join(len(part).to_bytes(8) + part for part in parts), "sha256")


def given(fields: Iterable[bytes]) -> tuple[str, bytes] | None:
    """Return name and password of the Authorization fields of a request, or ``None`` where there is not one of them, in order."""
    values = list(fields)
    scheme, _, token = values[0].partition(b" ") if len(values) == 1 else (b"", b"", b"")
    if scheme.lower() != b"basic":
        return None
    try:
        name, colon, password = base64.b64decode(token.strip(), validate=True).partition(b":")
        return (name.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None


class AskWho:
    """Answers requests without the name and the password of a user with 401, and passes on the others."""

    def __init__(self, application: ASGIApp, users: Callable[[], Mapping[str, bytes]], passwords: Passwords) -> None:
        """Guard an application.

        Args:
            application: to guard.
            users: returns names and hashes of now; where there are none, everybody is let in.
            passwords: verifies them.

        """
        self._application, self._users, self._passwords = application, users, passwords

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        users = self._users()
        if users and scope["type"] != "lifespan":
            who = given(value for name, value in scope["headers"] if name == b"authorization")
            try:
                is_right = who is not None and await self._passwords.is_right(users, *who)
            except TooManyWait:
                await PlainTextResponse(_BUSY, 503, {"Retry-After": "1"})(scope, receive, send)
                return
            if not is_right:
                await PlainTextResponse("mailtls asks for name and password.\n", 401, _ASK)(scope, receive, send)
                return
        await self._application(scope, receive, send)


class ExtraHeaders:
    """Adds header fields to every answer that does not have them."""

    def __init__(self, application: ASGIApp, headers: Callable[[], Iterable[tuple[str, str]]]) -> None:
        """Stand before an application.

        Args:
            application: whose answers these are.
            headers: returns what to add now.

        """
        self._application, self._headers = application, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields = MutableHeaders(scope=message)
                for name, value in self._headers():
                    fields.setdefault(name, value)
            await send(message)

        await self._application(scope, receive, told)
