"""Incidents: dated, explained, with the words of those concerned set apart from what was measured."""

from __future__ import annotations

from dataclasses import replace

from mailtls.site.files import files
from tests.site.reading import Element, read
from tests.site.sample import HOSTILE, publication

MADE = publication()
OPEN, ENDED = MADE.incidents[0], MADE.incidents[1]


def page(path: str, made=MADE) -> Element:
    return read(files(made)[f"status/incidents/{path}index.html"].render())


def test_the_list_has_what_goes_on_first_and_then_the_months() -> None:
    heads = [head.text for head in page("").all("h2")]
    assert heads == ["Not seen to have ended", "Confirmed in 2026-11"]
    assert page("").one("p", class_="lead").text == "3 incidents are on record; 1 has not been seen to end."


def test_without_any_it_says_since_when_none_was_confirmed_and_that_is_not_before_anybody_watched() -> None:
    empty = page("", replace(MADE, incidents=()))
    assert "Nothing has been confirmed to be lost since 2026-09-06" in empty.one("main").text
    unwatched = page("", replace(MADE, incidents=(), days={}))
    assert "Nothing has been watched yet." in unwatched.one("main").text


def test_an_incident_is_one_dated_sentence_and_what_was_seen_before_and_after() -> None:
    shown = page(f"{OPEN['id']}/")
    said = shown.one("p", class_="lead").text
    assert said.startswith("STARTTLS was measured as “not offered”, after it had been measured as “accepted”.")
    assert "First seen on 2026-11-14 08:00 UTC, confirmed on 2026-11-14 08:31 UTC from lab." in said
    rows = shown.one("table").one("tbody").all("tr")
    assert [(row.one("th").text, row.all("td")[0].text) for row in rows] == [("Before", "accepted"), ("After", "not offered")]


def end_of(incident: dict, made=MADE) -> Element:
    return page(f"{incident['id']}/", replace(made, incidents=(incident,))).one("main").all("span", class_="said")[0]


def test_it_says_how_it_ended_or_that_it_was_not_seen_to_end() -> None:
    assert end_of(OPEN).text.startswith("As of 2026-11-24 12:00 UTC it had not been seen to end.")
    assert end_of(ENDED).text == "It was confirmed on 2026-11-15 10:00 UTC to be as good as before again."


def test_what_nobody_could_look_at_is_not_said_to_go_on() -> None:
    (name,) = OPEN["domains"]
    seen = OPEN | {"mx": MADE.domains[name]["mx"][0]["host"]}
    dark = {**MADE.domains[name], "mx": [], "verdict": "unknown"}
    shown, unseen = end_of(seen), end_of(seen, replace(MADE, domains={**MADE.domains, name: dark}))
    assert ("lacks" in shown.attributes["class"], "unmeasured" in unseen.attributes["class"]) == (name != "blocklisting.example", True)
    assert unseen.text.endswith(f"For {name} it could not be measured then whether it was still so.")


def test_a_line_of_what_nobody_could_look_at_has_not_the_sign_of_what_is_lacking() -> None:
    (name,) = OPEN["domains"]
    dark = {**MADE.domains[name], "mx": [], "verdict": "unknown"}
    row = page("", replace(MADE, domains={**MADE.domains, name: dark})).one("section", aria_labelledby="still").one("tbody").one("tr")
    assert row.one("span", class_="said").attributes["class"] == "said unmeasured"


def test_what_was_accepted_or_given_up_has_not_the_sign_of_what_is_good_again() -> None:
    signs = {by: end_of(ENDED | {"ended_by": by}).attributes["class"] for by in ("recovered", "accepted", "retired")}
    assert signs == {"recovered": "said has", "accepted": "said none", "retired": "said none"}


def test_a_partners_reply_is_quoted_with_name_and_time_and_can_do_nothing() -> None:
    reply = page(f"{OPEN['id']}/").all("article")[1]
    assert reply.one("h3").text.endswith("whom it concerns")
    assert reply.one("time").attributes["datetime"] == "2026-11-14T12:00:00Z"
    assert HOSTILE[:20] in reply.one("blockquote").text
    assert reply.all("script") == []


def test_a_provider_that_is_not_watched_any_more_is_named_without_a_link() -> None:
    made = replace(MADE, providers=MADE.providers[5:])
    shown = page(f"{OPEN['id']}/", made)
    assert OPEN["providers"][0] in shown.one("main").text
    assert [link for link in shown.one("main").all("a") if "providers/" in link.attributes["href"]] == []


def test_every_end_and_every_attribution_has_words() -> None:
    for ended_by in ("recovered", "accepted", "retired"):
        for attribution in ("server", "path", "unexplained", "local"):
            made = ENDED | {"ended_by": ended_by, "attribution": attribution}
            assert page(f"{made['id']}/", replace(MADE, incidents=(made,))).one("h1").text
