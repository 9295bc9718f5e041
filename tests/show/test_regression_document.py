"""Regressions as JSON, and on the landing page: what is open, what ended lately, and nothing of a server's words as markup."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx

from mailtls.model import DomainObservation, Snapshot, Verdict
from mailtls.show import json_keys
from mailtls.show.landing import landing
from mailtls.show.regression_document import ended_of, open_of, regression_document, regressions_document
from mailtls.tracking.changes import Subject
from mailtls.tracking.settling import JointRegression
from mailtls.tracking.standing import Event, Sighting
from mailtls.tracking.told import Suspicion, Told
from mailtls.tracking.votes import Attribution
from mailtls.web import application

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DOMAIN = JointRegression(
    Subject("a.example"),
    "starttls",
    Sighting(NOW - MINUTE, 1.0, "yes"),
    Sighting(NOW, 0.0, "<b>no</b>"),
    NOW + MINUTE,
    Attribution.SERVER,
    ("fra", "nyc"),
    counts=True,
    id="r1",
)
HOST = replace(DOMAIN, subject=Subject(host="mx.a.example", family="ipv4"), id="r2")
ENDED = replace(DOMAIN, check="trust", ended_at=NOW + 2 * MINUTE, ended_by=Event.ACCEPTED, why="new CA", confirmed_at=NOW + 2 * MINUTE, id="r3")


def test_one_regression_says_what_it_was_what_it_is_since_when_and_who_saw_it() -> None:
    assert regression_document(DOMAIN) == {
        "id": "r1",
        "domain": "a.example",
        "mx": None,
        "family": None,
        "address": None,
        "check": "starttls",
        "before": {"value": "yes", "at": "2026-02-28T23:59:00Z", "evidence": None},
        "after": {"value": "<b>no</b>", "at": "2026-03-01T00:00:00Z", "evidence": None},
        "since": "2026-03-01T00:00:00Z",
        "confirmed_at": "2026-03-01T00:01:00Z",
        "attribution": "server",
        "vantages": ["fra", "nyc"],
        "counts": True,
        "ended_at": None,
        "ended_by": None,
        "why": None,
        "muted": None,
    }


def test_every_key_of_a_regression_is_explained_and_no_other() -> None:
    (part,) = (part for part in json_keys.FRAME if part.name == "A regression")
    assert regression_document(DOMAIN).keys() == part.keys.keys()


def test_what_is_held_back_says_what_since_when_and_at_how_many_operators_and_every_key_is_explained() -> None:
    held = Suspicion(Subject(host="mx.a.example", family="ipv4"), "starttls", "yes", "<b>no</b>", NOW, 6, 10)
    (shown,) = regressions_document(Told(held_back=(held,)), "fra")["held_back"]
    assert shown == {
        "domain": None,
        "mx": "mx.a.example",
        "family": "ipv4",
        "address": None,
        "check": "starttls",
        "before": "yes",
        "after": "<b>no</b>",
        "since": "2026-03-01T00:00:00Z",
        "operators": 6,
        "of": 10,
    }
    (part,) = (part for part in json_keys.FRAME if part.name == "A loss that is held back")
    assert shown.keys() == part.keys.keys()


def test_open_ones_come_before_those_that_ended_and_a_window_that_mutes_is_named() -> None:
    whole = regressions_document(Told((ENDED, DOMAIN, replace(HOST, muted="move")), blind=True), "fra")
    assert (whole["schema"], whole["vantage"], whole["blind"]) == (1, "fra", True)
    assert [each["id"] for each in whole["regressions"]][-1] == "r3"
    assert {each["id"]: each["muted"] for each in whole["regressions"]} == {"r1": None, "r2": "move", "r3": None}
    assert (whole["regressions"][-1]["ended_by"], whole["regressions"][-1]["why"]) == ("accepted", "new CA")


def test_of_a_domain_each_open_check_is_told_once_by_the_domain_itself_where_it_says_so() -> None:
    within = replace(DOMAIN, subject=Subject("a.example", "mx.a.example"))
    dane = replace(within, check="dane")
    led = {"mx.a.example": frozenset({"a.example", "c.example"})}
    assert open_of("a.example", Told((within, DOMAIN, dane, HOST, ENDED), led=led)) == [dane, DOMAIN]
    assert open_of("b.example", Told((DOMAIN, HOST), led=led)) == []
    assert open_of("c.example", Told((DOMAIN, HOST), led=led)) == [HOST]


def test_what_ended_lately_of_a_domain_is_told_once_by_its_last_end_and_not_while_the_check_is_open() -> None:
    first, last = (replace(DOMAIN, ended_at=NOW + n * MINUTE, confirmed_at=NOW + n * MINUTE, ended_by=Event.RECOVERED) for n in (3, 9))
    host = replace(HOST, ended_at=NOW + 9 * MINUTE, confirmed_at=NOW + 9 * MINUTE, ended_by=Event.RECOVERED)
    led = {"mx.a.example": frozenset({"a.example"})}
    assert ended_of("a.example", Told((first, last, host, ENDED), led=led)) == [last, ENDED]
    assert ended_of("a.example", Told((first, DOMAIN, ENDED))) == [ENDED]
    page = landing(Snapshot((DomainObservation("a.example", "A", Verdict.PROTECTED, (), {}, (), NOW),)), Told((last, ENDED)))
    assert "<td>regression ended: starttls, recovered 2026-03-01 00:09:00 UTC; regression ended: trust, accepted 2026-03-01" in page


async def test_the_page_and_the_domains_in_json_tell_an_open_regression_and_the_page_shows_it_as_text() -> None:
    seen = DomainObservation("a.example", "A", Verdict.UNPROTECTED, (), {}, (), NOW)
    daemon: Any = SimpleNamespace(
        told=lambda: Told((DOMAIN, ENDED)),
        snapshot=lambda: Snapshot((seen,)),
        configuration=SimpleNamespace(vantage=SimpleNamespace(name="fra")),
        names=lambda: {"daemon.test"},
        now=lambda: NOW,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application(daemon)), base_url="http://daemon.test") as client:
        page = (await client.get("/")).text
        domains = (await client.get("/api/v1/domains")).json()
        regressions = (await client.get("/api/v1/regressions")).json()
    assert "regression: starttls was yes, is &lt;b&gt;no&lt;/b&gt;, since 2026-03-01 00:00:00 UTC" in page
    assert [each["id"] for each in domains["domains"][0]["regressions"]] == ["r1"]
    assert [each["id"] for each in regressions["regressions"]] == ["r1", "r3"]
