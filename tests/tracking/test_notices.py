"""What a webhook is told is a CloudEvent, whatever happened."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.notices import KINDS, notice, summary
from mailtls.tracking.standing import Event, Sighting

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CHANGE = Change(NOW, Subject("a.example", "mx.a.example"), "starttls", Event.CONFIRMED, Sighting(NOW, 1, "true"), Sighting(NOW, 0, "false"))
TEXT = st.text(st.characters(), max_size=30)
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
SIGHTINGS = st.none() | st.builds(Sighting, MOMENTS, st.just(1.0), TEXT)
CHANGES = st.builds(Change, MOMENTS, st.builds(Subject, TEXT, TEXT), TEXT, st.sampled_from(sorted(KINDS)), SIGHTINGS, SIGHTINGS, why=TEXT)
NO_STRING = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # CloudEvents 1.0, type system


@given(CHANGES)
def test_each_is_a_cloud_event(change: Change) -> None:
    told = notice(change, "/mailtls")
    assert told is not None
    for event in (told, summary([told, told], "/mailtls", NOW)):
        again = json.loads(json.dumps(event, allow_nan=False))
        assert again == event
        assert again["specversion"] == "1.0"
        for name in ("id", "source", "type", "subject", "time", "datacontenttype"):
            assert isinstance(again[name], str)
            assert again[name]
            assert not NO_STRING.search(again[name])
        assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in again)
        assert datetime.fromisoformat(again["time"]).tzinfo is not None


def test_the_id_is_that_of_the_change_and_no_other_s() -> None:
    first = notice(CHANGE, "/mailtls")
    assert first == notice(replace(CHANGE), "/mailtls")
    others = (replace(CHANGE, check="key"), replace(CHANGE, at=NOW + timedelta(1)), replace(CHANGE, event=Event.RECOVERED))
    assert len({event["id"] for event in (first, *(notice(each, "/mailtls") for each in others)) if event is not None}) == 4


def test_nobody_is_told_of_what_is_muted_nor_of_one_vantage_s_regression() -> None:
    assert notice(replace(CHANGE, muted="moving"), "/mailtls") is None
    assert notice(replace(CHANGE, vantage="fra1"), "/mailtls") is None
    address = replace(CHANGE, subject=Subject("", "mx.a.example", "ipv4", "192.0.2.1:25"))
    assert notice(address, "/mailtls") is None
    assert notice(address, "/mailtls", alone=True) is not None
    assert notice(replace(CHANGE, event=Event.CANDIDATE), "/mailtls") is None
    assert notice(replace(CHANGE, vantage="fra1", event=Event.OUTAGE), "/mailtls") is not None
