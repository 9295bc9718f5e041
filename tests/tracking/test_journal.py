"""States begin, go on and end by what was really seen; what is the same is written hourly, and what goes to and fro is said to vary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mailtls.model import Absent, Cause, Known, Reading, Stage, Unknown
from mailtls.tracking.changes import Subject
from mailtls.tracking.history import (
    CONCLUSIVE,
    RESTLESS,
    VARIES,
    Purpose,
    Run,
    Seen,
    by_day,
    canonical,
    compare,
    joined,
    reading_of,
)
from mailtls.tracking.journal import Entry, Journal

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
ONE = Subject(host="mx1.example", family="ipv4", address="192.0.2.1:25")
NEVER = "rate-limited at greeting"


def seen(number: float, outcome: str = CONCLUSIVE, subject: Subject = ONE, **readings: Reading[object]) -> Seen:
    return Seen(subject, NOW + number * QUARTER, readings, Purpose.QUICK, outcome)


def test_equal_readings_are_written_alike_whatever_their_order_of_keys() -> None:
    assert canonical("negotiated", Known({"b": 1, "a": [True, None]})) == '{"a":[true,null],"b":1}'
    assert canonical("x", Absent()) == "absent" != canonical("x", Known("absent"))
    assert reading_of(canonical("x", Known("absent"))) == Known("absent")
    assert reading_of("absent") == Absent()
    assert reading_of(VARIES) is None


def test_records_that_a_resolver_turned_around_are_the_same_and_the_order_of_suites_is_not() -> None:
    assert canonical("mx_records", Known(["a", "b"])) == canonical("mx_records", Known(["b", "a"]))
    assert canonical("cipher_suites", Known(["a", "b"])) != canonical("cipher_suites", Known(["b", "a"]))


def test_no_state_is_made_of_an_unknown() -> None:
    with pytest.raises(TypeError):
        canonical("x", Unknown(Cause.RATE_LIMITED, Stage.GREETING))


def test_what_differs_ends_one_state_and_begins_another_and_what_is_older_changes_nothing() -> None:
    current = {"a": ("1", NOW), "b": ("2", NOW), "c": ("3", NOW + QUARTER)}
    moves = compare(current, {"a": "1", "b": "5", "c": "9", "d": "4"}, NOW + QUARTER)
    assert (dict(moves.begun), moves.ended, moves.renewed) == ({"b": "5", "d": "4"}, {"b"}, {"a"})


def test_the_first_look_is_written_whole_and_an_unchanged_one_within_the_hour_is_not() -> None:
    journal = Journal()
    first = journal.note(seen(0, a=Known(True), b=Absent()))
    assert first is not None
    assert first.values == {"a": "true", "b": "absent"}
    assert [journal.note(seen(number, a=Known(True), b=Absent())) for number in (1, 2, 3)] == [None, None, None]
    hourly = journal.note(seen(4, a=Known(True)))
    assert hourly is not None
    assert not hourly.values
    assert hourly.renewed == {"a": ("true", NOW + 4 * QUARTER), "b": ("absent", NOW + 3 * QUARTER)}
    assert hourly.runs == {"quick": (Run(CONCLUSIVE, NOW + QUARTER, NOW + 4 * QUARTER, 4),)}


def test_a_change_is_written_at_once_with_when_the_old_value_was_seen_last() -> None:
    journal = Journal()
    journal.note(seen(0, a=Known(True), b=Known(1)))
    journal.note(seen(1, a=Known(True), b=Known(1)))
    entry = journal.note(seen(2, a=Known(False), b=Known(1)))
    assert entry is not None
    assert entry.values == {"a": "false"}
    assert entry.renewed == {"a": ("true", NOW + QUARTER), "b": ("1", NOW + QUARTER)}


def test_a_scan_that_saw_nothing_ends_no_state_and_its_outcome_is_counted() -> None:
    journal = Journal()
    journal.note(seen(0, a=Known(True)))
    assert journal.note(seen(1, NEVER)) is None
    (entry,) = journal.rest()
    assert entry.runs == {"quick": (Run(NEVER, NOW + QUARTER, NOW + QUARTER),)}
    assert not entry.renewed


def test_what_goes_to_and_fro_is_said_to_vary_until_it_was_calm_for_a_day() -> None:
    journal = Journal()
    entries = [journal.note(seen(number, a=Known(number % 2))) for number in range(60)]
    values = [entry.values["a"] for entry in entries if entry is not None and "a" in entry.values]
    assert values == [*(str(number % 2) for number in range(RESTLESS)), VARIES]
    assert journal.note(seen(59 + 95, a=Known(1))) is not None
    calm = journal.note(seen(59 + 97, a=Known(1)))
    assert isinstance(calm, Entry)
    assert calm.values == {"a": "1"}


def test_runs_that_ended_alike_become_one_and_days_get_their_share() -> None:
    run = Run(NEVER, NOW, NOW + QUARTER, 2)
    assert joined(run, Run(CONCLUSIVE, NOW, NOW)) is None
    longer = joined(run, Run(NEVER, NOW + timedelta(days=1), NOW + timedelta(days=1)))
    assert longer == Run(NEVER, NOW, NOW + timedelta(days=1), 3)
    assert by_day([longer, Run(CONCLUSIVE, NOW, NOW, 4)]) == {"2026-11-24": {NEVER: 2, CONCLUSIVE: 4}, "2026-11-25": {NEVER: 1}}


def test_other_subjects_are_forgotten_on_demand() -> None:
    journal = Journal()
    domain = Subject("a.example")
    for subject in (ONE, domain):
        journal.note(seen(0, subject=subject, a=Known(1)))
    journal.keep_only({"mx1.example"}, set())
    assert journal.note(seen(1, subject=ONE, a=Known(1))) is None
    assert journal.note(seen(1, subject=domain, a=Known(1))) is not None
