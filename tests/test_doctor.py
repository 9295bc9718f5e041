"""The doctor says bad of what it saw to be bad, and "?" of what it could not examine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dns.reversename
import pytest

from mailtls import assembly
from mailtls.config import Configuration
from mailtls.doctor import Examination, Health, examine, summary
from mailtls.evidence import Exchange, Failure, HostRoute, Lookup, LookupOutcome, Offer, ProbeEvidence, RouteEvidence
from mailtls.model import Cause, Endpoint, Stage

ANSWERED, NO_DATA, GONE, FAILED, LATE = (
    LookupOutcome.ANSWERED, LookupOutcome.NO_DATA, LookupOutcome.NO_SUCH_NAME, LookupOutcome.SERVER_FAILURE, LookupOutcome.TIMED_OUT,
)  # fmt: skip
NAME = "probe.example"
PTR = "1.2.0.192.in-addr.arpa."
PTR6 = dns.reversename.from_address("2001:db8::1").to_text()


class World:
    """What DNS says, and how visits end."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], tuple[str, ...] | LookupOutcome] = {
            (".", "SOA"): ("root",), (NAME, "A"): ("192.0.2.1",), (PTR, "PTR"): (f"{NAME}.",),
        }  # fmt: skip
        self.routes: dict[str, RouteEvidence] = {}
        self.ends: dict[str, Failure | None] = {}
        self.anchors = SimpleNamespace(count=2, name="a store")
        self.port = 25
        self.resolver = self.prober = self

    async def lookup(self, name: str, rdtype: str) -> Lookup:
        said = self.answers.get((name, rdtype), NO_DATA)
        outcome, records = (ANSWERED, said) if isinstance(said, tuple) else (said, ())
        return Lookup(name, rdtype, outcome, records, authenticated=True, detail="" if records else f"no answer for {name}")

    async def route(self, domain: str) -> RouteEvidence:
        return self.routes[domain]

    async def visit(self, endpoint: Endpoint, offer: Offer) -> ProbeEvidence:
        said = (Exchange(Stage.GREETING, b"", b"220 mx\r\n", 0, 0),)
        return ProbeEvidence(offer, datetime.now(UTC), said, failure=self.ends[endpoint.host])

    def leads_to(self, domain: str, end: Failure | None) -> None:
        host = HostRoute(f"mx.{domain}", 10, (Lookup("a.", "A", ANSWERED, ("192.0.2.9",)), Lookup("a.", "AAAA", NO_DATA)))
        self.routes[domain] = RouteEvidence(domain, Lookup("a.", "MX", ANSWERED, (f"10 mx.{domain}.",)), (host,))
        self.ends[host.host] = end

    def lookup_fails(self, domain: str, outcome: LookupOutcome, *addresses: Lookup) -> None:
        hosts = (HostRoute(f"mx.{domain}", 10, addresses),) if addresses else ()
        mx = Lookup(domain, "MX", ANSWERED if addresses else outcome, (f"10 mx.{domain}.",) if addresses else ())
        self.routes[domain] = RouteEvidence(domain, mx, hosts)


@pytest.fixture
def world(monkeypatch) -> World:
    world = World()
    monkeypatch.setattr(assembly, "measurer", lambda _configuration: world)
    return world


async def examined(world: World, subject: str) -> Examination:
    settings: Any = {"vantage": {"ehlo_name": NAME}, "resolver": {"nameservers": ["127.0.0.1:53"]}}
    settings["providers"] = [{"name": domain, "domains": [domain]} for domain in world.routes]
    return {found.subject: found async for found in examine(Configuration.model_validate(settings))}[subject]


def refused(cause: Cause, stage: Stage = Stage.CONNECT, detail: str = "") -> Failure:
    return Failure(cause, stage, detail)


@pytest.mark.parametrize("cause", [Cause.CONNECT_TIMEOUT, Cause.CONNECT_REFUSED, Cause.UNREACHABLE, Cause.CONNECTION_CLOSED])
async def test_a_port_is_closed_when_somebody_was_dialled_in_vain(cause: Cause, world: World) -> None:
    world.leads_to("a.example", refused(cause))
    world.lookup_fails("b.example", LATE)
    found = await examined(world, "port 25")
    assert found.health is Health.BAD
    assert f"mx.a.example: {cause.value}" in found.text


@pytest.mark.parametrize("end", [None, refused(Cause.BLOCKED, Stage.GREETING), refused(Cause.READ_TIMEOUT, Stage.GREETING)])
async def test_a_port_is_open_when_one_partner_was_reached_whatever_he_said(end: Failure | None, world: World) -> None:
    world.leads_to("a.example", refused(Cause.CONNECT_TIMEOUT))
    world.leads_to("b.example", end)
    assert (await examined(world, "port 25")).health is Health.GOOD


@pytest.mark.parametrize("cause", [Cause.ADDRESS_FORBIDDEN, Cause.NOT_ATTEMPTED, Cause.INTERNAL_ERROR])
async def test_a_port_to_which_nobody_was_dialled_is_not_tested(cause: Cause, world: World) -> None:
    world.leads_to("a.example", refused(cause, detail="said why"))
    found = await examined(world, "port 25")
    assert found.health is Health.UNKNOWN
    assert found.text == "not tested: mx.a.example: said why"


@pytest.mark.parametrize("outcome", [FAILED, LATE, LookupOutcome.BOGUS, GONE])
async def test_a_port_is_not_tested_when_nobody_could_be_looked_up(outcome: LookupOutcome, world: World) -> None:
    world.lookup_fails("a.example", outcome)
    world.lookup_fails("b.example", outcome, Lookup("mx.b.example", "A", outcome), Lookup("mx.b.example", "AAAA", NO_DATA))
    found = await examined(world, "port 25")
    assert found.health is Health.UNKNOWN
    assert found.text.startswith("not tested: a.example: dns")
    assert "; b.example: " in found.text


