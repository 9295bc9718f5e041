"""The values of a history in a few words, and what differs between two of them; escaped for any terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mailtls.model import Absent, Known
from mailtls.readable import readable
from mailtls.tracking.history import reading_of

if TYPE_CHECKING:
    from mailtls.model import Reading
    from mailtls.tracking.history import State


def difference(was: State, now: State) -> tuple[str, str]:
    """Return two values for a person; of lists, only what differs."""
    old, new = reading_of(was.value), reading_of(now.value)
    if isinstance(old, Known) and isinstance(new, Known) and isinstance(old.value, list) and isinstance(new.value, list):
        gone = [item for item in old.value if item not in new.value]
        come = [item for item in new.value if item not in old.value]
        if (gone or come) and len(gone) + len(come) < len(old.value) + len(new.value):
            return (
                _said(was.fact, Known(gone)) if gone else "",
                _said(now.fact, Known(come)) if come else "",
            )
    return shown_state(was), shown_state(now)


def shown_state(state: State) -> str:
    """Return the value of a state for a person."""
    reading = reading_of(state.value)
    return "goes to and fro" if reading is None else _said(state.fact, reading)


def _said(fact: str, reading: Reading[Any]) -> str:
    """Return a reading in a few words, escaped for any terminal."""
    if isinstance(reading, Absent):
        return "does not apply"
    assert isinstance(reading, Known)
    value = reading.value
    if fact == "certificates" and isinstance(value, list):
        return "; ".join(_certificate(each) for each in value) or "none"
    if fact == "mx_records" and isinstance(value, list):
        return ", ".join(readable(f"{each['preference']} {each['host']}", 300) for each in value) or "none"
    return readable(_plain(value), 2000)


def _certificate(value: Any) -> str:
    key = f"{value.get('key_type')} {value.get('key_bits')}"
    return readable(f"{key} until {str(value.get('not_after'))[:10]}, {str(value.get('sha256'))[:10]}", 200)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, int | float):
        return "none" if value is None else str(value)
    if isinstance(value, list):
        return ", ".join(_plain(each) for each in value) if value else "none"
    if isinstance(value, dict):
        return "; ".join(f"{name} {_plain(each)}" for name, each in value.items())
    return json.dumps(value)


def cut(text: str, room: int) -> str:
    """Return a text in so many columns, its end left out where it has more."""
    return text if len(text) <= room else f"{text[: room - 3]}..."
