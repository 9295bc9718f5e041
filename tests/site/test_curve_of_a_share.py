"""A share over time: a line where it is known, hatching where it is not."""

from __future__ import annotations

from mailtls.site.curve import Point, curve
from tests.site.reading import Element, read


def drawn(*shares: float | None, watched: bool = True) -> Element:
    points = [Point(f"2026-11-{number:02}", share, watched=watched) for number, share in enumerate(shares, 1)]
    return read(curve(points, "a title", "what is seen").encode()).one("svg")


def test_has_a_title_and_says_what_is_seen() -> None:
    assert (drawn(1.0).one("title").text, drawn(1.0).one("desc").text) == ("a title", "what is seen")


def test_the_line_breaks_where_nothing_is_known_and_that_is_hatched() -> None:
    made = drawn(1.0, None, 0.5)
    assert len(made.all("path", class_="over")) == 2
    assert len(made.all("rect", class_="unmeasured")) == 1


def test_all_is_above_none() -> None:
    high, low = (made.one("path", class_="over").attributes["d"].split()[2] for made in (drawn(1.0), drawn(0.0)))
    assert float(high) < float(low)


def test_what_nobody_watched_is_empty() -> None:
    assert drawn(None, None, watched=False).all("rect") == []


def test_nothing_at_all_is_drawn_as_an_empty_frame() -> None:
    assert drawn().all("path") == []


def test_text_is_escaped() -> None:
    assert read(curve([Point("<script>", 1.0)], "<script>", "&").encode()).all("script") == []
