"""Which maintenance window a change falls into."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.tracking.changes import Subject
from mailtls.tracking.maintenance import Once, Weekly, Window, muting

SUNDAY = datetime(2026, 11, 22, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DOMAIN = Subject("a.example")
HOST = Subject("", "mx.a.example", "ipv4")


def window(*names: str, why: str = "moving") -> Window:
    return Window(frozenset(names), Once(SUNDAY, SUNDAY + 2 * HOUR), why)


def test_a_window_begins_with_its_first_moment_and_ends_before_its_last() -> None:
    windows = [window("a.example")]
    assert muting(windows, DOMAIN, SUNDAY) == "moving"
    assert muting(windows, DOMAIN, SUNDAY + 2 * HOUR) == ""
    assert muting(windows, DOMAIN, SUNDAY - timedelta(microseconds=1)) == ""
    assert muting(windows, Subject("b.example"), SUNDAY) == ""


def test_a_host_is_covered_by_its_name_or_where_all_domains_that_lead_to_it_are() -> None:
    assert muting([window("mx.a.example")], HOST, SUNDAY) == "moving"
    assert muting([window("a.example")], HOST, SUNDAY, ["a.example"]) == "moving"
    assert muting([window("a.example")], HOST, SUNDAY, ["a.example", "b.example"]) == ""
    assert muting([window("a.example"), window("b.example", why="too")], HOST, SUNDAY, ["a.example", "b.example"]) == "moving"
    assert muting([window("mx.a.example")], DOMAIN, SUNDAY, ["mx.a.example"]) == "moving"


def test_no_name_covers_nothing() -> None:
    assert muting([window("a.example")], Subject(), SUNDAY) == ""


def test_a_weekly_window_may_end_on_the_day_after() -> None:
    weekly = Weekly.of("sat, sun  23:30-01:00 UTC".replace(", ", ","))
    assert weekly.covers(datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
    assert weekly.covers(datetime(2026, 11, 23, 0, 59, tzinfo=UTC))
    assert not weekly.covers(datetime(2026, 11, 23, 1, 0, tzinfo=UTC))
    assert not weekly.covers(datetime(2026, 11, 23, 23, 45, tzinfo=UTC))
    assert weekly.covers(datetime(2026, 11, 23, 1, 30, tzinfo=UTC).astimezone().replace(minute=30) - HOUR)


@pytest.mark.parametrize(
    "text",
    ["", "sun", "sun 2:00-4:00 UTC", "sun 02:00-04:00", "xyz 02:00-04:00 UTC", "sun 24:00-02:00 UTC", "sun 02:60-04:00 UTC", "sun 02:00-02:00 UTC"]
)
def test_what_is_no_weekly_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Weekly.of(text)


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 - hypothesis wants them so
def test_a_whole_week_covers_every_moment(naive: datetime) -> None:
    assert Weekly.of("mon,tue,wed,thu,fri,sat,sun 00:00-24:00 utc").covers(naive.replace(tzinfo=UTC))
