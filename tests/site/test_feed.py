"""Atom feeds: well-formed whatever strangers say, with names that stay, and nothing told twice."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from mailtls.site.feed import ENTRIES, files
from tests.site.sample import HOSTILE, publication

MADE = publication()
ATOM = "{http://www.w3.org/2005/Atom}"


def read(path: str, made=MADE) -> ET.Element:
    return ET.fromstring(files(made)[path].render())


def test_an_incident_that_ended_is_told_twice_and_one_that_goes_on_once() -> None:
    entries = read("status/feed.atom").findall(f"{ATOM}entry")
    assert len(entries) == 5
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == 5
    times = [entry.findtext(f"{ATOM}updated") for entry in entries]
    assert times == sorted(times, reverse=True)


def test_an_entry_says_what_became_of_what_and_links_to_its_page() -> None:
    entry = read("status/feed.atom").findall(f"{ATOM}entry")[-1]
    assert "STARTTLS" in entry.findtext(f"{ATOM}title")
    text = entry.findtext(f"{ATOM}content")
    assert text.startswith("First seen on 2026-11-14 08:00 UTC: “not offered” instead of “accepted”, which was seen on 2026-11-10 08:00 UTC;")
    link = entry.find(f"{ATOM}link").get("href")
    assert link.startswith("../status/incidents/")


def test_an_entry_of_an_end_says_that_it_ended_and_how() -> None:
    for ended_by, said in (("recovered", "as good as before again"), ("accepted", "That is no recovery"), ("retired", "That is no recovery")):
        incident = MADE.incidents[1] | {"ended_by": ended_by}
        ended, confirmed = read("status/feed.atom", replace(MADE, incidents=(incident,))).findall(f"{ATOM}entry")
        assert said in ended.findtext(f"{ATOM}content")
        assert said not in confirmed.findtext(f"{ATOM}content")


def test_a_provider_has_a_feed_of_its_own_incidents_alone() -> None:
    first, *_, last = MADE.providers
    told = MADE.incidents[0]["providers"][0]
    slug = next(each["slug"] for each in MADE.providers if each["provider"] == told)
    assert len(read(f"status/providers/{slug}/feed.atom").findall(f"{ATOM}entry")) == 1
    assert len(read(f"status/providers/{last['slug']}/feed.atom").findall(f"{ATOM}entry")) == 0
    assert read(f"status/providers/{first['slug']}/feed.atom").findtext(f"{ATOM}title")


def test_the_names_of_entries_stay_when_the_publication_is_another() -> None:
    later = replace(MADE, edition=MADE.edition | {"as_of": "2026-12-01T00:00:00Z"})
    assert files(later)["status/feed.atom"].render() == files(MADE)["status/feed.atom"].render()


def test_what_a_stranger_says_stays_text() -> None:
    incident = MADE.incidents[0] | {"after": MADE.incidents[0]["after"] | {"value": f"\x00{HOSTILE}"}, "domains": [HOSTILE]}
    entry = read("status/feed.atom", replace(MADE, incidents=(incident,))).find(f"{ATOM}entry")
    assert "<script>" in entry.findtext(f"{ATOM}content")
    assert [each.tag for each in entry.iter() if "script" in each.tag] == []
    assert "\u202e" not in entry.findtext(f"{ATOM}title")


def test_a_feed_has_the_newest_entries_and_not_more_than_some() -> None:
    many = tuple(MADE.incidents[1] | {"id": f"0197f3a0-0000-7000-8000-{number:012}"} for number in range(ENTRIES))
    assert len(read("status/feed.atom", replace(MADE, incidents=many)).findall(f"{ATOM}entry")) == ENTRIES
