"""What people say, in files of the operator's: of incidents (he, and the partners in their own words), and of what was published wrongly.

A statement is a file of Markdown behind a few lines of heading, as a mail has them:

    Incident: 0197f3a0-0000-7000-8000-000000000001
    By: partner
    Name: Example Mail
    Date: 2026-11-14T12:00:00Z

    An upgrade went wrong, and was taken back.

A file that is wrong is told with its line, and left out; the others are published.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import Parser
from email.policy import compat32
from typing import TYPE_CHECKING, Any

from mailtls.instants import rfc3339
from mailtls.yamltext import BadConfiguration, locate, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from mailtls.publication import Document

MOST_STATEMENTS = 1000
"""Files of statements that are read, in the order of their names."""
MAX_STATEMENT = 32_768
"""Octets of one of them."""
MAX_CORRECTIONS = 1_048_576
"""Octets of the file of corrections."""
LONGEST_NAME = 200
_HEADINGS = ("Incident", "By", "Name", "Date")
_SPEAKERS = ("operator", "partner")
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_KEYS = {"at": "a time", "subject": "text", "text": "text", "snapshot": "a number from 1 on, or nothing"}


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody says of an incident.

    Args:
        file: where it stands.
        incident: the id of which.
        by: ``operator`` or ``partner``.
        name: in whose name.
        at: when.
        markdown: the words.

    """

    file: str
    incident: str
    by: str
    name: str
    at: datetime
    markdown: str

    def document(self) -> Document:
        """Return it as it is published."""
        return {"by": self.by, "name": self.name, "at": rfc3339(self.at), "markdown": self.markdown}


