"""Trends: what is not known is a gap, never a fall, and 0 % and 100 % are said only of none and of all."""

from __future__ import annotations

from typing import Any

import pytest

from mailtls.site.files import files
from mailtls.site.trends import is_told, shown
from mailtls.site.words import english
from tests.site.reading import read
from tests.site.sample import publication


def series(*days: tuple[str, int, int, int]) -> dict[str, Any]:
    return {"series": [{"name": "starttls", "days": [list(day) for day in days]}]}


def sentence(*days: tuple[str, int, int, int]) -> str:
    return str(shown(series(*days), english())[0].sentence).replace("\xa0", " ")


def test_the_page_speaks_of_no_day_before_anybody_watched() -> None:
    made = publication()
    lead = read(files(made)["status/trends/index.html"].render()).one("p", class_="lead").text
    assert lead.startswith("What was measured of the 26 domains that are watched now, from 2026-09-06 to 2026-11-24:")


def test_says_where_it_stands_and_where_it_stood() -> None:
    told = sentence(("2026-11-01", 5, 10, 10), ("2026-11-02", 8, 10, 10))
    assert told == "On 2026-11-02 8 of 10 domains had it (80 %). That is 30 points more than the 50 % of 2026-11-01."


def test_a_fall_is_called_one() -> None:
    assert "30 points less than the 80 % of 2026-11-01" in sentence(("2026-11-01", 8, 10, 10), ("2026-11-02", 5, 10, 10))


def test_days_of_which_too_little_is_known_do_not_count_and_are_counted() -> None:
    told = sentence(("2026-11-01", 8, 10, 10), ("2026-11-02", 0, 4, 10), ("2026-11-03", 0, 0, 10))
    assert told == "On 2026-11-01 8 of 10 domains had it (80 %). On 2 days too few could be measured."


def test_of_nothing_nothing_is_said() -> None:
    assert sentence(("2026-11-01", 0, 0, 10)) == "On no day could enough domains be measured."


@pytest.mark.parametrize(("have", "of", "said"), [(0, 1000, "(0 %)"), (1, 1000, "(1 %)"), (999, 1000, "(99 %)"), (1000, 1000, "(100 %)")])
def test_almost_all_is_not_all_and_almost_none_is_not_none(have: int, of: int, said: str) -> None:
    assert said in sentence(("2026-11-01", have, of, of))


def test_a_day_before_anybody_watched_is_no_gap() -> None:
    assert "too few" not in sentence(("2026-11-01", 0, 0, 0), ("2026-11-02", 8, 10, 10))
    assert not is_told(("2026-11-01", 0, 0, 0))


def test_a_month_is_told_by_its_last_day_of_which_enough_is_known() -> None:
    (made,) = shown(series(("2026-10-30", 1, 2, 2), ("2026-10-31", 0, 0, 2), ("2026-11-01", 2, 2, 2)), english())
    assert [(month.day, month.percent) for month in made.months] == [("2026-11-01", 100), ("2026-10-30", 50)]
