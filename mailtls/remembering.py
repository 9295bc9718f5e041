"""Remembering what was computed from a stranger's octets, within a bound in octets: a count alone would let him choose how much we keep."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from functools import update_wrapper
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

_LEAST = 64
"""Octets that an argument counts at least, so that many small ones are bounded as well."""
MIB = 2**20


class Remembered(Generic[P, T]):
    """A pure function that remembers its latest results."""

    def __init__(self, function: Callable[P, T], octets: int, size: Callable[[tuple[object, ...]], int]) -> None:
        update_wrapper(self, function)
        self.held = 0
        """Octets of the arguments whose results are remembered."""
        self.bound = octets
        """As many as there may be."""
        self._function, self._size = function, size
        self._known: OrderedDict[tuple[object, ...], tuple[T, int]] = OrderedDict()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result; arguments are hashable, and given by position."""
        assert not kwargs, "a function that remembers is called with arguments by position"
        found = self._known.get(args)
        if found is not None:
            with suppress(KeyError):  # another thread may have let it go meanwhile
                self._known.move_to_end(args)
            return found[0]
        result = self._function(*args, **kwargs)
        size = self._size(args)
        if size <= self.bound and self._known.setdefault(args, (result, size))[0] is result:
            self.held += size
        while self.held > self.bound and self._known:
            with suppress(KeyError):
                self.held -= self._known.popitem(last=False)[1][1]
        return result

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()
        self.held = 0


def remembered(octets: int, size: Callable[[tuple[object, ...]], int] | None = None) -> Callable[[Callable[P, T]], Remembered[P, T]]:
    """Make a pure function remember the latest results of arguments that have so many octets together, at most.

    What is larger than the whole bound by itself is computed each time.

    Args:
        octets: the bound.
        size: of arguments; by default that of the octets and texts in them.

    """
    return lambda function: Remembered(function, octets, size or size_of)


def size_of(value: object) -> int:
    """Return how many octets a value holds: of octets and text their length, of a tuple all that is in it."""
    if isinstance(value, bytes | str):
        return max(_LEAST, len(value))
    return sum(map(size_of, value)) if isinstance(value, tuple) else _LEAST
