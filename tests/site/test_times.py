"""Times and addresses of pages."""

from __future__ import annotations

import pytest

from mailtls.site.times import later, linked, moment
from mailtls.site.words import english


def test_a_time_is_absolute_in_utc_and_machine_readable() -> None:
    assert moment("2026-11-24T12:00:31Z", english()) == '<time datetime="2026-11-24T12:00:31Z">2026-11-24 12:00 UTC</time>'


def test_what_never_was_is_said_to_be_so() -> None:
    assert moment(None, english()) == "never yet"


def test_what_is_no_time_is_shown_escaped() -> None:
    assert moment("<b>", english()) == "&lt;b&gt;"


def test_a_later_time_is_written_alike() -> None:
    assert later("2026-11-24T23:30:00Z", 3600) == "2026-11-25T00:30:00Z"


@pytest.mark.parametrize("url", ["https://example.net/", "http://example.net/", "mailto:a@example.net"])
def test_the_web_and_mailboxes_may_be_linked_to(url: str) -> None:
    assert linked(url) == url


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//example.net/", "", None, "https://a\nb", " javascript:x"])
def test_nothing_else_may(url: str | None) -> None:
    assert linked(url) is None
