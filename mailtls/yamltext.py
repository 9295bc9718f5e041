"""YAML text with positions: what is wrong with it is named with its file and line."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.reader import ReaderError

Nodes = yaml.Node | None
"""The nodes of a text, with their positions; ``None`` where it is empty."""
MAX_DEPTH = 50
"""Levels of nesting; a configuration needs five."""


_QUICK = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BadConfiguration(ValueError):  # noqa: N818 - it says what the file is
    """What is wrong with a configuration: one line for each mistake."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class _Refused(yaml.MarkedYAMLError):
    """It is YAML, but not such as we take."""

    def __init__(self, text: str, mark: Any) -> None:
        super().__init__(problem=text, problem_mark=mark)


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, which also refuses what it would take silently or break at, and says in which line that is."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._above: list[yaml.Node | None] = []

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node; refuse one that is nested too deep, and an alias for a node that holds it."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if len(self._above) > MAX_DEPTH:
            raise _Refused(f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        self._above.append(parent)
        node = super().compose_node(parent, index)
        if isinstance(event, yaml.AliasEvent) and any(node is above for above in self._above):
            raise _Refused(f"the alias *{event.anchor} stands within what it is an alias for", event.start_mark)
        self._above.pop()
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a mapping; refuse a key that stands twice, of which the loader would take the last."""
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _Refused(f"the key {key.value!r} stands twice in one mapping", key.start_mark)
                seen.add(key.value)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Make a value of a node; refuse what looks like a date or a number, and is none, such as 2026-13-40."""
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, KeyError, AttributeError, OverflowError) as error:
            kind = node.tag.rpartition(":")[2]
            raise _Refused(f"it looks like {kind}, and is none; put it in quotes where text is meant", node.start_mark) from error


def parse(text: str, name: str) -> tuple[dict[str, Any], Nodes]:
    """Read YAML that holds a mapping; return it, and its nodes with their positions.

    Args:
        text: what stands in the file.
        name: of the file; each mistake begins with it.

    Raises:
        BadConfiguration: it is not such a text.

    """
    try:
        loader = _Loader(text)
        nodes = loader.get_single_node()
        source = None if nodes is None else loader.construct_document(nodes)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadConfiguration([f"{name}:{line}: not YAML: the character #x{ord(text[error.position]):02x} must not stand in it"]) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        kind = "" if isinstance(error, _Refused) else "not YAML: "
        raise BadConfiguration([f"{name}:{mark.line + 1 if mark is not None else 1}: {kind}{error.problem}"]) from error
    except RecursionError as error:  # of merge keys, whose chain may be longer than anything is deep
        raise BadConfiguration([f"{name}:1: nested too deep"]) from error
    if source is None:
        source = {}
    if not isinstance(source, dict):
        raise BadConfiguration([f"{name}:1: a configuration is a mapping of keys to values"])
    return source, nodes


def quickly(text: str) -> Any:
    """Read YAML of our own, which tests have read before: by the library in C where there is one, and without positions."""
    return yaml.load(text, _QUICK)  # noqa: S506 - a safe loader, by either name


def locate(nodes: Nodes, keys: list[Any]) -> tuple[int, int]:
    """Return the line of the deepest node that a path of keys reaches, and how many keys that took."""
    node, line, depth = nodes, 1, 0
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            # The last one counts: those of a merge key (<<) come before the mapping's own.
            pair = next((pair for pair in reversed(node.value) if pair[0].value == str(key)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            break
        depth += 1
    return line, max(depth, 1)


def spelled(keys: list[Any]) -> str:
    """Return a path of keys as one writes it: ``providers[0].domains[1]``."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key if key.isprintable() else repr(key)}" for key in keys).removeprefix(".")
