"""Fields of the wire, both ways: a cursor that reads what is there and says so where it is not, and writers of numbers and vectors."""

from __future__ import annotations

import struct

MAX_RECORD = 16_384 + 2_048
"""Octets of a record, with what protection may add before TLS 1.3 (RFC 5246 section 6.2.3)."""


class Truncated(ValueError):  # noqa: N818 - it names what the bytes are
    """There are fewer bytes than a field needs."""


class Cursor:
    """Reads big-endian fields (RFC 8446 section 3) from bytes. It never looks beyond its end.

    Every method raises :exc:`Truncated` where the bytes end too early, and then has consumed nothing.
    """

    __slots__ = ("_at", "_end", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0
        self._end = len(octets)

    @property
    def left(self) -> int:
        """How many octets have not been read."""
        return self._end - self._at

    # Each of these is called dozens of times for one answer, so none of them calls another.

    def take(self, count: int) -> bytes:
        """Return the next ``count`` octets."""
        start, end = self._at, self._at + count
        if end > self._end:
            raise Truncated(f"{count} octets wanted, {self.left} left")
        self._at = end
        return self._octets[start:end]

    def uint(self, size: int) -> int:
        """Return the next ``size`` octets as a number."""
        start, end = self._at, self._at + size
        if end > self._end:
            raise Truncated(f"{size} octets wanted, {self.left} left")
        self._at = end
        return int.from_bytes(self._octets[start:end], "big")

    def vector(self, size: int) -> bytes:
        """Return a vector whose length stands before it in ``size`` octets."""
        start = self._at + size
        if start > self._end:
            raise Truncated(f"{size} octets wanted, {self.left} left")
        end = start + int.from_bytes(self._octets[self._at : start], "big")
        if end > self._end:
            raise Truncated(f"{end - start} octets wanted, {self._end - start} left")
        self._at = end
        return self._octets[start:end]


def uint(size: int, number: int) -> bytes:
    """Write a number in ``size`` octets. Raises ``OverflowError`` where it takes more."""
    return number.to_bytes(size, "big")


def vector(size: int, *parts: bytes) -> bytes:
    """Write a vector behind its length in ``size`` octets. Raises ``OverflowError`` where it is too long."""
    body = b"".join(parts)
    return len(body).to_bytes(size, "big") + body


def uints(size: int, numbers: tuple[int, ...]) -> bytes:
    """Write numbers of ``size`` octets each, one behind the other. Raises ``OverflowError`` where one takes more."""
    try:
        return struct.pack(f">{len(numbers)}H", *numbers) if size == 2 else b"".join([number.to_bytes(size, "big") for number in numbers])
    except struct.error as error:
        raise OverflowError(str(error)) from error
