"""The ledger: what all subjects of one vantage are held to, and what becomes of that with each scan and each look.

It is a book, and no actor: it knows no clock, no socket and no database. Give it every fresh scan (:meth:`Ledger.absorb_scan`) and every
fresh look at a domain (:meth:`Ledger.absorb_look`), in order; it returns what changed. Ask it who should be looked at again soon
(:meth:`Ledger.again`), and what is to be stored (:meth:`Ledger.take_changed`).

A scan is learnt at three levels: by the endpoint; by its MX host and family; by every domain that leads there. The two upper ones are folds:
the weakest of the latest sightings of all their endpoints that are still there, whenever they were. So an endpoint that falls silent goes on
to say what it said last, and silence changes nothing at any level; and one good address cannot hide that another is weak.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mailtls.facts.declaration import Scope
from mailtls.model import Cause
from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.fresh import DNS, checks_of
from mailtls.tracking.presence import RETIRED_AFTER, Presence, Way, attempted, followed, is_gone, is_out
from mailtls.tracking.revisits import Again, joined, revisit
from mailtls.tracking.sky import Sky
from mailtls.tracking.standing import Confirmation, Event, Sighting, Standing, accept, inherited, learn, withdraw
from mailtls.tracking.votes import Attribution, Sight

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from mailtls.tracking.fresh import FreshLook, FreshScan
    from mailtls.tracking.standing import Regression

OUTAGE = "outage"
"""Stands in a change for the name of a check: nothing could be measured."""
MX_HOSTS = "mx_hosts"
"""The same: the MX hosts of a domain."""
PRESENCE = "presence"
"""The same: whether it is there at all. Also the name under which a presence is stored."""
WAY = "way"
"""The name under which the way to a domain is stored."""

Kept = Standing | Presence | Way
Key = tuple[Subject, str]
"""Of what is kept: the subject, and the name of the check, or one of those above."""

STORED_AGAIN = timedelta(hours=1)
"""What is stored says at most so long ago that a subject is as it is; a change of anything else is stored at once."""

_OURS = "many unrelated operators seem to have lost it at once: it is ours"
_BLIND = "this vantage cannot measure at all now: it is ours"


def is_news(before: Kept, after: Kept) -> bool:
    """Whether something is to be stored again, and not only seen again to be as it is. Both are of a kind."""
    if isinstance(before, Presence) and isinstance(after, Presence):
        same = replace(after, attempted_at=before.attempted_at, concluded_at=before.concluded_at, failures=before.failures)
        return same != before or _is_another_hour(before.attempted_at, after.attempted_at)
    if isinstance(before, Standing) and isinstance(after, Standing) and before.latest is not None and after.latest is not None:
        same_value = (before.latest.strength, before.latest.shown) == (after.latest.strength, after.latest.shown)
        return not same_value or replace(after, latest=before.latest) != before or _is_another_hour(before.latest.at, after.latest.at)
    return before != after


def _is_another_hour(before: datetime, after: datetime) -> bool:
    return before.timestamp() // STORED_AGAIN.total_seconds() != after.timestamp() // STORED_AGAIN.total_seconds()


class Ledger:
    """What is remembered of all subjects of one vantage."""

    def __init__(
        self,
        confirmation: Confirmation | None = None,
        *,
        vantage: str = "",
        retired_after: timedelta = RETIRED_AFTER,
        sight: Sight | None = None,
    ) -> None:
        """Make an empty one.

        Args:
            confirmation: when sightings are enough; its cycle is the interval of the schedule.
            vantage: the name of where is measured from; it stands in every change.
            retired_after: for how long DNS must have answered without naming something before it is gone.
            sight: how many unrelated operators are too many.

        """
        self.confirmation = confirmation or Confirmation()
        self.vantage = vantage
        self.retired_after = retired_after
        self.sky = Sky(self.confirmation.cycle, sight)
        self.standings: dict[Subject, dict[str, Standing]] = defaultdict(dict)
        self.presences: dict[Subject, Presence] = {}
        self.ways: dict[str, Way] = {}
        self._endpoints: dict[str, set[Subject]] = defaultdict(set)  # of an MX host
        self._domains: dict[str, set[str]] = defaultdict(set)  # that lead to an MX host
        self._open: set[Key] = set()  # candidates and recoveries
        self._changed: set[Key] = set()

    # What comes in.

    def absorb_scan(self, scan: FreshScan, now: datetime | None = None) -> tuple[Change, ...]:
        """Learn from one scan of an endpoint, and return what changed.

        Args:
            scan: what it saw.
            now: the time; by default when the scan began.

        """
        now = now or scan.at
        if not scan.in_scope:
            return ()
        subject = scan.subject
        before = self.presences.get(subject)
        if before is not None and scan.at <= before.attempted_at <= now:
            return ()  # twice, or late
        self._endpoints[subject.host].add(subject)
        self._keep(subject, PRESENCE, attempted(before, scan.at, scan.cause))
        was_blind = self.sky.is_blind
        self.sky.attempted(scan.operator, subject, scan.at, conclusive=not scan.cause)
        changes = [] if was_blind or not self.sky.is_blind else [*self._withdrawn(None, None, scan.at, _BLIND)]
        host = Subject(host=subject.host, family=subject.family)
        domains = [Subject(domain) for domain in sorted(self._domains.get(subject.host, ()))]
        for check, sighting in scan.sightings.items():
            held = self._held(subject, check)
            if self._is_ours(subject.family, check, scan.operator, subject, held, sighting):
                changes += self._withdrawn(subject.family, check, scan.at, _OURS)
                continue
            changes += self._learn(subject, check, sighting, now)
            changes += self._fold(host, check, now, wholly=True)
            for domain in domains:
                changes += self._fold(domain, check, now)
        return (*changes, *self._tell_outages((subject, host, *domains), scan.at))

    def absorb_look(self, look: FreshLook, now: datetime | None = None) -> tuple[Change, ...]:
        """Learn from one look at a domain, after the scans of its endpoints, and return what changed.

        Args:
            look: what it saw.
            now: the time; by default when the look began.

        """
        now = now or look.at
        changes = [*self._follow(look)]
        domain = Subject(look.domain)
        for subject, sightings in look.sightings.items():
            self._keep(subject, PRESENCE, attempted(self.presences.get(subject), look.at, "" if sightings else Cause.DNS_FAILURE.value))
            for check, sighting in sightings.items():
                if self._is_ours(DNS, check, look.operator, subject, self._held(subject, check), sighting):
                    changes += self._withdrawn(DNS, check, look.at, _OURS)
                    continue
                changes += self._learn(subject, check, sighting, now)
        members = self._members(domain)
        for check in {check: None for member in members for check in self.standings.get(member, ())}:
            changes += self._fold(domain, check, now, wholly=True)
        hosts = [member for member in members if not member.domain]
        endpoints = sorted(each for host in hosts for each in self._members(host))
        return (*changes, *self._retired(look), *self._tell_outages((*endpoints, *hosts, domain), look.at))

    def accept(self, domain: str, check: str, at: datetime, why: str) -> tuple[Change, ...]:
        """Lower what a domain is held to in a check, to what is seen now, by an operator's word.

        That goes for the domain itself, its hosts within it, and the hosts and their addresses, which it may share with other domains;
        for those nothing is accepted but what is theirs as well. Where nothing is weaker than it was, nothing changes.
        """
        way = self.ways.get(domain)
        hosts = () if way is None else sorted(way.hosts)
        subjects = [Subject(domain), *(Subject(domain, host) for host in hosts)]
        subjects += sorted({Subject(host=host, family=each.family) for host in hosts for each in self._endpoints[host]})
        subjects += sorted(each for host in hosts for each in self._endpoints[host])
        changes = []
        for subject in subjects:
            standing = self.standings.get(subject, {}).get(check)
            if standing is None:
                continue
            after, events = accept(standing)
            if events:
                self._keep(subject, check, after)
                seen = after.baseline
                changes += [Change(at, subject, check, event, standing.baseline, seen, self.vantage, why=why) for event in events]
        return tuple(changes)

    def forget_all_but(self, domains: Collection[str]) -> None:
        """Drop the domains that are not watched any more, and what only they led to."""
        for domain in self.ways.keys() - set(domains):
            for host in self.ways[domain].hosts:
                self._domains[host].discard(domain)
            del self.ways[domain]
            self._changed.add((Subject(domain), WAY))
        known = self.standings.keys() | self.presences.keys()
        for subject in sorted(known, key=lambda each: not each.address):  # the addresses of a host before the host
            if not self._is_watched(subject, domains):
                self._drop(subject)

    def _is_watched(self, subject: Subject, domains: Collection[str]) -> bool:
        if subject.domain:
            return subject.domain in domains
        if not subject.address:
            return bool(self._members(subject))
        presence = self.presences.get(subject)
        return bool(self._domains.get(subject.host)) or (presence is not None and any(each in domains for each in presence.domains))

    # What may be asked.

    def again(self) -> tuple[Again, ...]:
        """Return who should be looked at again before its usual turn, the most urgent first. While this vantage is blind, nobody."""
        if self.sky.is_blind:
            return ()
        found: dict[Subject, Again] = {}
        for subject, check in self._open:
            if not (subject.address or check in self._direct(subject)):
                continue  # a fold: its endpoints are what is looked at
            one = revisit(subject, check, self.standings[subject][check], self.presences.get(subject), self.confirmation)
            if one is not None:
                found[subject] = joined(found[subject], one) if subject in found else one
        return tuple(sorted(found.values(), key=lambda each: (each.due, each.subject)))

    def regressions(self) -> dict[Key, Regression]:
        """Return what is confirmed, and neither recovered nor accepted, at every level."""
        return {
            (subject, check): standing.regression
            for subject, standings in self.standings.items()
            for check, standing in standings.items()
            if standing.regression is not None
        }

    def vote(self, subject: Subject, check: str) -> bool | None:
        """Return whether a check of a subject, or of anything that it folds, is confirmed to be weaker.

        ``None`` where this vantage cannot measure it. That one of two addresses became as weak as the other always was is told by this, too.
        """
        standing = self.standings.get(subject, {}).get(check)
        if standing is not None and standing.regression is not None:
            return True
        if any(self.vote(member, check) for member in self._members(subject) if not subject.address):
            return True
        presence = self.presences.get(subject)
        if standing is None or standing.latest is None or (presence is not None and presence.out_at is not None):
            return None
        return False

    # What is stored.

    def take_changed(self) -> dict[Key, Kept | None]:
        """Return what has to be stored since this was last asked, by its key; ``None`` for what is to be deleted."""
        taken = {key: self._kept(*key) for key in self._changed}
        self._changed.clear()
        return taken

    def restore(self, subject: Subject, name: str, kept: Kept | None) -> None:
        """Take in what was stored, in any order: before anything is absorbed, or later, where another has written it; ``None`` is forgotten."""
        if kept is None:
            self._erase(subject, name)
            return
        if isinstance(kept, Way):
            self._erase(subject, name)
            self.ways[subject.domain] = kept
            for host in kept.hosts:
                self._domains[host].add(subject.domain)
        elif isinstance(kept, Presence):
            self.presences[subject] = kept
        else:
            self.standings[subject][name] = kept
            self._mark(subject, name, kept)
        if subject.address:
            self._endpoints[subject.host].add(subject)

    def _erase(self, subject: Subject, name: str) -> None:
        if name == WAY:
            way = self.ways.pop(subject.domain, None)
            for host in () if way is None else way.hosts:
                self._domains[host].discard(subject.domain)
        elif name == PRESENCE:
            self.presences.pop(subject, None)
        else:
            self.standings[subject].pop(name, None)
            self._open.discard((subject, name))

    def _kept(self, subject: Subject, name: str) -> Kept | None:
        if name == WAY:
            return self.ways.get(subject.domain)
        if name == PRESENCE:
            return self.presences.get(subject)
        return self.standings.get(subject, {}).get(name)

    def _keep(self, subject: Subject, name: str, kept: Standing | Presence) -> None:
        before = self._kept(subject, name)
        if isinstance(kept, Presence):
            self.presences[subject] = kept
        else:
            self.standings[subject][name] = kept
            self._mark(subject, name, kept)
        if before is None or is_news(before, kept):
            self._changed.add((subject, name))

    def _mark(self, subject: Subject, check: str, standing: Standing) -> None:
        if standing.candidate is None and standing.recovery is None:
            self._open.discard((subject, check))
        else:
            self._open.add((subject, check))

    def _drop(self, subject: Subject) -> None:
        for check in self.standings.pop(subject, ()):
            self._open.discard((subject, check))
            self._changed.add((subject, check))
        if self.presences.pop(subject, None) is not None:
            self._changed.add((subject, PRESENCE))
        if subject.address:
            self._endpoints[subject.host].discard(subject)
        self.sky.forget(subject)

    # How it is learnt.

    def _held(self, subject: Subject, check: str) -> Standing:
        """Return what a subject is held to; a new address, to what its host is in its family."""
        known = self.standings.get(subject, {}).get(check)
        if known is not None:
            return known
        host = self.standings.get(Subject(host=subject.host, family=subject.family), {}).get(check) if subject.address else None
        if host is not None and host.baseline is not None and host.settling is None:
            return inherited(host.baseline)
        return Standing()

    def _learn(self, subject: Subject, check: str, sighting: Sighting, now: datetime) -> Iterator[Change]:
        held = self._held(subject, check)
        after, events = learn(held, sighting, self.confirmation, now, recovers=not self._is_weak_below(subject, check, held))
        if after is not held:
            self._keep(subject, check, after)
        yield from (self._change(sighting.at, subject, check, event, held, sighting) for event in events)

    def _is_weak_below(self, subject: Subject, check: str, held: Standing) -> bool:
        """Whether something that a subject folds is confirmed to be weaker than the whole should be: that has to recover first."""
        if held.regression is None or held.baseline is None or subject.address:
            return False
        for member in self._members(subject):
            standing = self.standings.get(member, {}).get(check)
            confirmed = None if standing is None else standing.regression
            if confirmed is not None and confirmed.after.strength < held.baseline.strength:
                return True
            if standing is not None and self._is_weak_below(member, check, replace(standing, regression=held.regression, baseline=held.baseline)):
                return True
        return False

    def _change(self, at: datetime, subject: Subject, check: str, event: Event, held: Standing, sighting: Sighting | None, why: str = "") -> Change:
        before = held.baseline
        if event in (Event.RECOVERED, Event.WORSENED) and held.regression is not None:
            before = held.regression.after
        after = held.candidate.first if event is Event.CONFIRMED and held.candidate is not None else sighting
        return Change(at, subject, check, event, before, after, self.vantage, Attribution.LOCAL if why else None, why)

    def _fold(self, subject: Subject, check: str, now: datetime, *, wholly: bool = False) -> Iterator[Change]:
        """Learn the weakest of what the members of a subject said last, at the time at which the freshest that is so weak said it."""
        if check in self._direct(subject):
            return
        latest = [
            standing.latest
            for member in self._members(subject)
            if (standing := self.standings.get(member, {}).get(check)) is not None and standing.latest is not None
        ]
        if not latest:
            return
        weakest = min(latest, key=lambda sighting: (sighting.strength, -sighting.at.timestamp()))
        held = self.standings.get(subject, {}).get(check)
        if wholly or held is None or not held.is_steady or held.latest is None or held.latest.strength != weakest.strength:
            yield from self._learn(subject, check, weakest, now)  # of a host that many domains share, most have nothing to learn

    def _members(self, subject: Subject) -> list[Subject]:
        """Return what a fold folds: the addresses of a host in a family; a domain's hosts in each family, and within it."""
        if not subject.domain:
            return [each for each in self._endpoints.get(subject.host, ()) if each.family == subject.family]
        way = self.ways.get(subject.domain)
        hosts = () if way is None or subject.host else sorted(way.hosts)
        families = ((host, each) for host in hosts for each in sorted({each.family for each in self._endpoints.get(host, ())}))
        return [*(Subject(host=host, family=each) for host, each in families), *(Subject(subject.domain, host) for host in hosts)]

    def _direct(self, subject: Subject) -> frozenset[str]:
        """Return the checks that are read from a look at the subject itself, and not folded."""
        if not subject.domain:
            return frozenset()
        return _OF_HOST if subject.host else _OF_DOMAIN

    # Our own weather.

    def _is_ours(self, sense: str, check: str, operator: str, subject: Subject, held: Standing, sighting: Sighting) -> bool:
        """Note what was seen, and say whether it is to be held against us, and so not to be learnt."""
        if held.baseline is None:
            return False
        known = held.baseline.strength if held.regression is None else min(held.baseline.strength, held.regression.after.strength)
        weaker = sighting.strength < known
        self.sky.met(sense, check, operator, subject, held.baseline.strength, sighting.at if weaker else None)
        return weaker and (self.sky.is_blind or self.sky.is_ours(sense, check, sighting.strength, sighting.at))

    def _withdrawn(self, sense: str | None, check: str | None, at: datetime, why: str) -> Iterator[Change]:
        """Take back what was to be confirmed and began within the last cycle."""
        onset = at - self.confirmation.cycle * 1.25
        for subject, name in sorted(self._open):
            standing = self.standings[subject][name]
            if standing.candidate is None or standing.candidate.first.at < onset or check not in (None, name):
                continue
            direct = name in self._direct(subject)
            if sense is not None and sense != (DNS if direct else subject.family or sense):
                continue
            after, events = withdraw(standing)
            self._keep(subject, name, after)
            yield from (self._change(at, subject, name, event, standing, None, why) for event in events)

    # Presence.

    def _follow(self, look: FreshLook) -> Iterator[Change]:
        """Follow DNS: note where a domain leads now, tell of other MX hosts, and let retire what nothing leads to any more."""
        before = self.ways.get(look.domain)
        way = followed(before, look.at, look.hosts, look.addresses)
        if way is None or (before is not None and look.hosts is None):
            return
        domain = Subject(look.domain)
        self.ways[look.domain] = way
        if before is None or replace(before, at=way.at) != way:
            self._changed.add((domain, WAY))
        for host in () if before is None else before.hosts - way.hosts:
            self._domains[host].discard(look.domain)
        for host in way.hosts:
            self._domains[host].add(look.domain)
        if before is not None and before.hosts != way.hosts:
            old, new = (Sighting(each.at, 0.0, " ".join(sorted(each.hosts))) for each in (before, way))
            yield Change(look.at, domain, MX_HOSTS, Event.CHANGED, old, new, self.vantage)

    def _retired(self, look: FreshLook) -> Iterator[Change]:
        """Let retire what DNS has answered without naming it for long enough; where it did not answer, nothing."""
        domain, at, way = look.domain, look.at, self.ways.get(look.domain)
        if look.hosts is None or way is None:
            return
        named = {
            Subject(host=host, family=family, address=address)
            for (host, family), addresses in way.addresses.items()
            for address in addresses
        } | {Subject(domain, host) for host in way.hosts}
        for subject in sorted(named):
            presence = self.presences.get(subject)
            if presence is not None and (domain not in presence.domains or presence.missed_at is not None):
                self._keep(subject, PRESENCE, replace(presence, domains=presence.domains | {domain}, missed_at=None))
        for subject in [each for each, presence in self.presences.items() if domain in presence.domains and each not in named]:
            if not subject.domain and any(self._leads_to(other, subject) for other in self._domains.get(subject.host, ())):
                continue
            presence = self.presences[subject]
            if presence.missed_at is None or presence.missed_at > at:
                self._keep(subject, PRESENCE, replace(presence, missed_at=at))
            elif is_gone(presence, at, self.retired_after):
                yield from self._gone(subject, at)

    def _leads_to(self, domain: str, subject: Subject) -> bool:
        return subject.address in self.ways[domain].addresses.get((subject.host, subject.family), ())

    def _gone(self, subject: Subject, at: datetime) -> Iterator[Change]:
        for check, standing in self.standings.get(subject, {}).items():
            if standing.regression is not None or standing.candidate is not None:
                yield Change(at, subject, check, Event.RETIRED, standing.baseline, standing.latest, self.vantage)
        yield Change(at, subject, PRESENCE, Event.RETIRED, vantage=self.vantage)
        self._drop(subject)
        host = Subject(host=subject.host, family=subject.family)
        if subject.address and not any(each.family == subject.family for each in self._endpoints[subject.host]):
            yield from self._gone(host, at)

    def _tell_outages(self, subjects: Iterable[Subject], at: datetime) -> Iterator[Change]:
        """Tell of what cannot be measured any more, and of what can again. While this vantage is blind, of nothing new."""
        for subject in subjects:
            presence = self.presences.get(subject)
            causes = [*self._silent(subject, at)]
            out = bool(causes) and "" not in causes
            if out == (presence is not None and presence.out_at is not None) or (out and self.sky.is_blind):
                continue
            self._keep(subject, PRESENCE, replace(presence or Presence(at, at), out_at=at if out else None))
            event = Event.OUTAGE if out else Event.MEASURED_AGAIN
            yield Change(at, subject, OUTAGE, event, vantage=self.vantage, why=causes[0] if out else "")

    def _silent(self, subject: Subject, at: datetime) -> Iterator[str]:
        """Yield for each endpoint of a subject that DNS names why it is out; an empty word where it is not."""
        presence = self.presences.get(subject)
        if subject.address and presence is not None and presence.missed_at is None:
            yield presence.cause if is_out(presence, at, self.confirmation.cycle) else ""
        for member in () if subject.address else self._members(subject):
            known = self.presences.get(member)
            if not member.address:
                yield from self._silent(member, at)
            elif known is not None and known.missed_at is None:
                yield "" if known.out_at is None else known.cause


_OF_DOMAIN, _OF_HOST = checks_of(Scope.DOMAIN), checks_of(Scope.MX)