class _Wrong(ValueError):  # noqa: N818 - it is what the file is
    """What is wrong with a file, and in which line."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


def read_statements(directory: Path) -> tuple[tuple[Statement, ...], tuple[str, ...]]:
    """Read all statements of a directory: its files that end in ``.md``. Returns them in order of time, and what is wrong, a line each."""
    try:
        paths = sorted(path for path in directory.iterdir() if path.name.endswith(".md") and not path.name.startswith("."))
    except OSError as error:
        return (), (f"{directory}: {error.strerror}",)
    mistakes = []
    if len(paths) > MOST_STATEMENTS:
        mistakes.append(f"{directory}: holds more than {MOST_STATEMENTS} statements; the others are left out")
    found = []
    for path in paths[:MOST_STATEMENTS]:
        try:
            found.append(statement(_text_of(path, MAX_STATEMENT), str(path)))
        except _Wrong as error:
            mistakes.append(f"{path}:{error.line}: {error}")
    return tuple(sorted(found, key=lambda each: (each.at, each.file))), tuple(mistakes)


def _text_of(path: Path, most: int) -> str:
    try:
        if not path.is_file():
            raise _Wrong(1, "is no file")
        with path.open("rb") as file:
            octets = file.read(most + 1)
    except OSError as error:
        raise _Wrong(1, error.strerror or str(error)) from error
    if len(octets) > most:
        raise _Wrong(1, f"larger than {most} bytes")
    try:
        return octets.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _Wrong(octets.count(b"\n", 0, error.start) + 1, f"not UTF-8 at byte {error.start}") from error


def statement(text: str, name: str) -> Statement:
    """Read a statement.

    Args:
        text: of the file.
        name: of the file.

    Raises:
        ValueError: it is none.

    """
    head, separator, body = text.partition("\n\n")
    for number, line in enumerate(head.split("\n"), 1):
        if not re.match(r"[A-Za-z-]+:", line):
            raise _Wrong(number, f"is no heading; write {', '.join(f'{known}:' for known in _HEADINGS)} and an empty line before the text")
    headings = Parser(policy=compat32).parsestr(head + "\n\n", headersonly=True).items()
    lines = {key.title(): number for number, (key, _) in reversed(list(enumerate(headings, 1)))}
    counted = Counter(key.title() for key, _ in headings)
    for key in counted:
        if key not in _HEADINGS:
            raise _Wrong(lines[key], f"{key}: unknown heading; known are {', '.join(_HEADINGS)}")
        if counted[key] > 1:
            raise _Wrong(lines[key], f"{key}: stands twice")
    for key in _HEADINGS:
        if key not in counted:
            raise _Wrong(1, f"{key}: is missing")
    said = {key.title(): value.strip() for key, value in headings}
    checks: Mapping[str, Callable[[str], bool]] = {
        "Incident": lambda value: bool(_ID.fullmatch(value)),
        "By": lambda value: value in _SPEAKERS,
        "Name": lambda value: 0 < len(value) <= LONGEST_NAME and value.isprintable(),
        "Date": lambda value: _moment(value) is not None,
    }
    hints = {
        "Incident": "write the id of an incident, as its page has it",
        "By": f"write {' or '.join(_SPEAKERS)}",
        "Name": f"write a name of {LONGEST_NAME} letters at most",
        "Date": "write date, time and offset, such as 2026-11-14T12:00:00Z",
    }
    for key, is_right in checks.items():
        if not is_right(said[key]):
            raise _Wrong(lines[key], f"{key}: {hints[key]}")
    if not separator or not body.strip():
        raise _Wrong(len(headings) + 1, "says nothing; the text stands behind an empty line")
    at = _moment(said["Date"])
    assert at is not None
    return Statement(name, said["Incident"], said["By"], said["Name"], at, body.strip())


def _moment(value: object) -> datetime | None:
    """Return a time that names its offset, as text or as YAML has read it; ``None`` for anything else."""
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d", value):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    try:
        return value.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def read_corrections(path: Path) -> tuple[tuple[Document, ...], tuple[str, ...]]:
    """Read a file of corrections: ``corrections:``, a list, each with ``at``, ``subject``, ``text``, and ``snapshot`` where there is one.

    Returns them in order of time, and what is wrong, a line each.
    """
    try:
        source, nodes = parse(_text_of(path, MAX_CORRECTIONS), str(path))
    except _Wrong as error:
        return (), (f"{path}:{error.line}: {error}",)
    except BadConfiguration as error:
        return (), tuple(error.mistakes)
    listed = source.get("corrections", [])
    unknown = [key for key in source if key != "corrections"]
    if unknown or not isinstance(listed, list):
        place = locate(nodes, [unknown[0] if unknown else "corrections"])[0]
        return (), (f"{path}:{place}: write corrections: and a list, and nothing else",)
    found, mistakes = [], []
    for index, entry in enumerate(listed):
        wrong = _wrong_correction(entry)
        if wrong is None:
            at = rfc3339(_moment(entry["at"]))
            found.append({"at": at, "snapshot": entry.get("snapshot"), "subject": entry["subject"], "text": entry["text"]})
        else:
            key, hint = wrong
            place = locate(nodes, ["corrections", index, *([key] if key else [])])[0]
            mistakes.append(f"{path}:{place}: corrections[{index}]{f'.{key}' if key else ''}: {hint}")
    return tuple(sorted(found, key=lambda each: str(each["at"]))), tuple(mistakes)


def _wrong_correction(entry: Any) -> tuple[str, str] | None:
    """Return key and hint of what is wrong with a correction; ``None`` where nothing is."""
    if not isinstance(entry, dict):
        return "", f"write {', '.join(_KEYS)}"
    for key in entry:
        if key not in _KEYS:
            return str(key), f"unknown key; known are {', '.join(_KEYS)}"
    snapshot = entry.get("snapshot")
    right = {
        "at": _moment(entry.get("at")) is not None,
        "subject": _is_text(entry.get("subject")),
        "text": _is_text(entry.get("text")),
        "snapshot": snapshot is None or (isinstance(snapshot, int) and not isinstance(snapshot, bool) and snapshot >= 1),
    }
    wrong = next((key for key, is_right in right.items() if not is_right), None)
    return None if wrong is None else (wrong if wrong in entry else "", f"{wrong} is {_KEYS[wrong]}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def by_incident(statements: Iterable[Statement]) -> Mapping[str, tuple[Statement, ...]]:
    """Return statements by the id of the incident that they are of."""
    found: dict[str, list[Statement]] = {}
    for each in statements:
        found.setdefault(each.incident, []).append(each)
    return {incident: tuple(several) for incident, several in found.items()}
