"""The ledger: what all subjects of one vantage are held to, and what becomes of that with each scan and each look.

It is a book, and no actor: it knows no clock, no socket and no database. Give it every fresh scan (:meth:`Ledger.absorb_scan`) and every
fresh look at a domain (:meth:`Ledger.absorb_look`), in order; it returns what changed. Ask it who should be looked at again soon
(:meth:`Ledger.again`), and what is to be stored (:meth:`Ledger.take_changed`).

A scan is learnt at three levels: by the endpoint; by its MX host and family; by every domain that leads there. The two upper ones are folds:
the weakest of the latest sightings of all their endpoints that are still there, whenever they were. So an endpoint that falls silent goes on
to say what it said last, and silence changes nothing at any level; and one good address cannot hide that another is weak.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mailtls.model import Cause
from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.fresh import DNS
from mailtls.tracking.learning import accept, learn, renewed
from mailtls.tracking.pages import OF_HOST, PRESENCE, WAY, Kept, Key
from mailtls.tracking.presence import attempted
from mailtls.tracking.revisits import Again, joined, revisit
from mailtls.tracking.whereabouts import MX_HOSTS, OUTAGE
from mailtls.tracking.withholding import BLIND, Withholding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mailtls.tracking.fresh import FreshLook, FreshScan
    from mailtls.tracking.standing import Confirmation, Regression, Sighting, Standing

__all__ = ["MX_HOSTS", "OUTAGE", "PRESENCE", "WAY", "Kept", "Key", "Ledger"]


class Ledger(Withholding):
    """What is remembered of all subjects of one vantage, and what it leads to."""

    _began: datetime | None = None
    """When the first scan or look came in after what was stored."""
    _unripe: frozenset[Key] = frozenset()
    """Candidates of before that, in whose first cycle not all operators may have been met."""

    # What comes in.

    def absorb_scan(self, scan: FreshScan, now: datetime | None = None) -> tuple[Change, ...]:
        """Learn from one scan of an endpoint, and return what changed.

        Args:
            scan: what it saw.
            now: the time; by default when the scan began.

        """
        now = now or scan.at
        subject = scan.subject
        before = self.presences.get(subject)
        if not scan.in_scope or (before is not None and scan.at <= before.attempted_at <= now):
            return ()  # it says nothing, or comes twice, or late
        self._begin(scan.at)
        host = self._enrol(subject)
        was_blind = self.faults.is_blind
        self._keep(subject, PRESENCE, attempted(before, scan.at, scan.cause, scan.operator))
        changes = [] if was_blind or not self.faults.is_blind else [*self._withdrawn(None, None, scan.at, BLIND)]
        domains = [Subject(domain) for domain in sorted(self._domains.get(subject.host, ()))]
        for check, sighting in scan.sightings.items():
            if self._is_ours(subject.family, check, scan.operator, subject, sighting):
                changes += self._hold(subject.family, check, subject, sighting)
                continue
            changes += self._learn(subject, check, sighting, now)
            moved = self._fold(host, check, now, changes)
            for domain in domains:
                if moved or check in self._unsteady.get(domain, ()) or check not in self.standings.get(domain, ()):
                    self._fold(domain, check, now, changes)
        told = [*self._tell_outages((subject,), scan.at)]
        if told or before is None or self._is_told_out(host):
            told += self._tell_outages((host, *domains), scan.at)
        return (*changes, *told)

    def absorb_look(self, look: FreshLook, now: datetime | None = None) -> tuple[Change, ...]:
        """Learn from one look at a domain, after the scans of its endpoints, and return what changed.

        Args:
            look: what it saw.
            now: the time; by default when the look began.

        """
        now = now or look.at
        if self._watched is not None and look.domain not in self._watched:
            return ()  # it was under way when the domain was left out
        self._begin(look.at)
        changes = [*self._follow(look)]
        domain = Subject(look.domain)
        for subject, sightings in look.sightings.items():
            cause = "" if sightings else Cause.DNS_FAILURE.value
            self._keep(subject, PRESENCE, attempted(self.presences.get(subject), look.at, cause, look.operator))
            for check, sighting in sightings.items():
                if self._is_ours(DNS, check, look.operator, subject, sighting):
                    changes += self._hold(DNS, check, subject, sighting)
                    continue
                changes += self._learn(subject, check, sighting, now)
        retired = [*self._retired(look)]
        for host in sorted({Subject(host=each.subject.host, family=each.subject.family) for each in retired if each.subject.address}):
            for check in list(self.standings.get(host, ())):
                self._fold(host, check, now, changes)  # what its weakest address said goes with it
        changes += retired
        leaves = [] if look.hosts is None else [*self._leaves(domain)]
        for check in {check: None for leaf in leaves for check in self.standings.get(leaf, ())}:
            self._fold(domain, check, now, changes, leaves)
        hosts = [member for member in self._members(domain) if not member.domain]
        endpoints = sorted(each for host in hosts for each in self._members(host))
        return (*changes, *self._tell_outages((*endpoints, *hosts, domain), look.at))

    def accept(self, domain: str, check: str, at: datetime, why: str) -> tuple[Change, ...]:
        """Lower what a domain is held to in a check, to what is seen now, by an operator's word.

        That goes for the domain itself, its hosts within it, and the hosts and their addresses, which it may share with other domains;
        for those nothing is accepted but what is theirs as well. Where nothing is weaker than it was, nothing changes.
        """
        members = sorted(self._members(Subject(domain)))
        subjects = [Subject(domain), *members, *sorted(each for member in members for each in self._members(member))]
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

    # What may be asked.

    def again(self, only: Subject | None = None) -> tuple[Again, ...]:
        """Return who should be looked at again before its usual turn, the most urgent first. While this vantage is blind, nobody.

        Args:
            only: a subject to which the question is limited.

        """
        if self.faults.is_blind:
            return ()
        found: dict[Subject, Again] = {}
        for subject, check in self._open if only is None else [(only, check) for check in self._unsteady.get(only, ())]:
            if not self._is_leaf(subject, check) or self.is_left_out(subject):
                continue  # of a fold its endpoints are what is looked at
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
        if any(self.vote(member, check) for member in self._members(subject)):
            return True
        presence = self.presences.get(subject)
        if standing is None or standing.latest is None or standing.held_back is not None or (presence is not None and presence.out_at is not None):
            return None
        return False

    def beside(self, subject: Subject, check: str) -> frozenset[str]:
        """Return what else a maintenance window may name to cover a subject, all of it.

        Of an MX host, or an address of one, that are the domains that lead to it; of a domain, the hosts that make it weaker than it should
        be, or all of them where it is an outage.
        """
        if not subject.domain:
            return frozenset(self._domains.get(subject.host, ()))
        members = [*self._members(subject)]
        if check == OUTAGE:
            return frozenset(member.host for member in members)
        held = self.standings.get(subject, {}).get(check)
        if held is None or held.baseline is None or check in self._direct(subject):
            return frozenset()
        latest = ((member.host, standing.latest) for member in members if (standing := self.standings.get(member, {}).get(check)) is not None)
        return frozenset(host for host, sighting in latest if sighting is not None and sighting.strength < held.baseline.strength)

    # How it is learnt.

    def _learn(self, subject: Subject, check: str, sighting: Sighting, now: datetime) -> tuple[Change, ...]:
        held = self._held(subject, check)
        same = renewed(held, sighting)
        if same is not None:
            self._renew(subject, check, held, same)
            return ()
        after, events = learn(held, sighting, self._enough(subject, check, now), now, recovers=not self._is_weak_below(subject, check, held))
        if not self._is_leaf(subject, check):
            after = self._with_held(subject, check, after, held.held_back)
        if after is not held:
            self._keep(subject, check, after)
        return tuple(self._change(sighting.at, subject, check, event, held, sighting) for event in events)

    def _begin(self, at: datetime) -> None:
        """Note, once, what was about to be confirmed when this process began."""
        if self._began is None:
            self._began = at
            soon = self.confirmation.cycle * 1.25
            candidates = ((key, self.standings[key[0]][key[1]].candidate) for key in self._open)
            self._unripe = frozenset(key for key, each in candidates if each is not None and each.last - each.first.at <= soon)

    def _enough(self, subject: Subject, check: str, now: datetime) -> Confirmation:
        """Return when sightings are enough.

        Confirmation takes another cycle, so that by then all operators were met. Where a stop came between, they were not: it takes one more.
        """
        if (subject, check) not in self._unripe or not self.faults.are_several:
            return self.confirmation
        assert self._began is not None
        if now - self._began >= self.confirmation.cycle:
            self._unripe = frozenset()
            return self.confirmation
        return replace(self.confirmation, cycles=self.confirmation.cycles + 1)

    def _is_weak_below(self, subject: Subject, check: str, held: Standing) -> bool:
        """Whether something that a subject folds is confirmed to be weaker than the whole should be: that has to recover first."""
        return held.regression is not None and self._has_weak_below(subject, check, held)

    def _fold(self, subject: Subject, check: str, now: datetime, changes: list[Change], leaves: Iterable[Subject] | None = None) -> bool:
        """Learn the weakest of what a subject's leaves said last, at the time at which the freshest that is so weak said it.

        Returns whether that was anything but to be seen again as it was last.
        """
        if check in self._direct(subject):
            return False
        leaves = [*self._leaves(subject)] if leaves is None else leaves
        weakest = self._weakest(leaves, check)
        if weakest is None:
            return False
        held = self.standings.get(subject, {}).get(check)
        if held is not None and held.settling is not None and self._waits(held, weakest, check, leaves, now):
            return False
        moved = held is None or held.latest is None or held.latest.strength != weakest.strength or check in self._unsteady.get(subject, ())
        changes += self._learn(subject, check, weakest, now)
        return moved

    def _waits(self, held: Standing, weakest: Sighting, check: str, leaves: Iterable[Subject], now: datetime) -> bool:
        """Whether it is too early to say what a whole is to be held to: a part of it was not seen yet, and may always have been weaker."""
        assert held.settling is not None
        assert held.baseline is not None
        if weakest.strength < held.baseline.strength or not timedelta() <= now - held.settling.first.at < self.retired_after:
            return False
        return any(
            check not in self.standings.get(leaf, ()) and presence.missed_at is None
            for leaf in leaves
            if (presence := self.presences.get(leaf)) is not None and (bool(leaf.address) is not (check in OF_HOST))
        )
