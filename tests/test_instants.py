"""Times are written as RFC 3339 wants them, and read again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.instants import moment_of, rfc3339


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 24, 15, 0, 1, 999_999, UTC), "2026-11-24T15:00:01Z"),
        (datetime(2026, 11, 24, 15, tzinfo=timezone(timedelta(hours=2))), "2026-11-24T13:00:00Z"),
        (datetime(50, 1, 1, tzinfo=UTC), "0050-01-01T00:00:00Z"),
        (None, None),
    ],
)
def test_a_time_is_written_in_utc_with_a_year_of_four_digits(moment: datetime | None, text: str | None) -> None:
    assert rfc3339(moment) == text


def test_microseconds_are_written_where_they_are_wanted() -> None:
    assert rfc3339(datetime(2026, 11, 24, tzinfo=UTC), "microseconds") == "2026-11-24T00:00:00.000000Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_that_was_written_is_read_again(moment: datetime) -> None:
    assert moment_of(rfc3339(moment, "microseconds")) == moment
    assert moment_of(rfc3339(moment)) == moment.replace(microsecond=0)
