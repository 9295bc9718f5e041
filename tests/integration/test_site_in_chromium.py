"""The public site in a real browser: read by everybody, without a script, from nowhere else, and unmoved by what strangers say."""

from __future__ import annotations

from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import axe_playwright_python
import pytest
from playwright.sync_api import sync_playwright

from tests.site import sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
_OF_A_KIND = {"domains": ("excellent.example", "ratelimited.example", "no-starttls.example", "hostile.example")}
"""Pages of one kind that differ enough to be looked at one by one; of all other kinds the first is."""


@cache
def made(*, stale: bool = False) -> dict[str, Any]:
    return dict(sample.site(stale=stale))


def pages() -> list[str]:
    """Return one page of each kind, and those named above."""
    chosen: dict[str, str] = {}
    for path in sorted(made()):
        parts = path.split("/")
        if path.endswith(".html"):
            kind = parts[1] if len(parts) > 3 else path
            if parts[1] not in _OF_A_KIND or len(parts) == 3:
                chosen.setdefault(kind, path)
            elif parts[2] in _OF_A_KIND[parts[1]]:
                chosen[path] = path
    return list(chosen.values())


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the site as it is, and as it is when it is out of date."""
    folder = tmp_path_factory.mktemp("site")
    for age, stale in (("fresh", False), ("stale", True)):
        for path, file in made(stale=stale).items():
            if path.startswith("status/"):
                where = folder / age / path
                where.parent.mkdir(parents=True, exist_ok=True)
                where.write_bytes(file.render())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def site(served: str) -> str:
    return f"{served}fresh/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play, play.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS) as started:
        yield started


def opened(context: BrowserContext, url: str) -> Page:
    """Open a page, and let nothing pass that a browser complains of."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answer = page.goto(url)
    assert answer is not None
    assert answer.ok
    host = url.split("/")[2]
    assert [each for each in asked if each.split("/")[2] != host] == []
    assert complaints == []
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", pages())
def test_axe_finds_nothing(browser: Browser, served: str, path: str, scheme: Any) -> None:
    site = f"{served}{'stale' if scheme == 'dark' else 'fresh'}/"
    with browser.new_context(color_scheme=scheme) as context:
        page = opened(context, site + path)
        page.evaluate(AXE)
        found = page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
    assert len(found["passes"]) > 10
    told = [(each["id"], each["help"], node["target"], node.get("failureSummary")) for each in found["violations"] for node in each["nodes"]]
    assert told == []


@pytest.mark.parametrize("path", pages())
def test_a_page_is_read_without_scripts_and_at_four_times_the_size(browser: Browser, site: str, path: str) -> None:
    """A window of 1280 pixels at 400 % is one of 320 CSS pixels (WCAG 1.4.10)."""
    with browser.new_context(viewport={"width": 320, "height": 256}) as context:
        page = opened(context, site + path)
        wide = page.evaluate("[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1"
                             " && !e.closest('.scroll') && getComputedStyle(e).position !== 'absolute').map(e => e.outerHTML.slice(0, 120))")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), wide
    with browser.new_context(java_script_enabled=False) as context:
        page = opened(context, site + path)
        assert page.locator("h1").count() == 1
        assert page.locator("main").inner_text().strip()
        assert page.locator("script").count() == 0


@pytest.mark.parametrize("path", pages())
def test_the_keyboard_reaches_all_that_acts_and_shows_where_it_is(browser: Browser, site: str, path: str) -> None:
    with browser.new_context() as context:
        page = opened(context, site + path)
        acting = page.locator("a[href], summary").evaluate_all("all => all.filter(e => e.checkVisibility()).length")
        reached = 0
        for number in range(min(acting, 60)):
            page.keyboard.press("Tab")
            here = page.evaluate("(() => { const e = document.activeElement, s = getComputedStyle(e);"
                                 " return [e.tagName, e.className, s.outlineStyle !== 'none' || s.boxShadow !== 'none'] })()")
            assert here[0] in ("A", "SUMMARY"), number
            assert here[2], f"nothing shows that {here} has the focus"
            reached += 1
            if number == 0:
                assert here[1] == "skip"
        assert reached == min(acting, 60)


def test_what_is_out_of_date_says_so_first(browser: Browser, served: str) -> None:
    for age, banners in (("fresh", 0), ("stale", 1)):
        for path in pages():
            told = "then" if path.startswith(f"status/snapshots/{sample.LINK.number}/") else "stale"  # which says always as of when it is
            with browser.new_context(java_script_enabled=False) as context:
                assert opened(context, f"{served}{age}/{path}").locator(f"main > .banner.{told}").count() == (told == "then" or banners), path


def test_printed_the_site_has_no_navigation_and_keeps_its_verdict(browser: Browser, site: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = opened(context, f"{site}status/index.html")
        page.emulate_media(media="print")
        assert not page.locator("header nav").is_visible()
        assert page.locator("h1").is_visible()


def test_a_hostile_servers_words_are_text_wherever_they_stand(browser: Browser, site: str) -> None:
    for path in [each for each in made() if each.endswith(".html") and b"alert(1)" in made()[each].render()]:
        with browser.new_context() as context:
            page = opened(context, site + path)
            assert page.locator("script").count() == 0
            assert "<script>" in page.locator("body").inner_text(), path
