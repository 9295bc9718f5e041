"""Statements: Markdown of others becomes HTML that can do nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.site.markdown import statement

ALLOWED = {"p", "strong", "em", "code", "pre", "a", "ul", "ol", "li", "blockquote", "h4", "h5", "h6", "br", "hr"}


class Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_marks_become_elements() -> None:
    assert statement("We told them **at once**.") == "<p>We told them <strong>at once</strong>.</p>\n"


def test_headings_stand_below_those_of_the_page() -> None:
    assert Reader(statement("# One\n\n###### Six")).tags == ["h4", "h6"]


ACTS = ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,<script>", "vbscript:x", "file:///etc/passwd", "//evil.example"]
HTML = ["<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "![x](https://example.net/x.png)", "<div>\nhello\n</div>"]


@pytest.mark.parametrize("url", ACTS)
def test_a_link_that_acts_or_leads_elsewhere_is_text(url: str) -> None:
    assert "a" not in Reader(statement(f"[here]({url})")).tags


def test_a_link_of_the_web_is_followed_by_no_search_engine() -> None:
    assert ("rel", "nofollow ugc noopener") in Reader(statement("[here](https://example.net/)")).attributes


@pytest.mark.parametrize("text", HTML)
def test_html_and_pictures_are_text(text: str) -> None:
    assert set(Reader(statement(text)).tags) <= {"p", "a"}


def test_characters_that_reorder_are_shown_as_what_they_are() -> None:
    assert "\u202e" not in statement("a\u202eb")


def test_what_is_too_long_is_cut() -> None:
    assert len(statement("a " * 100_000)) < 30_000
    assert len(statement("> " * 5000 + "deep")) < 200_000


@given(st.text(max_size=300))
def test_whatever_is_said_becomes_nothing_but_harmless_elements(text: str) -> None:
    read = Reader(statement(text))
    assert set(read.tags) <= ALLOWED
    assert {name for name, _ in read.attributes} <= {"href", "rel", "title", "start", "class"}
