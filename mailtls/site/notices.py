"""What is said where there is nothing to show: as a page to a person, and as plain text to a program."""

from __future__ import annotations

from typing import NamedTuple

from mailtls.site.words import english


class Notice(NamedTuple):
    """Something that is said so.

    Args:
        title: the message that is its title.
        text: the message that says it.

    """

    title: str
    text: str

    def page(self) -> bytes:
        """Return it as a page, which needs nothing else."""
        words = english()
        title, text = words.say(self.title), words.say(self.text)
        return (
            f'<!doctype html>\n<html lang="{words.locale}">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
            f"<title>{title}</title>\n<main>\n<h1>{title}</h1>\n<p>{text}</p>\n</main>\n</html>\n"
        ).encode()

    def plain(self) -> bytes:
        """Return it as plain text."""
        return f"{english().say(self.text)}\n".encode()


NOT_FOUND = Notice("not-found-title", "not-found")
NOTHING_YET = Notice("nothing-yet-title", "nothing-yet")
