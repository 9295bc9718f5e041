"""MTA-STS policies over time: when to fetch one again, which one still holds, and what became of it between two looks.

A policy is fetched when its record's id changes, and else by a cadence of its own. A fetch that brings none leaves the policy before it in
force for three turns of that cadence, but never for longer than its max_age: so would a sender that has it cached (RFC 8461 section 5.1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mailtls.evidence import StsChange, StsEvidence
from mailtls.facts.mta_sts import asks_for_policy, policy_in_force
from mailtls.model import Cause, Unknown
from mailtls.tracking.holding import still_holds
from mailtls.trust.mta_sts import Mode, StsRecord, mx_matches
from mailtls.trust.sts_fetch import judge_fetch

if TYPE_CHECKING:
    from datetime import datetime

    from mailtls.evidence import Lookup, RouteEvidence, StsFetch
    from mailtls.trust.mta_sts import Policy
    from mailtls.trust.pkix import Anchors

LEAST_PAUSE = timedelta(minutes=5)
"""Between two fetches under one id, where the first brought no policy (RFC 8461 section 3.3)."""
MAX_CHANGES = 20
"""Changes of one domain that are remembered."""

_SHOWN = 10
ABSENT = "absent"
_STRENGTH = {Mode.ENFORCE.value: 3, Mode.TESTING.value: 2, Mode.NONE.value: 1, ABSENT: 0}

MODE_WEAKENED = "mode-weakened"
"""From enforce to testing, to none, or to no policy at all."""
MAX_AGE_SHRUNK = "max-age-shrunk"
"""Senders are to forget the policy sooner."""
CHANGED_UNDER_ID = "policy-changed-without-id"
"""Senders that have the old policy will not look for the new one before it expires (RFC 8461 section 3.1)."""
MX_BEFORE_POLICY = "mx-changed-before-policy"
"""While enforcing, the domain got an MX host that its policy does not name: senders will not deliver to it."""
KINDS = (MODE_WEAKENED, MAX_AGE_SHRUNK, CHANGED_UNDER_ID, MX_BEFORE_POLICY)


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often policies are fetched.

    Args:
        interval: between two looks at a domain.
        fetch_interval: between two fetches that bring a policy, where its max_age does not ask for more of them.

    """

    interval: timedelta
    fetch_interval: timedelta

    @property
    def pause(self) -> timedelta:
        """The least time between two fetches under one id."""
        return max(self.interval, LEAST_PAUSE)

    def turn(self, policy: Policy) -> timedelta:
        """Return the time between two fetches of a policy: one that senders soon forget is looked at more often."""
        return max(self.pause, min(self.fetch_interval, timedelta(seconds=policy.max_age) / 2))


@dataclass(frozen=True, slots=True)
class StsState:
    """What a domain said of MTA-STS at one look, as far as a change is told by it.

    Args:
        mode: of its policy, or ``absent``.
        max_age: in seconds; 0 without a policy.
        id: under which the policy was fetched; empty without one.
        mx: its patterns.
        hosts: the domain's MX hosts then, in order of their names.

    """

    mode: str
    max_age: int = 0
    id: str = ""
    mx: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = f" and {len(self.mx) - _SHOWN} more" if len(self.mx) > _SHOWN else ""
        return f"{self.mode}, max_age {self.max_age}, mx {' '.join(self.mx[:_SHOWN]) or 'none'}{more}"


@dataclass(frozen=True, slots=True)
class StsTrack:
    """What is remembered of one domain between looks.

    Args:
        latest: the last attempt to fetch its policy.
        good: the last that brought one.
        failures: attempts in a row, under one id, that brought none.
        state: what it said when that could last be measured.
        changes: what became of it, the oldest first.

    """

    latest: StsFetch | None = None
    good: StsFetch | None = None
    failures: int = 0
    state: StsState | None = None
    changes: tuple[StsChange, ...] = ()


def is_fetch_due(
    track: StsTrack | None, wanted: str, now: datetime, cadence: Cadence, anchors: Anchors, *, again: bool = False
) -> bool:
    """Whether to fetch a policy now.

    Args:
        track: what is remembered of the domain.
        wanted: the id of its record.
        now: the time.
        cadence: how often to fetch.
        anchors: the trust anchors.
        again: what it said is to be confirmed; a policy is then fetched again though it is not due.

    """
    if track is None or track.latest is None or track.latest.id != wanted:
        return True
    policy = judge_fetch(track.latest, anchors).policy
    if policy is not None:
        return again or abs(now - track.latest.began) >= cadence.turn(policy)  # in the past, or by a clock that was ahead
    doubled = cadence.pause * (1 << min(max(track.failures - 1, 0), 20))
    return abs(now - track.latest.began) >= max(cadence.pause, min(doubled, cadence.fetch_interval))


