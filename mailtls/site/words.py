"""All words of the site: messages of Project Fluent, one file a language, ``words/en.ftl``.

A template holds no words of its own; it asks for a message by name. What is put into a message is escaped, and text from the wire is made
harmless first (``shown``), so that no call can forget to.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fluent.runtime import FluentBundle, FluentResource
from markupsafe import Markup, escape

from mailtls.readable import readable

if TYPE_CHECKING:
    from collections.abc import Callable

    Given = str | int | float
    Say = Callable[..., Markup]

_REORDERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_LONGEST = 1000
_REMEMBERED = 8192


class NoSuchWordsError(LookupError):
    """A message that no file of words has, or one that lacks something which it names."""


def shown(text: object) -> str:
    """Return text that may come from the wire without characters that control or reorder it; what is too long is cut.

    What was made readable before, as most of a publication is, has none of them left and stays as it is.
    """
    whole = str(text)
    return readable(whole, _LONGEST) if len(whole) > _LONGEST or _REORDERING.search(whole) else whole


def safe(text: object) -> Markup:
    """Return the same as HTML; what is HTML already stays."""
    return text if isinstance(text, Markup) else escape(shown(text))


def lines(text: str) -> Markup:
    """Return text of several lines as HTML: its ends of lines stay, and everything else is made harmless."""
    return Markup("\n").join(safe(line) for line in text.split("\n"))


def isolated(text: object) -> Markup:
    """Return text as HTML that keeps its own direction: a name written from right to left turns nothing around that stands beside it."""
    return safe(text) if isinstance(text, Markup) or str(text).isascii() else Markup("<bdi>{}</bdi>").format(shown(text))


class Words:
    """The words of one language.

    Args:
        text: a Fluent resource.
        locale: the language, by which numbers are written.

    """

    def __init__(self, text: str, locale: str = "en") -> None:
        """Read them."""
        self.locale = locale
        self._bundle = FluentBundle([locale], use_isolating=False)
        self._bundle.add_resource(FluentResource(text))
        self._format = lru_cache(_REMEMBERED)(self._formatted)

    def say(self, name: str, /, **given: Given) -> Markup:
        """Return a message as HTML.

        Args:
            name: of the message.
            given: what it names. Text is escaped, unless it is HTML already (``Markup``).

        Raises:
            NoSuchWordsError: there is no such message, or it names what was not given.

        """
        # Escaped before it is remembered: a text and the HTML that is spelled like it are equal keys.
        return self._format(
            name, tuple((key, str(safe(value)) if isinstance(value, str) else value) for key, value in sorted(given.items()))
        )

    def _formatted(self, name: str, given: tuple[tuple[str, Given], ...]) -> Markup:
        pattern = self._bundle.get_message(name).value if self._bundle.has_message(name) else None
        if pattern is None:
            raise NoSuchWordsError(f"no message is called {name}")
        text, errors = self._bundle.format_pattern(pattern, dict(given))
        if errors:
            raise NoSuchWordsError(f"message {name}: {'; '.join(map(str, errors))}")
        return Markup(text)  # noqa: S704 - our own words, and what is in them is escaped


@cache
def english() -> Words:
    """Return the words of the site in English."""
    return Words((Path(__file__).parent / "words" / "en.ftl").read_text("utf-8"))
