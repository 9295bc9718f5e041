"""The methodology: everything that is claimed of a rule comes from the rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailtls.model import Cause
from mailtls.policy.shipped import VERDICT, shipped
from mailtls.site.files import files
from mailtls.site.methodology import NEVER, command, policies, span
from mailtls.site.words import english
from tests.site.reading import Element, read
from tests.site.sample import HOSTILE, publication

MADE = publication()


def page(**edition: object) -> Element:
    made = replace(MADE, edition=MADE.edition | edition)
    return read(files(made)["status/methodology/index.html"].render())


def test_it_leads_to_each_of_its_parts() -> None:
    shown = page()
    heads = [head.attributes["id"] for head in shown.all("h2")]
    assert [link.attributes["href"] for link in shown.one("ul", class_="contents").all("a")] == [f"#{head}" for head in heads]


def test_it_says_from_where_and_how_often_it_is_published() -> None:
    shown = page(vantages=["fra1", "nyc2"]).one("section", aria_labelledby="measured").text
    assert "from 2 vantages: fra1, nyc2" in shown
    assert "published every hour. One that is older than 3 hours wears a banner" in shown


@pytest.mark.parametrize(
    ("seconds", "said"), [(3600, "hour"), (10800, "3 hours"), (5400, "90 minutes"), (900, "15 minutes"), (60, "minute"), (20, "20 seconds")]
)
def test_a_length_of_time_is_said_in_hours_or_minutes(seconds: int, said: str) -> None:
    assert span(seconds, english()) == said


def test_it_says_what_is_never_done() -> None:
    shown = page().one("section", aria_labelledby="never")
    assert len(shown.all("li")) == len(NEVER)
    assert "MAIL FROM is never said" in shown.text


def test_every_cause_has_words() -> None:
    shown = page().one("section", aria_labelledby="unknown")
    assert [name.text for name in shown.all("dt")] == [cause.value for cause in Cause]


def test_the_policies_are_those_in_force_and_the_verdict_with_every_rule_of_them() -> None:
    shown = page().one("section", aria_labelledby="policies")
    names = [VERDICT, *(each["name"] for each in MADE.edition["policies"])]
    assert [head.attributes["id"] for head in shown.all("h3")] == [f"policy-{name}" for name in names]
    assert [[row.one("th").text for row in table.one("tbody").all("tr")] for table in shown.all("table")] == [
        [rule.id for rule in shipped(name).rules] for name in names
    ]
    assert shipped("pledge-2013").version in shown.all("h3")[2].text


def test_a_rule_says_which_values_have_which_level_and_where_it_comes_from() -> None:
    (rule,) = [rule for rule in policies(MADE.edition)[0].rules if rule.id == "starttls-offered"]
    assert rule.says.startswith("<code>starttls_offered</code>: <b>protected</b> true; <b>unprotected</b> false")
    assert rule.source == ("RFC 3207, section 4", "https://www.rfc-editor.org/rfc/rfc3207.html#section-4")


def test_of_a_policy_that_is_not_at_hand_it_says_so() -> None:
    own = [{"name": "<own>", "version": "1", "title": "Our own"}, {"name": "rfc9325", "version": "older", "title": "RFC 9325"}]
    shown = page(policies=own).one("section", aria_labelledby="policies")
    assert len(shown.all("table")) == 1
    assert shown.text.count("the publisher knows its rules") == 2


def test_corrections_are_listed_and_can_do_nothing() -> None:
    made = [{"at": "2026-11-20T09:00:00Z", "snapshot": None, "subject": HOSTILE, "text": HOSTILE}, *MADE.edition["corrections"]]
    shown = page(corrections=made).one("section", aria_labelledby="corrections")
    assert shown.all("script") == []
    assert "solid.example Corrected on 2026-11-20 09:00 UTC, in snapshot 12: The certificate was read wrongly; it is trusted." in shown.text
    assert "<script>" in shown.text


def test_without_any_it_says_that_nothing_was_corrected() -> None:
    assert "No correction has been published" in page(corrections=[]).one("section", aria_labelledby="corrections").text


def test_whoever_is_concerned_is_told_where_to_write() -> None:
    shown = page().one("section", aria_labelledby="concerned")
    assert shown.one("a").attributes["href"] == "mailto:mailtls@example.net"
    nobody = page(publisher={"name": "Nobody", "contact": None, "url": None}).one("section", aria_labelledby="concerned")
    assert nobody.all("a") == []
    assert "The publisher, Nobody, has not said here how to be reached." in nobody.text


def test_the_licence_is_named_and_linked() -> None:
    assert page().one("section", aria_labelledby="licence").one("a").attributes["href"] == MADE.edition["licence"]["url"]


def test_the_command_that_verifies_names_the_site_where_that_is_known() -> None:
    assert command(MADE.edition, english()) == "mailtls verify https://status.example.net/"
    assert command(MADE.edition | {"external_url": None}, english()) == "mailtls verify ADDRESS"
