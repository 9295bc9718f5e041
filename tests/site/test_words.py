"""The words of the site: all in one file, none in templates, none too many; and what is put into them does no harm."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jinja2 import nodes
from markupsafe import Markup

import mailtls.site
from mailtls.model import Level, Verdict
from mailtls.site.charts import MARKS
from mailtls.site.overview import TREND_MARKS
from mailtls.site.pages import environment
from mailtls.site.words import NoSuchWordsError, Words, english, safe, shown
from mailtls.tracking.standing import Event

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(mailtls.site.__file__).parent
TEMPLATES = sorted((HERE / "templates").glob("*.html"))
MESSAGES = re.findall(r"^([a-z][\w-]*) =", (HERE / "words" / "en.ftl").read_text("utf-8"), re.MULTILINE)
WORDS = Words("hello = Hello, { $name }.\ncount = { $n ->\n    [one] one\n   *[other] { $n } many\n  }\n")


def test_a_message_escapes_what_is_put_into_it() -> None:
    assert WORDS.say("hello", name="<script>") == "Hello, &lt;script&gt;."


def test_html_that_was_made_here_stays_and_is_not_taken_for_the_text_that_is_spelled_like_it() -> None:
    assert WORDS.say("hello", name=Markup("<b>x</b>")) == "Hello, <b>x</b>."
    assert WORDS.say("hello", name="<b>x</b>") == "Hello, &lt;b&gt;x&lt;/b&gt;."


def test_numbers_are_written_and_counted_as_the_language_does() -> None:
    assert (WORDS.say("count", n=1), WORDS.say("count", n=1000)) == ("one", "1,000 many")


def test_an_unknown_message_is_an_error() -> None:
    with pytest.raises(NoSuchWordsError, match="gone"):
        WORDS.say("gone")


def test_a_message_that_lacks_what_it_names_is_an_error() -> None:
    with pytest.raises(NoSuchWordsError, match="name"):
        WORDS.say("hello")


@pytest.mark.parametrize(
    ("wire", "text"), [("plain", "plain"), ("a\\x1b", "a\\x1b"), ("\x1b[31m", "\\x1b[31m"), ("\u202egnp", "\\u202egnp"), ("\udc80", "\\x80")]
)
def test_text_of_the_wire_neither_controls_nor_reorders(wire: str, text: str) -> None:
    assert shown(wire) == text


def test_text_that_is_too_long_is_cut_and_said_to_be() -> None:
    assert shown("x" * 5000).endswith("... (5000 octets)")


def test_what_is_html_stays_and_text_is_escaped() -> None:
    assert (safe("a<b"), safe(Markup("<b>"))) == ("a&lt;b", "<b>")


def test_no_message_holds_html() -> None:
    assert not re.search("[<>&]", re.sub(r"->", "", (HERE / "words" / "en.ftl").read_text("utf-8")))


def test_no_message_is_there_twice() -> None:
    assert len(MESSAGES) == len(set(MESSAGES))


def test_each_message_is_used() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in (*HERE.rglob("*.py"), *TEMPLATES))
    named = set(re.findall(r"""["']([a-z][\w-]*)["']""", sources))
    begun = {*re.findall(r"""f"([a-z][\w-]*-)\{""", sources), *re.findall(r"""'([a-z][\w-]*-)' ~""", sources)}
    kinds = {"check-mark-", "verdict-mark-"}
    assert [name for name in MESSAGES if name not in named and not name.startswith(tuple(begun | kinds))] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_words_of_its_own(path: Path) -> None:
    parsed = environment().parse(path.read_text("utf-8"))
    # What is said, and what is tested, is no text: a letter stands for each.
    texts = "".join(
        part.data if isinstance(part, nodes.TemplateData) else "\x00" for output in parsed.find_all(nodes.Output) for part in output.nodes
    )
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.extend(re.findall(r"[^\W\d_]{2,}", data))

        def handle_starttag(self, _: str, attrs: list[tuple[str, str | None]]) -> None:
            for name, value in attrs:
                if name in {"aria-label", "title", "alt", "data-label", "placeholder"}:
                    found.extend(re.findall(r"[^\W\d_]{2,}", value or ""))

    Reader().feed(texts)
    assert found == []


def test_the_words_of_the_site_are_english() -> None:
    assert english().locale == "en"


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("verdict-", Verdict),
        ("level-", [*Level, "none", "nothing"]),
        ("ended-by-", [Event.RECOVERED, Event.ACCEPTED, Event.RETIRED]),
        ("trend-", TREND_MARKS),
        ("check-mark-", MARKS),
        ("verdict-mark-", MARKS),
        ("legend-", MARKS),
    ],
)
def test_what_a_message_is_asked_for_by_is_there(begins: str, ends: Iterable[str]) -> None:
    assert [end for end in ends if not english().say(f"{begins}{end}")] == []


@pytest.mark.parametrize("mark", MARKS)
def test_days_of_every_mark_have_their_words(mark: str) -> None:
    assert english().say(f"run-{mark}", shown="so")
