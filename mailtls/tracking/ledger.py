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
from mailtls.tracking.held_back import held_again
from mailtls.tracking.local_faults import AT_ONCE, LocalFaults
from mailtls.tracking.pages import CONTROL, OF_HOST, PRESENCE, WAY, Kept, Key, Pages, is_news
from mailtls.tracking.presence import RETIRED_AFTER, Presence, Way, attempted, followed, is_gone, is_out
from mailtls.tracking.revisits import Again, joined, revisit
from mailtls.tracking.standing import Confirmation, Event, Sighting, Standing, accept, inherited, learn, renewed, withdraw
from mailtls.tracking.told import Suspicion
from mailtls.tracking.votes import Attribution, Sight

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from mailtls.tracking.fresh import FreshLook, FreshScan
    from mailtls.tracking.held_back import HeldBack
    from mailtls.tracking.standing import Regression

__all__ = ["MX_HOSTS", "OUTAGE", "PRESENCE", "WAY", "Kept", "Key", "Ledger"]

OUTAGE = "outage"
"""Stands in a change for the name of a check: nothing could be measured."""
MX_HOSTS = "mx_hosts"
"""The same: the MX hosts of a domain."""

_OURS = "many unrelated operators seem to have lost it at once: it is ours"
_BLIND = "this vantage cannot measure at all now: it is ours"


