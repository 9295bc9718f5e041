"""What is said where there is nothing to show: as a page to a person, and as plain text to a program."""

from __future__ import annotations

from typing import NamedTuple

from mailtls.site.words import english

_DEEPEST = 8


class Notice(NamedTuple):
    """Something that is said so.

    Args:
        title: the message that is its title.
        text: the message that says it.

    """

    title: str
    text: str

    def page(self, root: str | None = None) -> bytes:
        """Return it as a page.

        Args:
            root: leads from there to the overview, beside which the style sheet is; ``None`` where neither is there.

        """
        words = english()
        title, text = words.say(self.title), words.say(self.text)
        style = f'<link rel="stylesheet" href="{root}style.css">\n<link rel="icon" type="image/svg+xml" href="{root}icon.svg">\n' if root else ""
        back = f'<p><a href="{root}">{words.say("nav-overview")}</a></p>\n' if root else ""
        return (
            f'<!doctype html>\n<html lang="{words.locale}">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
            f'<meta name="color-scheme" content="light dark">\n<title>{title}</title>\n{style}'
            f'<main>\n<h1>{title}</h1>\n<p class="lead">{text}</p>\n{back}</main>\n</html>\n'
        ).encode()

    def plain(self) -> bytes:
        """Return it as plain text."""
        return f"{english().say(self.text)}\n".encode()


def root_from(path: str) -> str | None:
    """Return what leads from a page of the site that is not there to the overview; ``None`` where that is too far, or it is no page of the site.

    Args:
        path: of the page, without a slash ahead, as somebody asked for it.

    """
    below = path.removeprefix("status/")
    deep = below.count("/")
    return None if below == path or deep > _DEEPEST else "../" * deep or "./"


NOT_FOUND = Notice("not-found-title", "not-found")
NOTHING_YET = Notice("nothing-yet-title", "nothing-yet")
