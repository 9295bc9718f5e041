"""What the ledger keeps, as plain values that JSON can hold, and back. Each document says what it is, and in which format."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.held_back import HeldBack
from mailtls.tracking.presence import Presence, Way
from mailtls.tracking.settling import JointRegression
from mailtls.tracking.standing import Event, Regression, Sighting, Standing, Streak
from mailtls.tracking.votes import Attribution

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FORMAT = 1
"""The format that is written, and the only one that is read so far. It changes when a field changes its meaning; new ones may be missing."""

T = TypeVar("T")
Document = dict[str, Any]
Written = Standing | Presence | Way | Change | JointRegression


class Damaged(ValueError):  # noqa: N818 - it is what happened
    """A document that is none of ours, or of a format that this version does not know."""


def written(kept: Written) -> Document:
    """Return what is kept as a document."""
    kind, body = _WRITERS[type(kept)]
    return {"format": FORMAT, "kind": kind, **body(kept)}


def read(document: object) -> Written:
    """Return what a document says. Raises :class:`Damaged` for one that is none."""
    if not isinstance(document, dict):
        raise Damaged("a document is an object")
    if document.get("format") != FORMAT:
        raise Damaged(f"format {document.get('format')!r:.80} is not known to this version, which reads format {FORMAT}")
    reader = _READERS.get(str(document.get("kind")))
    if reader is None:
        raise Damaged(f"a document of the kind {document.get('kind')!r:.80} is not known")
    try:
        return reader(document)
    except Damaged:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise Damaged(f"the document is damaged: {type(error).__name__}: {error!s:.200}") from error


def _standing_written(standing: Standing) -> Document:
    return _without_empty(
        {
            "baseline": _or_none(_sighting_written, standing.baseline),
            "settling": _or_none(_streak_written, standing.settling),
            "candidate": _or_none(_streak_written, standing.candidate),
            "improvement": _or_none(_streak_written, standing.improvement),
            "regression": _or_none(_regression_written, standing.regression),
            "recovery": _or_none(_streak_written, standing.recovery),
            "latest": _or_none(_sighting_written, standing.latest),
            "turns": [_time_written(turn) for turn in standing.turns],
            "flapping": standing.flapping,
            "since": _or_none(_time_written, standing.since),
            "held_back": _or_none(_held_back_written, standing.held_back),
        }
    )


def _standing(document: Mapping[str, Any]) -> Standing:
    return Standing(
        _or_none(_sighting, document.get("baseline")),
        _or_none(_streak, document.get("settling")),
        _or_none(_streak, document.get("candidate")),
        _or_none(_streak, document.get("improvement")),
        _or_none(_regression, document.get("regression")),
        _or_none(_streak, document.get("recovery")),
        _or_none(_sighting, document.get("latest")),
        tuple(_time(turn) for turn in _is(list, document.get("turns", []))),
        _is(bool, document.get("flapping", False)),
        _or_none(_time, document.get("since")),
        _or_none(_held_back, document.get("held_back")),
    )


def _sighting_written(sighting: Sighting) -> Document:
    return {"at": _time_written(sighting.at), "strength": sighting.strength, "connections": sighting.connections} | _without_empty(
        {
            "shown": sighting.shown,
            "evidence": sighting.evidence,
            "full": sighting.full,
        }
    )


def _sighting(document: Any) -> Sighting:
    return Sighting(
        _time(document["at"]),
        _number(document["strength"]),
        _is(str, document.get("shown", "")),
        _is(int, document.get("connections", 1)),
        _is(str, document.get("evidence", "")),
        _is(bool, document.get("full", False)),
    )


def _streak_written(streak: Streak) -> Document:
    return {
        "first": _sighting_written(streak.first),
        "weakest": _sighting_written(streak.weakest),
        "connections": streak.connections,
        "cycles": streak.cycles,
        "counted": _time_written(streak.counted),
        "last": _time_written(streak.last),
    }


def _streak(document: Any) -> Streak:
    return Streak(
        _sighting(document["first"]),
        _sighting(document["weakest"]),
        _is(int, document["connections"]),
        _is(int, document["cycles"]),
        _time(document["counted"]),
        _time(document["last"]),
    )


def _held_back_written(held: HeldBack) -> Document:
    return {
        "first": _sighting_written(held.first),
        "latest": _sighting_written(held.latest),
        "connections": held.connections,
        "lasted": held.lasted.total_seconds(),
        "elsewhere": held.elsewhere,
    }


def _held_back(document: Any) -> HeldBack:
    return HeldBack(
        _sighting(document["first"]),
        _sighting(document["latest"]),
        _is(int, document["connections"]),
        timedelta(seconds=_number(document["lasted"])),
        _is(bool, document.get("elsewhere", False)),
    )


def _regression_written(regression: Regression) -> Document:
    return {
        "before": _sighting_written(regression.before),
        "after": _sighting_written(regression.after),
        "confirmed_at": _time_written(regression.confirmed_at),
    }


def _regression(document: Any) -> Regression:
    return Regression(_sighting(document["before"]), _sighting(document["after"]), _time(document["confirmed_at"]))


def _presence_written(presence: Presence) -> Document:
    return {"since": _time_written(presence.since), "attempted_at": _time_written(presence.attempted_at)} | _without_empty(
        {
            "concluded_at": _or_none(_time_written, presence.concluded_at),
            "failures": presence.failures,
            "cause": presence.cause,
            "out_at": _or_none(_time_written, presence.out_at),
            "domains": sorted(presence.domains),
            "missed_at": _or_none(_time_written, presence.missed_at),
            "muted": presence.muted,
            "operator": presence.operator,
            "silent_since": _or_none(_time_written, presence.silent_since),
        }
    )


def _presence(document: Mapping[str, Any]) -> Presence:
    return Presence(
        _time(document["since"]),
        _time(document["attempted_at"]),
        _or_none(_time, document.get("concluded_at")),
        _is(int, document.get("failures", 0)),
        _is(str, document.get("cause", "")),
        _or_none(_time, document.get("out_at")),
        _names(document.get("domains", [])),
        _or_none(_time, document.get("missed_at")),
        _is(str, document.get("muted", "")),
        _is(str, document.get("operator", "")),
        _or_none(_time, document.get("silent_since")),
    )


def _way_written(way: Way) -> Document:
    addresses = [{"host": host, "family": family, "addresses": sorted(found)} for (host, family), found in sorted(way.addresses.items())]
    kept = {"at": _time_written(way.at), "hosts": sorted(way.hosts), "addresses": addresses}
    return kept | _without_empty({"left_at": _or_none(_time_written, way.left_at)})


def _way(document: Mapping[str, Any]) -> Way:
    addresses = {(_is(str, each["host"]), _is(str, each["family"])): _names(each["addresses"]) for each in document["addresses"]}
    return Way(_time(document["at"]), _names(document["hosts"]), addresses, _or_none(_time, document.get("left_at")))


def _change_written(change: Change) -> Document:
    return {
        "at": _time_written(change.at),
        "subject": change.subject.key,
        "check": change.check,
        "event": change.event.value,
    } | _without_empty(
        {
            "before": _or_none(_sighting_written, change.before),
            "after": _or_none(_sighting_written, change.after),
            "vantage": change.vantage,
            "attribution": None if change.attribution is None else change.attribution.value,
            "why": change.why,
            "muted": change.muted,
        }
    )


def _change(document: Mapping[str, Any]) -> Change:
    return Change(
        _time(document["at"]),
        Subject.of(_is(str, document["subject"])),
        _is(str, document["check"]),
        Event(document["event"]),
        _or_none(_sighting, document.get("before")),
        _or_none(_sighting, document.get("after")),
        _is(str, document.get("vantage", "")),
        _or_none(Attribution, document.get("attribution")),
        _is(str, document.get("why", "")),
        _is(str, document.get("muted", "")),
    )


def _joint_written(regression: JointRegression) -> Document:
    return {
        "subject": regression.subject.key,
        "check": regression.check,
        "before": _sighting_written(regression.before),
        "after": _sighting_written(regression.after),
        "confirmed_at": _time_written(regression.confirmed_at),
        "attribution": regression.attribution.value,
        "vantages": list(regression.vantages),
        "counts": regression.counts,
    } | _without_empty(
        {
            "ended_at": _or_none(_time_written, regression.ended_at),
            "ended_by": None if regression.ended_by is None else regression.ended_by.value,
            "why": regression.why,
            "id": regression.id,
            "muted": regression.muted,
            "told": regression.told,
            "alone": regression.alone,
        }
    )


def _joint(document: Mapping[str, Any]) -> JointRegression:
    return JointRegression(
        Subject.of(_is(str, document["subject"])),
        _is(str, document["check"]),
        _sighting(document["before"]),
        _sighting(document["after"]),
        _time(document["confirmed_at"]),
        Attribution(document["attribution"]),
        tuple(_is(str, each) for each in _is(list, document["vantages"])),
        _is(bool, document["counts"]),
        _or_none(_time, document.get("ended_at")),
        _or_none(Event, document.get("ended_by")),
        _is(str, document.get("why", "")),
        _is(str, document.get("id", "")),
        _is(str, document.get("muted", "")),
        _is(bool, document.get("told", False)),
        _is(bool, document.get("alone", False)),
    )


def _without_empty(document: Document) -> Document:
    """Leave out what says nothing: most standings are steady, and there are many of them."""
    return {name: value for name, value in document.items() if value}


def _or_none(convert: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else convert(value)


def _is(kind: type[T], value: object) -> T:
    """Return a value that is of its kind; a truth is no number."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Damaged(f"{value!r:.80} stands where {kind.__name__} belongs")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Damaged(f"{value!r:.80} is no strength")
    return float(value)


def _names(value: object) -> frozenset[str]:
    return frozenset(_is(str, each) for each in _is(list, value))


def _time_written(at: datetime) -> str:
    return at.isoformat()


def _time(written_at: object) -> datetime:
    at = datetime.fromisoformat(_is(str, written_at))
    if at.tzinfo is None:
        raise Damaged(f"{at} has no time zone")
    return at


_WRITERS: dict[type, tuple[str, Callable[[Any], Document]]] = {
    Standing: ("standing", _standing_written),
    Presence: ("presence", _presence_written),
    Way: ("way", _way_written),
    Change: ("change", _change_written),
    JointRegression: ("regression", _joint_written),
}
_READERS: dict[str, Callable[[Mapping[str, Any]], Written]] = {
    "standing": _standing,
    "presence": _presence,
    "way": _way,
    "change": _change,
    "regression": _joint,
}
