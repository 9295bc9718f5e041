"""What the ledger keeps comes back as it was, by way of JSON; what is damaged is told."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.held_back import HeldBack
from mailtls.tracking.presence import Presence, Way
from mailtls.tracking.standing import Event, Regression, Sighting, Standing, Streak
from mailtls.tracking.votes import Attribution
from mailtls.tracking.written import FORMAT, Damaged, read, written

TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2120, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants them so
TEXTS = st.text(max_size=20)
NAMES = st.text(st.characters(exclude_characters="/"), max_size=12)
COUNTS = st.integers(0, 10**6)
SIGHTINGS = st.builds(Sighting, TIMES, st.floats(allow_nan=False, allow_infinity=False), TEXTS, COUNTS, TEXTS, st.booleans())
STREAKS = st.builds(Streak, SIGHTINGS, SIGHTINGS, COUNTS, COUNTS, TIMES, TIMES)
HELD = st.builds(
    HeldBack, SIGHTINGS, SIGHTINGS, COUNTS, st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds)), st.booleans()
)
SETS = st.frozensets(NAMES, max_size=3)
KEPT = st.one_of(
    st.builds(
        Standing, st.none() | SIGHTINGS, st.none() | STREAKS, st.none() | STREAKS, st.none() | STREAKS,
        st.none() | st.builds(Regression, SIGHTINGS, SIGHTINGS, TIMES), st.none() | STREAKS, st.none() | SIGHTINGS,
        st.lists(TIMES, max_size=8).map(tuple), st.booleans(), st.none() | TIMES, st.none() | HELD,
    ),
    st.builds(
        Presence, TIMES, TIMES, st.none() | TIMES, COUNTS, TEXTS, st.none() | TIMES, SETS, st.none() | TIMES, TEXTS, TEXTS, st.none() | TIMES,
    ),
    st.builds(Way, TIMES, SETS, st.dictionaries(st.tuples(NAMES, NAMES), SETS, max_size=3)),
    st.builds(
        Change, TIMES, st.builds(Subject, NAMES, NAMES, NAMES, NAMES), TEXTS, st.sampled_from(Event), st.none() | SIGHTINGS,
        st.none() | SIGHTINGS, TEXTS, st.none() | st.sampled_from(Attribution), TEXTS, TEXTS,
    ),
)  # fmt: skip


@given(KEPT)
def test_everything_comes_back_as_it_was(kept: Any) -> None:
    assert read(json.loads(json.dumps(written(kept), allow_nan=False))) == kept


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_anything_else_is_damaged(document: object) -> None:
    with pytest.raises(Damaged):
        read(document)


@given(KEPT, st.data())
def test_a_document_with_another_value_somewhere_is_damaged_or_says_something_of_its_kind(kept: Any, data: st.DataObject) -> None:
    document = written(kept)
    name = data.draw(st.sampled_from(sorted(document.keys() - {"format", "kind"} or {"format"})))
    document[name] = data.draw(st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.lists(TEXTS))
    with contextlib.suppress(Damaged):
        assert type(read(document)) is type(kept)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), True, "1", None])
def test_a_strength_is_a_finite_number(number: object) -> None:
    document = written(Standing(Sighting(datetime(2026, 1, 1, tzinfo=UTC), 1)))
    document["baseline"]["strength"] = number
    with pytest.raises(Damaged, match="strength"):
        read(document)


def test_a_time_has_a_zone() -> None:
    document = written(Way(datetime(2026, 1, 1, tzinfo=UTC)))
    with pytest.raises(Damaged, match="zone"):
        read(document | {"at": "2026-01-01T00:00:00"})


def test_a_format_of_the_future_is_told() -> None:
    document = written(Standing())
    with pytest.raises(Damaged, match="format 2 is not known"):
        read(document | {"format": FORMAT + 1})
    with pytest.raises(Damaged, match="kind 'house'"):
        read(document | {"kind": "house"})


def test_a_steady_standing_is_small() -> None:
    seen = Sighting(datetime(2026, 1, 1, tzinfo=UTC), 1, "accepted")
    assert len(json.dumps(written(Standing(baseline=seen, latest=seen)))) < 250


def test_a_standing_that_was_written_before_anything_was_held_back_is_still_read() -> None:
    at = "2026-01-01T00:00:00+00:00"
    document = {"format": 1, "kind": "standing", "baseline": {"at": at, "strength": 1.0, "connections": 1}, "since": at}
    seen = datetime.fromisoformat(at)
    assert read(document) == Standing(baseline=Sighting(seen, 1.0), since=seen)
