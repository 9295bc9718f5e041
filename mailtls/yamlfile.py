"""Configuration files as YAML with positions: what is wrong is named with its file and line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE = 16 * 1024 * 1024
"""Octets of one configuration file."""


class BadConfiguration(ValueError):  # noqa: N818 - it says what the file is
    """What is wrong with a configuration: one line for each mistake."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def read(path: Path) -> tuple[dict[str, Any], yaml.Node | None]:
    """Read a YAML file that holds a mapping; return it, and its nodes with their positions. Raises ``BadConfiguration``."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise BadConfiguration([f"{path}: larger than {MAX_FILE} bytes"])
        text = path.read_text("utf-8")
    except OSError as error:
        raise BadConfiguration([f"{path}: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise BadConfiguration([f"{path}: not UTF-8 at byte {error.start}"]) from error
    try:
        nodes = yaml.compose(text, Loader=yaml.SafeLoader)
        twice = _duplicates(nodes)
        if twice is not None:
            raise BadConfiguration([f"{path}:{twice.start_mark.line + 1}: the key {twice.value!r} stands twice in one mapping"])
        source = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark is not None else ""
        raise BadConfiguration([f"{path}{line}: not YAML: {error.problem}"]) from error
    except RecursionError as error:
        raise BadConfiguration([f"{path}: nested too deep"]) from error
    except yaml.YAMLError as error:
        raise BadConfiguration([f"{path}: not YAML: {error}"]) from error
    if source is None:
        source = {}
    if not isinstance(source, dict):
        raise BadConfiguration([f"{path}:1: a configuration is a mapping of keys to values"])
    return source, nodes


def _duplicates(node: yaml.Node | None) -> yaml.ScalarNode | None:
    """Return the first key that stands twice in its mapping; YAML's own loader would silently take the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    return key
                seen.add(key.value)
            found = _duplicates(value)
            if found is not None:
                return found
    if isinstance(node, yaml.SequenceNode):
        return next((found for item in node.value if (found := _duplicates(item)) is not None), None)
    return None


def locate(nodes: yaml.Node | None, keys: list[Any]) -> tuple[int, int]:
    """Return the line of the deepest node that a path of keys reaches, and how many keys that took."""
    node, line, depth = nodes, 1, 0
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(key)), None)
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
