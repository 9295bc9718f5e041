"""The page of a provider: its domains, grades, incidents, and what to take away."""

from __future__ import annotations

from mailtls.site.files import files
from mailtls.site.provider import policies, told
from mailtls.site.words import english
from tests.site.reading import read
from tests.site.sample import publication

MADE = publication()
FILES = files(MADE, None, stale=False)
PAGE = read(FILES["status/providers/solid/index.html"].render())
WORDS = english()


def test_a_sentence_counts_the_domains() -> None:
    assert PAGE.one("p", class_="lead").text == "Of 2 domains, when last measured: 2 protected."


def test_each_domain_has_a_row_with_its_verdict_days_grades_and_when_it_was_measured() -> None:
    rows = PAGE.one("section", aria_labelledby="domains").one("tbody").all("tr")
    assert [row.one("a").attributes["href"] for row in rows] == ["../../domains/solid-mail.example/", "../../domains/solid.example/"]
    cells = {cell.attributes["data-label"]: cell.text for cell in rows[0].all("td")}
    assert (cells["Verdict"], cells["By rfc9325"], cells["By pledge-2013"], cells["Lost"]) == ("protected", "phase out", "good", "nothing")
    assert cells["Last measured"].endswith("UTC")
    assert rows[0].one("svg", role="img").all("title")[0].text == "solid-mail.example, 2026-08-27 to 2026-11-24"


def test_grades_count_those_that_have_none() -> None:
    grade = {"version": "1", "level": "good", "levels": {"good": 2}, "ungraded": 1}
    (row,) = policies({"verdicts": {"protected": 2, "unknown": 1}, "grades": {"mine": grade}}, MADE.edition, WORDS)
    assert (row.graded.level, row.levels) == ("good", "2 good, 1 no grade")


def test_incidents_are_told_the_open_ones_first() -> None:
    ended, other, opened = (MADE.incidents[number] for number in (1, 2, 0))
    assert told([ended, other, opened], WORDS)[0].id == opened["id"]
    page = read(FILES[f"status/providers/{MADE.domains[opened['domains'][0]]['slug']}/index.html"].render())
    (row,) = page.one("section", aria_labelledby="incidents").one("tbody").all("tr")
    assert row.one("a").attributes["href"] == f"../../incidents/{opened['id']}/"
    assert row.text.endswith("accepted not offered 2026-11-14 08:00 UTC open")


def test_no_incident_is_said_too() -> None:
    assert "None has been confirmed" in PAGE.one("section", aria_labelledby="incidents").text


def test_feed_badge_json_and_licence_are_linked_to() -> None:
    links = {link.attributes["href"] for link in PAGE.all("a")}
    assert {"feed.atom", "badge.svg", "../../../api/v1/providers/solid.json"} <= links
    assert PAGE.one("img").attributes["alt"] == "Badge: solid, protected"
