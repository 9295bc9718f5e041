"""The page of a provider: its domains, grades, incidents, and what to take away."""

from __future__ import annotations

from mailtls.site.files import files
from mailtls.site.provider import looked_at, of_domain, policies, told
from mailtls.site.words import english
from tests.site.reading import read
from tests.site.sample import publication

MADE = publication()
FILES = files(MADE, None, stale=False)
PAGE = read(FILES["status/providers/solid/index.html"].render())
WORDS = english()


def test_a_sentence_counts_the_domains() -> None:
    assert PAGE.one("p", class_="lead").text == "Of 2 domains, when last looked at: 2 protected."


def test_each_domain_has_a_row_with_its_verdict_days_grades_and_when_it_was_measured() -> None:
    rows = PAGE.one("section", aria_labelledby="domains").one("tbody").all("tr")
    assert [row.one("a").attributes["href"] for row in rows] == ["../../domains/solid-mail.example/", "../../domains/solid.example/"]
    cells = {cell.attributes["data-label"]: cell.text for cell in rows[0].all("td")}
    assert (cells["Verdict"], cells["Open losses"]) == ("protected", "none confirmed")
    assert (cells["By rfc9325"], cells["By pledge-2013"]) == ("phase out", "good")
    assert cells["Last looked at"].endswith("UTC")
    assert rows[0].one("svg", role="img").all("title")[0].text == "solid-mail.example, 2026-08-27 to 2026-11-24"


def test_grades_count_those_that_have_none() -> None:
    grade = {"version": "1", "level": "good", "levels": {"good": 2}, "ungraded": 1}
    (row,) = policies({"verdicts": {"protected": 2, "unknown": 1}, "grades": {"mine": grade}}, MADE.edition, WORDS)
    assert (row.graded.level, row.levels) == ("good", "2 good, 1 no grade")


def test_incidents_are_told_the_open_ones_first() -> None:
    ended, other, opened = (MADE.incidents[number] for number in (1, 2, 0))
    assert told([ended, other, opened], WORDS, MADE)[0].id == opened["id"]
    page = read(FILES[f"status/providers/{MADE.domains[opened['domains'][0]]['slug']}/index.html"].render())
    (row,) = page.one("section", aria_labelledby="incidents").one("tbody").all("tr")
    assert row.one("a").attributes["href"] == f"../../incidents/{opened['id']}/"
    assert row.text.endswith("accepted not offered 2026-11-14 08:00 UTC not seen to have ended")


def test_a_loss_that_an_incident_tells_of_a_host_is_not_told_again_of_the_domain() -> None:
    opened = MADE.incidents[0]
    of_it = opened | {"id": "x", "mx": None}
    named = MADE.domains[opened["domains"][0]] | {"regressions": [of_it]}
    assert [each["id"] for each in of_domain(named, MADE.incidents)] == [opened["id"]]
    other = named | {"regressions": [of_it | {"check": "dane"}]}
    assert [each["check"] for each in of_domain(other, MADE.incidents)] == ["starttls", "dane"]


def test_what_a_minority_of_vantages_saw_is_in_no_table_of_losses() -> None:
    alone = MADE.incidents[0] | {"counts": False}
    assert of_domain(MADE.domains["solid.example"] | {"regressions": [alone]}, ()) == []


def test_a_domain_that_was_never_looked_at_is_not_said_to_have_been() -> None:
    provider = {"measured_at": "2026-11-24T11:00:00Z", "domains": [{"measured_at": "2026-11-24T11:00:00Z"}, {"measured_at": None}]}
    assert looked_at(provider, WORDS).striptags() == "1 domain was last looked at on 2026-11-24 11:00 UTC. 1 has never been looked at."
    assert looked_at({"measured_at": None, "domains": [{"measured_at": None}]}, WORDS) == "1 has never been looked at."


def test_no_incident_is_said_too() -> None:
    assert "None has been confirmed" in PAGE.one("section", aria_labelledby="incidents").text


def test_feed_badge_json_and_licence_are_linked_to() -> None:
    links = {link.attributes["href"] for link in PAGE.all("a")}
    assert {"feed.atom", "badge.svg", "../../../api/v1/providers/solid.json"} <= links
    assert PAGE.one("img").attributes["alt"] == "Badge: solid, protected"
