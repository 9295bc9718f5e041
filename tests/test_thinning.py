"""Which publications are kept whole."""

from datetime import UTC, datetime, timedelta

from mailtls.thinning import kept_whole

NOW = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)


def test_of_seven_days_all_are_whole_and_of_days_before_the_last_one_each() -> None:
    kept = kept_whole({number + 1: NOW + timedelta(hours=number) for number in range(24 * 10)})
    week = [number for number in range(1, 241) if number > 240 - 7 * 24]
    assert kept == {*week, 12, 36, 60}


def test_where_nothing_is_published_nothing_is_kept() -> None:
    assert kept_whole({}) == frozenset()


def test_a_clock_that_went_back_counts_from_the_newest_number() -> None:
    assert kept_whole({1: NOW + timedelta(days=400), 2: NOW, 3: NOW + timedelta(hours=1)}) == {1, 2, 3}
