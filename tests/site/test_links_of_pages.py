"""Links: each of every page, feed and API document of a site leads to a file of it, or out of it on purpose."""

from __future__ import annotations

import json
import posixpath
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urlsplit
from xml.etree import ElementTree as ET

from mailtls.publication import Link
from mailtls.site.files import files
from tests.site.sample import publication

MADE = files(publication(), Link(7, "ab" * 32, "cd" * 32, "2026-11-24T12:00:05Z"))
FROM_THE_STORE = {"snapshots/7.json", "status/snapshots/7/index.html"}
"""What stands beside the files that are made of a publication: the chain itself."""


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = dict(attrs)
        self.places |= {of["id"] or ""} if "id" in of else set()
        self.found |= {of[name] or "" for name in ("href", "src") if name in of}


def _read(octets: bytes) -> _Links:
    links = _Links()
    links.feed(octets.decode("utf-8"))
    return links


def _leads_to(path: str, link: str) -> str | None:
    """Return which file a link of one names, as a server of files finds it; ``None`` where it leads out of the site."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    where = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path))) if parts.path else path
    return posixpath.join(where, "index.html") if parts.path.endswith("/") or where.endswith("..") else where


PAGES = {path: _read(file.render()) for path, file in MADE.items() if path.endswith(".html")}


def test_every_link_of_every_page_leads_to_a_file_and_to_a_place_in_it() -> None:
    dead = set()
    for path, page in PAGES.items():
        for link in page.found:
            where = _leads_to(path, link)
            fragment = urldefrag(link).fragment
            if where is None:
                assert urlsplit(link).scheme in {"https", "http", "mailto"}, link
            elif (where not in MADE and where not in FROM_THE_STORE) or (fragment and where in PAGES and fragment not in PAGES[where].places):
                dead.add((path, link))
    assert dead == set()


def test_every_page_but_the_first_is_linked_to() -> None:
    linked = {_leads_to(path, link) for path, page in PAGES.items() for link in page.found}
    assert set(PAGES) - linked == set()


def test_every_link_of_every_feed_leads_to_a_page() -> None:
    dead = set()
    for path, file in MADE.items():
        if path.endswith(".atom"):
            tree = ET.fromstring(file.render())
            base = tree.get("{http://www.w3.org/XML/1998/namespace}base") or ""
            assert base == f"https://status.example.net/{path}"
            for link in tree.iter("{http://www.w3.org/2005/Atom}link"):
                where = _leads_to(path, link.get("href") or "")
                dead |= {(path, link.get("href"))} if where is not None and where not in MADE else set()
    assert dead == set()


def test_every_path_without_a_name_in_it_that_the_api_describes_is_there_as_a_file() -> None:
    described = json.loads(MADE["api/v1/openapi.json"].render())
    paths = [path.lstrip("/") for path in described["paths"] if "{" not in path]
    assert paths
    assert described["servers"] == [{"url": "."}]
    assert [path for path in paths if not {f"api/v1/{path}", f"api/v1/{path}.json"} & set(MADE)] == []