class Ledger(Pages):
    """What is remembered of all subjects of one vantage, and what it leads to."""

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
        super().__init__()
        self.confirmation = confirmation or Confirmation()
        self.vantage = vantage
        self.retired_after = retired_after
        self.faults = LocalFaults(self.confirmation.cycle, sight)
        self._began: datetime | None = None  # when the first scan or look came in after what was stored
        self._unripe: frozenset[Key] = frozenset()  # candidates of before that in whose first cycle not all operators may have been met

    def restore(self, subject: Subject, name: str, kept: Kept | None) -> None:
        """Take in what was stored, as :meth:`Pages.restore` does, and what it tells of local faults."""
        super().restore(subject, name, kept)
        presence = self.presences.get(subject)
        if presence is None or not presence.operator:
            return
        for check in [*self.standings.get(subject, ())] if isinstance(kept, Presence) else [name]:
            standing = self.standings.get(subject, {}).get(check)
            if standing is None or standing.baseline is None or not self._is_leaf(subject, check):
                continue
            seen = [] if standing.candidate is None else [standing.candidate.last]
            seen += [] if standing.held_back is None else [standing.held_back.latest.at]
            sense = subject.family if subject.address else DNS
            self.faults.met(sense, check, presence.operator, subject, standing.baseline.strength, max(seen, default=None))

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
        changes = [] if was_blind or not self.faults.is_blind else [*self._withdrawn(None, None, scan.at, _BLIND)]
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

    def watch_only(self, domains: Collection[str], now: datetime) -> frozenset[str]:
        """Leave out all domains but these, also of what tells local faults."""
        left = super().watch_only(domains, now)
        for subject in self.presences if self._left else ():
            if self.is_left_out(subject):
                self.faults.forget(subject)
        return left

    def mute(self, outage: Change) -> None:
        """Note that nobody is told of an outage that has just begun, because of the maintenance window that stands in it."""
        presence = self.presences.get(outage.subject)
        if presence is not None and presence.out_at is not None:
            self._keep(outage.subject, PRESENCE, replace(presence, muted=outage.muted))

    def outlasting(self, window: Callable[[Subject], str]) -> tuple[Change, ...]:
        """Return the outages of which nobody was told and whose maintenance window is over, to be told now, each once.

        Args:
            window: tells the window that an outage of a subject falls into now; empty for none.

        """
        changes = []
        for subject in () if self.faults.is_blind else sorted(self._muted):
            presence = self.presences[subject]
            if presence.out_at is None or presence.missed_at is not None or window(subject):
                continue
            self._keep(subject, PRESENCE, replace(presence, muted=""))
            why = f"the maintenance window is over; {presence.cause}" if presence.cause else "the maintenance window is over"
            changes.append(Change(presence.out_at, subject, OUTAGE, Event.OUTAGE, vantage=self.vantage, why=why))
        return tuple(changes)

    def absorb_controls(self, answers: Mapping[str, bool], now: datetime) -> tuple[Change, ...]:
        """Learn whether control domains could be reached, and return what changed.

        Args:
            answers: for each that was looked at whether it could.
            now: the time.

        """
        was_blind = self.faults.is_blind
        for name, answered in answers.items():
            kept = attempted(self.controls.get(name), now, "" if answered else Cause.UNREACHABLE.value)
            if is_news(self.controls.get(name), kept):
                self._changed.add((Subject(name), CONTROL))
            self._control(name, kept)
        return () if was_blind or not self.faults.is_blind else tuple(self._withdrawn(None, None, now, _BLIND))

    def control_only(self, names: Collection[str]) -> None:
        """Drop the control domains but these."""
        for name in self.controls.keys() - set(names):
            self._control(name, None)
            self._changed.add((Subject(name), CONTROL))

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

    def believe(self, keys: Iterable[Key]) -> None:
        """Learn losses that are held back when they are seen again, since another vantage sees them too."""
        for subject, check in sorted(keys):
            standing = self.standings.get(subject, {}).get(check)
            if standing is None or standing.held_back is None or not self._is_leaf(subject, check):
                continue
            self._keep(subject, check, replace(standing, held_back=replace(standing.held_back, elsewhere=True)))
            for fold in self._folds_of(subject):
                self._hold_fold(fold, check)

    def _folds_of(self, leaf: Subject) -> tuple[Subject, ...]:
        """Return what one is a part of: of an address the host, and the domains that lead there; of a host within a domain that."""
        if not leaf.address:
            return (Subject(leaf.domain),) if leaf.host else ()
        return Subject(host=leaf.host, family=leaf.family), *(Subject(domain) for domain in sorted(self._domains.get(leaf.host, ())))

    def disbelieved(self) -> dict[Key, HeldBack]:
        """Return what was seen, and not folded, and is held back and not believed yet."""
        return {key: held for key, held in self.held_back().items() if self._is_leaf(*key) and not held.is_believed}

    def held_back(self) -> dict[Key, HeldBack]:
        """Return the losses that are held back, at every level."""
        found = {(subject, check): self.standings[subject][check].held_back for subject, check in self._held_back}
        return {key: held for key, held in found.items() if held is not None}

    def suspicions(self, now: datetime) -> tuple[Suspicion, ...]:
        """Return what is held back now, and not believed yet, with at how many operators it seems to be lost."""
        found = []
        counted: dict[tuple[str, str, float], tuple[int, int]] = {}
        for (subject, check), held in self.held_back().items():
            baseline = self.standings[subject][check].baseline
            if baseline is None or held.is_believed or self.is_left_out(subject):
                continue
            either = ("ipv4", "ipv6") if check not in OF_HOST else (DNS,)
            senses = (subject.family,) if subject.family else (DNS,) if check in self._direct(subject) else either
            for sense in senses:
                if (sense, check, held.latest.strength) not in counted:
                    counted[sense, check, held.latest.strength] = self.faults.seem_lost(sense, check, held.latest.strength, now)
            operators, of = max(counted[sense, check, held.latest.strength] for sense in senses)
            found.append(Suspicion(subject, check, baseline.shown, held.latest.shown, held.first.at, operators, of))
        return tuple(sorted(found))

    # How it is learnt.

    def _is_leaf(self, subject: Subject, check: str) -> bool:
        """Whether a check of a subject is seen, and not folded."""
        return bool(subject.address) or check in self._direct(subject)

    def _held(self, subject: Subject, check: str) -> Standing:
        """Return what a subject is held to; a new address, to what its host is in its family."""
        known = self.standings.get(subject, {}).get(check)
        if known is not None:
            return known
        host = self.standings.get(Subject(host=subject.host, family=subject.family), {}).get(check) if subject.address else None
        if host is not None and host.baseline is not None and host.settling is None:
            return inherited(host.baseline)
        return Standing()

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

    def _has_weak_below(self, subject: Subject, check: str, held: Standing) -> bool:
        if held.baseline is None:
            return False
        confirmed = (self.standings[leaf][check].regression for leaf in self._leaves(subject) if check in self.standings.get(leaf, ()))
        return any(each is not None and each.after.strength < held.baseline.strength for each in confirmed)

    def _change(self, at: datetime, subject: Subject, check: str, event: Event, held: Standing, sighting: Sighting | None, why: str = "") -> Change:
        before = held.baseline
        if event in (Event.RECOVERED, Event.WORSENED) and held.regression is not None:
            before = held.regression.after
        after = held.candidate.first if event is Event.CONFIRMED and held.candidate is not None else sighting
        return Change(at, subject, check, event, before, after, self.vantage, Attribution.LOCAL if why else None, why)

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

    # Local faults.

    def _is_ours(self, sense: str, check: str, operator: str, subject: Subject, sighting: Sighting) -> bool:
        """Note what was seen, and say whether it is to be held against us, and so not to be learnt."""
        held = self._held(subject, check)
        if held.baseline is None:
            return False
        known = held.baseline.strength if held.regression is None else min(held.baseline.strength, held.regression.after.strength)
        weaker = sighting.strength < known
        self.faults.met(sense, check, operator, subject, held.baseline.strength, sighting.at if weaker else None)
        if not weaker or self.faults.is_blind:
            return weaker
        is_believed = held.held_back is not None and held.held_back.is_believed
        return not is_believed and self.faults.suspects(sense, check, sighting.strength, sighting.at) is not None

    def _hold(self, sense: str, check: str, subject: Subject, sighting: Sighting) -> Iterator[Change]:
        """Hold back what is held against us; while blind, it is not seen at all."""
        yield from self._withdrawn(sense, check, sighting.at, _OURS)
        if self.faults.is_blind:
            return
        held = self._held(subject, check)
        known = held.held_back
        gap = timedelta.max if sighting.full else AT_ONCE * self.confirmation.cycle
        if known is not None and self.faults.sees_since is not None and known.latest.at < self.faults.sees_since:
            gap = timedelta()  # it was blind since
        if known is None or sighting.at > known.latest.at:
            self._keep(subject, check, replace(held, held_back=held_again(known, sighting, gap)))
        for fold in self._folds_of(subject):
            self._hold_fold(fold, check)

    def _hold_fold(self, fold: Subject, check: str) -> None:
        standing = self.standings.get(fold, {}).get(check)
        if standing is not None and not self._is_leaf(fold, check):
            after = self._with_held(fold, check, standing, standing.held_back)
            if after is not standing:
                self._keep(fold, check, after)

    def _with_held(self, fold: Subject, check: str, standing: Standing, known: HeldBack | None) -> Standing:
        """Return a standing of a fold with what is held back of its parts and would make it weaker."""
        baseline = standing.baseline
        held = [] if baseline is None else [each for each in self._held_below(fold, check) if each.latest.strength < baseline.strength]
        longest = max(held, key=lambda each: (each.is_believed, each.lasted), default=None)
        if longest is not None and longest.says_the_same(known):
            longest = known
        return standing if longest == standing.held_back else replace(standing, held_back=longest)

    def _held_below(self, fold: Subject, check: str) -> Iterator[HeldBack]:
        """Yield what is held back of the parts of a fold."""
        for leaf in self._leaves(fold):
            if (leaf, check) in self._held_back and (held := self.standings[leaf][check].held_back) is not None:
                yield held

    def _is_believed(self, subject: Subject, check: str, standing: Standing) -> bool:
        """Whether what is weaker is no more held back: it was believed after all, of a subject or of a part of it."""
        if self._is_leaf(subject, check):
            return standing.held_back is not None and standing.held_back.is_believed
        return any(each.is_believed for each in self._held_below(subject, check)) or self._has_weak_below(subject, check, standing)

    def _withdrawn(self, sense: str | None, check: str | None, at: datetime, why: str) -> Iterator[Change]:
        """Take back what was to be confirmed and began within the last cycle."""
        onset, withdrawn = at - self.confirmation.cycle * 1.25, list[Key]()
        for subject, name in sorted(self._open):
            standing = self.standings[subject][name]
            if standing.candidate is None or standing.candidate.first.at < onset or check not in (None, name):
                continue
            direct = name in self._direct(subject)
            if sense is not None and (sense != (DNS if direct else subject.family or sense) or self._is_believed(subject, name, standing)):
                continue
            after, events = withdraw(standing, hold=not self.faults.is_blind and self._is_leaf(subject, name))
            self._keep(subject, name, after)
            withdrawn.append((subject, name))
            yield from (self._change(at, subject, name, event, standing, None, why) for event in events)
        for subject, name in withdrawn if sense is not None else ():
            self._hold_fold(subject, name)  # after all of its parts

    # Presence.

    def _follow(self, look: FreshLook) -> Iterator[Change]:
        """Follow DNS: note where a domain leads now, and tell of other MX hosts."""
        before = self.ways.get(look.domain)
        way = followed(before, look.at, look.hosts, look.addresses)
        if way is None or (before is not None and look.hosts is None):
            return
        if before is None or replace(before, at=way.at) != way:
            self._changed.add((Subject(look.domain), WAY))
        self._lead(look.domain, way)
        if before is not None and before.hosts != way.hosts:
            old, new = (Sighting(each.at, 0.0, " ".join(sorted(each.hosts))) for each in (before, way))
            yield Change(look.at, Subject(look.domain), MX_HOSTS, Event.CHANGED, old, new, self.vantage)

    def _retired(self, look: FreshLook) -> Iterator[Change]:
        """Let retire what DNS has answered without naming it for long enough; where it did not answer, nothing."""
        domain, at, way = look.domain, look.at, self.ways.get(look.domain)
        if look.hosts is None or way is None:
            return
        named = self._named(domain, way)
        for subject in named:
            presence = self.presences.get(subject)
            if presence is not None and (domain not in presence.domains or presence.missed_at is not None):
                self._keep(subject, PRESENCE, replace(presence, domains=presence.domains | {domain}, missed_at=None))
        for subject in self._known_of(domain) - named:
            if not subject.domain and any(self._leads_to(other, subject) for other in (*self._domains.get(subject.host, ()), *self._left)):
                continue
            presence = self.presences[subject]
            if presence.missed_at is None or presence.missed_at > at:
                self._keep(subject, PRESENCE, replace(presence, missed_at=at))
            elif is_gone(presence, at, self.retired_after):
                yield from self._gone(subject, at)

    def _named(self, domain: str, way: Way) -> set[Subject]:
        """Return the subjects that DNS names now on the way to a domain."""
        found = {Subject(domain, host) for host in way.hosts}
        for (host, family), addresses in way.addresses.items():
            found |= {Subject(host=host, family=family, address=address) for address in addresses}
        return found

    def _gone(self, subject: Subject, at: datetime) -> Iterator[Change]:
        for check, standing in self.standings.get(subject, {}).items():
            if standing.regression is not None or standing.candidate is not None:
                yield Change(at, subject, check, Event.RETIRED, standing.baseline, standing.latest, self.vantage)
        yield Change(at, subject, PRESENCE, Event.RETIRED, vantage=self.vantage)
        self._drop(subject)
        host = Subject(host=subject.host, family=subject.family)
        if subject.address and not self._endpoints.get(host):
            yield from self._gone(host, at)

    def _be(self, subject: Subject, presence: Presence) -> None:
        super()._be(subject, presence)
        if subject.address:
            self.faults.attempted(subject, presence)

    def _leave(self, subject: Subject) -> bool:
        self.faults.forget(subject)
        return super()._leave(subject)

    def _control(self, domain: str, presence: Presence | None) -> None:
        super()._control(domain, presence)
        if presence is None:
            self.faults.forget_control(domain)
        else:
            self.faults.control(domain, presence.attempted_at, answers=not presence.failures)

    def _tell_outages(self, subjects: Iterable[Subject], at: datetime) -> Iterator[Change]:
        """Tell of what cannot be measured any more, and of what can again. While this vantage is blind, of nothing new."""
        for subject in subjects:
            was_out = self._is_told_out(subject)
            named = [known for leaf in (subject, *self._leaves(subject)) if leaf.address and (known := self._named_presence(leaf)) is not None]
            if was_out:
                out = not any(known.concluded_at is not None and not known.failures for known in named)
            elif subject.address:
                out = any(is_out(known, at, self.confirmation.cycle) and not self._was_ours(known) for known in named) and not self.faults.is_blind
            else:
                out = bool(named) and all(known.out_at is not None for known in named) and not self.faults.is_blind
            if out != was_out:
                presence = self.presences.get(subject) or Presence(at, at)
                since = None if presence.out_at is None else Sighting(presence.out_at, 0.0, "nothing")
                self._keep(subject, PRESENCE, replace(presence, out_at=at if out else None, muted=""))
                event, why = (Event.OUTAGE, named[0].cause) if out else (Event.MEASURED_AGAIN, "")
                yield Change(at, subject, OUTAGE, event, since, vantage=self.vantage, why=why, muted=presence.muted)

    def _was_ours(self, presence: Presence) -> bool:
        """Whether the last attempt failed while this vantage was blind: so it says nothing of what can be measured now."""
        return self.faults.sees_since is not None and presence.attempted_at < self.faults.sees_since

    def _named_presence(self, endpoint: Subject) -> Presence | None:
        presence = self.presences.get(endpoint)
        return None if presence is None or presence.missed_at is not None else presence

    def _is_told_out(self, subject: Subject) -> bool:
        presence = self.presences.get(subject)
        return presence is not None and presence.out_at is not None
