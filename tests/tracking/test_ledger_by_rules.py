"""The ledger against a naive model that keeps every sighting and counts anew each time; and silence, which never changes anything."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.fresh import FreshLook, FreshScan
from mailtls.tracking.ledger import OUTAGE, Ledger
from mailtls.tracking.standing import Confirmation, Event, Sighting
from mailtls.tracking.votes import Sight
from mailtls.tracking.written import read, written

USUAL = Confirmation()
DAY = timedelta(days=1)
DOMAIN, HOST = Subject("example.org"), Subject(host="mx.example.org", family="ipv4")
ADDRESSES = [replace(HOST, address=f"192.0.2.{each}:25") for each in range(3)]
Seen = tuple[datetime, float, int]


def are_enough(seen: list[Seen], times: int = 1) -> bool:
    """Whether sightings that agree are enough, counted by hand."""
    cycles, counted = 1, seen[0][0]
    for at, _strength, _connections in seen:
        if at - counted > USUAL.cycle / 2:
            cycles, counted = cycles + 1, at
    return sum(connections for *_, connections in seen) >= USUAL.probes * times and cycles >= USUAL.cycles


@dataclass
class Naive:
    """One check of one subject, as its whole history says."""

    floor: float | None = None
    settled: bool = False
    history: list[Seen] = field(default_factory=list)

    def outcome(self) -> tuple[float | None, float | None, bool]:
        """Return the baseline, the strength of what is confirmed to be weaker (or none), and whether it goes to and fro."""
        floor, settled, confirmed, flapping = self.floor, self.settled, None, False
        first: list[Seen] = []
        weaker: list[Seen] = []
        good: list[Seen] = []
        better: list[Seen] = []
        turns: list[datetime] = []
        before: float | None = None
        since = None if settled else self.history[0][0]
        for seen in self.history:
            at, strength, _ = seen
            if not settled:
                first.append(seen)
                floor = min(each for _, each, _ in first)
                settled = are_enough(first)
                better = [*better, seen] if strength > floor else []
                before = strength
                continue
            assert floor is not None
            turns = [turn for turn in turns if at - turn < DAY]
            if (before is not None and before < floor) != (strength < floor):
                turns.append(at)
            before = strength
            flapping = len(turns) >= 4 or (flapping and bool(turns))
            since = None if since is None or at - since >= DAY else since
            times = 2 if len(turns) >= 3 else 1
            if strength < floor:
                good, better = [], []
                weaker = [*weaker, seen] if confirmed is None or strength < confirmed else []
                if weaker and not flapping and are_enough(weaker, times):
                    confirmed, weaker = weaker[0][1], []
                continue
            if weaker and confirmed is None and since is not None:
                floor, weaker, better = min(each for _, each, _ in weaker), [], [seen]
                continue
            weaker = []
            if confirmed is not None:
                good.append(seen)
                if not flapping and are_enough(good, times):
                    confirmed, good = None, []
            better = [*better, seen] if strength > floor else []
            if better and confirmed is None and are_enough(better) and better[-1][0] - better[0][0] >= DAY:
                floor, better, since = min(each for _, each, _ in better), [], None
        return floor, confirmed, flapping


class Story(RuleBasedStateMachine):
    """One domain, one host, three addresses; scans and looks in any order, with any silence between them."""

    @initialize()
    def begin(self) -> None:
        self.ledger = Ledger(sight=Sight(operators=100))
        self.at = datetime(2026, 1, 1, tzinfo=UTC)
        self.models: dict[Subject, Naive] = {}
        self.named = set(ADDRESSES)
        self.gone_at: dict[Subject, datetime] = {}
        self.told: list[Change] = []

    def _tell(self, changes: tuple[Change, ...]) -> None:
        self.told += changes

    @rule(minutes=st.one_of(st.integers(1, 5), st.integers(10, 20), st.integers(60, 2_000)))
    def time_passes(self, minutes: int) -> None:
        self.at += timedelta(minutes=minutes)

    @rule(number=st.integers(0, 2), strength=st.integers(0, 2), connections=st.integers(1, 3))
    def a_scan_sees(self, number: int, strength: int, connections: int) -> None:
        subject = ADDRESSES[number]
        if subject not in self.named:
            return
        self.at += timedelta(seconds=1)
        if subject not in self.models and subject not in self.ledger.standings:
            host = self.ledger.standings.get(HOST, {}).get("starttls")
            inherits = host is not None and host.baseline is not None and host.settling is None
            self.models[subject] = Naive(host.baseline.strength, settled=True) if inherits else Naive()  # type: ignore[union-attr]
        if subject in self.models:
            self.models[subject].history.append((self.at, strength, connections))
        self._tell(self.ledger.absorb_scan(self._scan(subject, {"starttls": Sighting(self.at, strength, connections=connections)})))

    def _scan(self, subject: Subject, seen: dict[str, Sighting]) -> FreshScan:
        return FreshScan(subject, self.at, "example", "" if seen else "read-timeout", seen)

    @rule(number=st.integers(0, 2), times=st.integers(1, 10))
    def a_scan_is_silent(self, number: int, times: int) -> None:
        before = copy.deepcopy(self.ledger.standings)
        for _ in range(times):
            self.at += timedelta(minutes=10)
            changes = self.ledger.absorb_scan(self._scan(ADDRESSES[number], {}))
            assert {(each.check, each.event) for each in changes} <= {(OUTAGE, Event.OUTAGE)}
        assert self.ledger.standings == before

    @rule(number=st.integers(0, 2), minutes=st.integers(0, 500))
    def a_scan_comes_late_or_twice(self, number: int, minutes: int) -> None:
        presence = self.ledger.presences.get(ADDRESSES[number])
        if presence is not None:
            before = copy.deepcopy(self.ledger.standings)
            late = presence.attempted_at - timedelta(minutes=minutes)
            scan = FreshScan(ADDRESSES[number], late, "example", "", {"starttls": Sighting(late, 0, connections=9)})
            assert self.ledger.absorb_scan(scan, self.at) == ()
            assert self.ledger.standings == before

    @rule()
    def dns_answers(self) -> None:
        self.at += timedelta(seconds=1)
        addresses = {("mx.example.org", "ipv4"): frozenset(each.address for each in self.named)}
        look = FreshLook("example.org", self.at, "example", frozenset({"mx.example.org"}), addresses, {DOMAIN: {}})
        for subject in ADDRESSES:
            if subject in self.named:
                self.gone_at.pop(subject, None)
            else:
                self.gone_at.setdefault(subject, self.at)
        changes = self.ledger.absorb_look(look)
        self._tell(changes)
        for change in changes:
            if change.event is Event.RETIRED and change.subject.address:
                self.models.pop(change.subject, None)
                assert self.at - self.gone_at[change.subject] >= DAY

    @rule(times=st.integers(1, 300))
    def dns_is_silent(self, times: int) -> None:
        before = copy.deepcopy((self.ledger.standings, self.ledger.ways))
        for _ in range(times):
            self.at += USUAL.cycle
            changes = self.ledger.absorb_look(FreshLook("example.org", self.at, "example", sightings={DOMAIN: {}}))
            assert all(each.check == OUTAGE for each in changes)
        assert (self.ledger.standings, self.ledger.ways) == before

    @rule(number=st.integers(0, 2))
    def dns_drops_an_address(self, number: int) -> None:
        if len(self.named) > 1 and ADDRESSES[number] in self.named:
            self.named.discard(ADDRESSES[number])

    @rule(number=st.integers(0, 2))
    def dns_names_an_address_again(self, number: int) -> None:
        self.named.add(ADDRESSES[number])

    @rule()
    def the_process_starts_again(self) -> None:
        self.ledger.take_changed()
        again = Ledger(sight=Sight(operators=100))
        kept = [(subject, check, each) for subject, found in self.ledger.standings.items() for check, each in found.items()]
        kept += [(subject, "presence", each) for subject, each in self.ledger.presences.items()]  # type: ignore[misc]
        kept += [(Subject(domain), "way", way) for domain, way in self.ledger.ways.items()]  # type: ignore[misc]
        for subject, name, each in reversed(kept):
            again.restore(subject, name, read(json.loads(json.dumps(written(each)))))  # type: ignore[arg-type]
        assert (again.standings, again.presences, again.ways) == (self.ledger.standings, self.ledger.presences, self.ledger.ways)
        assert again._open == self.ledger._open
        assert again._unsteady == self.ledger._unsteady
        assert again.again() == self.ledger.again()
        self.ledger = again

    @rule()
    def an_operator_accepts(self) -> None:
        for change in self.ledger.accept("example.org", "starttls", self.at, "so be it"):
            standing = self.ledger.standings[change.subject]["starttls"]
            assert standing.regression is None
            assert standing.baseline is not None
            assert change.before is not None
            assert standing.baseline.strength < change.before.strength
            self.models.pop(change.subject, None)  # what an operator says is not in its history

    @invariant()
    def each_address_is_what_its_history_says(self) -> None:
        for subject, model in getattr(self, "models", {}).items():
            standing = self.ledger.standings[subject]["starttls"]
            floor, confirmed, flapping = model.outcome()
            assert standing.baseline is not None
            assert standing.baseline.strength == floor
            assert (None if standing.regression is None else standing.regression.after.strength) == confirmed
            assert standing.flapping == flapping

    @invariant()
    def a_host_says_what_the_weakest_of_its_addresses_said_last(self) -> None:
        if not hasattr(self, "ledger"):
            return
        said = [each["starttls"].latest for subject, each in self.ledger.standings.items() if subject.address]
        host = self.ledger.standings.get(HOST, {}).get("starttls")
        if host is not None and host.settling is None and host.latest is not None and said:
            weakest = min(each.strength for each in said if each is not None)
            newest = max(each.at for each in said if each is not None and each.strength == weakest)
            assert host.latest.strength == weakest or host.latest.at >= newest  # what is older than what it said last waits for the next scan

    @invariant()
    def what_is_asked_again_is_open_and_there(self) -> None:
        for again in getattr(self, "ledger", Ledger()).again():
            standing = self.ledger.standings[again.subject][again.check]
            assert standing.candidate is not None or standing.recovery is not None
            assert not standing.flapping


Story.TestCase.settings = settings(max_examples=int(os.environ.get("STORIES", "25")), stateful_step_count=50, deadline=None)
TestTheLedgerByRules = Story.TestCase
