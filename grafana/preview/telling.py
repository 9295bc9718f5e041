"""How a value is told: by mapping, by unit, and in which colour; the few units and rules that the dashboards use."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_DAY = 86400
_COLOURS = {"green": "#73bf69", "red": "#f2495c", "orange": "#ff9830", "blue": "#5794f2", "yellow": "#fade2a"}


@dataclass(frozen=True, slots=True)
class Told:
    """A value as text, and its colour where it has one."""

    text: str
    colour: str | None = None


def css(colour: str) -> str:
    """Return a colour of Grafana's as CSS has it."""
    return _COLOURS.get(colour, colour)


def tell(value: float | str | None, config: dict[str, Any], now: float) -> Told:
    """Return how a field tells a value.

    Args:
        value: a number, a label's text, or nothing.
        config: the field's defaults with the overrides laid upon them.
        now: the time, in seconds.

    """
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    for mapping in config.get("mappings", ()):
        options = mapping["options"]
        if mapping["type"] == "special":
            found = options["result"] if missing else None
        else:
            found = None if missing else options.get(f"{value:g}" if isinstance(value, float) else str(value))
        if found is not None:
            return Told(found.get("text", ""), css(found["color"]))
    if value is None or missing:
        return Told(config.get("noValue", ""))
    if isinstance(value, str):
        return Told(value)
    steps = config.get("thresholds", {}).get("steps", ())
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return Told(in_unit(value, config.get("unit", "none"), now), css(reached[-1]) if reached else None)


def in_unit(value: float, unit: str, now: float) -> str:
    """Return a number with its unit."""
    if unit == "percentunit":
        return f"{value:.0%}"
    if unit == "dateTimeAsIso":
        return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    if unit == "dateTimeFromNow":
        ahead = value / 1000 - now
        return f"in {duration(ahead)}" if ahead > 0 else f"{duration(-ahead)} ago"
    if unit in ("s", "dtdurations"):
        return duration(value)
    ends = {"Bps": " B/s", "cps": " c/s"}
    return f"{value:.3g}{ends.get(unit, '')}" if abs(value) < 1000 else f"{value:.0f}{ends.get(unit, '')}"


def duration(seconds: float) -> str:
    """Return a duration in its largest unit."""
    for size, name in ((365 * _DAY, "years"), (_DAY, "days"), (3600, "hours"), (60, "min"), (1, "s")):
        if abs(seconds) >= size:
            return f"{seconds / size:.3g} {name}"
    return f"{1000 * seconds:.3g} ms"
