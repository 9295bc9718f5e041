"""The page of a domain: one dated sentence, what falls short, what could not be measured, the last days, and the ledger."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

from mailtls.site.domain import checks, lacks, sentence, shortfalls
from mailtls.site.files import files
from mailtls.site.naming import named
from mailtls.site.provider import of_domain
from mailtls.site.words import english
from tests.site.reading import Element, read
from tests.site.sample import publication

MADE = publication()
FILES = files(MADE, None, stale=False)
WORDS = english()


@cache
def _page(name: str) -> Element:
    return read(FILES[f"status/domains/{name}.example/index.html"].render())


def _section(page: Element, name: str) -> Element:
    return page.one("section", aria_labelledby=name)


def _parts(domain: dict[str, Any]) -> list[dict[str, Any]]:
    return [domain, *(part for host in domain["mx"] for part in (host, *host["endpoints"]))]


def test_the_verdict_is_one_dated_sentence_with_the_vantage() -> None:
    at = MADE.domains["legacy-only.example"]["measured_at"]
    said = f"Last looked at on {at[:10]} {at[11:16]} UTC from vantage lab: encrypted as far as it was measured, but short of protected."
    assert _page("legacy-only").one("p", class_="lead").text == said


def test_an_unknown_verdict_says_why_in_plain_words_and_that_it_is_none() -> None:
    said = _page("ratelimited").one("p", class_="lead").text
    assert said.endswith("from vantage lab: the server asked for fewer visits (at the greeting). That is no verdict on anyone.")


def test_what_was_never_measured_is_said_to_be_so() -> None:
    domain = MADE.domains["solid.example"] | {"measured_at": None}
    assert sentence(domain, WORDS) == "It has not been measured from vantage lab yet."


def test_each_finding_says_its_rule_where_why_by_which_source_how_to_reproduce_and_how_to_mend() -> None:
    finding = _section(_page("no-starttls"), "short").all("article")[0]
    assert finding.one("h3").text == "a completed EHLO does not list STARTTLS"
    for said in ("unprotected starttls-not-supported", "starttls-offered", "mx.no-starttls.example 127.20.4.1", "What is weak can be broken."):
        assert said in finding.text
    assert finding.one("a").attributes["href"] == "https://www.rfc-editor.org/rfc/rfc9325.html#section-3.1.1"
    reproduce, mend = finding.all("details")
    assert reproduce.one("code").text.startswith("openssl s_client")
    assert mend.one("code").parts == ["# in main.cf\nsmtpd_tls_protocols = >=TLSv1.2"]


def test_a_finding_at_several_places_is_told_once() -> None:
    domain = deepcopy(MADE.domains["no-starttls.example"])
    domain["findings"].append(domain["findings"][0] | {"where": "elsewhere"})
    assert [len(each.places) for each in shortfalls(domain, WORDS)].count(2) == 1


def test_a_finding_without_a_rule_is_told_too() -> None:
    domain = MADE.domains["solid.example"] | {"findings": [{"code": "odd", "where": "here", "text": "odd"}]}
    assert next((each.text, each.rule, each.level) for each in shortfalls(domain, WORDS)) == ("odd", None, None)


def test_what_could_not_be_measured_comes_first_where_nothing_falls_short() -> None:
    names = [section.attributes["aria-labelledby"] for section in _page("ratelimited").all("section")]
    assert names.index("unmeasured") < names.index("short")
    assert "STARTTLS offered" in _section(_page("ratelimited"), "unmeasured").text


def test_gaps_of_one_reason_are_told_once() -> None:
    gap = {"facts": ["esmtp"], "where": "a", "cause": "tarpit", "stage": "ehlo"}
    assert [each.places for each in lacks([gap, gap | {"where": "b"}], WORDS)] == [("a", "b")]


def test_grades_say_how_much_is_known() -> None:
    rows = [row.text for row in _section(_page("ratelimited"), "grades").one("tbody").all("tr")]
    assert rows[0].startswith("rfc9325 2022-11 no grade 4 % none seen 15 facts")


def test_the_last_days_of_each_check_are_drawn_and_said() -> None:
    days = _section(_page("legacy-only"), "days")
    assert [row.one("th").text for row in days.one("tbody").all("tr")] == ["Verdict", "STARTTLS", "Certificate trusted", "DANE"]
    first = days.one("tbody").all("tr")[0]
    assert first.all("title")[0].text == "Verdict, 2026-08-27 to 2026-11-24"
    assert [run.text for run in first.all("li")] == [
        "2026-10-18 to 2026-11-24: degraded",
        "2026-10-15 to 2026-10-17: could not be measured (rate-limited at greeting)",
        "2026-09-06 to 2026-10-14: protected",
        "2026-08-27 to 2026-09-05: not watched yet",
    ]


def test_every_fact_of_every_part_is_in_the_ledger_and_explained() -> None:
    for name in ("excellent", "ratelimited", "nxdomain", "hostile"):
        domain = MADE.domains[f"{name}.example"]
        page = _page(name)
        tables = _section(page, "ledger").all("table")
        parts = _parts(domain)
        assert len(tables) == len(parts)
        for table, part in zip(tables, parts, strict=True):
            told = {link.attributes["href"].removeprefix("#fact-") for head in table.all("th", scope="row") for link in head.all("a")}
            assert told == set(part["readings"])
        explained = {each.attributes["id"].removeprefix("fact-") for each in _section(page, "facts").all("div")}
        assert explained >= {key for part in parts for key in part["readings"]}


def test_every_known_fact_has_its_times_and_its_rules() -> None:
    table = _section(_page("no-starttls"), "ledger").all("table")[-1]
    (row,) = [row for row in table.all("tr") if row.parts and row.all("th", scope="row") and row.one("th").text == named("starttls_offered")]
    assert row.one("span", class_="lacks").text == "broken"
    assert row.all("code")[0].text == "pledge-2013/starttls"
    assert [cell.text for cell in row.all("td")] == ["no", "broken pledge-2013/starttls", "2026-10-02", "2026-11-24 11:45 UTC"]


def test_an_unknown_fact_is_as_visible_as_the_rest_and_never_looks_like_a_lack() -> None:
    table = _section(_page("ratelimited"), "ledger").all("table")[-1]
    rows = table.all("tr", class_="unknown")
    assert rows
    for row in rows:
        assert row.all("span", class_="unmeasured")[0].text == "could not be measured: the server asked for fewer visits (at the greeting)"
        assert row.one("q").text == "421 4.7.0 Too many connections from your address, try again later"
        assert not row.all("span", class_="lacks")
        assert "tried 2026-11-24" in row.text


def test_commands_and_evidence_stand_in_folds() -> None:
    proof = _section(_page("solid"), "ledger").all("tr", class_="proof")[0].one("details")
    assert proof.one("pre").text.startswith("openssl s_client")
    assert "ae8e67c0af" in proof.text


def test_the_first_address_is_unfolded_and_every_one_that_breaks_a_rule() -> None:
    folds = _section(_page("excellent"), "ledger").all("details", class_="address")
    assert ["open" in fold.attributes for fold in folds] == [True, False, False]


def test_an_incident_of_the_domain_is_linked_to() -> None:
    domain = next(name for name, each in MADE.domains.items() if each["incidents"])
    page = _page(domain.removesuffix(".example"))
    assert f"incidents/{MADE.domains[domain]['incidents'][0]}/" in _section(page, "incidents").one("a").attributes["href"]


def test_what_a_domain_says_on_the_wire_is_shown_escaped() -> None:
    page = _page("hostile")
    assert "<script>alert(1)</script>\" onload='x' \\x1b[31m\\u202egnp.exe" in _section(page, "short").text
    assert _section(page, "ledger").text.count("<script>alert(1)</script>") >= 3


def test_what_was_lost_is_told_even_before_it_has_a_page_of_its_own() -> None:
    lost = MADE.incidents[0] | {"id": "new"}
    domain = MADE.domains["solid.example"] | {"regressions": [lost]}
    (told,) = of_domain(domain, MADE.incidents)
    assert (told["id"], told["check"], told["domains"]) == (None, "starttls", ["solid.example"])


def test_a_correction_of_the_domain_is_told_with_its_date() -> None:
    corrections = _section(_page("solid"), "corrections")
    assert corrections.one("li").text == "Corrected on 2026-11-20 09:00 UTC, in snapshot 12: The certificate was read wrongly; it is trusted."
    assert not _page("excellent").all("section", aria_labelledby="corrections")


def _rows_of(runs: list[tuple[str, str]], met: bool | None) -> list[Any]:
    """Return the rows of a domain whose TLS-RPT was like this over some days, with a rule on it that is met, broken, or not there."""
    domain = deepcopy(MADE.domains["solid.example"])
    for part in _parts(domain):
        for reading in part["readings"].values():
            reading["rules"] = []
    if met is not None:
        domain["readings"]["tls_rpt"]["rules"] = [{"policy": "own", "version": "1", "rule": "reports", "met": met}]
    days = {
        "first": "2026-11-01",
        "last": f"2026-11-{len(runs):02}",
        "rows": [
            {
                "check": "tls_rpt",
                "runs": [
                    {"from": f"2026-11-{number:02}", "to": f"2026-11-{number:02}", "mark": mark, "shown": shown}
                    for number, (mark, shown) in enumerate(runs, 1)
                ],
            }
        ],
    }
    return checks(domain, days, WORDS)


def test_what_never_was_there_is_held_against_nobody_unless_a_rule_asks_for_it() -> None:
    never = [("unwatched", ""), ("lacks", "none"), ("unmeasured", "dns-timeout at dns")]
    assert [row.is_asked_for for row in _rows_of(never, None)] == [False]
    assert [row.is_asked_for for row in _rows_of(never, True)] == [False]
    assert [row.is_asked_for for row in _rows_of(never, False)] == [True]


def test_what_was_there_and_is_gone_is_shown_as_lost_whatever_the_rules_are() -> None:
    assert [row.is_asked_for for row in _rows_of([("has", "yes"), ("lacks", "none")], None)] == [True]


def test_the_page_says_of_a_check_that_no_rule_asks_for_it() -> None:
    unasked = _section(_page("solid"), "days").all("tr", class_="unasked")
    assert all("no rule asks for it" in row.one("th").text for row in unasked)


def test_where_not_all_is_known_no_rule_is_said_to_be_unbroken() -> None:
    grades = _page("ratelimited").one("section", aria_labelledby="grades")
    assert {cell.text for cell in grades.all("td") if cell.attributes.get("data-label") == "Rules broken"} == {"none seen"}


def test_what_could_not_be_measured_falls_short_of_nothing_and_is_not_called_good_for_it() -> None:
    short = _page("ratelimited").one("section", aria_labelledby="short").text
    assert "not enough could be measured: that says nothing good either" in short
    everything = _page("expired").one("section", aria_labelledby="unmeasured").text
    assert "Everything" not in everything
