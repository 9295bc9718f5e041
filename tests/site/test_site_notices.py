"""Where there is nothing to show, a page says so, and leads to where there is something."""

from __future__ import annotations

import pytest

from mailtls.site.notices import NOT_FOUND, NOTHING_YET, root_from
from tests.site.reading import read


@pytest.mark.parametrize(
    ("path", "root"),
    [("status/nothing", "./"), ("status/domains/none.example/", "../../"), ("favicon.ico", None), ("status/" + "a/" * 1000, None)],
)
def test_a_page_that_is_not_there_leads_to_the_overview_from_wherever_it_would_be(path: str, root: str | None) -> None:
    assert root_from(path) == root


def test_it_is_styled_as_all_others_where_the_style_sheet_is_there() -> None:
    page = read(NOT_FOUND.page("../"))
    assert page.one("h1").text == "Not found"
    assert [link.attributes["href"] for link in page.all("link")] == ["../style.css", "../icon.svg"]
    assert page.one("a").attributes["href"] == "../"


def test_before_anything_is_published_it_needs_nothing_else() -> None:
    page = read(NOTHING_YET.page())
    assert page.all("link", "a") == []
    assert "nothing is said of anybody" in page.text
