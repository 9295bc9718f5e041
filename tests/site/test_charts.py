"""Charts: each mark is told by place and shape, and what is drawn is said too."""

from __future__ import annotations

import pytest

from mailtls.site.charts import MARKS, bar, sample
from tests.site.reading import Element, read

DAYS = {"first": "2026-11-01", "last": "2026-11-10"}


def _run(first: int, last: int, mark: str) -> dict[str, str]:
    return {"from": f"2026-11-{first:02}", "to": f"2026-11-{last:02}", "mark": mark, "shown": ""}


def _shape(element: Element) -> tuple[str, ...]:
    return (element.name, *(element.attributes.get(key, "") for key in ("y", "height", "y1")))


def test_a_bar_is_an_image_with_a_title_and_a_description_that_are_escaped() -> None:
    drawn = read(bar(DAYS, [_run(1, 10, "has")], "a <b>", "all & good").encode()).one("svg")
    assert drawn.attributes["role"] == "img"
    assert (drawn.one("title").text, drawn.one("desc").text) == ("a <b>", "all & good")


def test_days_that_are_alike_are_one_mark_as_wide_as_they_are_many() -> None:
    drawn = read(bar(DAYS, [_run(1, 3, "has"), _run(4, 10, "lacks")], "", "").encode())
    assert [(mark.attributes["x"], mark.attributes["width"]) for mark in drawn.all("rect")] == [("0", "12"), ("12", "28")]


def test_no_two_marks_have_the_same_shape() -> None:
    marks = [read(sample(mark).encode()).all("rect", "line")[0] for mark in MARKS]
    assert len({_shape(mark) for mark in marks}) == len(MARKS)


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_has_a_class_and_no_colour_of_its_own(mark: str) -> None:
    (drawn,) = read(sample(mark).encode()).all("rect", "line")
    assert mark in drawn.attributes["class"].split()
    assert not {"fill", "stroke", "style"} & set(drawn.attributes)