def absorb_fetch(track: StsTrack | None, fetch: StsFetch, anchors: Anchors) -> StsTrack:
    """Return what is remembered after one more attempt."""
    track = track or StsTrack()
    if judge_fetch(fetch, anchors).policy is not None:
        return replace(track, latest=fetch, good=fetch, failures=0)
    failures = track.failures if track.latest is not None and track.latest.id == fetch.id else 0
    asked = fetch.failure is None or fetch.failure.cause is not Cause.BUDGET_EXHAUSTED
    return replace(track, latest=fetch, failures=failures + asked)


def evidence_now(track: StsTrack | None, record: Lookup, now: datetime, cadence: Cadence, anchors: Anchors) -> StsEvidence:
    """Return what there is to say of a domain now: its record, the last attempt, and the policy that stands in for it while it holds."""
    if track is None:
        return StsEvidence(record)
    good = track.good if track.good is not track.latest else None
    policy = None if good is None else judge_fetch(good, anchors).policy
    if good is not None and policy is not None:
        expired = now - good.began > timedelta(seconds=policy.max_age)
        good = None if expired or not still_holds(good.began, now, cadence.turn(policy)) else good
    return StsEvidence(record, track.latest, good, track.changes)


def absorb_look(track: StsTrack | None, route: RouteEvidence, now: datetime, anchors: Anchors) -> StsTrack:
    """Return what is remembered after one more look at a domain, with what has changed since the last one that could tell.

    Args:
        track: what is remembered of it.
        route: the way to it, with what it says of MTA-STS now.
        now: when the look began.
        anchors: the trust anchors.

    """
    track = track or StsTrack()
    state = _state(route, anchors, track.state)
    if state is None:
        return track
    changes = () if track.state is None else changes_between(track.state, state, now)
    return replace(track, state=state, changes=(*track.changes, *changes)[-MAX_CHANGES:])


def _state(route: RouteEvidence, anchors: Anchors, before: StsState | None) -> StsState | None:
    """Return what a domain says, or ``None`` where that could not be measured."""
    record = asks_for_policy(route)
    if isinstance(record, Unknown) or route.mta_sts is None:
        return None
    # Where no route was found, or none is there, nobody can tell whether the MX hosts are others.
    hosts = tuple(sorted(host.host for host in route.hosts)) or (() if before is None else before.hosts)
    if not isinstance(record, StsRecord):
        return StsState(ABSENT, hosts=hosts)
    found = policy_in_force(route.mta_sts, anchors)
    if found is not None:
        policy, fetch = found
        return StsState(policy.mode.value, policy.max_age, fetch.id, policy.mx, hosts)
    judged = None if route.mta_sts.fetch is None else judge_fetch(route.mta_sts.fetch, anchors)
    return StsState(ABSENT, hosts=hosts) if judged is not None and judged.flaws else None


def changes_between(before: StsState, after: StsState, at: datetime) -> tuple[StsChange, ...]:
    """Return what changed between two looks at a domain, as far as senders may stumble over it."""
    found: list[StsChange] = []
    if _STRENGTH[after.mode] < _STRENGTH[before.mode]:
        found.append(StsChange(at, MODE_WEAKENED, before.mode, after.mode))
    both = ABSENT not in (before.mode, after.mode)
    if both and after.max_age < before.max_age:
        found.append(StsChange(at, MAX_AGE_SHRUNK, str(before.max_age), str(after.max_age)))
    if both and after.id == before.id and _asks(after) != _asks(before):
        found.append(StsChange(at, CHANGED_UNDER_ID, str(before), str(after)))
    unnamed = [host for host in after.hosts if host not in before.hosts and not mx_matches(after.mx, host)]
    if before.hosts and unnamed and after.mode == Mode.ENFORCE:
        found.append(StsChange(at, MX_BEFORE_POLICY, " ".join(before.hosts), " ".join(after.hosts)))
    return tuple(found)


def _asks(state: StsState) -> tuple[str, int, frozenset[str]]:
    """Return what a policy asks of senders: the order in which it names hosts means nothing, and some are written anew for each request."""
    return state.mode, state.max_age, frozenset(state.mx)
