"""Files of YAML: what is wrong with one is named with its file and line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailtls.yamltext import BadConfiguration, locate, parse, spelled

if TYPE_CHECKING:
    from pathlib import Path

    from mailtls.yamltext import Nodes

MAX_FILE = 16 * 1024 * 1024
"""Octets of one configuration file."""


def read(path: Path, because: str = "") -> tuple[dict[str, Any], Nodes]:
    """Read a YAML file that holds a mapping; return it, and its nodes with their positions.

    Args:
        path: of the file.
        because: the place that named the file; it goes before the mistake, where the file cannot be read at all.

    Raises:
        BadConfiguration: it cannot be read, or is not such a file.

    """
    return parse(_text_of(path, because), str(path))


def _text_of(path: Path, because: str) -> str:
    octets = None
    try:
        if path.stat().st_size <= MAX_FILE:
            octets = path.read_bytes()
    except OSError as error:
        raise BadConfiguration([f"{because}{path}: {error.strerror}"]) from error
    if octets is None:
        raise BadConfiguration([f"{because}{path}: larger than {MAX_FILE} bytes"])
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise BadConfiguration([f"{path}:{line}: not UTF-8 at byte {error.start}"]) from error


__all__ = ["MAX_FILE", "BadConfiguration", "locate", "read", "spelled"]
