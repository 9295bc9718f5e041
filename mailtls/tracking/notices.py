"""Notices: what a webhook is told, as CloudEvents 1.0 in their JSON format."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from mailtls.readable import readable
from mailtls.tracking.standing import Event

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from mailtls.tracking.changes import Change
    from mailtls.tracking.standing import Sighting

KINDS = {
    Event.CONFIRMED: "regression",
    Event.RECOVERED: "recovery",
    Event.ACCEPTED: "accepted",
    Event.OUTAGE: "outage",
    Event.MEASURED_AGAIN: "outage-over",
}
"""The kind of notice that an event leads to; other events lead to none."""
SUMMARY = "summary"
"""The kind of the notice that stands for many."""
_OF_ALL = frozenset({"regression", "recovery", "accepted"})
_NAMED_IN_A_SUMMARY = 50
_SPACE = uuid.UUID("5b1f7c1e-2f0c-5b7e-9a51-6d1a0d6c7e11")

Notice = dict[str, Any]
"""A CloudEvent; every value is of JSON."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened, and what must be known to tell of it.

    Args:
        change: what happened.
        domains: that lead to the host, where its subject names none.
        vantages: that have seen it.
        alone: it is of an address, and its host does not speak for it.

    """

    change: Change
    domains: frozenset[str] = frozenset()
    vantages: tuple[str, ...] = ()
    alone: bool = False


def notice(change: Change, source: str, domains: Collection[str] = (), vantages: Collection[str] = (), *, alone: bool = False) -> Notice | None:
    """Return what is told of a change, or ``None`` for one of which nobody is told.

    Nobody is told of what is muted, nor of what one vantage alone says of a regression, nor of that of an address, unless it stands alone:
    else its host speaks for it. Its ``id`` is that of the change, whoever makes it and however often, so that a receiver can drop what it
    has already.

    Args:
        change: that happened.
        source: what tells of it: the URL under which the daemon's pages are seen, or ``/mailtls``.
        domains: that lead to the host, where the subject names none.
        vantages: that have seen it.
        alone: the subject is an address, and its host does not speak for it.

    """
    kind = KINDS.get(change.event)
    if kind is None or change.muted or (kind in _OF_ALL and (change.vantage or (change.subject.address and not alone))):
        return None
    subject = change.subject
    concerned = [subject.domain] if subject.domain else sorted(domains)
    seen_by = sorted(vantages) or ([change.vantage] if change.vantage else [])
    data = {
        "kind": kind,
        "domains": [readable(name) for name in concerned],
        "mx": readable(subject.host),
        "family": subject.family,
        "address": subject.address,
        "check": change.check,
        "before": _shown(change.before),
        "after": _shown(change.after),
        "since": None if change.after is None else _time(change.after.at),
        "at": _time(change.at),
        "confirmed_at": _time(change.at) if kind == "regression" else None,
        "attribution": None if change.attribution is None else change.attribution.value,
        "vantages": [readable(name) for name in seen_by],
        "why": readable(change.why),
        "reproduce": f"mailtls check {concerned[0]} --explain" if concerned else None,
        "link": f"{source.rstrip('/')}/" if source.startswith(("https://", "http://")) else None,
        "text": _sentence(kind, change),
    }
    key = f"{kind}\n{subject.key}\n{change.check}\n{_time(change.at)}\n{change.vantage}"
    return _event(kind, source, key, str(subject), change.at, data)


def summary(notices: Sequence[Notice], source: str, at: datetime) -> Notice:
    """Return the one notice that stands for many: how many of each kind, and the first of them by name.

    Args:
        notices: at least one; none of them is told by itself.
        source: as of :func:`notice`.
        at: now.

    """
    kinds = [each["data"]["kind"] for each in notices]
    counted = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    data = {
        "kind": SUMMARY,
        "count": len(notices),
        "kinds": counted,
        "first": [each["data"]["text"] for each in notices[:_NAMED_IN_A_SUMMARY]],
        "at": _time(at),
        "text": "too much at once to tell each by itself: " + ", ".join(f"{number} {kind}" for kind, number in counted.items()),
    }
    return _event(SUMMARY, source, "\n".join(sorted(each["id"] for each in notices)), SUMMARY, at, data)


def _event(kind: str, source: str, key: str, subject: str, at: datetime, data: dict[str, Any]) -> Notice:
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid5(_SPACE, f"{source}\n{key}".encode("utf-8", "backslashreplace").decode())),
        "source": source,
        "type": f"mailtls.{kind}",
        "subject": readable(subject) or "mailtls",
        "time": _time(at),
        "datacontenttype": "application/json",
        "data": data,
    }


def _sentence(kind: str, change: Change) -> str:
    before = "" if change.before is None else readable(change.before.shown)
    after = "" if change.after is None else readable(change.after.shown)
    values = f": {before or '?'} -> {after or '?'}" if before or after else ""
    return f"{kind}: {readable(str(change.subject))} {readable(change.check)}{values}"


def _shown(sighting: Sighting | None) -> dict[str, str] | None:
    if sighting is None:
        return None
    return {"value": readable(sighting.shown), "at": _time(sighting.at), "evidence": sighting.evidence}


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
