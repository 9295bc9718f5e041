"""The history of a domain for programs: JSON (schema 1), and CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from mailtls.instants import rfc3339
from mailtls.model import Known
from mailtls.show.document import grade_document
from mailtls.tracking.history import reading_of
from mailtls.tracking.written import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from mailtls.policy.past import PastGrade
    from mailtls.tracking.held_back import HeldBack
    from mailtls.tracking.history import State, Story
    from mailtls.tracking.standing import Sighting

SCHEMA = 1
COLUMNS = (
    "vantage", "domain", "host", "address", "kind", "name", "value", "first_seen", "last_seen", "ended_at", "count", "evidence", "last_evidence",
    "family",
)  # fmt: skip
"""Of CSV. ``kind`` is ``state``, ``outcome``, ``day``, ``change``, ``held-back`` or ``grade``."""


def history_document(
    domain: str, stories: Sequence[Story], grades: Mapping[str, Sequence[PastGrade]], policy: str
) -> dict[str, Any]:
    """Return the whole document, ready for ``json.dumps``."""
    told: dict[str, Any] = {"schema": SCHEMA, "domain": domain, "subjects": [_subject(story) for story in stories]}
    if policy:
        told["policy"] = policy
        told["grades"] = {
            vantage: [{"at": _exact(past.at), **grade_document(past.grade)} for past in those] for vantage, those in grades.items()
        }
    return told


def _subject(story: Story) -> dict[str, Any]:
    subject = story.subject
    return {
        "vantage": story.vantage,
        "domain": subject.domain or None,
        "host": subject.host or None,
        "family": subject.family or None,
        "address": subject.address or None,
        "states": [_state(state) for state in story.states],
        "changes": [written(change) for change in story.changes],
        "outcomes": [
            {"purpose": purpose, "outcome": run.outcome, "first": _exact(run.first), "last": _exact(run.last), "count": run.count}
            for purpose, runs in story.runs.items()
            for run in runs
        ],
        "held_back": [
            {"check": check, "before": held_to.shown, "after": held.latest.shown, "since": _exact(held.first.at)}
            for check, held_to, held in _held_back(story)
        ],
        "days": [{"day": day, "outcomes": dict(counted)} for day, counted in sorted(story.days.items())],
    }


def _held_back(story: Story) -> Iterator[tuple[str, Sighting, HeldBack]]:
    for check, standing in story.held_back.items():
        if standing.baseline is not None and standing.held_back is not None:
            yield check, standing.baseline, standing.held_back


def _state(state: State) -> dict[str, Any]:
    reading = reading_of(state.value)
    said: dict[str, Any] = {"state": "varies"} if reading is None else {"state": "absent"}
    if isinstance(reading, Known):
        said = {"state": "known", "value": reading.value}
    return {
        "fact": state.fact,
        "reading": said,
        "first_seen": _exact(state.first_seen),
        "last_seen": _exact(state.last_seen),
        "ended_at": None if state.ended_at is None else _exact(state.ended_at),
        "evidence": state.evidence or None,
        "last_evidence": state.last_evidence or None,
    }


def history_table(domain: str, stories: Sequence[Story], grades: Mapping[str, Sequence[PastGrade]], policy: str) -> str:
    """Return a history as CSV (RFC 4180) with a line of headings: a line for each state, run, day and outcome, change, loss held back, grade."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, restval="")
    table.writeheader()
    for story in stories:
        whose = story.subject
        subject = {"vantage": story.vantage, "domain": domain, "host": whose.host, "address": whose.address, "family": whose.family}
        for row in _rows(story):
            table.writerow(subject | row)
    for vantage, those in grades.items():
        for past in those:
            level = "" if past.grade.level is None else past.grade.level.value
            table.writerow(
                {
                    "vantage": vantage,
                    "domain": domain,
                    "kind": "grade",
                    "name": policy,
                    "value": level,
                    "first_seen": _exact(past.at),
                }
            )
    return text.getvalue()


def _rows(story: Story) -> Iterator[dict[str, object]]:
    for state in story.states:
        yield {
            "kind": "state", "name": state.fact, "value": state.value, "first_seen": _exact(state.first_seen), "last_seen": _exact(state.last_seen),
            "ended_at": "" if state.ended_at is None else _exact(state.ended_at), "evidence": state.evidence, "last_evidence": state.last_evidence,
        }  # fmt: skip
    for purpose, runs in story.runs.items():
        for run in runs:
            moments = {"first_seen": _exact(run.first), "last_seen": _exact(run.last)}
            yield {"kind": "outcome", "name": purpose, "value": run.outcome, "count": run.count, **moments}
    for day, counted in sorted(story.days.items()):
        for outcome, count in counted.items():
            yield {"kind": "day", "name": "visits", "value": outcome, "first_seen": day, "last_seen": day, "count": count}
    for change in story.changes:
        yield {
            "kind": "change",
            "name": change.check,
            "value": change.event.value,
            "first_seen": _exact(change.at),
            "last_seen": _exact(change.at),
        }
    for check, _, held in _held_back(story):
        yield {"kind": "held-back", "name": check, "value": held.latest.shown, "first_seen": _exact(held.first.at)}


def _exact(moment: datetime) -> str:
    return rfc3339(moment, "microseconds")
