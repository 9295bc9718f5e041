"""The overview: one sentence first, then every provider."""

from __future__ import annotations

from dataclasses import replace

from mailtls.site.files import files
from mailtls.site.overview import in_order, summary, worst, worst_grade
from mailtls.site.words import english
from tests.site.reading import Element, read
from tests.site.sample import publication

MADE = publication()
FILES = files(MADE, None, stale=False)
PAGE = read(FILES["status/index.html"].render())


def _row(provider: str) -> Element:
    (row,) = [row for row in PAGE.one("tbody").all("tr") if row.all("th")[0].text == provider]
    return row


def _names(page: Element) -> list[str]:
    return [row.one("th").text for row in page.one("tbody").all("tr")]


def test_a_sentence_stands_first_and_tells_what_could_not_be_measured_as_plainly_as_the_rest() -> None:
    said = "Of 26 domains of 25 providers, when last looked at: 8 protected, 6 degraded, 4 unprotected, 1 takes no mail, 7 could not be measured."
    assert PAGE.one("p", class_="lead").text == said


def test_the_sentence_tells_what_was_not_looked_at_yet() -> None:
    counts = {"domains": 1, "providers": 1, "waiting": 2, "verdicts": {"protected": 1}}
    said = "Of 1 domain of 1 provider, when last looked at: 1\N{NO-BREAK SPACE}protected. 2 more have not been looked at yet."
    assert summary({"counts": counts}, english()) == said


def test_where_all_domains_wait_nothing_is_said_of_any() -> None:
    counts = {"domains": 0, "providers": 0, "waiting": 1, "verdicts": {}}
    assert summary({"counts": counts}, english()) == "Nothing has been measured yet: 1 domain has not been looked at."


def test_the_worst_grade_says_how_many_domains_have_none() -> None:
    solid = next(each for each in MADE.providers if each["provider"] == "solid")
    partly = solid | {
        "verdicts": {"protected": 1, "unknown": 1, "no-mail": 1},
        "grades": {"rfc9325": {"version": "1", "level": "good", "levels": {"good": 1}, "ungraded": 2}},
    }
    grade = worst_grade("rfc9325", partly, english())
    assert (grade.level, grade.beside) == ("good", "1 without a grade")
    page = read(files(replace(MADE, providers=(partly,)))["status/index.html"].render())
    assert "good 1 without a grade" in page.one("tbody").text


def test_nothing_measured_is_a_sentence_too() -> None:
    assert summary({"counts": {"domains": 0, "providers": 0, "waiting": 0, "verdicts": {}}}, english()) == "Nothing has been measured yet."


def test_every_provider_has_a_row_with_its_state_trend_grade_by_each_policy_and_when_it_was_measured() -> None:
    assert len(_names(PAGE)) == 25
    cells = {cell.attributes["data-label"]: cell.text for cell in _row("legacy-only").all("td")}
    measured = MADE.domains["legacy-only.example"]["measured_at"]
    assert cells["State"] == "degraded 1 domain"
    assert cells["Trend"] == "no change seen"
    assert (cells["By rfc9325"], cells["By pledge-2013"]) == ("insufficient", "insufficient")
    assert cells["Last looked at"] == f"{measured[:10]} {measured[11:16]} UTC"


def test_what_could_not_be_measured_is_neither_good_nor_bad_in_word_and_sign() -> None:
    row = _row("ratelimited")
    assert row.all("td")[0].text.startswith("could not be measured")
    signs = {sign.attributes["href"] for sign in row.all("use")}
    assert signs == {"#s-unmeasured", "#s-level"}
    assert not row.all("span", class_="lacks")


def test_a_provider_of_several_domains_tells_of_how_many_its_state_is() -> None:
    assert _row("solid").all("td")[0].text == "protected 2 of 2 domains"


def test_the_worst_come_first_and_another_page_has_them_by_name() -> None:
    assert _names(PAGE)[0] == "helo-only"
    assert _names(PAGE)[-1] == "null-mx"
    by_name = _names(read(FILES["status/by-name/index.html"].render()))
    assert by_name == sorted(by_name, key=str.casefold)


def test_a_measured_bad_is_worse_than_an_unknown_and_an_unknown_worse_than_a_good() -> None:
    assert worst({"protected": 3, "unknown": 1}) == "unknown"
    assert worst({"unknown": 3, "degraded": 1}) == "degraded"
    assert worst({}) == "unknown"


def test_grades_stand_in_the_order_of_the_editions_policies_and_others_after_them() -> None:
    assert [name for name, _ in in_order({"a": {}, "pledge-2013": {}, "rfc9325": {}}, MADE.edition)] == ["rfc9325", "pledge-2013", "a"]


def test_what_was_lost_stands_beside_the_trend() -> None:
    trend = {"direction": "mixed", "since": "2026-08-27", "lost": ["starttls"], "gained": ["mta_sts_match"]}
    changed = replace(MADE, providers=(MADE.providers[0] | {"trend": trend},))
    page = read(files(changed, None, stale=False)["status/index.html"].render())
    assert page.all("td")[2].text == "better and worse lost: STARTTLS; gained: MTA-STS match"


def test_every_sign_is_explained() -> None:
    legend = PAGE.one("section", aria_labelledby="legend").text
    for said in ("hatched: nothing could be measured", "protected a careful sender could require verified TLS here and lose no mail"):
        assert said in legend
