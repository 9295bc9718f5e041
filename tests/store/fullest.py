"""Values of everything that documents hold, with every field set and every alternative met; the same ones each time."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from mailtls.evidence import RouteEvidence, ScanEvidence
from mailtls.store import documents
from mailtls.tracking.sts import StsTrack

KINDS: tuple[type, ...] = (ScanEvidence, RouteEvidence, StsTrack)
"""What is stored as a document of its own."""
_SCALARS: dict[Any, list[Any]] = {
    bool: [True, False],
    int: [7],
    float: [0.5],
    str: ["words"],
    bytes: [b"220 mx\r\n", b"\x30\x82"],
    datetime: [datetime(2026, 11, 24, 12, 0, tzinfo=UTC)],
    object: [None],
    types.NoneType: [None],
    IPv4Address: [IPv4Address("192.0.2.1")],
    IPv6Address: [IPv6Address("2001:db8::1")],
}


def all_of(kind: type) -> list[Any]:
    """Return instances of a dataclass that between them have each alternative of each field; what is within them is one sample of its kind."""
    fields = {name: _alternatives(hint) for name, hint in _hints(kind).items()}
    return [
        kind(**{name: some[number % len(some)] for name, some in fields.items()}) for number in range(max(map(len, fields.values()), default=1))
    ]


def within(*kinds: type) -> dict[str, type]:
    """Return the dataclasses that are met in these, and these, by name."""
    found: dict[str, type] = {}
    waiting: list[Any] = list(kinds)
    while waiting:
        kind = waiting.pop()
        if not dataclasses.is_dataclass(kind):
            waiting += typing.get_args(kind)
        elif kind.__name__ not in found:
            found[kind.__name__] = typing.cast("type", kind)
            waiting += _hints(typing.cast("type", kind)).values()
    return dict(sorted(found.items()))


def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind, localns=documents._NAMES)
    return {item.name: hints[item.name] for item in dataclasses.fields(kind)}


def _alternatives(kind: Any) -> list[Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in _SCALARS:
        return _SCALARS[kind]
    if origin in (types.UnionType, typing.Union):
        return [one for each in arguments for one in _alternatives(each)]
    if origin is tuple:
        return [tuple(_alternatives(arguments[0])), ()]
    if origin is Mapping:
        return [{"name": one} for one in _alternatives(arguments[1])]
    return list(kind) if issubclass(kind, Enum) else all_of(kind)[:1]
