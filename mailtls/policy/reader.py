"""Reading the parts of a policy file: what is not as it should be is collected, each mistake with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailtls.policy.paths import nearest
from mailtls.readable import readable
from mailtls.yamltext import BadConfiguration, locate, spelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mailtls.yamltext import Nodes

Keys = list[Any]


class Reader:
    """Takes the values of a parsed file apart, and remembers what was wrong."""

    def __init__(self, name: str, nodes: Nodes) -> None:
        """Make a reader.

        Args:
            name: of the file; each mistake begins with it.
            nodes: its nodes, with their positions.

        """
        self.name = name
        self._nodes = nodes
        self._mistakes: list[tuple[int, str]] = []

    @property
    def count(self) -> int:
        """How many mistakes there are so far."""
        return len(self._mistakes)

    def wrong(self, keys: Keys, text: str) -> None:
        """Remember a mistake at a path of keys."""
        line, known = locate(self._nodes, keys)
        where = spelled(keys[:known])
        self._mistakes.append((line, f"{self.name}:{line}: {where}: {text}" if where else f"{self.name}:{line}: {text}"))

    def finish(self) -> None:
        """Raise ``BadConfiguration`` where anything was wrong."""
        if self._mistakes:
            raise BadConfiguration([text for _line, text in sorted(self._mistakes, key=lambda mistake: mistake[0])])

    def mapping(
        self, value: Any, keys: Keys, known: Iterable[str], required: Iterable[str] = (), what: str = "key"
    ) -> dict[str, Any]:
        """Return a mapping without the keys that are unknown; each of them, and each that is missing, is a mistake.

        Args:
            value: what should be a mapping.
            keys: where it stands.
            known: the keys that it can have.
            required: those that it must have.
            what: what a key is called.

        """
        if not isinstance(value, dict):
            self.wrong(keys, f"must be a mapping, and YAML reads it as {_kind(value)}")
            return {}
        known = list(known)
        for key in value:
            if key not in known:
                self.wrong([*keys, key], f"unknown {what}{nearest(str(key), known)}")
        for key in required:
            if key not in value:
                self.wrong(keys, f"the key {key!r} is missing")
        return {key: inner for key, inner in value.items() if key in known}

    def text(self, mapping: dict[str, Any], key: str, keys: Keys, default: str = "") -> str:
        """Return the text under a key; anything else there is a mistake."""
        value = mapping.get(key, default)
        if isinstance(value, str):
            return value.strip()
        quotes = "" if isinstance(value, list | dict) else "; put it in quotes where text is meant"
        self.wrong([*keys, key], f"must be text, and YAML reads it as {_kind(value)}{quotes}")
        return default

    def truth(self, mapping: dict[str, Any], key: str, keys: Keys, *, default: bool) -> bool:
        """Return the truth under a key; anything else there is a mistake."""
        value = mapping.get(key, default)
        if not isinstance(value, bool):
            self.wrong([*keys, key], f"must be true or false, and YAML reads it as {_kind(value)}")
            return default
        return value

    def elements(self, value: Any, keys: Keys) -> Iterator[tuple[Any, Keys]]:
        """Yield the elements of a list with their keys; anything but a list is a mistake."""
        if not isinstance(value, list):
            self.wrong(keys, f"must be a list, and YAML reads it as {_kind(value)}")
            return
        for index, element in enumerate(value):
            yield element, [*keys, index]


def shown(value: Any) -> str:
    """Return a value as it may stand in a message: text in quotes, and all of it harmless and short."""
    if isinstance(value, bool | None):
        return {True: "true", False: "false", None: "null"}[value]
    text = readable(str(value).encode("utf-8", "backslashreplace"), 80)
    return f"'{text}'" if isinstance(value, str) else text


def _kind(value: Any) -> str:
    kinds = ((bool, "true or false"), (int | float, "a number"), (str, "text"), (list, "a list"), (dict, "a mapping"))
    return next((kind for types, kind in kinds if isinstance(value, types)), "nothing (null)" if value is None else "a date")
