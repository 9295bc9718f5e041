"""Names of finite-field primes that many servers share, by their digest (``data/dh-primes.csv``)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mailtls.tls.names import rows

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def _names() -> Mapping[str, str]:
    return {row["SHA256"]: row["Name"] for row in rows("dh-primes")}


def prime_name(sha256: str) -> str | None:
    """Return the name of a prime by the SHA-256 of its octets (big-endian, no leading zeros), or ``None`` for one that is not known."""
    return _names().get(sha256)
