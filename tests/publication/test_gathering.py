"""Gathering: what is published of a domain is what is known of it, with its past, its rules, and the way to see the same; no more than that."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from mailtls import facts
from mailtls.model import DomainObservation, MXObservation, Snapshot
from mailtls.policy.judge import Judge, Observed
from mailtls.policy.shipped import shipped
from mailtls.publication import Publication
from mailtls.publication.gathering import Beside, Part, Terms, part, publication, strange_statements
from mailtls.publication.incidents import Way, incidents
from mailtls.publication.providers import provider_document, slugs, trend
from mailtls.publication.schemas import schemas
from mailtls.publication.statements import Statement
from mailtls.publication.trends import trends
from mailtls.tracking.changes import Subject
from mailtls.tracking.history import CONCLUSIVE, Run, State, Story, canonical
from mailtls.tracking.settling import JointRegression
from mailtls.tracking.standing import Event, Sighting
from mailtls.tracking.told import Told
from mailtls.tracking.votes import Attribution
from tests.policy.ground import LATE, endpoint, host, reading
from tests.site.sample import HOSTILE

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
POLICIES = (shipped("rfc9325"), shipped("pledge-2013"))
TERMS = Terms(
    "Mail", ("Us", "mailto:us@us.example", None), ("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"), timedelta(hours=1),
    timedelta(hours=3), None, "mailtls 0", "here", POLICIES, timedelta(minutes=15),
)  # fmt: skip
GOOD: dict[str, Any] = {
    "starttls_offered": True, "starttls_accepted": True, "smtp_inside_tls": True, "tls_versions": ["TLSv1.2", "TLSv1.3"],
    "certificate_trusted": True, "certificate_name_match": True, "forward_secrecy_negotiated": True,
}  # fmt: skip


def domain(name: str, provider: str, *hosts: MXObservation, **readings: Any) -> DomainObservation:
    """Return what is known of a domain; what nobody says is unknown."""
    known = {fact.name: LATE for fact in facts.DOMAIN} | {"null_mx": reading(value=False)}
    known |= {fact: reading(value) for fact, value in readings.items()}
    judged = Judge(POLICIES).judge(name, Observed(known, hosts, None))
    return DomainObservation(
        name, provider, judged.verdict, judged.findings, known, hosts, NOW - timedelta(minutes=5), grades=judged.grades, missing=judged.missing
    )


def stories(name: str, *, since: float = 40) -> tuple[Story, ...]:
    """Return the story of a domain with one host and one address, good since so many days."""
    first = NOW - since * DAY
    runs = {"quick": (Run(CONCLUSIVE, first, NOW, int(since * 96)),)}
    records = [{"host": "mx.a.example", "preference": 10}]
    own = (State("mx_records", json.dumps(records), first, NOW), State("null_mx", "false", first, NOW))
    states = tuple(
        State(fact, canonical(fact, reading(value)), first, NOW - timedelta(minutes=20), evidence="ab" * 32) for fact, value in GOOD.items()
    )
    address = Subject(host="mx.a.example", family="ipv4", address="192.0.2.1:25")
    return (
        Story("here", Subject(name), own, runs={"look": runs["quick"]}),
        Story("here", Subject(name, "mx.a.example")),
        Story("here", address, states, runs=runs),
    )


def regression(number: int = 1, **more: Any) -> JointRegression:
    """Return a regression of a host."""
    at = NOW - timedelta(hours=number)
    seen: dict[str, Any] = {
        "subject": Subject(host="mx.a.example", family="ipv4"), "check": "starttls",
        "before": Sighting(at - DAY, 1, "accepted", evidence="cd" * 32), "after": Sighting(at, 0, "not offered"),
        "confirmed_at": at, "attribution": Attribution.SERVER, "vantages": ("here",), "counts": True,
        "id": f"id-{number}",
    }  # fmt: skip
    return JointRegression(**seen | more)


def made(*domains: DomainObservation, beside: Beside | None = None) -> Publication:
    told = Told()
    parts = [part(each, stories(each.domain) if each.mx else (), told, TERMS, NOW) for each in domains]
    return publication(Snapshot(tuple(domains), (("Later", "later.example"),)), parts, beside or Beside(), told, TERMS, NOW)


@pytest.fixture(scope="module")
def whole() -> Publication:
    statement = Statement("s.md", "id-1", "partner", "A", NOW, f"We are sorry. {HOSTILE}")
    every = [domain(name, provider, host(endpoint(**GOOD))) for name, provider in (("a.example", "B & Söhne"), ("b.example", "B & Söhne"))]
    every.append(domain("none.example", f"A {HOSTILE}"))
    return made(*every, beside=Beside((regression(1), regression(2)), ("here", "there"), (statement,)))


def check(name: str, document: object) -> None:
    jsonschema.validate(document, schemas()[name], jsonschema.Draft202012Validator, format_checker=jsonschema.FormatChecker())


def test_everything_that_is_gathered_meets_its_schema(whole: Publication) -> None:
    check("edition", whole.edition)
    check("trends", whole.trends)
    every = {"provider": whole.providers, "incident": whole.incidents, "domain": whole.domains.values(), "days": whole.days.values()}
    for name, several in every.items():
        for document in several:
            check(name, document)


def test_a_reading_says_since_when_by_which_rules_and_how_to_see_the_same(whole: Publication) -> None:
    seen = whole.domains["a.example"]["mx"][0]["endpoints"][0]["readings"]
    accepted = seen["starttls_accepted"]
    assert (accepted["first_seen"], accepted["last_seen"], accepted["evidence"]) == ("2026-10-15T12:00:00Z", "2026-11-24T11:40:00Z", "ab" * 32)
    assert {"policy": "pledge-2013", "version": "2013-12", "rule": "starttls", "met": True} in accepted["rules"]
    assert accepted["reproduce"] == "openssl s_client -starttls smtp -connect 192.0.2.1:25 -servername mx.a.example"
    unknown = seen["cipher_suites"]
    assert (unknown["first_seen"], unknown["evidence"], unknown["reproduce"]) == (None, None, None)
    assert {each["met"] for each in unknown["rules"]} == {None}


def test_a_reading_that_is_not_what_was_written_down_has_no_times_of_it() -> None:
    other = domain("a.example", "A", host(endpoint(**GOOD | {"starttls_accepted": False})))
    seen = part(other, stories("a.example"), Told(), TERMS, NOW).domain["mx"][0]["endpoints"][0]["readings"]["starttls_accepted"]
    assert (seen["first_seen"], seen["last_seen"]) == (None, None)
    assert False in {each["met"] for each in seen["rules"]}


def test_the_edition_counts_what_is_published_and_what_waits(whole: Publication) -> None:
    counts = whole.edition["counts"]
    assert (counts["providers"], counts["domains"], counts["waiting"]) == (2, 3, 1)
    assert sum(counts["verdicts"].values()) == 3
    assert (whole.edition["as_of"], whole.edition["vantages"], whole.edition["stale_after"]) == ("2026-11-24T12:00:00Z", ["here", "there"], 10800)


def test_domains_know_their_incidents_and_incidents_their_domains_and_what_was_said(whole: Publication) -> None:
    assert [incident["id"] for incident in whole.incidents] == ["id-1", "id-2"]
    assert whole.domains["a.example"]["incidents"] == ["id-1", "id-2"]
    assert whole.domains["none.example"]["incidents"] == []
    newest = whole.incidents[0]
    assert (newest["domains"], newest["providers"]) == (["a.example", "b.example"], ["B & Söhne"])
    assert newest["reproduce"] == "openssl s_client -starttls smtp -connect 192.0.2.1:25 -servername mx.a.example"
    assert [each["by"] for each in newest["statements"]] == ["partner"]


def test_a_statement_of_nothing_that_is_published_is_told(whole: Publication) -> None:
    strange = Statement("x.md", "id-9", "operator", "Us", NOW, "What?")
    assert strange_statements((strange,), whole) == ("x.md: no incident id-9 is published",)


def test_what_only_a_few_saw_and_what_a_host_speaks_for_is_no_incident() -> None:
    address = Subject(host="mx.a.example", family="ipv4", address="192.0.2.1:25")
    ways = (Way("a.example", "mx.a.example", NOW - 9 * DAY),)
    known = [
        regression(1, counts=False), regression(2, subject=address), regression(3, subject=address, alone=True), regression(4, id=""),
        regression(5, counts=False, told=True, ended_at=NOW, ended_by=Event.RECOVERED),
        regression(6, subject=Subject("b.example"), check="mta_sts"), regression(7, subject=Subject("a.example"), check="mta_sts"),
    ]  # fmt: skip
    found = incidents(known, {"a.example": "A"}, ways, {}, {})
    assert [each["id"] for each in found] == ["id-3", "id-5", "id-7"]
    assert found[0]["reproduce"] == "openssl s_client -starttls smtp -connect 192.0.2.1:25 -servername mx.a.example"
    assert found[1]["reproduce"] is None
    assert "mta-sts.a.example" in found[2]["reproduce"]


def test_what_a_host_lost_is_told_once_and_not_again_of_its_domains_unless_no_host_lost_anything() -> None:
    ways = (Way("a.example", "mx.a.example", NOW - 9 * DAY),)
    of_domain = regression(1, subject=Subject("a.example"))
    of_host = regression(2)
    assert [each["id"] for each in incidents([of_domain, of_host], {"a.example": "A"}, ways, {}, {})] == ["id-2"]
    over = regression(50, ended_at=NOW - timedelta(hours=40), ended_by=Event.RECOVERED)
    assert [each["id"] for each in incidents([of_domain, over], {"a.example": "A"}, ways, {}, {})] == ["id-1", "id-50"]
    assert [each["id"] for each in incidents([of_domain, of_host], {"a.example": "A"}, (), {}, {})] == ["id-1"]


def test_an_incident_is_of_the_domains_that_led_to_the_host_while_it_lasted() -> None:
    ended = regression(1, ended_at=NOW, ended_by=Event.RECOVERED)
    since = ended.after.at
    ways = (
        Way("before.example", "mx.a.example", NOW - 9 * DAY, since - DAY),
        Way("during.example", "mx.a.example", NOW - 9 * DAY, since + timedelta(minutes=1)),
        Way("after.example", "mx.a.example", NOW + DAY),
        Way("stranger.example", "mx.a.example", NOW - 9 * DAY),
    )
    owners = dict.fromkeys(("before.example", "during.example", "after.example"), "P")
    assert incidents([ended], owners, ways, {}, {})[0]["domains"] == ["during.example"]


def test_the_name_of_a_provider_in_paths_is_safe_its_own_and_stays() -> None:
    named = slugs(["Example Mail", "example-mail", "Ünïcode GmbH", "../../etc", "日本", "x" * 200, HOSTILE])
    assert len(set(named.values())) == len(named)
    for slug in named.values():
        jsonschema.validate(slug, {"pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"})
        assert len(slug) < 80
    assert named["Ünïcode GmbH"] == "unicode-gmbh"
    assert slugs(["Ünïcode GmbH", "Another"])["Ünïcode GmbH"] == named["Ünïcode GmbH"]


def days(name: str, **rows: list[tuple[int, int, str, str]]) -> dict[str, Any]:
    """Return a document of days, each run by its first and last day of November."""
    return {
        "domain": name, "first": "2026-11-01", "last": "2026-11-10", "watched_since": "2026-11-01",
        "rows": [
            {
                "check": check,
                "runs": [{"from": f"2026-11-{a:02}", "to": f"2026-11-{b:02}", "mark": mark, "shown": shown} for a, b, mark, shown in runs],
            }
            for check, runs in rows.items()
        ],
    }  # fmt: skip


def test_a_provider_went_the_way_that_its_domains_went_by_what_was_measured() -> None:
    good = days("a", verdict=[(1, 10, "has", "protected")], starttls=[(1, 10, "has", "accepted")])
    worse = days("b", verdict=[(1, 5, "has", "protected"), (6, 10, "lacks", "unprotected")], starttls=[(1, 5, "has", ""), (6, 10, "lacks", "")])
    better = days("c", dane=[(1, 3, "lacks", "none"), (4, 6, "unmeasured", "x"), (7, 10, "has", "valid")])
    silent = days("d", verdict=[(1, 10, "unmeasured", "blocked at greeting")])
    vanished = days("e", starttls=[(1, 5, "has", "accepted"), (6, 10, "unmeasured", "connect-timeout at connect")])
    found = {name: trend(those) for name, those in {"same": [good], "mixed": [worse, better], "unknown": [silent], "silence": [vanished]}.items()}
    assert {name: each["direction"] for name, each in found.items()} == {
        "same": "same", "mixed": "mixed", "unknown": "unknown", "silence": "same",
    }  # fmt: skip
    assert (found["mixed"]["lost"], found["mixed"]["gained"]) == (["starttls"], ["dane"])


def test_trends_count_what_was_measured_and_who_takes_no_mail_is_not_among_them() -> None:
    every = [
        days("a", verdict=[(1, 10, "has", "protected")], starttls=[(1, 10, "has", "accepted")], tls_version=[(1, 10, "has", "TLSv1.3")]),
        days("b", verdict=[(1, 10, "lacks", "unprotected")], starttls=[(1, 10, "lacks", "not offered")], tls_version=[(1, 10, "none", "none")]),
        days("c", verdict=[(1, 10, "unmeasured", "x")], starttls=[(1, 10, "unmeasured", "x")]),
        days("d", verdict=[(1, 10, "none", "no-mail")]),
        days("e", verdict=[(1, 9, "unwatched", ""), (10, 10, "has", "protected")], mta_sts=[(1, 9, "unwatched", ""), (10, 10, "has", "testing")]),
    ]
    counted = {each["name"]: each["days"] for each in trends(every, date(2026, 11, 1), date(2026, 11, 10))["series"]}
    assert counted["starttls"][0] == ["2026-11-01", 1, 2, 4]
    assert counted["tls13"][0] == ["2026-11-01", 1, 2, 4]
    assert counted["mta_sts"][9] == ["2026-11-10", 0, 3, 5]


def test_what_is_said_of_a_provider_names_the_worst_of_its_domains() -> None:
    parts: list[Part] = [part(domain(f"{n}.example", "P", host(endpoint(**GOOD))), (), Told(), TERMS, NOW) for n in "ab"]
    documents = [each.domain for each in parts]
    documents[1]["grades"]["pledge-2013"]["level"] = "insufficient"
    found = provider_document("P", "p", documents, {each.domain["domain"]: each.days for each in parts})
    assert found["grades"]["pledge-2013"]["level"] == "insufficient"
    assert found["grades"]["rfc9325"]["ungraded"] == 2
    assert found["measured_at"] == "2026-11-24T11:55:00Z"
