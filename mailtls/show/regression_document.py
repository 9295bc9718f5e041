"""Regressions as JSON: the contract of ``/api/v1/regressions``, and of ``regressions`` in ``/api/v1/domains``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailtls.instants import rfc3339
from mailtls.show.document import SCHEMA
from mailtls.tracking.told import level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailtls.tracking.changes import Subject
    from mailtls.tracking.settling import JointRegression
    from mailtls.tracking.standing import Sighting
    from mailtls.tracking.told import Suspicion, Told


def regressions_document(told: Told, vantage: str) -> dict[str, Any]:
    """Return the whole document, ready for ``json.dumps``: the open ones first, and the newest of each kind first.

    Args:
        told: what is known.
        vantage: whose word it is.

    """
    newest = sorted(told.regressions, key=lambda each: (each.confirmed_at, str(each.subject), each.check), reverse=True)
    shown = sorted(newest, key=lambda each: each.ended_at is not None)
    return {
        "schema": SCHEMA,
        "vantage": vantage,
        "blind": told.blind,
        "regressions": [regression_document(each) for each in shown],
        "held_back": [held_back_document(each) for each in told.held_back],
    }


def regression_document(each: JointRegression) -> dict[str, Any]:
    """Return one regression."""
    return {
        "id": each.id or None,
        **_place(each.subject),
        "check": each.check,
        "before": _sighting(each.before),
        "after": _sighting(each.after),
        "since": rfc3339(each.after.at),
        "confirmed_at": rfc3339(each.confirmed_at),
        "attribution": each.attribution.value,
        "vantages": list(each.vantages),
        "counts": each.counts,
        "ended_at": rfc3339(each.ended_at),
        "ended_by": None if each.ended_by is None else each.ended_by.value,
        "why": each.why or None,
        "muted": each.muted or None,
    }


def held_back_document(each: Suspicion) -> dict[str, Any]:
    """Return one loss that is held back."""
    return {
        **_place(each.subject),
        "check": each.check,
        "before": each.held_to,
        "after": each.seen,
        "since": rfc3339(each.since),
        "operators": each.operators,
        "of": each.of,
    }


def _place(subject: Subject) -> dict[str, str | None]:
    return {
        "domain": subject.domain or None,
        "mx": subject.host or None,
        "family": subject.family or None,
        "address": subject.address or None,
    }


def _sighting(sighting: Sighting) -> dict[str, Any]:
    return {"value": sighting.shown, "at": rfc3339(sighting.at), "evidence": sighting.evidence or None}


def open_of(domain: str, told: Told) -> list[JointRegression]:
    """Return what is open of a domain, each check once: its own word goes before that of it with a host, that before a host's, or an address's."""
    return _once(each for each in told.regressions if each.ended_at is None and domain in told.concerned(each))


def ended_of(domain: str, told: Told) -> list[JointRegression]:
    """Return what ended lately of a domain, likewise, and of each subject the last end; nothing of a check that is open."""
    still = {each.check for each in open_of(domain, told)}
    ended = [each for each in told.regressions if each.ended_at is not None and each.check not in still and domain in told.concerned(each)]
    return _once(sorted(ended, key=lambda each: each.confirmed_at, reverse=True))


def _once(regressions: Iterable[JointRegression]) -> list[JointRegression]:
    """Return the first of each check."""
    mine = sorted(regressions, key=lambda each: (each.check, not each.counts, level(each), each.subject))
    return list({each.check: each for each in reversed(mine)}.values())[::-1]
