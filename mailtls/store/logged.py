"""What of the ledger goes into the daemon's log: what happened to a vantage's own, and what all vantages together make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from mailtls.tracking.settling import Settled
from mailtls.tracking.standing import Event

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from mailtls.tracking.changes import Change
    from mailtls.tracking.ledger import Key
    from mailtls.tracking.settling import JointRegression

log = structlog.get_logger(component="regressions")

_LOGGED = frozenset({Event.CONFIRMED, Event.RECOVERED, Event.ACCEPTED, Event.CHANGED, Event.RETIRED, Event.OUTAGE, Event.MEASURED_AGAIN})

_NAMED = 20
"""Domains that are named in a line; the rest are counted."""


def log_own(changes: Iterable[Change]) -> None:
    """Log what happened to what one vantage holds."""
    for change in changes:
        if change.event in _LOGGED:
            _log(change)


def log_joint(
    before: Mapping[Key, JointRegression], now: Mapping[Key, JointRegression], ended: Mapping[str, JointRegression], own: Iterable[Change]
) -> None:
    """Log what has become of regressions of all vantages together, whichever process of whichever of them found it out.

    What this process has just logged of its own vantage is left out: where there is one vantage alone, it would be the same again.

    Args:
        before: those that were open.
        now: those that are.
        ended: those that ended lately, by their names.
        own: what happened meanwhile to what this vantage holds.

    """
    said = {(change.subject, change.check, change.event) for change in own}
    for key in before.keys() | now.keys():
        was = before.get(key)
        found = now.get(key) or (None if was is None else ended.get(was.id))
        change = None if found is None else Settled(was, found).change
        if found is not None and change is not None and (change.subject, change.check, change.event) not in said:
            _log(change, found.vantages)


def log_left(domains: Collection[str]) -> None:
    """Log that domains are left out of the configuration from now on."""
    if domains:
        names = ", ".join(sorted(domains)[:_NAMED])
        log.warning("left out of the configuration; what they are held to is kept for a week", count=len(domains), domains=names)


def log_forgotten(domains: Collection[str]) -> None:
    """Log that what domains were held to is forgotten."""
    if domains:
        names = ", ".join(sorted(domains)[:_NAMED])
        log.info("forgotten, since they have been left out of the configuration for a week", count=len(domains), domains=names)


def _log(change: Change, vantages: Collection[str] = ()) -> None:
    told = {
        "vantages": ", ".join(vantages),
        "attribution": change.attribution if vantages else None,
        "muted": change.muted,
        "why": change.why,
    }
    log.info(
        change.event.value,
        subject=str(change.subject),
        check=change.check,
        before=None if change.before is None else change.before.shown,
        after=None if change.after is None else change.after.shown,
        **{name: str(value) for name, value in told.items() if value},
    )
