"""What a value is called, and its colour. The text always says it too, and what is unknown is grey and never green."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models import dashboard

GREEN, YELLOW, ORANGE, RED, BLUE, GREY = "green", "#e0b400", "orange", "red", "blue", "#8e8e8e"

Words = dict[str, tuple[str, str]]
"""The text and the colour of a value."""

STATES: dict[str, str] = {"unprotected": RED, "degraded": YELLOW, "protected": GREEN, "no-mail": BLUE, "unknown": GREY}
"""Colours of the states of a domain, the worst first."""

STATE_NUMBERS: dict[str, int] = {"unprotected": 4, "degraded": 3, "protected": 2, "no-mail": 1, "unknown": 0}
"""A number for each state, so that one series can say which it is; of several vantages the highest counts."""

STATE_WORDS: Words = {str(number): (state, STATES[state]) for state, number in STATE_NUMBERS.items()}
GOOD: Words = {"1": ("yes", GREEN), "0": ("no", RED)}
"""Of what should be so."""
WANTED: Words = {"1": ("yes", GREEN), "0": ("no", YELLOW)}
"""Of what is better, and no fault where it is missing."""
FAULT: Words = {"0": ("no", GREEN), "1": ("yes", RED)}
"""Of what should not be so."""
OPEN: Words = {"1": ("open", RED), "0": ("ended", GREEN)}


def mappings(words: Words, missing: str = "unknown") -> list[dashboard.ValueMapping]:
    """Return value mappings with these words, and a grey one for a value that is not there."""
    told = {value: dashboard.ValueMappingResult(text=text, color=colour, index=i) for i, (value, (text, colour)) in enumerate(words.items())}
    nothing = dashboard.ValueMappingResult(text=missing, color=GREY, index=len(told))
    special = dashboard.DashboardSpecialValueMapOptions(match=dashboard.SpecialValueMatch.NULL_AND_NAN, result=nothing)
    return [dashboard.ValueMap(options=told), dashboard.SpecialValueMap(options=special)]


def steps(base: str, *above: tuple[float, str]) -> ThresholdsConfig:
    """Return thresholds: a colour from the start, and others from a value on."""
    found = [dashboard.Threshold(value=None, color=base), *(dashboard.Threshold(value=value, color=colour) for value, colour in above)]
    return ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(found)
