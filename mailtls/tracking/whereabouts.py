"""Where DNS leads, who is still there, and who cannot be measured: the part of the ledger that knows of presence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.local_faults import LocalFaults
from mailtls.tracking.pages import PRESENCE, WAY, Pages
from mailtls.tracking.presence import RETIRED_AFTER, Presence, Way, followed, is_gone, is_out
from mailtls.tracking.standing import Confirmation, Event, Sighting

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from datetime import datetime, timedelta

    from mailtls.tracking.fresh import FreshLook
    from mailtls.tracking.votes import Sight

OUTAGE = "outage"
"""Stands in a change for the name of a check: nothing could be measured."""
MX_HOSTS = "mx_hosts"
"""The same: the MX hosts of a domain."""


class Whereabouts(Pages):
    """Pages that follow DNS, let retire what it names no more, and tell outages."""

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
