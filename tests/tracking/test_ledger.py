"""The ledger: stories of domains, hosts and addresses over time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailtls.evidence import Purpose
from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.fresh import FreshLook, FreshScan
from mailtls.tracking.ledger import MX_HOSTS, OUTAGE, PRESENCE, Key, Ledger
from mailtls.tracking.settling import JointRegression
from mailtls.tracking.standing import Event, Sighting
from mailtls.tracking.written import read, written

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
CYCLE = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)


class World:
    """Domains that lead to hosts with addresses, whose strengths a story sets; each cycle all are looked at, in order."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        """Begin with nothing in it."""
        self.ledger = ledger or Ledger()
        self.ways: dict[str, list[str]] = {}
        self.addresses: dict[str, list[str]] = {}
        self.shows: dict[str, dict[str, float | None]] = {}
        self.said: dict[tuple[str, str], dict[str, float]] = {}
        self.resolves = True
        self.at = BEGAN
        self.told: list[Change] = []

    def add(self, domain: str, host: str, *addresses: str, **strengths: float) -> None:
        """Let a domain lead to a host with addresses that show something."""
        self.ways.setdefault(domain, []).append(host)
        self.addresses.setdefault(host, []).extend(each for each in addresses if each not in self.addresses.get(host, ()))
        for address in addresses:
            self.shows[address] = dict(strengths or {"starttls": 1})

    def endpoint(self, address: str) -> Subject:
        """Return the subject with an address."""
        host = next(host for host, found in self.addresses.items() if address in found)
        return Subject(host=host, family="ipv6" if "[" in address else "ipv4", address=address)

    def scan(self, address: str, connections: int = 1, *, full: bool = False) -> None:
        """Scan one address; what shows ``None`` says nothing, and one that shows nothing at all is silent."""
        subject = self.endpoint(address)
        shown = self.shows[address].items()
        seen = {check: Sighting(self.at, strength, connections=connections, full=full) for check, strength in shown if strength is not None}
        self._tell(self.ledger.absorb_scan(FreshScan(subject, self.at, subject.host, "" if seen else "connect-timeout", seen)))

    def look(self, domain: str) -> None:
        """Look at a domain, and scan its addresses."""
        self.at += timedelta(seconds=1)
        hosts = self.ways[domain]
        for host in hosts:
            for address in self.addresses[host]:
                self.at += timedelta(seconds=1)
                self.scan(address)
        seen = {
            Subject(domain, host): {check: Sighting(self.at, strength) for check, strength in self.said.get((domain, host), {}).items()}
            for host in ("", *hosts)
        }
        by_family = {
            (host, family): frozenset(each for each in self.addresses[host] if ("[" in each) == (family == "ipv6"))
            for host in hosts
            for family in ("ipv4", "ipv6")
        }
        look = FreshLook(domain, self.at, domain, frozenset(hosts), by_family, seen)
        self._tell(self.ledger.absorb_look(look if self.resolves else FreshLook(domain, self.at, domain)))

    def cycles(self, number: int = 1) -> None:
        """Let cycles pass."""
        for _ in range(number):
            begun = self.at
            for domain in self.ways:
                self.look(domain)
            self.at = begun + CYCLE

    def _tell(self, changes: tuple[Change, ...]) -> None:
        self.told += changes

    def events(self, *subjects: Subject, check: str = "starttls") -> list[str]:
        """Return what was told of subjects so far."""
        told = [each for each in self.told if each.check == check and (not subjects or each.subject in subjects)]
        return [f"{each.subject}: {each.event}" for each in told]


def keep_in(stored: dict[Key, str], ledger: Ledger) -> None:
    """Store what has changed in a ledger."""
    stored |= {key: "" if kept is None else json.dumps(written(kept)) for key, kept in ledger.take_changed().items()}


def kept_in(stored: dict[Key, str]) -> Ledger:
    """Return the ledger of a process that begins with what is stored."""
    ledger = Ledger()
    for (subject, name), document in stored.items():
        kept = read(json.loads(document)) if document else None
        assert not isinstance(kept, Change | JointRegression)
        ledger.restore(subject, name, kept)
    ledger.take_changed()
    return ledger


@pytest.fixture
def world() -> World:
    """Return one domain with a host of two addresses, settled."""
    world = World()
    world.add("example.org", "mx.example.org", "192.0.2.1:25", "192.0.2.2:25")
    world.cycles(4)
    return world


DOMAIN, HOST = Subject("example.org"), Subject(host="mx.example.org", family="ipv4")
ONE, TWO = (Subject(host="mx.example.org", family="ipv4", address=f"192.0.2.{each}:25") for each in (1, 2))


def test_what_one_address_loses_is_confirmed_of_it_and_of_its_host_and_of_the_domain(world: World) -> None:
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.cycles(3)
    assert world.events() == [f"{each}: {event}" for event in ("candidate", "confirmed") for each in (ONE, HOST, DOMAIN)]
    assert world.ledger.regressions().keys() == {(each, "starttls") for each in (ONE, HOST, DOMAIN)}
    assert [world.ledger.vote(each, "starttls") for each in (ONE, TWO, HOST, DOMAIN)] == [True, False, True, True]


def test_good_sightings_of_another_address_dismiss_nothing(world: World) -> None:
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.cycles(10)
    assert not any("dismissed" in each or "recovered" in each or "flapping" in each for each in world.events())


def test_what_recovers_is_told_at_every_level(world: World) -> None:
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.cycles(4)
    world.shows["192.0.2.1:25"] = {"starttls": 1}
    world.cycles(4)
    assert world.events()[-3:] == [f"{each}: recovered" for each in (ONE, HOST, DOMAIN)]
    assert world.ledger.regressions() == {}


def test_a_silent_address_neither_recovers_nor_weakens_anything(world: World) -> None:
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.cycles(4)
    before, told = world.ledger.regressions(), world.events()
    world.shows["192.0.2.1:25"] = {}
    world.cycles(200)
    assert world.ledger.regressions() == before
    assert world.events() == told


def test_a_candidate_whose_address_falls_silent_is_neither_confirmed_nor_dismissed(world: World) -> None:
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.cycles(1)
    world.shows["192.0.2.1:25"] = {}
    world.cycles(50)
    assert world.events() == [f"{each}: candidate" for each in (ONE, HOST, DOMAIN)]


def test_a_new_address_is_held_to_what_its_host_is(world: World) -> None:
    world.add("example.org", "mx.example.org", "192.0.2.3:25", starttls=0)
    world.ways["example.org"].pop()
    world.cycles(3)
    new = replace(ONE, address="192.0.2.3:25")
    assert world.events() == [f"{each}: {event}" for event in ("candidate", "confirmed") for each in (new, HOST, DOMAIN)]


def test_an_address_that_was_silent_at_first_and_always_weaker_is_no_regression_of_its_host() -> None:
    world = World()
    world.add("example.org", "mx.example.org", "192.0.2.1:25", "192.0.2.2:25")
    world.shows["192.0.2.2:25"] = {}
    world.cycles(20)
    world.shows["192.0.2.2:25"] = {"starttls": 0}
    world.cycles(20)
    assert world.events() == []
    assert world.ledger.standings[HOST]["starttls"].baseline == world.ledger.standings[TWO]["starttls"].baseline


def test_an_address_that_stays_silent_keeps_its_host_from_nothing_for_longer_than_a_day() -> None:
    world = World()
    world.add("example.org", "mx.example.org", "192.0.2.1:25", "192.0.2.2:25")
    world.shows["192.0.2.2:25"] = {}
    world.cycles(100)
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.cycles(4)
    assert {HOST, DOMAIN} < {subject for subject, _ in world.ledger.regressions()}


def test_a_host_whose_addresses_change_with_every_look_regresses_all_the_same(world: World) -> None:
    for number in range(3, 9):
        world.addresses["mx.example.org"] = [f"192.0.2.{number}:25"]
        world.shows[f"192.0.2.{number}:25"] = {"starttls": 0}
        world.cycles(1)
    assert world.events(HOST, DOMAIN) == [f"{each}: {event}" for event in ("candidate", "confirmed") for each in (HOST, DOMAIN)]


def test_a_domain_that_moves_to_a_weaker_host_regresses_and_the_host_does_not(world: World) -> None:
    world.add("other.example", "weak.example", "203.0.113.1:25", starttls=0)
    world.cycles(4)
    world.ways["example.org"] = ["weak.example"]
    world.cycles(4)
    assert world.events(DOMAIN) == [f"{DOMAIN}: candidate", f"{DOMAIN}: confirmed"]
    assert world.ledger.regressions().keys() == {(DOMAIN, "starttls")}


def test_that_the_mx_hosts_are_others_is_told_and_is_no_regression(world: World) -> None:
    world.add("example.org", "mx2.example.org", "192.0.2.9:25")
    world.cycles(3)
    changed = [each for each in world.told if each.check == MX_HOSTS]
    assert [(each.subject, each.event) for each in changed] == [(DOMAIN, Event.CHANGED)]
    assert changed[0].before is not None
    assert changed[0].after is not None
    assert (changed[0].before.shown, changed[0].after.shown) == ("mx.example.org", "mx.example.org mx2.example.org")
    assert world.events() == []


def test_what_dns_has_not_named_for_a_day_retires_with_its_regression(world: World) -> None:
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.cycles(4)
    world.addresses["mx.example.org"].remove("192.0.2.1:25")
    world.cycles(90)
    assert world.ledger.regressions().keys() == {(each, "starttls") for each in (ONE, HOST, DOMAIN)}
    world.cycles(12)
    assert f"{ONE}: retired" in world.events()
    assert (ONE, Event.RETIRED) in [(each.subject, each.event) for each in world.told if each.check == PRESENCE]
    assert world.ledger.regressions() == {}
    assert world.events()[-2:] == [f"{each}: recovered" for each in (HOST, DOMAIN)]


def test_while_dns_does_not_answer_nothing_retires(world: World) -> None:
    world.addresses["mx.example.org"].remove("192.0.2.1:25")
    world.cycles(1)
    world.resolves = False
    world.cycles(500)
    assert not any(each.event is Event.RETIRED for each in world.told)


def test_a_host_that_no_domain_leads_to_any_more_retires_and_one_that_another_still_does_stays(world: World) -> None:
    world.add("other.example", "mx.example.org", "192.0.2.1:25", "192.0.2.2:25")
    world.add("example.org", "new.example.org", "198.51.100.1:25")
    world.ways["example.org"] = ["new.example.org"]
    world.cycles(200)
    retired = {each.subject for each in world.told if each.event is Event.RETIRED}
    assert retired == {Subject("example.org", "mx.example.org")}
    world.ways["other.example"] = ["new.example.org"]
    world.cycles(200)
    retired = {each.subject for each in world.told if each.event is Event.RETIRED}
    assert {ONE, TWO, HOST} < retired


def test_an_outage_is_told_after_three_intervals_and_its_end_at_once_and_neither_is_a_regression(world: World) -> None:
    world.shows["192.0.2.1:25"] = {}
    world.cycles(6)
    assert world.events(check=OUTAGE) == [f"{ONE}: outage"]
    world.shows["192.0.2.2:25"] = {}
    world.cycles(6)
    assert world.events(check=OUTAGE)[1:] == [f"{each}: outage" for each in (TWO, HOST, DOMAIN)]
    assert world.told[-1].why == "connect-timeout"
    world.shows["192.0.2.1:25"] = {"starttls": 1}
    world.cycles(1)
    assert world.events(check=OUTAGE)[4:] == [f"{each}: measured-again" for each in (ONE, HOST, DOMAIN)]
    assert world.events() == []


def test_checks_of_a_host_within_its_domain_are_the_domains_too_and_outlast_a_move(world: World) -> None:
    world.said["example.org", "mx.example.org"] = {"dane": 4}
    world.cycles(4)
    world.add("example.org", "new.example.org", "198.51.100.1:25")
    world.ways["example.org"] = ["new.example.org"]
    world.said["example.org", "new.example.org"] = {"dane": 2}
    world.cycles(4)
    assert world.ledger.regressions().keys() == {(DOMAIN, "dane")}


def test_an_operator_accepts_for_the_domain_its_hosts_and_their_addresses(world: World) -> None:
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.cycles(4)
    changes = world.ledger.accept("example.org", "starttls", world.at, "they told us")
    assert {(each.subject, each.event, each.why) for each in changes} == {(each, Event.ACCEPTED, "they told us") for each in (ONE, HOST, DOMAIN)}
    assert world.ledger.regressions() == {}
    world.cycles(10)
    assert world.ledger.regressions() == {}
    assert world.ledger.accept("example.org", "starttls", world.at, "again") == ()
    assert world.ledger.accept("nobody.example", "starttls", world.at, "who") == ()


def test_of_two_addresses_one_always_weak_the_loss_of_the_other_is_the_hosts_too(world: World) -> None:
    world = World()
    world.add("example.org", "mx.example.org", "192.0.2.1:25", starttls=0)
    world.add("example.org", "mx.example.org", "192.0.2.2:25", starttls=1)
    world.ways["example.org"].pop()
    world.cycles(4)
    world.shows["192.0.2.2:25"] = {"starttls": 0}
    world.cycles(4)
    assert world.ledger.regressions().keys() == {(TWO, "starttls")}
    assert world.ledger.vote(HOST, "starttls") is True
    assert world.ledger.vote(DOMAIN, "starttls") is True


# Revisits.


def test_a_candidate_is_looked_at_again_a_minute_later_and_then_in_the_next_cycle(world: World) -> None:
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.scan("192.0.2.1:25")
    first = world.at
    (again,) = world.ledger.again()
    assert (again.due - first, again.subject, again.purpose, again.check) == (MINUTE, ONE, Purpose.QUICK, "starttls")
    for minute in range(2, 6):
        world.at = again.due
        world.scan("192.0.2.1:25")
        (again,) = world.ledger.again()
        assert again.due - world.at == MINUTE or minute == 5
    assert first + CYCLE < again.due < first + CYCLE + 5 * MINUTE
    world.at = first + 14 * MINUTE
    world.scan("192.0.2.1:25")
    assert world.ledger.again() == ()
    assert (ONE, "starttls") in world.ledger.regressions()


def test_while_it_cannot_be_measured_it_is_tried_again_and_then_left_to_its_turns(world: World) -> None:
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.scan("192.0.2.1:25")
    first = world.at
    world.shows["192.0.2.1:25"] = {}
    tries = 0
    while due := world.ledger.again():
        world.at = due[0].due
        world.scan("192.0.2.1:25")
        tries += 1
    assert 3 < tries < 12
    assert world.at - first <= 3 * CYCLE


def test_what_only_full_scans_show_is_seen_again_by_a_full_one_in_the_next_cycle(world: World) -> None:
    world.shows["192.0.2.1:25"] |= {"oldest_version": 3}
    for _ in range(2):
        world.scan("192.0.2.1:25", connections=40, full=True)
        world.at += timedelta(days=1)
    world.shows["192.0.2.1:25"] |= {"oldest_version": 1}
    world.scan("192.0.2.1:25", connections=40, full=True)
    (again,) = world.ledger.again()
    assert (again.due - world.at, again.subject, again.purpose, again.check) == (CYCLE, ONE, Purpose.FULL, "oldest_version")


def test_what_dns_says_is_asked_again(world: World) -> None:
    world.said["example.org", ""] = {"dnssec": 1}
    world.cycles(4)
    world.said["example.org", ""] = {"dnssec": 0}
    world.look("example.org")
    (again,) = world.ledger.again()
    assert (again.subject, again.purpose, again.check) == (DOMAIN, None, "dnssec")
    assert again.due - world.at == MINUTE


# Storing.


def test_a_ledger_that_was_stored_goes_on_where_it_stopped(world: World) -> None:
    stored: dict[Key, str] = {}
    keep_in(stored, world.ledger)
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.look("example.org")
    keep_in(stored, world.ledger)
    world.ledger = kept_in(stored)
    (again,) = world.ledger.again()
    assert again.subject == ONE
    world.at = again.due
    world.scan("192.0.2.1:25")
    world.at += CYCLE
    world.scan("192.0.2.1:25")
    assert world.ledger.regressions().keys() == {(each, "starttls") for each in (ONE, HOST, DOMAIN)}


def test_what_stays_as_it_is_has_to_be_stored_once_an_hour_and_no_more(world: World) -> None:
    world.cycles(100)  # whatever was improving has settled
    world.ledger.take_changed()
    rounds = []
    for _ in range(8):
        world.cycles(1)
        rounds.append(len(world.ledger.take_changed()))
    assert rounds.count(0) >= 4


DAY = timedelta(days=1)


@pytest.fixture
def leaving(world: World) -> World:
    """Return a world with a second domain, whose first has lost something, as has an address of it, and something more is being counted."""
    world.add("other.example", "mx.other.example", "203.0.113.1:25")
    world.cycles(4)
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.cycles(4)
    world.said["example.org", "mx.example.org"] = {"dane": 1}
    world.cycles(4)
    world.said["example.org", "mx.example.org"] = {"dane": 0}
    world.cycles(1)
    return world


def leave(world: World) -> list[str]:
    """Leave the first domain out of the configuration; return its hosts."""
    world.ledger.watch_only({"other.example"}, world.at)
    return world.ways.pop("example.org")


def test_a_domain_that_is_left_out_for_some_days_finds_its_baseline_and_what_was_open_as_they_were(leaving: World) -> None:
    ledger, before = leaving.ledger, dict(leaving.ledger.regressions())
    assert {(ONE, "starttls"), (HOST, "starttls"), (DOMAIN, "starttls")} == before.keys()
    ledger.take_changed()
    hosts, told = leave(leaving), len(leaving.told)
    assert all(ledger.is_left_out(subject) for subject in (ONE, HOST, DOMAIN, Subject("example.org", "mx.example.org")))
    assert ledger.take_changed().keys() == {(DOMAIN, "way")}
    assert ledger.again() == ()
    leaving.cycles(6 * 24 * 4)
    assert ledger.forget_left(leaving.at) == frozenset()
    assert ledger.regressions() == before
    restored = Ledger()  # also by a process that begins meanwhile
    for subject, name in [(each, check) for each, found in ledger.standings.items() for check in found]:
        restored.restore(subject, name, ledger.standings[subject][name])
    for subject, presence in ledger.presences.items():
        restored.restore(subject, PRESENCE, presence)
    for domain, way in ledger.ways.items():
        restored.restore(Subject(domain), "way", read(json.loads(json.dumps(written(way)))))
    assert restored.is_left_out(HOST)
    leaving.ledger = restored
    restored.watch_only({"other.example", "example.org"}, leaving.at)
    leaving.ways["example.org"] = hosts
    assert not restored.is_left_out(HOST)
    leaving.cycles(4)
    assert [f"{each.subject} {each.check} {each.event}" for each in leaving.told[told:]] == [
        f"{each} dane confirmed" for each in (Subject("example.org", "mx.example.org"), DOMAIN)
    ]
    assert before.items() <= restored.regressions().items()


def test_nothing_is_learnt_of_what_is_left_out(leaving: World) -> None:
    hosts = leave(leaving)
    kept, told = dict(leaving.ledger.ways), len(leaving.told)
    leaving.ways["example.org"] = hosts  # looks that were under way
    leaving.said["example.org", ""] = {"mta_sts": 0}
    leaving.look("example.org")
    assert leaving.ledger.ways == kept
    assert [each for each in leaving.told[told:] if each.subject.domain] == []


def test_a_domain_that_is_left_out_for_a_week_is_forgotten_with_what_only_it_led_to(leaving: World) -> None:
    leave(leaving)
    leaving.ledger.take_changed()
    assert leaving.ledger.forget_left(leaving.at + 7 * DAY - MINUTE) == frozenset()
    assert leaving.ledger.forget_left(leaving.at + 7 * DAY) == {"example.org"}
    assert {subject.host for subject in leaving.ledger.standings} == {"mx.other.example", ""}
    assert {kept for (subject, _), kept in leaving.ledger.take_changed().items() if "example.org" in str(subject)} == {None}
    assert not leaving.ledger.is_left_out(HOST)


def test_a_host_that_a_watched_domain_shares_goes_on_while_another_is_left_out(world: World) -> None:
    world.add("b.example", "mx.example.org", "192.0.2.1:25", "192.0.2.2:25")
    world.cycles(4)
    world.ledger.watch_only({"b.example"}, world.at)
    world.ways.pop("example.org")
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.cycles(4)
    assert {subject for subject, _ in world.ledger.regressions()} == {ONE, HOST, Subject("b.example")}
    assert not world.ledger.is_left_out(HOST)
    assert world.ledger.is_left_out(DOMAIN)


def test_a_host_that_drops_out_of_dns_for_some_hours_finds_its_baseline_and_what_was_open_as_they_were(world: World) -> None:
    world.add("example.org", "mx2.example.org", "198.51.100.1:25")
    world.cycles(4)
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.cycles(4)
    before = {key: found for key, found in world.ledger.regressions().items() if key[0].host}
    assert before.keys() == {(ONE, "starttls"), (HOST, "starttls")}
    world.ways["example.org"].remove("mx.example.org")
    world.cycles(23 * 4)
    world.ways["example.org"].append("mx.example.org")
    world.cycles(4)
    assert before.items() <= world.ledger.regressions().items()
    assert not [each for each in world.told if each.event is Event.RETIRED]
