"""Every page: what holds of all of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import PurePosixPath
from posixpath import normpath
from urllib.parse import unquote, urlsplit

import pytest

from mailtls.publication import Link
from mailtls.site.files import files
from tests.site.reading import Element, read
from tests.site.sample import HOSTILE, publication

MADE = publication()
LINK = Link(7, "ab" * 32, "cd" * 32, "2026-11-24T12:00:05Z")
FILES = files(MADE, LINK, stale=False)
PAGES = {path: read(file.render()) for path, file in FILES.items() if path.endswith(".html")}
LATER = ("incidents", "trends", "methodology", "glossary", "snapshots")
"""What others make: other pages, feeds, the API."""


@pytest.fixture(params=PAGES, scope="module")
def page(request: pytest.FixtureRequest) -> Element:
    return PAGES[request.param]


def test_a_page_has_a_language_a_title_one_heading_of_the_first_level_and_its_landmarks(page: Element) -> None:
    assert page.one("html").attributes["lang"] == "en"
    assert page.one("head").one("title").text.endswith("Mail transport security")
    assert len(page.all("h1")) == 1
    for landmark in ("main", "header", "footer"):
        page.one(landmark)
    assert page.all("nav")[0].attributes["aria-label"] == "Main"


def test_the_first_link_of_a_page_skips_to_its_content(page: Element) -> None:
    assert page.all("a")[0].attributes["href"] == f"#{page.one('main').attributes['id']}"


def test_no_heading_skips_a_level(page: Element) -> None:
    levels = [int(heading.name[1]) for heading in page.all("h1", "h2", "h3", "h4", "h5")]
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_page_has_no_script_no_style_of_its_own_and_nothing_from_elsewhere(page: Element) -> None:
    assert page.all("script", "style", "iframe", "object", "embed", "form", "base") == []
    for element in page.all():
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
        assert element.attributes.get("src", "badge.svg") == "badge.svg"
        if element.name == "link" and element.attributes["rel"] in {"stylesheet", "icon"}:
            assert not urlsplit(element.attributes["href"]).netloc


def test_a_page_forbids_all_but_its_style_sheet(page: Element) -> None:
    (policy,) = page.all("meta", http_equiv="Content-Security-Policy")
    assert policy.attributes["content"].startswith("default-src 'none'; style-src 'self'; img-src 'self'")


def test_no_name_of_an_element_is_there_twice_and_each_that_is_referred_to_is_there(page: Element) -> None:
    names = [element.attributes["id"] for element in page.all() if "id" in element.attributes]
    assert len(names) == len(set(names))
    referred = [element.attributes["href"][1:] for element in page.all("a", "use") if element.attributes.get("href", "").startswith("#")]
    referred += [element.attributes["aria-labelledby"] for element in page.all() if "aria-labelledby" in element.attributes]
    assert set(referred) <= set(names)


def test_every_table_has_a_caption_and_each_head_says_what_it_is_the_head_of(page: Element) -> None:
    for table in page.all("table"):
        assert table.one("caption").text
        assert all(head.attributes["scope"] in {"col", "row", "colgroup", "rowgroup"} for head in table.all("th"))


def test_every_drawing_has_a_title_and_a_description_or_is_hidden_from_those_who_do_not_see(page: Element) -> None:
    for drawing in page.all("svg"):
        if drawing.attributes.get("role") == "img":
            assert drawing.all("title")[0].text
            assert drawing.all("desc")[0].text
        else:
            assert drawing.attributes["aria-hidden"] == "true"


def test_every_time_is_absolute(page: Element) -> None:
    for time in page.all("time"):
        assert time.attributes["datetime"].endswith("Z")
        assert time.text in {f"{time.attributes['datetime'][:16].replace('T', ' ')} UTC", time.attributes["datetime"][:10]}


@pytest.mark.parametrize("path", PAGES)
def test_every_link_within_the_site_is_relative_and_leads_to_a_file(path: str) -> None:
    for link in PAGES[path].all("a", "link"):
        parts = urlsplit(link.attributes["href"])
        if parts.scheme or not parts.path:
            continue
        assert not parts.path.startswith("/")
        target = normpath(str(PurePosixPath(path).parent / unquote(parts.path)))
        if parts.path.endswith("/"):
            target += "/index.html"
        if target in FILES:
            if parts.fragment and target in PAGES:
                assert PAGES[target].all(id=parts.fragment), (path, link.attributes["href"])
        else:
            assert _made_by_others(target), (path, link.attributes["href"])


def _made_by_others(target: str) -> bool:
    return target.startswith(("snapshots/", *(f"status/{each}/" for each in LATER))) or target.endswith((".atom", ".svg"))


def test_what_a_hostile_domain_says_is_text_and_nothing_else() -> None:
    told = [path for path, page in PAGES.items() if "<script>alert(1)</script>" in page.text]
    assert {"status/index.html", "status/by-name/index.html", "status/domains/hostile.example/index.html"} <= set(told)
    assert any(path.startswith("status/providers/hostile") for path in told)
    for path, file in FILES.items():
        if path.endswith(".html"):
            raw = file.render().decode()
            assert "<script" not in raw
            assert not set(raw) & set("\x1b\u202e\u200f")
    assert "\x1b" in HOSTILE


def test_a_page_says_as_of_when_until_when_by_whom_and_under_which_licence(page: Element) -> None:
    foot = page.one("footer").text
    for said in ("2026-11-24 12:00 UTC", "2026-11-24 15:00 UTC", "mailtls 0.1.0", "vantage lab", "Example Observatory", "CC BY 4.0", "Snapshot 7"):
        assert said in foot
    assert page.one("footer").one("a", rel="license").attributes["href"] == "https://creativecommons.org/licenses/by/4.0/"


def test_a_page_that_is_good_has_no_banner(page: Element) -> None:
    assert page.all("div", class_="banner") == []


@pytest.mark.parametrize("path", PAGES)
def test_a_stale_page_says_so_before_anything_else(path: str) -> None:
    main = read(files(MADE, None, stale=True)[path].render()).one("main")
    first = main.all()[0]
    assert "stale" in first.attributes["class"]
    assert "This is old. It shows what was known at 2026-11-24 12:00 UTC, has been out of date since 2026-11-24 15:00 UTC" in first.text


def test_a_page_of_a_blind_vantage_says_so() -> None:
    blind = replace(MADE, edition=MADE.edition | {"blind": True})
    first = read(files(blind, None, stale=False)["status/index.html"].render()).one("main").all()[0]
    assert "vantage lab could measure hardly anything" in first.text


def test_the_same_publication_gives_the_same_octets() -> None:
    again = files(publication(), LINK, stale=False)
    assert all(again[path].render() == FILES[path].render() for path in PAGES)
