"""Reach: whether a vantage can measure at all, as far as its last attempts tell.

A vantage whose port 25 is blocked sees every server as silent. That is a fact about the vantage, and is told as one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mailtls.model import Cause, Stage, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta

    from mailtls.evidence import ScanEvidence
    from mailtls.model import EndpointObservation, Family

FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")
LEAST_OPERATORS = 3
"""Operators, unrelated to each other, that must all be out of reach before it is the vantage's fault, where no control endpoint tells."""

_OUT_OF_REACH = frozenset({Cause.CONNECT_TIMEOUT, Cause.CONNECT_REFUSED, Cause.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last attempt at an endpoint.

    Args:
        operator: whose it is.
        family: of its address.
        at: when it began.
        answered: something came back: a greeting, whatever it said, or at least a connection.
        is_control: the endpoint is there to tell whether this vantage can measure.

    """

    operator: str
    family: Family
    at: datetime
    answered: bool
    is_control: bool = False


def has_answered(scan: ScanEvidence) -> bool:
    """Whether anything came back from an endpoint, if only a connection."""
    return any(probe.failure is None or probe.failure.stage is not Stage.CONNECT for probe in scan.probes)


def attempt_of(scan: ScanEvidence, operator: str, *, is_control: bool = False) -> Attempt | None:
    """Return what a scan says of this vantage; ``None`` where nobody was visited."""
    if not scan.probes or scan.out_of_scope is not None:
        return None
    return Attempt(operator, scan.endpoint.family, scan.began, has_answered(scan), is_control)


def reachable(attempts: Iterable[Attempt], now: datetime, patience: timedelta) -> Mapping[Family, bool]:
    """Return for each family whether port 25 can be reached from here; a family of which that cannot be told is missing.

    Control endpoints decide alone, where there are any: one that answers is enough. Else any endpoint that answers shows that it can, and
    three unrelated operators none of which does that it cannot.

    Args:
        attempts: the last attempt at each endpoint.
        now: the time.
        patience: for how long an attempt tells something.

    """
    lately = [attempt for attempt in attempts if abs(now - attempt.at) <= patience]
    found: dict[Family, bool] = {}
    for family in FAMILIES:
        of_family = [attempt for attempt in lately if attempt.family == family]
        controls = [attempt for attempt in of_family if attempt.is_control]
        asked = controls or of_family
        if any(attempt.answered for attempt in asked):
            found[family] = True
        elif controls or len({attempt.operator for attempt in asked}) >= LEAST_OPERATORS:
            found[family] = False
    return found


def as_seen_blind(observed: EndpointObservation) -> EndpointObservation:
    """Return what may be said of an endpoint by a vantage that cannot measure now: that it was out of reach is laid to the vantage.

    The cause that the attempt met stands in the detail. What was seen before, and what came back from the endpoint, is left as it is.
    """
    inconclusive = observed.inconclusive
    if inconclusive is None or inconclusive.cause not in _OUT_OF_REACH:
        return observed
    readings = {
        name: _laid_to_us(reading) if isinstance(reading, Unknown) and reading.cause in _OUT_OF_REACH else reading
        for name, reading in observed.readings.items()
    }
    return replace(observed, inconclusive=_laid_to_us(inconclusive), readings=readings)


def _laid_to_us(unknown: Unknown) -> Unknown:
    met = f"{unknown.cause.value}: {unknown.detail}" if unknown.detail else unknown.cause.value
    return replace(unknown, cause=Cause.VANTAGE_BLIND, detail=f"this vantage cannot measure now; met {met}")
