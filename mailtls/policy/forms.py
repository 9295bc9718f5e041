"""The forms of conditions, as they are written in a policy: checked against what a fact's value is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailtls.facts.shapes import Form
from mailtls.policy.conditions import NOTHING, AllOf, AnyOf, Bounds, Inclusion, Leaf, Words, pattern
from mailtls.policy.paths import BadPath, nearest, read_path
from mailtls.policy.reader import shown
from mailtls.policy.rules import VERDICTS, Scale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailtls.facts.shapes import Shape
    from mailtls.policy.conditions import Condition
    from mailtls.policy.paths import Path
    from mailtls.policy.reader import Keys, Reader

_MATCHERS = ("value", "each", "includes", "at_least", "at_most")
_TREES = ("any_of", "all_of")
_LEAF_KEYS = ("fact", "where", *_MATCHERS, "otherwise", "absent")
_REQUIRED = "required"
CONDITION_KEYS = (*_LEAF_KEYS, *_TREES)
"""The keys of a rule that belong to its condition. A grade is never given on incomplete evidence, and so ``required`` is not among them."""
VERDICT_KEYS = (*CONDITION_KEYS, _REQUIRED)
"""The same in the verdict, to which some facts may be unknown."""
UNKNOWN = "unknown"
"""What ``absent`` may say beside a level: that what does not apply vouches for nothing."""
_HOLDS = Scale(("holds", "fails"), met=1, otherwise=1)


class Forms:
    """Reads conditions that speak in the levels of one scale."""

    def __init__(self, reader: Reader, scale: Scale) -> None:
        self._reader = reader
        self._scale = scale
        self.keys = VERDICT_KEYS if scale is VERDICTS else CONDITION_KEYS

    def condition(self, value: Any, keys: Keys) -> Condition | None:
        """Return a condition; ``None`` where it is wrong, and that was said."""
        if not isinstance(value, dict) or not any(tree in value for tree in _TREES):
            return self._leaf(value, keys, (*_LEAF_KEYS, _REQUIRED) if self._scale is VERDICTS else _LEAF_KEYS)
        tree = next(tree for tree in _TREES if tree in value)
        for other in value.keys() - {tree}:
            self._reader.wrong([*keys, other], f"beside {tree} nothing else says what is wanted")
        parts = [self._part(one, place) for one, place in self._reader.elements(value[tree], [*keys, tree])]
        whole = [part for part in parts if part is not None]
        if not parts:
            self._reader.wrong([*keys, tree], "there must be at least one condition in it")
        if not whole:
            return None
        return AnyOf(tuple(whole)) if tree == "any_of" else AllOf(tuple(whole), len(self._scale.levels) - 1)

    def _part(self, value: Any, keys: Keys) -> Condition | None:
        return self.condition(self._reader.mapping(value, keys, self.keys), keys)

    def guards(self, value: Any, keys: Keys) -> tuple[Condition, ...]:
        """Return the conditions under which a rule applies: one, or several in a list."""
        holding = Forms(self._reader, _HOLDS)
        several = list(self._reader.elements(value, keys)) if isinstance(value, list) else [(value, keys)]
        leaves = [holding._leaf(one, place, ("fact", "where", *_MATCHERS)) for one, place in several]
        return tuple(leaf for leaf in leaves if leaf is not None)

    def _leaf(self, value: Any, keys: Keys, known: tuple[str, ...]) -> Leaf | None:
        reader = self._reader
        before = reader.count
        parts = reader.mapping(value, keys, known, ("fact",))
        matchers = [matcher for matcher in _MATCHERS if matcher in parts]
        if len(matchers) != 1:
            reader.wrong(keys, f"it must have one of {', '.join(_MATCHERS)}, and has {' and '.join(matchers) or 'none'}")
        path = self._path(parts, keys)
        if path is None or len(matchers) != 1:
            return None
        matcher = matchers[0]
        place = [*keys, matcher]
        shape = self._judged(path, matcher, place)
        where = self._where(parts["where"], path, [*keys, "where"]) if "where" in parts else {}
        absent, vouched = self._absent(parts, keys)
        required = reader.truth(parts, _REQUIRED, keys, default=True)
        otherwise = self._scale.otherwise
        if "otherwise" in parts:
            otherwise = self._rank(parts["otherwise"], [*keys, "otherwise"])
        if shape is None:
            return None
        judge = self._judge(matcher, self._levels(parts[matcher], place), shape, otherwise)
        if reader.count > before:
            return None
        return Leaf(path, judge, self._scale.met, matcher == "each", where, absent, vouched, required)

    def _path(self, parts: Mapping[str, Any], keys: Keys) -> Path | None:
        if "fact" not in parts:
            return None
        text = self._reader.text(dict(parts), "fact", keys)
        try:
            return read_path(text) if text else None
        except BadPath as error:
            self._reader.wrong([*keys, "fact"], str(error))
            return None

    def _judged(self, path: Path, matcher: str, place: Keys) -> Shape | None:
        """Return the shape of what is compared; ``None`` where the form does not fit the value."""
        shape = path.shape
        if matcher in ("each", "includes"):
            if shape.form is Form.LIST and shape.element is not None and shape.element.form is Form.WORD:
                return shape.element
            objects = " of objects" if shape.element is not None and shape.element.form is Form.OBJECT else ""
            self._reader.wrong(place, f"needs a list of words, and {path.text} is {shape.form.value}{objects}")
            return None
        wanted = (Form.NUMBER,) if matcher.startswith("at_") else (Form.WORD, Form.TRUTH)
        if shape.form in wanted:
            return shape
        instead = {Form.LIST: "; each and includes go with it", Form.NUMBER: "; at_least and at_most go with it"}.get(shape.form, "")
        needs = "a number" if matcher.startswith("at_") else "text, or true or false"
        self._reader.wrong(place, f"needs {needs}, and {path.text} is {shape.form.value}{instead}")
        return None

    def _levels(self, value: Any, place: Keys) -> list[tuple[int, Any, Keys]]:
        """Return rank, argument and place of each level, best first."""
        if self._scale is _HOLDS:
            if isinstance(value, dict):
                self._reader.wrong(place, "there are no levels here: what is written holds, or does not")
            return [] if isinstance(value, dict) else [(0, value, place)]
        levels = self._reader.mapping(value, place, self._scale.levels, what="level")
        if isinstance(value, dict) and not value:
            self._reader.wrong(place, f"there is no level in it; there are {', '.join(self._scale.levels)}")
        ranked = [(self._scale.levels.index(level), argument, [*place, level]) for level, argument in levels.items()]
        return sorted(ranked, key=lambda entry: entry[0])

    def _rank(self, level: Any, place: Keys) -> int:
        if level in self._scale.levels:
            return self._scale.levels.index(level)
        self._reader.wrong(place, f"there is no level {shown(level)}{nearest(str(level), self._scale.levels)}")
        return 0

    def _absent(self, parts: Mapping[str, Any], keys: Keys) -> tuple[int, bool]:
        if "absent" not in parts:
            return NOTHING, False
        if parts["absent"] == UNKNOWN:
            return NOTHING, True
        return self._rank(parts["absent"], [*keys, "absent"]), False

    def _where(self, value: Any, path: Path, keys: Keys) -> dict[str, frozenset[Any]]:
        if path.holder is None:
            self._reader.wrong(keys, f"{path.text} does not go over a list of objects, as certificates[].key_bits does")
            return {}
        fields = self._reader.mapping(value, keys, path.holder.fields)
        for field, wanted in fields.items():
            if any(map(_is_pattern, wanted if isinstance(wanted, list) else [wanted])):
                self._reader.wrong([*keys, field], "takes words, and no patterns")
        return {
            field: frozenset(self._words(wanted, path.holder.fields[field], [*keys, field])) for field, wanted in fields.items()
        }

    def _judge(
        self, matcher: str, levels: list[tuple[int, Any, Keys]], shape: Shape, otherwise: int
    ) -> Words | Bounds | Inclusion:
        if matcher.startswith("at_"):
            return self._bounds(levels, otherwise, least=matcher == "at_least")
        worded = [(rank, self._words(argument, shape, keys)) for rank, argument, keys in levels]
        if matcher == "includes":
            return Inclusion(tuple((_words({0: words}, 1, shape), rank) for rank, words in worded), otherwise)
        seen: dict[Any, int] = {}
        for (rank, words), (_, _, keys) in zip(worded, levels, strict=True):
            for word in words:
                if word in seen:
                    self._reader.wrong(keys, f"{shown(word)} stands under {self._scale.levels[seen[word]]} already")
                seen[word] = rank
        return _words(dict(worded), otherwise, shape)

    def _bounds(self, levels: list[tuple[int, Any, Keys]], otherwise: int, *, least: bool) -> Bounds:
        bounds: list[tuple[float, int]] = []
        for rank, bound, keys in levels:
            if isinstance(bound, bool) or not isinstance(bound, int | float):
                self._reader.wrong(keys, f"must be a number, and {shown(bound)} is none")
            elif bounds and (bound >= bounds[-1][0] if least else bound <= bounds[-1][0]):
                self._reader.wrong(keys, f"asks for as much as a better level does: {bound}")
            else:
                bounds.append((float(bound), rank))
        return Bounds(tuple(bounds), least, otherwise)

    def _words(self, value: Any, shape: Shape, keys: Keys) -> list[Any]:
        several = list(self._reader.elements(value, keys)) if isinstance(value, list) else [(value, keys)]
        return [word for word, place in several if self._is_word(word, shape, place)]

    def _is_word(self, word: Any, shape: Shape, place: Keys) -> bool:
        if word is None and shape.null:
            return True
        if shape.form is Form.TRUTH:
            if isinstance(word, bool):
                return True
            self._reader.wrong(place, f"must be true or false, and {shown(word)} is neither")
            return False
        if not isinstance(word, str):
            self._reader.wrong(place, f"must be text, and {shown(word)} is none; put it in quotes where text is meant")
            return False
        known = None if shape.words is None else shape.words()
        if known is None or word in known:
            return True
        if "*" not in word:
            self._reader.wrong(place, f"it is never {shown(word)}{nearest(word, known, what='it can be')}")
        elif not any(map(pattern(word).match, known)):
            self._reader.wrong(place, f"{shown(word)} matches nothing that it can be")
        else:
            return True
        return False


def _words(ranked: Mapping[int, list[Any]], otherwise: int, shape: Shape) -> Words:
    """Return the levels of words; patterns are tried on every word that is known now, and so seldom later."""
    exact = {word: rank for rank, words in ranked.items() for word in words if not _is_pattern(word)}
    patterns = tuple((pattern(word), rank) for rank, words in ranked.items() for word in words if _is_pattern(word))
    judge = Words({}, patterns, otherwise)
    known = {word: judge.rank(word) for word in shape.words()} if patterns and shape.words is not None else {}
    return Words(known | exact, patterns, otherwise)


def _is_pattern(word: Any) -> bool:
    return isinstance(word, str) and "*" in word