async def test_a_port_is_not_tested_by_partners_without_an_ipv4_address(world: World) -> None:
    world.lookup_fails("a.example", ANSWERED, Lookup("mx.a.example", "A", NO_DATA), Lookup("mx.a.example", "AAAA", ANSWERED, ("2001:db8::1",)))
    world.routes["null.example"] = RouteEvidence("null.example", Lookup("null.example.", "MX", ANSWERED, ("0 .",)))
    found = await examined(world, "port 25")
    assert found.text == "not tested: a.example: no IPv4 address; null.example: it takes no mail"
    late = Lookup("mx.a.example", "A", LATE), Lookup("mx.a.example", "AAAA", ANSWERED, ("2001:db8::1",))
    world.lookup_fails("a.example", ANSWERED, *late)
    assert "a.example: dns-timeout" in (await examined(world, "port 25")).text


async def test_a_port_is_not_tested_without_partners(world: World) -> None:
    found = await examined(world, "port 25")
    assert found.health is Health.UNKNOWN
    assert found.text == "not tested: no domain is named; name one, as in mailtls doctor gmail.com, or a --config.file"


@pytest.mark.parametrize(
    ("answer", "health", "words"),
    [
        ((f"{NAME.upper()}.",), Health.GOOD, "and the PTR record agrees"),
        (("other.example.",), Health.BAD, "says other.example."),
        (GONE, Health.BAD, "no PTR record"),
        (NO_DATA, Health.BAD, "no PTR record"),
        (LATE, Health.UNKNOWN, "could not be looked up"),
        (FAILED, Health.UNKNOWN, "could not be looked up"),
    ],
)
async def test_a_ptr_record_is_bad_when_it_is_missing_or_wrong_and_not_when_nobody_answered(answer, health, words, world) -> None:
    world.answers[PTR, "PTR"] = answer
    found = await examined(world, "EHLO name")
    assert found.health is health
    assert words in found.text


async def test_a_ptr_record_that_is_wrong_goes_before_one_that_nobody_answered_for(world) -> None:
    world.answers[NAME, "AAAA"] = ("2001:db8::1",)
    world.answers[PTR6, "PTR"] = (f"{NAME}.",)
    assert (await examined(world, "EHLO name")).text.endswith("and the PTR records agree")
    world.answers[PTR, "PTR"], world.answers[PTR6, "PTR"] = LATE, ("other.example.",)
    assert (await examined(world, "EHLO name")).health is Health.BAD


@pytest.mark.parametrize(("answer", "health"), [(NO_DATA, Health.BAD), (GONE, Health.BAD), (LATE, Health.UNKNOWN)])
async def test_a_name_without_an_address_is_bad_and_one_that_nobody_answered_for_is_not(answer, health, world) -> None:
    world.answers[NAME, "A"] = answer
    assert (await examined(world, "EHLO name")).health is health


async def test_trust_anchors_are_counted_in_english(world) -> None:
    assert (await examined(world, "trust store")).text == "2 trust anchors in a store"
    world.anchors.count = 1
    assert (await examined(world, "trust store")).text == "1 trust anchor in a store"


async def test_the_domains_that_are_named_are_reached_without_any_configuration(world: World) -> None:
    world.leads_to("a.example", None)
    found = [one async for one in examine(Configuration(), ["a.example"]) if one.subject == "port 25"]
    assert [one.text for one in found] == ["mx.a.example was reached"]


@pytest.mark.parametrize("name", ["localhost", "localhost.localdomain"])
async def test_a_host_without_a_name_is_told_what_to_set(name: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "ehlo_name", lambda _configuration: name)
    found = await examined(world, "EHLO name")
    assert (found.health, found.text) == (Health.BAD, f"this host calls itself {name}; set vantage.ehlo_name to a public name")


async def test_a_store_is_examined_and_not_made(world: World, tmp_path: Path) -> None:
    async def store(url: str) -> Examination:
        configuration = Configuration.model_validate({"storage": {"url": url}})
        return {one.subject: one async for one in examine(configuration, lasting=True)}["store"]

    assert (await store(f"sqlite:///{tmp_path}/new.db")).health is Health.GOOD
    assert not list(tmp_path.iterdir())
    absent = await store(f"sqlite:///{tmp_path}/absent/new.db")
    assert (absent.health, "directory must exist" in absent.text) == (Health.BAD, True)
    (tmp_path / "text.db").write_text("to whom it may concern\n" * 100)
    assert "not a database" in (await store(f"sqlite:///{tmp_path}/text.db")).text
    nobody = await store("postgresql://someone:secret@127.0.0.1:1/mailtls")
    assert (nobody.health, "secret" in nobody.text) == (Health.BAD, False)
    assert "connection refused" in nobody.text.lower()
    assert nobody.text.startswith("postgresql://someone:***@127.0.0.1:1/mailtls: ")
    assert "?" not in nobody.text
    assert (await store("sqlite://")).health is Health.UNKNOWN
    assert (await store("sqlite:////proc/new.db")).health is Health.BAD


async def test_where_a_store_would_be_made_is_told_from_the_root(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = {one.subject: one async for one in examine(Configuration(), lasting=True)}["store"]
    assert (found.health, found.text) == (Health.GOOD, f"{tmp_path}/mailtls.db is not there yet, and can be made")


def test_the_last_line_sums_up() -> None:
    good, bad, unclear = (Examination(health.value, health, "") for health in Health)
    assert summary([good]) == "Nothing bad was found."
    assert summary([good, unclear]) == "Nothing bad was found; not examined to the end: unknown."
    assert summary([good, bad, unclear]) == "Mend first: bad; not examined to the end: unknown."
