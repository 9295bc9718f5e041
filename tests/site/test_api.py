"""The API: every document by itself, lists whole and in pages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailtls.publication import Link
from mailtls.site.api import files, listings, page
from tests.site.sample import HOSTILE, publication

MADE = publication()
LINK = Link(7, "ab" * 32, "cd" * 32, "2026-11-24T12:00:05Z")


def read(path: str, *, stale: bool = False) -> Any:
    return json.loads(files(MADE, LINK, stale=stale)[f"api/v1/{path}.json"].render())


def test_a_domain_and_its_days_and_its_provider_are_found_by_name() -> None:
    assert read("domains/solid.example") == MADE.domains["solid.example"]
    assert read("days/solid.example")["rows"][0]["check"] == "verdict"
    assert read(f"providers/{MADE.providers[0]['slug']}") == MADE.providers[0]


def test_a_list_is_whole_and_says_as_of_when_it_is() -> None:
    listed = read("domains")
    assert [each["domain"] for each in listed["domains"]] == sorted(MADE.domains)
    assert listed["as_of"] == MADE.edition["as_of"]
    assert listed["next"] is None


def test_the_edition_says_which_snapshot_it_is_and_whether_it_is_out_of_date() -> None:
    assert read("edition")["snapshot"]["hash"] == LINK.hash
    assert read("edition")["stale"] is False
    assert read("edition", stale=True)["stale"] is True


@pytest.mark.parametrize("name", ["providers", "domains", "incidents"])
@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_the_pages_of_a_list_together_are_the_list(name: str, limit: int) -> None:
    listing = listings(MADE)[name]
    found, after = [], ""
    for _ in range(100):
        shown = page(MADE, listing, limit, after)
        assert 0 < len(shown[name]) <= limit
        found += shown[name]
        if shown["next"] is None:
            break
        after = shown["next"].rpartition("after=")[2]
    assert found == list(listing.documents.values())


def test_a_page_goes_on_behind_a_domain_that_is_gone() -> None:
    names = sorted(MADE.domains)
    listing = listings(MADE)["domains"]
    shown = page(MADE, listing, 1000, f"{names[3]}x")["domains"]
    assert [each["domain"] for each in shown] == [name for name in listing.documents if name > f"{names[3]}x"]


def test_what_a_server_says_comes_as_text_and_nothing_else() -> None:
    assert read("domains/hostile.example")["findings"][0]["text"] == HOSTILE
