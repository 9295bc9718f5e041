"""Paths into the values of facts: ``tls_versions``, ``cipher_suites.TLSv1.2``, ``certificates[].key_bits``.

A path begins with the name of a fact; ``.name`` goes on to what stands under a key, and ``[]`` to each element of a list.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mailtls import facts
from mailtls.facts.declaration import Scope
from mailtls.facts.shapes import Form, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SCOPES = (Scope.DOMAIN, Scope.MX, Scope.ENDPOINT)
"""From the widest to the narrowest; readings stand in this order."""
EACH = None
"""The step to each element of a list."""


class BadPath(ValueError):  # noqa: N818 - it says what the path is
    """A path leads nowhere."""


class Unread(Exception):  # noqa: N818 - it says what the value is
    """A part of a value could not be read, and so nothing can be said of it."""


@dataclass(frozen=True, slots=True)
class Path:
    """A way to what a rule looks at.

    Args:
        text: as it stands in the policy.
        fact: the fact's name.
        scope: where it stands in :data:`SCOPES`.
        steps: keys, and :data:`EACH`.
        shape: of what it leads to.
        holder: the shape of the objects whose field it leads to, where it goes over a list of them.

    """

    text: str
    fact: str
    scope: int
    steps: tuple[str | None, ...]
    shape: Shape
    holder: Shape | None = None

    def values(self, value: Any, where: Mapping[str, frozenset[Any]]) -> list[Any]:
        """Return what a value has at the end of the path; none where it has no such part.

        Args:
            value: of the fact.
            where: for fields of the objects in the list that the path goes over, the values of those that count.

        Raises:
            Unread: a part that decides could not be read.

        """
        found = [value]
        for step in self.steps:
            if step is not EACH:
                found = [one[step] for one in found if step in one]
                continue
            found = [element for one in found for element in one]
            if where and found and isinstance(found[0], dict):
                found = [one for one in found if self._counts(one, where)]
        if not self.shape.null and None in found:
            raise Unread
        return found

    def _counts(self, one: Mapping[str, Any], where: Mapping[str, frozenset[Any]]) -> bool:
        if any(one.get(field) is None for field in where):
            raise Unread
        return all(one[field] in wanted for field, wanted in where.items())


def nearest(wrong: str, known: Iterable[str], *, what: str = "known here") -> str:
    """Return the end of a message: what may have been meant, or what there is."""
    names = list(known)
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; {what}: {', '.join(names)}" if len(names) <= 30 else ""


def read_path(text: str) -> Path:
    """Read a path.

    Raises:
        BadPath: there is no such fact, or its value has no such part; with the nearest right name.

    """
    declared = {fact.name: fact for fact in facts.ALL}
    name = next((n for n in sorted(declared, key=len, reverse=True) if text == n or text.startswith((f"{n}.", f"{n}["))), None)
    if name is None:
        wrong = text.partition(".")[0].partition("[")[0]
        raise BadPath(f"no fact is called {wrong!r}{nearest(wrong, declared)}")
    shape, rest, so_far = declared[name].shape, text[len(name) :], name
    steps: list[str | None] = []
    holder: Shape | None = None
    while rest:
        if rest.startswith("[]"):
            if shape.form is not Form.LIST or shape.element is None:
                raise BadPath(f"{so_far} is {shape.form.value}, and so has no elements")
            shape, rest, so_far = shape.element, rest[2:], f"{so_far}[]"
            steps.append(EACH)
            holder = shape if shape.form is Form.OBJECT else None
            continue
        if shape.form is Form.LIST:
            raise BadPath(f"{so_far} is a list; for each of its elements write {so_far}[]{rest if rest.startswith('.') else ''}")
        if shape.form is not Form.OBJECT:
            raise BadPath(f"{so_far} is {shape.form.value}, and has no parts")
        rest = rest.removeprefix(".")
        field = next((f for f in sorted(shape.fields, key=len, reverse=True) if rest == f or rest.startswith((f"{f}.", f"{f}["))), None)
        if field is None:
            raise BadPath(f"{so_far} has no {rest!r}{nearest(rest, shape.fields, what='it has')}")
        shape, rest, so_far = shape.fields[field], rest[len(field) :], f"{so_far}.{field}"
        steps.append(field)
    return Path(text, name, SCOPES.index(declared[name].scope), tuple(steps), shape, holder)
