"""JSON as octets that are hashed: one way to write a document, and a strict way to read one that somebody else wrote.

What is written is plain ASCII with sorted keys and no spaces, so that a text of the wire in it can do nothing to a terminal, and equal
documents have equal octets. What is read has a cap on its octets and its depth, names no key twice, and holds no number that is none.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any

DEEPEST = 64
"""Lists and objects within each other; ours have less than 20."""
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Malformed(ValueError):  # noqa: N818 - it is what it is
    """Octets are not what they should be; the text says why, and holds nothing of theirs."""


def canonical(document: Any) -> bytes:
    """Return the octets of a document. Raises ``ValueError`` for a number that JSON has no way to write."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def parsed(octets: bytes, limit: int) -> Any:
    """Return the document that octets hold. Raises :class:`Malformed`.

    Args:
        octets: of whoever wrote them.
        limit: how many there may be.

    """
    if len(octets) > limit:
        raise Malformed(f"it has more than {limit:,} octets")
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("it is no UTF-8") from error
    if _depth(text) > DEEPEST:
        raise Malformed("it is too deep")
    try:
        return json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number, parse_float=_finite)
    except Malformed:
        raise
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is a ValueError too
        raise Malformed("it is no JSON") from error


def digest(octets: bytes) -> str:
    """Return the SHA-256 of octets, in lower-case hex."""
    return hashlib.sha256(octets).hexdigest()


def is_hash(value: object) -> bool:
    """Whether it is a SHA-256 in lower-case hex."""
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _depth(text: str) -> int:
    """Return how deep lists and objects lie within each other; brackets within strings do not count."""
    depth = deepest = 0
    for mark in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text, re.DOTALL):
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("it names a key twice")
    return found


def _no_number(_name: str) -> Any:
    raise Malformed("it holds a number that is none")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Malformed("it holds a number that is none")
    return number
