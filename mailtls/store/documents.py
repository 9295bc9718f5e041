"""Evidence as octets, and back: JSON, compressed, with a number for its format. Pure.

What a document looks like follows from the annotations of the frozen dataclasses that it holds: an object for each, with a key for each
field that does not have its default value. Octets that are no text stand once in it,
however often they occur: four visits mostly show the same certificates. What is read back has the types that are annotated, or is refused.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypeVar

from mailtls import evidence, hellos, model
from mailtls.store.codec import Unreadable, codes, codes_written
from mailtls.store.compact import LARGEST, deflated, inflated
from mailtls.tracking import sts

FORMAT = 1
"""The format that is written, and the only one that is read so far. A new field with a default value needs no new one."""
LARGEST_COMPRESSED = 4 * 2**20
"""Octets of a document beyond which it is not written: a server that shows another certificate each time is not worth more."""
LARGEST_NUMBER = 2**63
"""Numbers are less than this: a clock, a count, a code."""

T = TypeVar("T")

_NAMES = {
    **{name: item for module in (model, hellos, evidence, sts) for name, item in vars(module).items() if isinstance(item, type)},
    "Answer": hellos.Answer,
    "IPv4Address": IPv4Address,
    "IPv6Address": IPv6Address,
    "Mapping": Mapping,
    "datetime": datetime,
}
"""What the annotations speak of: the modules that have them import some of it for type checkers alone."""
_TEXT = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}


class TooLarge(ValueError):  # noqa: N818 - it is what happened
    """What was to be written is larger than what would be read."""


@dataclass(slots=True)
class Parts:
    """What stands beside a value, because it may be referred to more than once.

    Args:
        octets: that are no text, in base64.
        shared: what is told apart by identity, and must be one object again.

    """

    octets: list[str] = field(default_factory=list)
    shared: list[Any] = field(default_factory=list)
    places: dict[Any, int] = field(default_factory=dict)
    """While writing: where octets, and the ``id`` of what is shared, stand in those two."""
    octets_read: dict[int, bytes] = field(default_factory=dict)
    shared_read: dict[int, Any] = field(default_factory=dict)
    """While reading: what was found at a place, so that it is one object."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How the values of one type are written as JSON, and read again."""

    write: Callable[[Any, Parts], Any]
    read: Callable[[Any, Parts], Any]


def encode(value: object) -> bytes:
    """Write a frozen dataclass of ``evidence``, or one that is made of such.

    Raises:
        TooLarge: it exceeds ``LARGEST`` or ``LARGEST_COMPRESSED``.

    """
    parts = Parts()
    written = codec_of(type(value)).write(value, parts)
    document = {"format": FORMAT, "kind": type(value).__name__, "value": written, "shared": parts.shared, "octets": parts.octets}
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
    if len(text) > LARGEST:
        raise TooLarge(f"{len(text)} octets of {type(value).__name__}")
    compressed = deflated(text)
    if len(compressed) > LARGEST_COMPRESSED:
        raise TooLarge(f"{len(compressed)} compressed octets of {type(value).__name__}")
    return compressed


def decode(kind: type[T], octets: bytes) -> T:
    """Read what :func:`encode` wrote.

    Raises:
        Unreadable: the octets are damaged, of another kind, or of a format that is not known; with what is wrong.

    """
    try:
        document = _document(octets, kind.__name__)
        parts = Parts(_is(list, document["octets"]), _is(list, document["shared"]))
        found: T = codec_of(kind).read(document["value"], parts)
    except Unreadable:
        raise
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise Unreadable(f"the document is damaged: {type(error).__name__}: {error!s:.200}") from error
    return found


def _document(octets: bytes, kind: str) -> Mapping[str, Any]:
    document = _is(dict, json.loads(inflated(octets, LARGEST), parse_constant=_no_number))
    if document.get("format") != FORMAT:
        raise Unreadable(f"format {document.get('format')!r:.80} is not known to this version, which reads format {FORMAT}")
    if document.get("kind") != kind:
        raise Unreadable(f"{document.get('kind')!r:.80} stands where {kind} belongs")
    return typing.cast("Mapping[str, Any]", document)


def _no_number(name: str) -> float:
    raise Unreadable(f"{name} is no number")


def codec_of(kind: Any) -> Codec:
    """Return how a type is written and read. Raises ``TypeError`` for one that has no place in a document."""
    return _codec_of(kind)


@cache
def _codec_of(kind: Any) -> Codec:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in _SCALARS:
        return _SCALARS[kind]
    if origin in (types.UnionType, typing.Union):
        return _union(arguments)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _CODES if arguments[0] is int else _many(arguments[0])
    if origin is Mapping and arguments[0] is str:
        return _mapping(arguments[1])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Codec(lambda value, _parts: value.value, lambda value, _parts: kind(_is(str, value)))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _shared(kind) if kind.__eq__ is object.__eq__ else _record(kind)
    raise TypeError(f"{kind} has no place in a document")


def _many(kind: Any) -> Codec:
    item = codec_of(kind)
    return Codec(
        lambda value, parts: [item.write(one, parts) for one in value],
        lambda value, parts: tuple([item.read(one, parts) for one in _is(list, value)]),
    )


def _mapping(kind: Any) -> Codec:
    item = codec_of(kind)
    return Codec(
        lambda value, parts: {name: item.write(one, parts) for name, one in value.items()},
        lambda value, parts: {name: item.read(one, parts) for name, one in _is(dict, value).items()},
    )


