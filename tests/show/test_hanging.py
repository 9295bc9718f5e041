"""Long lines end between two words, and go on indented."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.markup import escape

from mailtls.show.hanging import hanging

WORDS = st.lists(st.text("abcdefgh", min_size=1, max_size=18), min_size=1, max_size=40)


@given(WORDS, st.integers(40, 120), st.integers(0, 10), st.integers(0, 50))
def test_no_word_is_broken_or_lost_and_no_line_is_too_long(words: list[str], width: int, ahead: int, indent: int) -> None:
    lines = [text.plain for text in hanging(" " * ahead + " ".join(words), width, indent)]
    assert [word for line in lines for word in line.split()] == words
    assert all(len(line) <= width for line in lines)
    assert lines[0].startswith(" " * ahead)
    assert all(len(line) - len(line.lstrip()) in {ahead + indent, ahead + 2} for line in lines[1:])


def test_a_word_that_is_longer_than_a_line_is_broken_and_whole() -> None:
    lines = [text.plain for text in hanging("  x " + "y" * 100, 40)]
    assert all(len(line) <= 40 for line in lines)
    assert "".join("".join(lines).split()) == "x" + "y" * 100


def test_markup_of_others_stays_text_and_styles_go_on() -> None:
    lines = list(hanging(f"[red]{escape('[bold]word ' * 10)}[/]", 40))
    assert " ".join(line.plain for line in lines).split() == ["[bold]word"] * 10
    assert all(line.spans for line in lines)
