"""The schedule: a resolver that fails wipes nothing out, and a daemon that sees nothing says so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client import CollectorRegistry, generate_latest

from mailtls import schedule as schedule_module
from mailtls.budget import Budget, Limits
from mailtls.evidence import (
    Exchange,
    Failure,
    Handshake,
    HostRoute,
    Lookup,
    LookupOutcome,
    Offer,
    ProbeEvidence,
    Purpose,
    RouteEvidence,
    ScanEvidence,
)
from mailtls.measure import Measurer
from mailtls.model import Cause, Endpoint, Known, MXSet, Provider, Stage, Verdict
from mailtls.recording import Pace
from mailtls.schedule import Schedule
from mailtls.show.metrics import SnapshotCollector
from mailtls.store.tracks import Recalled
from mailtls.tracking.sts import StsTrack

INTERVAL = timedelta(minutes=15)
START = datetime.now(UTC)
HOST, ADDRESS = "mx.a.example", "192.0.2.1"


class World:
    """A clock, and what DNS and the mail server say at its time."""

    def __init__(self) -> None:
        self.now = START
        self.mx = self.a = LookupOutcome.ANSWERED
        self.hosts = [HOST]
        self.silent = False
        self.chain: tuple[bytes, ...] = ()

    async def route(self, domain: str) -> RouteEvidence:
        if self.mx is not LookupOutcome.ANSWERED:
            return RouteEvidence(domain, Lookup(f"{domain}.", "MX", self.mx), began=self.now)
        found = (ADDRESS,) if self.a is LookupOutcome.ANSWERED else ()
        hosts = tuple(HostRoute(h, 10, (Lookup(f"{h}.", "A", self.a, found, canonical=f"{h}."),)) for h in self.hosts)
        records = tuple(f"10 {h}." for h in self.hosts) or ("0 .",)
        return RouteEvidence(domain, Lookup(f"{domain}.", "MX", self.mx, records), hosts, began=self.now)

    def scan(self, endpoint: Endpoint) -> ScanEvidence:
        if self.silent:
            late = ProbeEvidence(Offer(), self.now, failure=Failure(Cause.READ_TIMEOUT, Stage.GREETING))
            return ScanEvidence(endpoint, Purpose.FULL, self.now, (late,))
        lines = [(Stage.GREETING, b"", b"220 mx\r\n"), (Stage.EHLO, b"EHLO p\r\n", b"250 mx\r\n")]
        if self.chain:
            lines[1] = (Stage.EHLO, b"EHLO p\r\n", b"250-mx\r\n250 STARTTLS\r\n")
            lines += [(Stage.STARTTLS, b"STARTTLS\r\n", b"220 go\r\n"), (Stage.EHLO_TLS, b"EHLO p\r\n", b"250 mx\r\n")]
        said = tuple(Exchange(stage, sent, received, 0, 0) for stage, sent, received in lines)
        handshake = Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519", self.chain) if self.chain else None
        probe = ProbeEvidence(Offer(), self.now, said, handshake)
        return ScanEvidence(endpoint, Purpose.FULL, self.now, (probe,))


class Visiting(Measurer):
    """A measurer whose visits take no network, and are written down."""

    def __init__(self, world: World, anchors: Any, excluded: frozenset[str] = frozenset()) -> None:
        prober = SimpleNamespace(budget=Budget(Limits()))
        super().__init__(world, prober, anchors, 25, excluded, Pace(INTERVAL, timedelta(hours=24)))  # type: ignore[arg-type]
        self.world = world
        self.visited: list[str] = []

    async def measure(self, route: RouteEvidence, *_args: Any, **_kwargs: Any) -> None:
        for host in route.hosts:
            for record in (record for lookup in host.addresses for record in lookup.records):
                self.visited.append(host.host)
                self.remember(self.world.scan(Endpoint(host.host, ip_address(record), 25)))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def watching(world: World, anchors) -> Schedule:
    return plan(world, Visiting(world, anchors))


def plan(world: World, measurer: Visiting) -> Schedule:
    return Schedule(measurer, (Provider("A", ("a.example",)),), INTERVAL, 0.0, lambda: world.now)


def page(watching: Schedule) -> str:
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(watching.snapshot))
    return generate_latest(registry).decode()


async def later(world: World, watching: Schedule) -> None:
    """Let an interval pass, and look again."""
    world.now += INTERVAL
    await watching.look("a.example")


FAILED = (LookupOutcome.SERVER_FAILURE, LookupOutcome.TIMED_OUT, LookupOutcome.BOGUS)


@pytest.mark.parametrize("outcome", FAILED)
@pytest.mark.parametrize("which", ["mx", "a"])
@pytest.mark.parametrize("verdict", [Verdict.PROTECTED, Verdict.UNPROTECTED])
async def test_a_look_up_that_fails_leaves_for_three_intervals_what_was_known(
    verdict: Verdict, which: str, outcome: LookupOutcome, world: World, watching: Schedule, authority
) -> None:
    good = verdict is Verdict.PROTECTED
    world.chain = tuple(c.public_bytes(Encoding.DER) for c in authority.issue([HOST]).chain) if good else ()
    await watching.look("a.example")
    before = watching.snapshot().domains[0]
    assert before.verdict is verdict
    assert before.unresolved is None
    setattr(world, which, outcome)
    for turn in (1, 2, 3):
        await later(world, watching)
        seen = watching.snapshot().domains[0]
        assert seen.verdict is verdict
        assert seen.readings["mx_records"] == Known([{"preference": 10, "host": HOST}])
        assert [str(e.endpoint.address) for host in seen.mx for e in host.endpoints] == [ADDRESS]
        assert watching.measurer.visited == [HOST] * (turn + 1)
        assert f'mailtls_mx_starttls_offered{{family="ipv4",mx="mx.a.example"}} {float(good)}' in page(watching)
    await later(world, watching)
    assert watching.snapshot().domains[0].verdict is Verdict.UNKNOWN
    assert "mailtls_mx_starttls_offered{" not in page(watching)
    assert watching.measurer.tracks == {}
    assert len(watching.measurer.visited) == 4


async def test_what_is_held_ages_though_nobody_looks(world, watching) -> None:
    await watching.look("a.example")
    world.mx = LookupOutcome.TIMED_OUT
    await later(world, watching)
    assert len(watching.snapshot().domains[0].mx) == 1
    world.now = START + 3 * INTERVAL + timedelta(seconds=1)
    assert watching.snapshot().domains[0].mx == ()


async def test_the_failure_itself_is_seen_from_the_first(world, watching) -> None:
    await watching.look("a.example")
    assert "mailtls_domain_inconclusive_info{" not in page(watching)
    world.mx = LookupOutcome.TIMED_OUT
    await later(world, watching)
    unresolved = watching.snapshot().domains[0].unresolved
    assert unresolved is not None
    assert unresolved.cause is Cause.DNS_TIMEOUT
    assert 'mailtls_domain_inconclusive_info{cause="dns-timeout",domain="a.example",mx="",stage="dns"} 1.0' in page(watching)
    world.mx, world.a = LookupOutcome.ANSWERED, LookupOutcome.SERVER_FAILURE
    await later(world, watching)
    assert 'mailtls_domain_inconclusive_info{cause="dns-failure",domain="a.example",mx="mx.a.example",stage="dns"} 1.0' in page(watching)
    world.a = LookupOutcome.ANSWERED
    await later(world, watching)
    assert "mailtls_domain_inconclusive_info{" not in page(watching)


async def test_that_an_answer_is_bogus_is_said_at_once(world, watching) -> None:
    await watching.look("a.example")
    world.mx = LookupOutcome.BOGUS
    await later(world, watching)
    assert watching.snapshot().domains[0].readings["dnssec"] == Known("bogus")


async def test_a_domain_that_is_gone_or_that_takes_no_mail_any_more_is_so_at_once(world, watching) -> None:
    await watching.look("a.example")
    world.hosts = []
    await later(world, watching)
    assert watching.snapshot().domains[0].verdict is Verdict.NO_MAIL
    assert watching.measurer.tracks == {}
    world.hosts, world.mx = [HOST], LookupOutcome.NO_SUCH_NAME
    await later(world, watching)
    assert watching.snapshot().domains[0].verdict is Verdict.UNKNOWN
    assert watching.measurer.visited == [HOST]


async def test_a_host_that_the_new_configuration_excludes_is_not_visited_by_an_older_answer(world, watching, anchors) -> None:
    await watching.look("a.example")
    fresh = plan(world, Visiting(world, anchors, excluded=frozenset({HOST})))
    fresh.measurer.tracks = watching.measurer.tracks
    fresh.routes = dict(watching.routes)
    world.mx = LookupOutcome.TIMED_OUT
    await later(world, fresh)
    assert fresh.measurer.visited == []
    seen = fresh.snapshot().domains[0]
    assert seen.mx == ()
    assert seen.verdict is Verdict.UNKNOWN


async def test_changes_of_the_mx_hosts_are_counted_and_a_failure_is_none(world, watching) -> None:
    await watching.look("a.example")
    world.mx = LookupOutcome.TIMED_OUT
    await later(world, watching)
    assert watching.mx_sets == {"a.example": MXSet(frozenset({HOST}))}
    world.mx, world.hosts = LookupOutcome.ANSWERED, ["mx2.a.example"]
    await later(world, watching)
    assert watching.mx_sets == {"a.example": MXSet(frozenset({"mx2.a.example"}), world.now, 1)}


@pytest.fixture
def warnings(monkeypatch) -> list[str]:
    told: list[str] = []

    class Log:
        def warning(self, event: str, **_said: object) -> None:
            told.append(event)

        def info(self, _event: str, **_said: object) -> None:
            pass

    monkeypatch.setattr(schedule_module, "log", Log())
    return told


async def test_a_cycle_in_which_nothing_could_be_measured_is_warned_of_once_an_hour(world, watching, warnings) -> None:
    world.silent = True
    for _ in range(4):  # at 0:15, 0:30, 0:45 and 1:00
        await later(world, watching)
        assert warnings == ["no domain could be measured this cycle"]
    await later(world, watching)
    assert len(warnings) == 2


async def test_a_daemon_that_sees_again_warns_again_when_it_is_blind_again(world, watching, warnings) -> None:
    for world.silent, count in ((True, 1), (False, 1), (True, 2)):
        await later(world, watching)
        assert len(warnings) == count


async def test_a_resolver_that_is_dead_is_warned_of_and_a_domain_without_mail_is_not(world, watching, warnings) -> None:
    world.hosts = []
    await later(world, watching)
    assert warnings == []
    world.mx = LookupOutcome.TIMED_OUT
    await later(world, watching)
    assert warnings == ["no domain could be measured this cycle"]


async def test_one_domain_that_could_be_measured_is_enough(world, anchors, warnings) -> None:
    watching = Schedule(Visiting(world, anchors), (Provider("A", ("a.example", "b.example")),), INTERVAL, 0.0, lambda: world.now)
    await watching.look("a.example")
    world.mx = LookupOutcome.SERVER_FAILURE
    assert watching.last_cycle_at is None
    assert [domain.domain for domain in watching.snapshot().domains] == ["a.example"]
    assert watching.snapshot().waiting == (("A", "b.example"),)
    await watching.look("b.example")
    assert [domain.domain for domain in watching.snapshot().domains] == ["a.example", "b.example"]
    assert watching.last_cycle_at == START
    assert warnings == []


async def measured_elsewhere(world: World, anchors: Any) -> Recalled:
    """Return what another process of the same vantage saves after one look."""
    other = plan(world, Visiting(world, anchors))
    await other.look("a.example")
    scans = tuple(track.latest for track in other.measurer.tracks.values())
    return Recalled(scans, (other.routes["a.example"].latest,), (("a.example", StsTrack(failures=7)),))


async def test_what_another_process_measured_is_shown_and_counts_as_work_that_goes_on(world, watching, anchors) -> None:
    await watching.hear(await measured_elsewhere(world, anchors))
    assert [domain.domain for domain in watching.snapshot().domains] == ["a.example"]
    assert watching.last_cycle_at == world.now
    assert watching.measurer.visited == []


async def test_what_another_process_measured_earlier_than_we_did_changes_nothing(world, watching, anchors) -> None:
    earlier = await measured_elsewhere(world, anchors)
    await later(world, watching)
    known = dict(watching.routes), dict(watching.measurer.tracks)
    await watching.hear(earlier)
    await watching.hear(earlier)
    assert (dict(watching.routes), dict(watching.measurer.tracks)) == known
    assert watching.mx_sets["a.example"].changes == 0


async def test_a_change_of_mx_hosts_that_another_process_saw_is_counted_here_too(world, watching, anchors) -> None:
    await watching.look("a.example")
    world.now += INTERVAL
    world.hosts = ["mx2.a.example"]
    await watching.hear(await measured_elsewhere(world, anchors))
    assert watching.mx_sets["a.example"].changes == 1


async def test_an_enumeration_of_ours_is_not_trusted_any_more_once_another_process_scanned(world, watching, anchors) -> None:
    distrusted: list[Endpoint] = []
    kept: list[str] = []
    nothing = lambda *_: None  # noqa: E731
    watching.measurer.prober.closing = False
    watching.measurer.memory = SimpleNamespace(
        distrust=distrusted.append, keep_route=lambda *_: kept.append("route"), keep_scan=nothing, note=nothing, note_only=nothing,
        forget_all_but=nothing,
    )  # fmt: skip
    await watching.look("a.example")
    assert distrusted == []
    world.now += INTERVAL
    await watching.hear(await measured_elsewhere(world, anchors))
    assert [endpoint.host for endpoint in distrusted] == [HOST]
    assert kept == ["route"]  # our own; what was heard has been kept by who found it out


async def test_of_a_policy_the_word_of_who_looked_at_the_domain_last_holds(world, watching, anchors) -> None:
    ours = StsTrack(failures=1)
    watching.measurer.sts = SimpleNamespace(tracks={}, observed=lambda route, _now: route, forget_all_but=lambda _domains: None)
    theirs = await measured_elsewhere(world, anchors)
    await later(world, watching)
    watching.measurer.sts.tracks["a.example"] = ours
    await watching.hear(theirs)
    assert watching.measurer.sts.tracks["a.example"] is ours
    world.now += INTERVAL
    await watching.hear(await measured_elsewhere(world, anchors))
    assert watching.measurer.sts.tracks["a.example"].failures == 7


async def test_after_a_reload_that_adds_a_domain_the_cycle_is_the_former_one_until_that_has_been_looked_at(world, watching, anchors) -> None:
    await watching.look("a.example")
    world.now += INTERVAL
    fresh = Schedule(Visiting(world, anchors), (Provider("A", ("a.example", "b.example")),), INTERVAL, 0.0, lambda: world.now)
    told: list[set[str]] = []
    fresh.leads_to = told.append
    fresh.inherit(watching)
    await fresh.look("a.example")
    assert (fresh.last_cycle_at, told) == (START, [])
    await fresh.look("b.example")
    assert (fresh.last_cycle_at, told) == (world.now, [{HOST}])


async def test_a_reload_within_a_cycle_does_not_begin_it_anew(world, anchors) -> None:
    both = (Provider("A", ("a.example", "b.example")),)
    before, after = (Schedule(Visiting(world, anchors), both, INTERVAL, 0.0, lambda: world.now) for _ in range(2))
    await before.look("a.example")
    after.inherit(before)
    await after.look("b.example")
    assert after.last_cycle_at == world.now


async def test_the_lag_grows_while_a_look_is_stuck_and_is_not_that_of_the_last_one_that_began(world, anchors) -> None:
    stuck = Schedule(Visiting(world, anchors), (Provider("A", ("a.example",)),), timedelta(seconds=0.05), 0.0, lambda: world.now)
    under_way = asyncio.Event()

    async def look(_domain: str) -> None:
        under_way.set()
        await asyncio.Event().wait()

    stuck.look = look  # type: ignore[assignment, method-assign]
    stuck.start()
    await asyncio.wait_for(under_way.wait(), 5)
    lags = []
    for _ in range(3):
        await asyncio.sleep(0.1)
        lags.append(stuck.lag_now())
    await stuck.stop()
    assert 0 < lags[0] < lags[1] < lags[2]
    assert stuck.driver.late_by() == 0
