"""Names of finite-field primes that many servers share, by their digest (``data/dh-primes.csv``)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mailtls.tls.names import rows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@cache
def _names() -> Mapping[str, str]:
    return {row["SHA256"]: row["Name"] for row in rows("dh-primes")}


def prime_names() -> Collection[str]:
    """Return the name of every prime that is known."""
    return _names().values()


def prime_name(sha256: str) -> str | None:
    """Return the name of a prime by the SHA-256 of its octets (big-endian, no leading zeros), or ``None`` for one that is not known."""
    return _names().get(sha256)


@cache
def _groups() -> Mapping[str, int]:
    fields = {f"RFC 7919 ffdhe{2048 + 1024 * step}": 256 + step for step in range(3)} | {"RFC 7919 ffdhe6144": 259, "RFC 7919 ffdhe8192": 260}
    return {digest: fields[name] for digest, name in _names().items() if name in fields}


def group_of_prime(sha256: str) -> int | None:
    """Return the named group (RFC 7919) that a prime stands for: before TLS 1.3 a server names a field by its prime alone."""
    return _groups().get(sha256)
