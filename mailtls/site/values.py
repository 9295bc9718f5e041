"""Values of facts in words, by their shape alone: a new fact needs nothing here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from mailtls.facts import ALL
from mailtls.facts.shapes import Form
from mailtls.site.naming import named
from mailtls.site.times import moment
from mailtls.site.words import isolated

if TYPE_CHECKING:
    from mailtls.facts.declaration import Fact
    from mailtls.facts.shapes import Shape
    from mailtls.site.words import Words

FACTS: dict[str, Fact[Any]] = {fact.name: fact for fact in ALL}
"""Every fact that this program knows, by name; a document of another version may have others."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_FEW = 6
_SHORT = 120
_MOST = 200


@dataclass(frozen=True, slots=True)
class Several:
    """A list.

    Args:
        items: as many as are shown.
        summary: what stands for it while it is folded; ``None`` where it is short enough to be open.

    """

    items: tuple[Value, ...]
    summary: Markup | None


@dataclass(frozen=True, slots=True)
class Pairs:
    """An object.

    Args:
        pairs: for each key, as people write it, its value.

    """

    pairs: tuple[tuple[Markup, Value], ...]


Value = Markup | Several | Pairs


def value_of(fact: str, value: object, words: Words) -> Value:
    """Return a known value of a fact."""
    declared = FACTS.get(fact)
    if declared is not None and declared.unit and isinstance(value, int):
        return words.say("value-unit", value=value, unit=declared.unit)
    return _value(value, None if declared is None else declared.shape, words)


def _value(value: object, shape: Shape | None, words: Words) -> Value:
    if isinstance(value, dict):
        fields = shape.fields if shape is not None else {}
        order = [*(key for key in fields if key in value), *(key for key in value if key not in fields)]
        return Pairs(tuple((isolated(named(key)), _value(value[key], fields.get(key), words)) for key in order))
    if isinstance(value, list):
        return _several(value, shape.element if shape is not None and shape.form is Form.LIST else None, words)
    return _single(value, shape, words)


def _single(value: object, shape: Shape | None, words: Words) -> Markup:
    if value is None:
        return isolated(shape.null) if shape is not None and shape.null else words.say("value-unread")
    if isinstance(value, bool):
        return words.say("value-yes" if value else "value-no")
    if isinstance(value, str):
        if not value:
            return words.say("value-empty")
        return moment(value, words) if _TIME.fullmatch(value) else isolated(value)
    return isolated(value)


def _inline(value: Value) -> Value:
    """Return a small object as a line, so that a list of such is read at a glance; anything else as it is."""
    if isinstance(value, Pairs) and 1 < len(value.pairs) <= _FEW // 2:
        parts = [Markup("{} {}").format(key, each) for key, each in value.pairs if isinstance(each, Markup)]
        if len(parts) == len(value.pairs) and sum(map(len, parts)) <= _SHORT:
            return Markup(", ").join(parts)
    return value


def _several(every: list[object], element: Shape | None, words: Words) -> Value:
    if not every:
        return words.say("value-none")
    items = [_inline(_value(each, element, words)) for each in every[:_MOST]]
    if len(every) > _MOST:
        items.append(words.say("value-more", count=len(every) - _MOST))
    flat = [item for item in items if isinstance(item, Markup)]
    short = len(items) <= _FEW and len(flat) == len(items)
    if short and sum(map(len, flat)) <= _SHORT and not any(isinstance(each, dict) for each in every):
        return Markup(", ").join(flat)
    if len(items) == 1:
        return items[0]
    folded = not short or sum(map(len, flat)) > 3 * _SHORT
    return Several(tuple(items), words.say("value-several", count=len(every)) if folded else None)
