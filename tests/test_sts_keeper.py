"""Keeping policies: fetched when due, held while a fetch fails, watched for changes, and asked for once, whoever wants to know."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog.testing
from cryptography.hazmat.primitives.serialization import Encoding

from mailtls.budget import Budget, Limits
from mailtls.evidence import Failure, HostRoute, Lookup, LookupOutcome, RouteEvidence, StsEvidence, StsFetch
from mailtls.measure import Measurer
from mailtls.model import Absent, Cause, Known, Provider, Stage, Unknown
from mailtls.recording import Pace
from mailtls.schedule import Schedule
from mailtls.sts_keeper import StsKeeper
from mailtls.tracking.clocks import Clocks
from mailtls.tracking.sts import Cadence

START = datetime.now(UTC)
INTERVAL, DAY = timedelta(minutes=15), timedelta(days=1)
MX = "mx.a.example"


class World:
    """A clock, a domain with its record and its policy, and a fetcher that counts."""

    def __init__(self, chain: tuple[bytes, ...]) -> None:
        self.now = START
        self.chain = chain
        self.id: str | None = "1"
        self.answered = True
        self.status: int | None = 200
        self.mode = "enforce"
        self.hosts = [MX]
        self.fetched: list[tuple[str, str]] = []
        self.budget = Budget(Limits())
        self.clocks = Clocks()
        self.closing = False

    async def route(self, domain: str) -> RouteEvidence:
        outcome = LookupOutcome.SERVER_FAILURE if not self.answered else LookupOutcome.ANSWERED if self.id else LookupOutcome.NO_DATA
        records = (f'"v=STSv1; id={self.id}"',) if outcome is LookupOutcome.ANSWERED else ()
        record = Lookup(f"_mta-sts.{domain}.", "TXT", outcome, records)
        mx = Lookup(f"{domain}.", "MX", LookupOutcome.ANSWERED, tuple(f"10 {host}." for host in self.hosts))
        none = Lookup("", "A", LookupOutcome.NO_DATA)
        hosts = tuple(HostRoute(host, 10, (none,)) for host in self.hosts)
        return RouteEvidence(domain, mx, hosts, began=self.now, mta_sts=StsEvidence(record), tls_rpt=record)

    async def fetch(self, domain: str, asked_by: str) -> StsFetch:
        self.fetched.append((domain, asked_by))
        host = f"mta-sts.{domain}"
        fetch = StsFetch(f"https://{host}/", host, asked_by, self.now)
        if self.status is None:
            return replace(fetch, failure=Failure(Cause.CONNECT_TIMEOUT, Stage.HTTPS, "no answer"))
        body = f"version: STSv1\nmode: {self.mode}\nmx: {MX}\nmax_age: 604800\n".encode()
        return replace(fetch, status=self.status, chain=self.chain, content_type="text/plain", body=body)


@pytest.fixture
def world(authority) -> World:
    return World(tuple(c.public_bytes(Encoding.DER) for c in authority.issue(["mta-sts.a.example", "mta-sts.b.example"]).chain))


def keeper(world: World, anchors, *, lasting: bool = True) -> StsKeeper:
    return StsKeeper(world, anchors, Cadence(INTERVAL, DAY), lambda: world.now, lasting=lasting)  # type: ignore[arg-type]


def measurer(world: World, anchors, keeping: StsKeeper, *excluded: str) -> Measurer:
    return Measurer(world, world, anchors, 25, frozenset(excluded), Pace(INTERVAL, DAY), keeping)  # type: ignore[arg-type]


@pytest.fixture
def watching(world: World, anchors) -> Schedule:
    return plan(world, measurer(world, anchors, keeper(world, anchors)))


def plan(world: World, measuring: Measurer, *domains: str) -> Schedule:
    return Schedule(measuring, (Provider("A", domains or ("a.example",)),), INTERVAL, 0.0, lambda: world.now)


async def later(world: World, watching: Schedule, wait: timedelta = INTERVAL) -> dict[str, Any]:
    world.now += wait
    await watching.look("a.example")
    return dict(watching.snapshot().domains[0].readings)


async def test_a_day_of_looks_is_one_fetch_and_a_new_id_another(world, watching) -> None:
    for _ in range(96):
        await later(world, watching)
    assert world.fetched == [("a.example", "1")]
    await later(world, watching)
    assert len(world.fetched) == 2
    world.id = "2"
    await later(world, watching)
    assert world.fetched[2:] == [("a.example", "2")]


async def test_no_record_no_fetch(world, watching) -> None:
    for world.id, world.answered in ((None, True), (None, False), ("not-an-id", True)):
        await later(world, watching)
    assert world.fetched == []


@pytest.mark.parametrize("status", [None, 404])
async def test_a_failing_fetch_is_told_at_once_and_the_policy_is_held_for_three_turns(status, world, watching) -> None:
    await later(world, watching)
    world.status = status
    readings = await later(world, watching, DAY)
    assert readings["mta_sts"].value["mode"] == "enforce"
    assert watching.snapshot().domains[0].mx[0].readings["mta_sts_match"] == Known(value=True)
    error = readings["mta_sts_error"]
    assert error == Known("sts-policy-fetch-error") if status else isinstance(error, Unknown)
    readings = await later(world, watching, 2 * DAY)
    assert isinstance(readings["mta_sts"], Known)
    world.now += timedelta(seconds=1)
    watching._snapshot = None
    aged = watching.snapshot().domains[0].readings["mta_sts"]
    assert aged == Absent() if status else isinstance(aged, Unknown)


async def test_a_look_up_of_the_record_that_fails_leaves_it_for_three_intervals(world, watching) -> None:
    await later(world, watching)
    world.answered = False
    for _ in range(3):
        readings = await later(world, watching)
        assert isinstance(readings["mta_sts"], Known)
        assert isinstance(readings["tls_rpt_error"], Absent)
    readings = await later(world, watching)
    assert isinstance(readings["mta_sts"], Unknown)
    assert readings["mta_sts"].cause is Cause.DNS_FAILURE
    assert isinstance(readings["tls_rpt"], Unknown)
    world.answered, world.id = True, None
    assert (await later(world, watching))["mta_sts"] == Absent()


async def test_what_became_of_a_policy_is_told_and_logged_once(world, watching) -> None:
    readings = await later(world, watching)
    assert readings["mta_sts_changes"] == Known([])
    world.id, world.mode = "2", "testing"
    with structlog.testing.capture_logs() as logged:
        for _ in range(3):
            readings = await later(world, watching)
    assert [change["kind"] for change in readings["mta_sts_changes"].value] == ["mode-weakened"]
    assert [entry["kind"] for entry in logged if entry["event"] == "MTA-STS policy changed"] == ["mode-weakened"]


@pytest.mark.parametrize("again", [False, True])
async def test_looks_that_go_on_at_once_fetch_once_and_tell_what_became_of_a_policy_once(again, world, watching, monkeypatch) -> None:
    await later(world, watching)
    world.id, world.mode, world.now = "2", "testing", world.now + INTERVAL
    fetch = world.fetch

    async def slowly(domain: str, asked_by: str) -> StsFetch:
        fetched = await fetch(domain, asked_by)
        await asyncio.sleep(0)
        world.now += timedelta(seconds=1)  # the clock of none of the looks stands still
        return fetched

    monkeypatch.setattr(world, "fetch", slowly)
    with structlog.testing.capture_logs() as logged:
        await asyncio.gather(*(watching.look("a.example", again=again) for _ in range(3)))
    assert world.fetched[1:] == [("a.example", "2")]
    assert [change["kind"] for change in watching.snapshot().domains[0].readings["mta_sts_changes"].value] == ["mode-weakened"]
    assert [entry["kind"] for entry in logged if entry["event"] == "MTA-STS policy changed"] == ["mode-weakened"]


async def test_a_confirmation_fetches_again_what_was_fetched_before_it_was_wanted(world, watching) -> None:
    await later(world, watching)
    world.now += timedelta(seconds=1)
    await watching.look("a.example", again=True)
    assert world.fetched == [("a.example", "1")] * 2


async def test_an_mx_host_that_the_policy_does_not_name_yet_is_told(world, watching) -> None:
    await later(world, watching)
    world.hosts = [MX, "mx2.a.example"]
    readings = await later(world, watching)
    assert [change["kind"] for change in readings["mta_sts_changes"].value] == ["mx-changed-before-policy"]
    matches = {host.host: host.readings["mta_sts_match"] for host in watching.snapshot().domains[0].mx}
    assert matches == {MX: Known(value=True), "mx2.a.example": Known(value=False)}


async def test_a_reload_forgets_nothing_but_domains_that_are_watched_no_more(world, anchors) -> None:
    older = plan(world, measurer(world, anchors, keeper(world, anchors)), "a.example", "b.example")
    for domain in ("a.example", "b.example"):
        await older.look(domain)
    fresh = plan(world, measurer(world, anchors, keeper(world, anchors)))
    fresh.inherit(older)
    assert fresh.measurer.sts is not None
    world.closing = False  # the older schedule shares its prober here
    await later(world, fresh)
    assert len(world.fetched) == 2
    assert set(fresh.measurer.sts.tracks) == {"a.example"}


async def test_a_single_question_fetches_at_once_but_not_what_was_fetched_just_now_and_leaves_no_trace(world, watching, anchors) -> None:
    asking = watching.measurer.sts.one_off()
    way = await world.route("a.example")
    await asking.renew(way)
    assert len(world.fetched) == 1
    assert watching.measurer.sts.tracks == {}
    await later(world, watching)
    again = watching.measurer.sts.one_off()
    await again.renew(way)
    assert len(world.fetched) == 2
    assert again.observed(way, world.now).mta_sts.fetch is not None


async def test_a_check_fetches_at_once_and_has_nothing_to_compare_with(world, anchors) -> None:
    checking = measurer(world, anchors, keeper(world, anchors, lasting=False))
    way = await checking.route("a.example")
    await checking.measure(way)
    seen = checking.observe("A", way, world.now)
    assert isinstance(seen.readings["mta_sts"], Known)
    assert isinstance(seen.readings["mta_sts_changes"], Unknown)


async def test_an_excluded_policy_host_is_not_asked_and_an_excluded_mx_host_spoils_nothing(world, anchors) -> None:
    checking = measurer(world, anchors, keeper(world, anchors), "mta-sts.a.example")
    way = await checking.route("a.example")
    await checking.measure(way)
    assert world.fetched == []
    assert isinstance(checking.observe("A", way, world.now).readings["mta_sts"], Unknown)
    checking = measurer(world, anchors, keeper(world, anchors), MX)
    way = await checking.route("a.example")
    assert way.hosts == ()
    await checking.measure(way)
    assert isinstance(checking.observe("A", way, world.now).readings["mta_sts"], Known)


async def test_when_we_are_stopping_nothing_is_fetched(world, anchors) -> None:
    checking = measurer(world, anchors, keeper(world, anchors))
    world.closing = True
    await checking.measure(await checking.route("a.example"))
    assert world.fetched == []
