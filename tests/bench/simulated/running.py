"""Running it: a virtual clock, the real ledger, and each scan and look in its turn. Turns in which nothing can change are passed over."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from simulated.fleet import FULL_EVERY, Address, Domain, Fleet
from simulated.losses import BEGAN, OF_ENUMERATIONS, OF_HOSTS, Loss, said_by, said_of_host, shown_by, sightings
from simulated.timeline import FULL, SILENT, Timeline

from mailtls.evidence import Purpose
from mailtls.tracking.changes import Subject
from mailtls.tracking.fresh import FreshLook, FreshScan
from mailtls.tracking.ledger import Ledger
from mailtls.tracking.standing import Confirmation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from simulated.weather import Weather

    from mailtls.tracking.changes import Change
    from mailtls.tracking.standing import Sighting

NEVER = 10**9
NO_TURN, FULL_TURNS, EACH_TURN = 0, 1, 2
ENUMERATED = {"oldest_version", "weakest_suite", "post_quantum_accepted", "dh_size"}


@dataclass(frozen=True)
class Shown:
    """What a scan, or a look, meets: the losses that hold, or why nothing can be measured."""

    kinds: frozenset[str] = frozenset()
    full: bool = False
    cause: str = ""


class Simulation:
    """One vantage that watches a fleet."""

    def __init__(
        self,
        fleet: Fleet,
        weather: Weather,
        losses: Iterable[Loss],
        length: float,
        seed: int,
        *,
        confirmation: Confirmation | None = None,
        skips: bool = True,
    ) -> None:
        """Prepare a run.

        Args:
            fleet: what is watched.
            weather: the noise.
            losses: the regressions that are real.
            length: seconds.
            seed: of what mixed farms answer.
            confirmation: the ledger's.
            skips: whether turns in which nothing can change are passed over.

        """
        self.fleet, self.weather, self.length, self.skips = fleet, weather, length, skips
        self.ledger = Ledger(confirmation)
        self.changes: list[Change] = []
        self.done = Counter[str]()
        self.on_changes: Callable[[tuple[Change, ...]], None] = lambda _changes: None
        self.on_scan: Callable[[Address, float, Shown], None] = lambda _address, _at, _shown: None
        self.on_look: Callable[[Domain, float, Shown, Mapping[str, frozenset[str]]], None] = lambda _domain, _at, _shown, _hosts: None
        self._rng = random.Random(f"{seed} mixed")
        self._heap: list[tuple[float, int, str, Address | Domain | Subject, int]] = []
        self._order = 0
        self._turn: dict[Address | Domain, int] = {}
        self._again: dict[Subject, float] = {}
        self._of_subject = {address.subject: address for address in fleet.addresses}
        self._hosts = {host.name: host for host in fleet.hosts}
        self._domains_of = {host.name: [domain for domain in fleet.domains if host in domain.hosts] for host in fleet.hosts}
        self._of_name = {domain.name: domain for domain in fleet.domains}
        self._last_full: dict[Address, frozenset[str]] = {}
        self._restless: dict[Address | Domain, bool] = {}
        self._stirred: set[Subject] = set()
        self._hosts_kinds: dict[tuple[str, str], Timeline] = {}
        self._place(losses)

    def _place(self, losses: Iterable[Loss]) -> None:
        """Put the real regressions where they happen."""
        for loss in losses:
            if loss.domain:
                self.weather.domains[self._of_name[loss.domain]].add(loss.span)
                if loss.kind in OF_HOSTS:
                    self._hosts_kinds.setdefault((loss.domain, loss.host), Timeline()).add(loss.span)
            for address in self._hosts[loss.host].addresses:
                if address.subject.address in loss.addresses:
                    self.weather.addresses[address].add(loss.span)

    # The clock.

    def run(self, progress: Callable[[float], None] = lambda _share: None) -> None:
        """Run to the end; ``progress`` is told the share that is done, now and then."""
        for thing in (*self.fleet.addresses, *self.fleet.domains):
            self._plan(thing, 0)
        told = 0.0
        while self._heap:
            at, _order, kind, thing, number = heapq.heappop(self._heap)
            if at >= self.length:
                continue
            if at >= told:
                progress(at / self.length)
                told = at + self.length / 1000
            if kind == "again":
                assert isinstance(thing, Subject)
                self._revisit(thing, at)
            elif self._turn[thing] == number:  # type: ignore[index]
                self._take_turn(thing, at, number)  # type: ignore[arg-type]
        progress(1.0)

    def _push(self, at: float, kind: str, thing: Address | Domain | Subject, number: int = 0) -> None:
        self._order += 1
        heapq.heappush(self._heap, (at, self._order, kind, thing, number))

    def _plan(self, thing: Address | Domain, number: int) -> None:
        self._turn[thing] = number
        self._push(thing.turns.at(number), "turn", thing, number)

    def _take_turn(self, thing: Address | Domain, at: float, number: int) -> None:
        self.done["turns"] += 1
        if isinstance(thing, Address):
            if self._is_named(thing, number):
                self._scan(thing, at, full=number % FULL_EVERY == thing.full_turn)
        else:
            self._look(thing, at, number)
        self._plan(thing, self._next(thing, number))
        self._wake(thing, at)

    def _next(self, thing: Address | Domain, number: int) -> int:
        """Return the number of the next turn in which anything can change."""
        restless = self._restlessness(thing) if self.skips else EACH_TURN
        if restless == EACH_TURN:
            return number + 1
        wake = min(timeline.wake() for timeline in self._timelines(thing))
        # The turn before is taken too: it is by that when something was last well that silence is told from an outage.
        following = max(number + 1, thing.turns.first_from(wake) - 1) if wake < self.length else NEVER
        if isinstance(thing, Address) and (restless == FULL_TURNS or self._enumerated(thing) != self._last_full.get(thing)):
            following = min(following, number + 1 + (thing.full_turn - number - 1) % FULL_EVERY)
        return following

    def _timelines(self, thing: Address | Domain) -> tuple[Timeline, ...]:
        if isinstance(thing, Address):
            return self.weather.addresses[thing], self.weather.vantage
        return self.weather.domains[thing], self.weather.resolver, self.weather.vantage

    def _enumerated(self, address: Address) -> frozenset[str]:
        """Return the losses that hold now and that a full scan shows more of than a quick one."""
        return frozenset(span.kind for span in self.weather.addresses[address]._active if span.kind in (*OF_ENUMERATIONS, "v10"))

    # What is asked.

    def _scan(self, address: Address, at: float, *, full: bool) -> None:
        self.done["scans"] += 1
        spans = [span for timeline in self._timelines(address) for span in timeline.at(at)]
        silent = next((span for span in spans if span.kind == SILENT), None)
        time = BEGAN + timedelta(seconds=at)
        if silent is not None:
            self.on_scan(address, at, Shown(full=full, cause=silent.cause))
            self._learn_scan(FreshScan(address.subject, time, address.operator, silent.cause))
            self._restless[address] = True
            return
        full = full or address not in self._last_full or any(span.kind == FULL for span in spans)
        kinds = frozenset(span.kind for span in spans if span.kind != FULL)
        if address.mixed and self._rng.random() < 0.5:
            kinds |= {"v12"}
        if full:
            self._last_full[address] = self._enumerated(address)
        self.on_scan(address, at, Shown(kinds, full=full))
        seen = sightings(shown_by(kinds, hybrid=address.hybrid, full=full), time)
        self._learn_scan(FreshScan(address.subject, time, address.operator, "", seen))
        self._restless[address] = address.mixed or not self._is_learnt(address.subject, seen)

    def _learn_scan(self, scan: FreshScan) -> None:
        self._note(self.ledger.absorb_scan(scan))
        self._ask_again(scan.subject)

    def _look(self, domain: Domain, at: float, number: int) -> None:
        self.done["looks"] += 1
        spans = [span for timeline in self._timelines(domain) for span in timeline.at(at)]
        time = BEGAN + timedelta(seconds=at)
        if any(span.kind == SILENT for span in spans):
            names = ("", *(host.name for host in domain.hosts))
            nothing: dict[Subject, dict[str, Sighting]] = {Subject(domain.name, name): {} for name in names}
            self.on_look(domain, at, Shown(cause="dns-failure"), {})
            self._note(self.ledger.absorb_look(FreshLook(domain.name, time, domain.operator, sightings=nothing)))
            self._restless[domain] = True
            return
        kinds = frozenset(span.kind for span in spans)
        said = {domain.subject: sightings(said_by(kinds, secure=domain.secure, sts=domain.sts, reports=domain.reports), time)}
        own_kinds = {
            host.name: frozenset(span.kind for span in self._hosts_kinds.get((domain.name, host.name), Timeline()).at(at)) | kinds & {"dnssec"}
            for host in domain.hosts
        }
        self.on_look(domain, at, Shown(kinds), own_kinds)
        for host in domain.hosts:
            own = own_kinds[host.name]
            met = all(self._is_met(address, number) for address in host.addresses)
            said[Subject(domain.name, host.name)] = sightings(said_of_host(own, dane=host.dane, sts=domain.sts, met=met), time)
        addresses = {
            (host.name, family): frozenset(
                address.subject.address for address in host.addresses if address.subject.family == family and self._is_named(address, number)
            )
            for host in domain.hosts
            for family in ("ipv4", "ipv6")
        }
        hosts = frozenset(host.name for host in domain.hosts)
        self._note(self.ledger.absorb_look(FreshLook(domain.name, time, domain.operator, hosts, addresses, said)))
        self._restless[domain] = not all(self._is_learnt(subject, seen) for subject, seen in said.items())
        for subject in said:
            self._ask_again(subject)

    def _is_met(self, address: Address, number: int) -> bool:
        presence = self.ledger.presences.get(address.subject)
        return not self._is_named(address, number) or (presence is not None and not presence.failures)

    def _is_named(self, address: Address, number: int) -> bool:
        """Whether DNS names an address in a turn: of a host that rotates, two at a time."""
        host = self._hosts[address.subject.host]
        return not host.rotates or address in random.Random(f"{host.name} {number}").sample(host.addresses, 2)

    def _note(self, changes: tuple[Change, ...]) -> None:
        if changes:
            self.changes += changes
            for change in changes:
                host = change.subject.host
                self._stirred.add(change.subject)
                if host and not change.subject.domain:
                    self._stirred |= {Subject(host=host, family=change.subject.family), *(each.subject for each in self._domains_of[host])}
                elif change.subject.domain:
                    self._stirred.add(Subject(change.subject.domain))
            self.on_changes(changes)

    # Who is asked again.

    def _ask_again(self, subject: Subject) -> None:
        for again in self.ledger.again(subject):
            at = (again.due - BEGAN).total_seconds()
            if self._again.get(subject) != at:
                self._again[subject] = at
                self._push(at, "again", subject)

    def _revisit(self, subject: Subject, at: float) -> None:
        self._again.pop(subject, None)
        for again in self.ledger.again(subject):
            due = (again.due - BEGAN).total_seconds()
            if due > at + 0.001:
                self._ask_again(subject)
                continue
            self.done["revisits"] += 1
            if subject.address:
                address = self._of_subject[subject]
                self._scan(address, at, full=again.purpose is Purpose.FULL)
                self._wake(address, at)
            else:
                domain = self._of_name[subject.domain]
                for address in self._hosts[subject.host].addresses if subject.host else ():
                    self._scan(address, at, full=again.purpose is Purpose.FULL)
                self._look(domain, at + 0.001, self._turn[domain])
                self._wake(domain, at)

    # Who can be passed over.

    def _is_learnt(self, subject: Subject, seen: dict[str, Sighting]) -> bool:
        """Whether everything that was seen is what is remembered as seen last; what is ours is not learnt, and may be soon."""
        standings = self.ledger.standings.get(subject, {})
        return all(
            (standing := standings.get(check)) is not None and standing.latest is not None and standing.latest.strength == sighting.strength
            for check, sighting in seen.items()
        )

    def _unrest(self, subject: Subject) -> int:
        """Return whether a subject needs each turn, or the full ones alone, or none, before anything can happen to it."""
        presence = self.ledger.presences.get(subject)
        if presence is not None and (presence.failures or presence.out_at or presence.missed_at):
            return EACH_TURN
        unsteady = self.ledger._unsteady.get(subject)
        if unsteady:
            return FULL_TURNS if unsteady <= ENUMERATED else EACH_TURN
        if subject in self._stirred:
            if self._is_behind(subject):
                return EACH_TURN
            self._stirred.discard(subject)
        return NO_TURN

    def _is_behind(self, subject: Subject) -> bool:
        """Whether a fold has not come to what its leaves said last."""
        leaves = [*self.ledger._leaves(subject)]
        for check, standing in self.ledger.standings.get(subject, {}).items():
            weakest = None if check in self.ledger._direct(subject) else self.ledger._weakest(leaves, check)
            if weakest is not None and (standing.latest is None or standing.latest.strength != weakest.strength):
                return True
        return False

    def _restlessness(self, thing: Address | Domain) -> int:
        if self._restless.get(thing, True) or self.ledger.faults.is_blind:
            return EACH_TURN
        if isinstance(thing, Address):
            if self._hosts[thing.subject.host].rotates:
                return EACH_TURN
            host = Subject(host=thing.subject.host, family=thing.subject.family)
            return max(map(self._unrest, (thing.subject, host, *(each.subject for each in self._domains_of[thing.subject.host]))))
        if any(host.rotates for host in thing.hosts):
            return EACH_TURN
        within = [Subject(thing.name, host.name) for host in thing.hosts]
        below = [Subject(host=host.name, family=family) for host in thing.hosts for family in ("ipv4", "ipv6")]
        found = max(map(self._unrest, (thing.subject, *within, *below)))
        return NO_TURN if found == FULL_TURNS else found

    def _wake(self, thing: Address | Domain, at: float) -> None:
        """Let nobody sleep whose host or domain is not settled: its own good scans count for these too."""
        if not self.skips:
            return
        hosts = [self._hosts[thing.subject.host]] if isinstance(thing, Address) else thing.hosts
        domains = self._domains_of[hosts[0].name] if isinstance(thing, Address) else [thing]
        awake: dict[Address | Domain, int] = {}
        for host in hosts:
            unrest = max(self._unrest(Subject(host=host.name, family=family)) for family in ("ipv4", "ipv6"))
            if unrest:
                awake |= dict.fromkeys((*host.addresses, *self._domains_of[host.name]), unrest)
        for domain in domains:
            unrest = self._unrest(domain.subject)
            if unrest:
                awake |= {each: max(unrest, awake.get(each, 0)) for each in (domain, *(a for host in domain.hosts for a in host.addresses))}
        for each, unrest in awake.items():
            if each is thing or (unrest == FULL_TURNS and isinstance(each, Domain)):
                continue
            number = each.turns.first_from(at + 0.01)
            if unrest == FULL_TURNS and isinstance(each, Address):
                number += (each.full_turn - number) % FULL_EVERY
            if self._turn[each] > number:
                self._plan(each, number)

    def moment(self, at: datetime) -> float:
        """Return a time of the ledger's as seconds since the simulation began."""
        return (at - BEGAN).total_seconds()
