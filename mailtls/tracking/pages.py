"""The pages of the ledger: what is kept of each subject, how subjects hang together, and what of it has to be stored."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mailtls.facts.declaration import Scope
from mailtls.tracking.changes import Subject
from mailtls.tracking.fresh import checks_of
from mailtls.tracking.presence import FORGOTTEN_AFTER, Presence, Way
from mailtls.tracking.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from mailtls.tracking.standing import Sighting

PRESENCE = "presence"
"""The name under which a presence is kept; in a change, it stands for the name of a check: whether a subject is there at all."""
CONTROL = "control"
"""The name under which it is kept whether a control domain could be reached: as a presence, beside that of a domain that is watched."""
WAY = "way"
"""The name under which the way to a domain is kept."""
STORED_AGAIN = timedelta(hours=1)
"""What is stored says at most so long ago that a subject is as it is; a change of anything else is stored at once."""

Kept = Standing | Presence | Way
Key = tuple[Subject, str]
"""Of what is kept: the subject, and the name of the check, or one of those above."""

OF_DOMAIN, OF_HOST = checks_of(Scope.DOMAIN), checks_of(Scope.MX)
"""The checks that a look at a domain shows: of it, and of its hosts within it."""


def is_news(before: Kept | None, after: Kept) -> bool:
    """Whether something is to be stored again, and not only seen again to be as it is. Both are of a kind."""
    if isinstance(before, Presence) and isinstance(after, Presence):
        same = replace(after, attempted_at=before.attempted_at, concluded_at=before.concluded_at, failures=before.failures)
        return same != before or is_another_hour(before.attempted_at, after.attempted_at)
    if isinstance(before, Standing) and isinstance(after, Standing) and before.latest is not None and after.latest is not None:
        same_value = (before.latest.strength, before.latest.shown) == (after.latest.strength, after.latest.shown)
        return not same_value or replace(after, latest=before.latest) != before or is_another_hour(before.latest.at, after.latest.at)
    return before != after


def is_another_hour(before: datetime, after: datetime) -> bool:
    """Whether it is time to store again what has not changed."""
    hour = STORED_AGAIN.total_seconds()
    return before.timestamp() // hour != after.timestamp() // hour


class Pages:
    """What is kept of all subjects of one vantage. It learns nothing by itself."""

    def __init__(self) -> None:
        """Make empty ones."""
        self.standings: dict[Subject, dict[str, Standing]] = defaultdict(dict)
        self.presences: dict[Subject, Presence] = {}
        self.ways: dict[str, Way] = {}
        self.controls: dict[str, Presence] = {}
        self._open: set[Key] = set()  # candidates and recoveries
        self._held_back: set[Key] = set()  # of what something is held back
        self._unsteady: dict[Subject, set[str]] = {}  # checks of which something is being counted
        self._endpoints: dict[Subject, set[Subject]] = {}  # of an MX host in a family
        self._families: dict[str, list[Subject]] = defaultdict(list)  # of an MX host
        self._domains: dict[str, set[str]] = defaultdict(set)  # that lead to an MX host
        self._led: dict[str, set[Subject]] = defaultdict(set)  # whose presence says that a domain leads to it, or did
        self._watched: frozenset[str] | None = None  # the domains of the configuration, once they were named
        self._left: set[str] = set()  # those that are left out of it, and not forgotten yet
        self._muted: set[Subject] = set()  # in an outage of which nobody was told
        self._changed: set[Key] = set()

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
        if name == CONTROL and isinstance(kept, Presence):
            self._control(subject.domain, kept)
        elif isinstance(kept, Way):
            self._lead(subject.domain, kept)
        elif isinstance(kept, Presence):
            self._be(subject, kept)
        else:
            self.standings[subject][name] = kept
            self._mark(subject, name, kept)
        if subject.address:
            self._enrol(subject)

    def _erase(self, subject: Subject, name: str) -> None:
        if name == WAY:
            self._left.discard(subject.domain)
            way = self.ways.pop(subject.domain, None)
            for host in () if way is None else way.hosts:
                self._domains[host].discard(subject.domain)
        elif name == CONTROL:
            self._control(subject.domain, None)
        elif name == PRESENCE:
            self._leave(subject)
        elif self.standings[subject].pop(name, None) is not None:
            self._mark(subject, name, Standing())
        if subject.address and subject not in self.presences and not self.standings.get(subject):
            self._strike(subject)

    # What is left out of the configuration.

    def watch_only(self, domains: Collection[str], now: datetime) -> frozenset[str]:
        """Leave out all domains but these, and what only they lead to: nothing is learnt or told of them.

        What they are held to is kept for a while (:data:`FORGOTTEN_AFTER`), so that one that is watched again goes on as it was.

        Returns:
            The domains that were not left out before, and are now.

        """
        watched, left = frozenset(domains), set()
        self._watched = watched
        for domain, way in list(self.ways.items()):
            if (domain in watched) is not (way.left_at is None):
                self._lead(domain, replace(way, left_at=None if domain in watched else now))
                self._changed.add((Subject(domain), WAY))
                left |= {domain} & self._left
        self._drop_unwatched()
        return frozenset(left)

    def forget_left(self, now: datetime) -> frozenset[str]:
        """Forget the domains that have been left out for long enough, and what only they led to. Returns which."""
        if self._watched is None:
            return frozenset()
        gone = {domain for domain in self._left if (at := self.ways[domain].left_at) is not None and now - at >= FORGOTTEN_AFTER}
        for domain in gone:
            self._erase(Subject(domain), WAY)
            self._changed.add((Subject(domain), WAY))
        if gone:
            self._drop_unwatched()
        return frozenset(gone)

    def is_left_out(self, subject: Subject) -> bool:
        """Whether a subject is of a domain that is left out, or of a host to which no others lead."""
        if subject.domain:
            return subject.domain in self._left
        return not self._domains.get(subject.host) and any(subject.host in self.ways[domain].hosts for domain in self._left)

    def _drop_unwatched(self) -> None:
        known = self.standings.keys() | self.presences.keys()
        for subject in sorted(known, key=lambda each: not each.address):  # the addresses of a host before the host
            if not self._is_kept(subject):
                self._drop(subject)

    def _is_kept(self, subject: Subject) -> bool:
        domains = (self._watched or frozenset()) | self._left
        if subject.domain:
            return subject.domain in domains
        if not subject.address:
            return bool(self._members(subject))
        presence = self.presences.get(subject)
        return bool(self._domains.get(subject.host)) or (presence is not None and not domains.isdisjoint(presence.domains))

    # How it is kept.

    def _kept(self, subject: Subject, name: str) -> Kept | None:
        if name == WAY:
            return self.ways.get(subject.domain)
        if name == CONTROL:
            return self.controls.get(subject.domain)
        if name == PRESENCE:
            return self.presences.get(subject)
        return self.standings.get(subject, {}).get(name)

    def _keep(self, subject: Subject, name: str, kept: Standing | Presence) -> None:
        if is_news(self._kept(subject, name), kept):
            self._changed.add((subject, name))
        if isinstance(kept, Presence):
            self._be(subject, kept)
        else:
            self.standings[subject][name] = kept
            self._mark(subject, name, kept)

    def _control(self, domain: str, presence: Presence | None) -> None:
        """Keep whether a control domain could be reached; ``None`` where it is none any more."""
        if presence is None:
            self.controls.pop(domain, None)
        else:
            self.controls[domain] = presence

    def _be(self, subject: Subject, presence: Presence) -> None:
        self.presences[subject] = presence
        if presence.muted:
            self._muted.add(subject)
        else:
            self._muted.discard(subject)
        for domain in presence.domains:
            self._led[domain].add(subject)

    def _leave(self, subject: Subject) -> bool:
        """Drop a presence; return whether there was one."""
        presence = self.presences.pop(subject, None)
        self._muted.discard(subject)
        for domain in () if presence is None else presence.domains:
            self._led[domain].discard(subject)
        return presence is not None

    def _known_of(self, domain: str) -> set[Subject]:
        """Return the subjects to which a domain leads, or did until they were missed."""
        return {subject for subject in self._led.get(domain, ()) if subject in self.presences}

    def _renew(self, subject: Subject, check: str, before: Standing, after: Standing) -> None:
        """Keep a standing of which nothing is new but that it was seen again."""
        assert before.latest is not None
        assert after.latest is not None
        self.standings[subject][check] = after
        if is_another_hour(before.latest.at, after.latest.at):
            self._changed.add((subject, check))

    def _mark(self, subject: Subject, check: str, standing: Standing) -> None:
        if standing.candidate is None and standing.recovery is None:
            self._open.discard((subject, check))
        else:
            self._open.add((subject, check))
        if standing.held_back is None:
            self._held_back.discard((subject, check))
        else:
            self._held_back.add((subject, check))
        if not standing.is_steady:
            self._unsteady.setdefault(subject, set()).add(check)
        elif subject in self._unsteady:
            self._unsteady[subject].discard(check)
            if not self._unsteady[subject]:
                del self._unsteady[subject]

    def _drop(self, subject: Subject) -> None:
        for check in self.standings.pop(subject, ()):
            self._open.discard((subject, check))
            self._held_back.discard((subject, check))
            self._changed.add((subject, check))
        self._unsteady.pop(subject, None)
        if self._leave(subject):
            self._changed.add((subject, PRESENCE))
        if subject.address:
            self._strike(subject)

    # How subjects hang together.

    def _enrol(self, endpoint: Subject) -> Subject:
        """Note an address of a host; return the host in its family."""
        for host in self._families[endpoint.host]:
            if host.family == endpoint.family:
                break
        else:
            host = Subject(host=endpoint.host, family=endpoint.family)
            self._families[endpoint.host].append(host)
            self._families[endpoint.host].sort()
        self._endpoints.setdefault(host, set()).add(endpoint)
        return host

    def _strike(self, endpoint: Subject) -> None:
        host = Subject(host=endpoint.host, family=endpoint.family)
        found = self._endpoints.get(host, set())
        found.discard(endpoint)
        if not found and self._endpoints.pop(host, None) is not None:
            self._families[endpoint.host].remove(host)

    def _lead(self, domain: str, way: Way) -> None:
        """Let a domain lead where it leads now; one that is left out leads nowhere."""
        before = self.ways.get(domain)
        leads_to = way.hosts if way.left_at is None else frozenset[str]()
        for host in () if before is None else before.hosts - leads_to:
            self._domains[host].discard(domain)
        for host in leads_to:
            self._domains[host].add(domain)
        if way.left_at is None:
            self._left.discard(domain)
        else:
            self._left.add(domain)
        self.ways[domain] = way

    def _leads_to(self, domain: str, subject: Subject) -> bool:
        return subject.address in self.ways[domain].addresses.get((subject.host, subject.family), ())

    def _hosts_of(self, domain: str) -> list[str]:
        way = self.ways.get(domain)
        return [] if way is None else sorted(way.hosts)

    def _members(self, subject: Subject) -> Iterable[Subject]:
        """Return what a subject consists of: the addresses of a host in a family; a domain's hosts in each family, and within it."""
        if subject.address or (subject.domain and subject.host):
            return ()
        if not subject.domain:
            return self._endpoints.get(subject, ())
        hosts = self._hosts_of(subject.domain)
        return [*(each for host in hosts for each in self._families.get(host, ())), *(Subject(subject.domain, host) for host in hosts)]

    def _leaves(self, subject: Subject) -> Iterator[Subject]:
        """Yield the subjects whose own sightings a fold folds: addresses, and a domain's hosts within it."""
        for member in self._members(subject):
            if member.address or member.domain:
                yield member
            else:
                yield from self._endpoints.get(member, ())

    def _weakest(self, leaves: Iterable[Subject], check: str) -> Sighting | None:
        """Return the weakest of what subjects said last, and of those that are as weak the freshest."""
        weakest: Sighting | None = None
        for leaf in leaves:
            known = self.standings.get(leaf)
            standing = None if known is None else known.get(check)
            latest = None if standing is None else standing.latest
            if latest is None:
                continue
            if weakest is None or latest.strength < weakest.strength or (latest.strength == weakest.strength and latest.at > weakest.at):
                weakest = latest
        return weakest

    def _direct(self, subject: Subject) -> frozenset[str]:
        """Return the checks that are read from a look at the subject itself, and not folded."""
        if not subject.domain:
            return frozenset()
        return OF_HOST if subject.host else OF_DOMAIN