def _union(kinds: tuple[Any, ...]) -> Codec:
    """Return how to write one of several types: a dataclass under its own name, unless there is one type alone, or that and ``None``."""
    some = [kind for kind in kinds if kind is not types.NoneType]
    if set(some) == {IPv4Address, IPv6Address}:
        return Codec(lambda value, _parts: str(value), lambda value, _parts: ip_address(_is(str, value)))
    if len(some) == 1:
        only = codec_of(some[0])
    else:
        named = {kind.__name__: codec_of(kind) for kind in some}
        only = Codec(lambda value, parts: {type(value).__name__: named[type(value).__name__].write(value, parts)}, _read_named(named))
    if len(some) == len(kinds):
        return only
    return Codec(
        lambda value, parts: None if value is None else only.write(value, parts),
        lambda value, parts: None if value is None else only.read(value, parts),
    )


def _read_named(named: Mapping[str, Codec]) -> Callable[[Any, Parts], Any]:
    """Return how one of several types is read, each of which stands under its name."""

    def read(value: Any, parts: Parts) -> Any:
        ((name, written),) = _is(dict, value).items()
        return named[name].read(written, parts)

    return read


def _record(kind: type) -> Codec:
    hints = typing.get_type_hints(kind, localns=_NAMES)
    fields = [(item.name, codec_of(hints[item.name]), _default(item)) for item in dataclasses.fields(kind)]
    names = {name for name, _, _ in fields}

    def write(value: Any, parts: Parts) -> Any:
        said = ((name, item, getattr(value, name), default) for name, item, default in fields)
        return {name: item.write(one, parts) for name, item, one, default in said if one is not default and one != default}

    def read(value: Any, parts: Parts) -> Any:
        given = _is(dict, value)
        if not given.keys() <= names:
            raise Unreadable(f"{kind.__name__} has no {min(given.keys() - names)!r:.80}")
        return kind(**{name: item.read(given[name], parts) for name, item, _ in fields if name in given})

    return Codec(write, read)


def _default(item: dataclasses.Field[Any]) -> Any:
    return item.default if item.default_factory is dataclasses.MISSING else item.default_factory()


def _shared(kind: type) -> Codec:
    """Return how to write what is told apart by identity: it stands beside the value, once, and is referred to by its place."""
    record = _record(kind)

    def write(value: Any, parts: Parts) -> int:
        key = id(value)
        if key not in parts.places:
            written = record.write(value, parts)
            parts.places[key] = len(parts.shared)
            parts.shared.append(written)
        return parts.places[key]

    def read(value: Any, parts: Parts) -> Any:
        place = _place(value, parts.shared)
        if place not in parts.shared_read:
            parts.shared_read[place] = record.read(parts.shared[place], parts)
        return _is(kind, parts.shared_read[place])

    return Codec(write, read)


def _octets_written(value: bytes, parts: Parts) -> str | int:
    if _TEXT.issuperset(value):
        return value.decode("ascii")
    if value not in parts.places:
        parts.places[value] = len(parts.octets)
        parts.octets.append(base64.b64encode(value).decode("ascii"))
    return parts.places[value]


def _octets(value: object, parts: Parts) -> bytes:
    if isinstance(value, str):
        return value.encode("ascii")
    place = _place(value, parts.octets)
    if place not in parts.octets_read:
        parts.octets_read[place] = base64.b64decode(_is(str, parts.octets[place]), validate=True)
    return parts.octets_read[place]


def _place(value: object, within: list[Any]) -> int:
    place = _is(int, value)
    if not 0 <= place < len(within):
        raise Unreadable(f"nothing stands in place {place!r:.80}")
    return place


def _is(kind: type[T], value: object) -> T:
    """Return a value that is of its kind; a truth is no number."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Unreadable(f"{value!r:.80} stands where {kind.__name__} belongs")
    return value


def _number(value: object) -> int:
    number = _is(int, value)
    if not -LARGEST_NUMBER < number < LARGEST_NUMBER:
        raise Unreadable("a number is out of all bounds")
    return number


def _measure(value: object) -> float:
    number = _is(float, value)
    if not math.isfinite(number):
        raise Unreadable(f"{number} is no number")
    return number


def _moment_written(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value.isoformat()


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_is(str, value))
    if moment.tzinfo is None:
        raise Unreadable(f"{moment} has no time zone")
    return moment


def _nothing(value: object) -> None:
    if value is not None:
        raise Unreadable(f"{value!r:.80} stands where nothing belongs")


_CODES = Codec(lambda value, _parts: codes_written(value), lambda value, _parts: codes(value))
_SCALARS: dict[Any, Codec] = {
    bool: Codec(lambda value, _parts: value, lambda value, _parts: _is(bool, value)),
    int: Codec(lambda value, _parts: value, lambda value, _parts: _number(value)),
    float: Codec(lambda value, _parts: float(value), lambda value, _parts: _measure(value)),
    str: Codec(lambda value, _parts: value, lambda value, _parts: _is(str, value)),
    bytes: Codec(_octets_written, _octets),
    datetime: Codec(lambda value, _parts: _moment_written(value), lambda value, _parts: _moment(value)),
    object: Codec(lambda value, _parts: _nothing(value), lambda value, _parts: _nothing(value)),
}
"""``object`` annotates what is seen so far of an interrupted set (``Unknown.seen``); no evidence has any."""
