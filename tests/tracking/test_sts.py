"""MTA-STS over time: when a policy is fetched again, how long one stands in for a failing fetch, and what is told of a change."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from mailtls.evidence import Failure, HostRoute, Lookup, LookupOutcome, RouteEvidence, StsEvidence, StsFetch
from mailtls.model import Cause, Stage
from mailtls.tracking.sts import (
    ABSENT,
    CHANGED_UNDER_ID,
    KINDS,
    LEAST_PAUSE,
    MAX_AGE_SHRUNK,
    MAX_CHANGES,
    MODE_WEAKENED,
    MX_BEFORE_POLICY,
    Cadence,
    StsState,
    StsTrack,
    absorb_fetch,
    absorb_look,
    changes_between,
    evidence_now,
    is_fetch_due,
)

START = datetime.now(UTC)
INTERVAL, DAY = timedelta(minutes=15), timedelta(days=1)
CADENCE = Cadence(INTERVAL, DAY)
RECORD = Lookup("_mta-sts.a.example.", "TXT", LookupOutcome.ANSWERED, ('"v=STSv1; id=1"',))
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def fetched(authority):
    """Make a fetch: of a policy, or one that failed, under an id, at a time."""
    chain = tuple(c.public_bytes(Encoding.DER) for c in authority.issue(["mta-sts.a.example"]).chain)

    def make(
        at: datetime = START, mode: str = "enforce", mx: str = "mx.a.example", max_age: int = 604800, name: str = "1", status: int | None = 200
    ) -> StsFetch:
        fetch = StsFetch("https://mta-sts.a.example/.well-known/mta-sts.txt", "mta-sts.a.example", name, at)
        if status is None:
            return replace(fetch, failure=Failure(Cause.CONNECT_TIMEOUT, Stage.HTTPS, "no answer"))
        body = f"version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: {max_age}\n".encode()
        return replace(fetch, chain=chain, status=status, content_type="text/plain", body=body)

    return make


def route(*hosts: str, record: Lookup = RECORD, mx: LookupOutcome = LookupOutcome.ANSWERED) -> RouteEvidence:
    found = tuple(HostRoute(host, 10, ()) for host in hosts)
    return RouteEvidence("a.example", Lookup("a.example.", "MX", mx), found, mta_sts=StsEvidence(record))


def test_a_policy_is_fetched_at_first_then_by_the_interval_of_full_scans_and_at_once_under_another_id(fetched, anchors) -> None:
    assert is_fetch_due(None, "1", START, CADENCE, anchors)
    assert is_fetch_due(StsTrack(), "1", START, CADENCE, anchors)
    track = absorb_fetch(None, fetched(), anchors)
    assert not is_fetch_due(track, "1", START + DAY - SECOND, CADENCE, anchors)
    assert is_fetch_due(track, "1", START + DAY, CADENCE, anchors)
    assert is_fetch_due(track, "1", START - 100 * DAY, CADENCE, anchors)  # it was fetched by a clock that was ahead
    assert is_fetch_due(track, "2", START + SECOND, CADENCE, anchors)


@pytest.mark.parametrize(("max_age", "turn"), [(604800, DAY), (86400, DAY / 2), (7200, timedelta(hours=1)), (60, INTERVAL), (0, INTERVAL)])
def test_a_policy_that_is_soon_forgotten_is_fetched_more_often_but_not_at_every_moment(max_age, turn, fetched, anchors) -> None:
    track = absorb_fetch(None, fetched(max_age=max_age), anchors)
    assert not is_fetch_due(track, "1", START + turn - SECOND, CADENCE, anchors)
    assert is_fetch_due(track, "1", START + turn, CADENCE, anchors)


@pytest.mark.parametrize("status", [None, 404, 503])
@pytest.mark.parametrize("interval", [INTERVAL, timedelta(seconds=10)])
def test_after_a_failure_each_pause_is_twice_as_long_and_five_minutes_at_least(status, interval, fetched, anchors) -> None:
    cadence = Cadence(interval, DAY)
    pause = max(interval, LEAST_PAUSE)
    track, at = None, START
    for number in range(12):
        track = absorb_fetch(track, fetched(at, status=status), anchors)
        assert track.failures == number + 1
        expected = min(pause * 2**number, DAY)
        assert not is_fetch_due(track, "1", at + expected - SECOND, cadence, anchors)
        assert is_fetch_due(track, "1", at + expected, cadence, anchors)
        assert is_fetch_due(track, "2", at, cadence, anchors)
        at += expected
    assert absorb_fetch(track, fetched(at, status=status, name="2"), anchors).failures == 1
    assert absorb_fetch(track, fetched(at), anchors).failures == 0


def test_where_nobody_was_asked_nobody_has_failed(fetched, anchors) -> None:
    crowded = replace(fetched(status=None), failure=Failure(Cause.BUDGET_EXHAUSTED, Stage.HTTPS))
    track = absorb_fetch(absorb_fetch(None, fetched(status=None), anchors), crowded, anchors)
    assert track.failures == 1
    assert not is_fetch_due(track, "1", START + INTERVAL - SECOND, CADENCE, anchors)
    assert is_fetch_due(track, "1", START + INTERVAL, CADENCE, anchors)


@pytest.mark.parametrize("status", [None, 404, 503])
def test_a_fetch_that_fails_keeps_the_policy_before_it_for_three_turns(status, fetched, anchors) -> None:
    good = fetched()
    failed = fetched(START + DAY, status=status)
    track = absorb_fetch(absorb_fetch(None, good, anchors), failed, anchors)
    for at in (START + DAY, START + 3 * DAY):
        assert evidence_now(track, RECORD, at, CADENCE, anchors) == StsEvidence(RECORD, failed, good, ())
    assert evidence_now(track, RECORD, START + 3 * DAY + SECOND, CADENCE, anchors) == StsEvidence(RECORD, failed, None, ())


def test_but_never_for_longer_than_its_max_age(fetched, anchors) -> None:
    good = fetched(max_age=1000)
    failed = fetched(START + INTERVAL, status=None)
    track = absorb_fetch(absorb_fetch(None, good, anchors), failed, anchors)
    assert evidence_now(track, RECORD, START + timedelta(seconds=1000), CADENCE, anchors).policy is good
    assert evidence_now(track, RECORD, START + timedelta(seconds=1001), CADENCE, anchors).policy is None


def test_the_policy_of_the_last_fetch_stands_in_for_nothing(fetched, anchors) -> None:
    good = fetched()
    track = absorb_fetch(None, good, anchors)
    assert evidence_now(track, RECORD, START, CADENCE, anchors) == StsEvidence(RECORD, good, None, ())
    assert evidence_now(None, RECORD, START, CADENCE, anchors) == StsEvidence(RECORD)


BEFORE = StsState("enforce", 604800, "1", ("mx.a.example",), ("mx.a.example",))


@pytest.mark.parametrize(
    ("after", "kinds"),
    [
        (BEFORE, []),
        (replace(BEFORE, id="2"), []),
        (replace(BEFORE, id="2", mx=("*.a.example",)), []),
        (replace(BEFORE, mx=("*.a.example",)), [CHANGED_UNDER_ID]),
        (replace(BEFORE, mode="testing", id="2"), [MODE_WEAKENED]),
        (replace(BEFORE, mode="none", id="2"), [MODE_WEAKENED]),
        (StsState(ABSENT, hosts=BEFORE.hosts), [MODE_WEAKENED]),
        (replace(BEFORE, mode="testing"), [MODE_WEAKENED, CHANGED_UNDER_ID]),
        (replace(BEFORE, id="2", max_age=86400), [MAX_AGE_SHRUNK]),
        (replace(BEFORE, max_age=86400), [MAX_AGE_SHRUNK, CHANGED_UNDER_ID]),
        (replace(BEFORE, max_age=31557600, id="2"), []),
        (replace(BEFORE, hosts=("mx.a.example", "mx.b.example")), [MX_BEFORE_POLICY]),
        (replace(BEFORE, hosts=("mx.b.example",)), [MX_BEFORE_POLICY]),
        (replace(BEFORE, hosts=("mx.b.example",), mx=("mx.b.example",), id="2"), []),
        (replace(BEFORE, hosts=("mx.b.example",), mode="testing", id="2"), [MODE_WEAKENED]),
        (replace(BEFORE, hosts=()), []),
    ],
)
def test_every_change_that_senders_may_stumble_over_is_told_by_its_kind(after: StsState, kinds: list[str]) -> None:
    changes = changes_between(BEFORE, after, START)
    assert [change.kind for change in changes] == kinds
    assert all(change.at == START and change.before != change.after for change in changes)


def test_the_order_of_its_hosts_is_no_change_of_a_policy() -> None:
    before = replace(BEFORE, mx=("mx.a.example", "*.b.example"))
    assert changes_between(before, replace(before, mx=("*.b.example", "mx.a.example")), START) == ()
    assert len(changes_between(before, replace(before, mx=("*.b.example",)), START)) == 1


def test_each_step_down_is_one_change_and_a_step_up_is_none() -> None:
    steps = [replace(BEFORE, mode=mode, id=mode) for mode in ("enforce", "testing", "none")] + [StsState(ABSENT, hosts=BEFORE.hosts)]
    for before, after in itertools.pairwise(steps):
        assert [change.kind for change in changes_between(before, after, START)] == [MODE_WEAKENED]
        assert changes_between(after, before, START) == ()


STATES = st.builds(
    StsState, st.sampled_from(["enforce", "testing", "none", ABSENT]), st.integers(0, 3), st.sampled_from("12"),
    st.lists(st.sampled_from(["mx.a.example", "*.a.example"]), max_size=2).map(tuple), st.lists(st.sampled_from("ab"), max_size=2).map(tuple),
)  # fmt: skip


@given(STATES, STATES)
def test_what_stayed_as_it_was_is_no_change_and_every_kind_is_known(before: StsState, after: StsState) -> None:
    assert changes_between(before, before, START) == ()
    changes = changes_between(before, after, START)
    assert {change.kind for change in changes} <= set(KINDS)
    assert len({change.kind for change in changes}) == len(changes)


def looked(track: StsTrack | None, way: RouteEvidence, at: datetime, anchors) -> StsTrack:
    assert way.mta_sts is not None
    return absorb_look(track, replace(way, mta_sts=evidence_now(track, way.mta_sts.record, at, CADENCE, anchors)), at, anchors)


def test_looks_are_compared_by_what_the_policy_was_fetched_under_and_a_failure_between_them_changes_nothing(fetched, anchors) -> None:
    way = route("mx.a.example")
    track = looked(absorb_fetch(None, fetched(), anchors), way, START, anchors)
    assert track.changes == ()
    renamed = route("mx.a.example", record=replace(RECORD, records=('"v=STSv1; id=2"',)))
    track = looked(absorb_fetch(track, fetched(START + INTERVAL, status=None, name="2"), anchors), renamed, START + INTERVAL, anchors)
    failed = route("mx.a.example", record=replace(RECORD, outcome=LookupOutcome.SERVER_FAILURE, records=()))
    track = looked(track, failed, START + 2 * INTERVAL, anchors)
    assert track.changes == ()
    track = looked(absorb_fetch(track, fetched(START + 3 * INTERVAL, mx="*.a.example", name="2"), anchors), renamed, START + 3 * INTERVAL, anchors)
    assert track.changes == ()
    track = looked(absorb_fetch(track, fetched(START + DAY, mode="testing", name="2"), anchors), renamed, START + DAY, anchors)
    assert [(change.kind, change.at) for change in track.changes] == [(MODE_WEAKENED, START + DAY), (CHANGED_UNDER_ID, START + DAY)]


def test_a_record_that_is_gone_is_a_weakening_at_once_and_a_policy_that_cannot_be_fetched_is_one_when_nothing_holds_any_more(
    fetched, anchors
) -> None:
    way = route("mx.a.example")
    first = looked(absorb_fetch(None, fetched(), anchors), way, START, anchors)
    gone = looked(first, route("mx.a.example", record=replace(RECORD, outcome=LookupOutcome.NO_DATA, records=())), START + INTERVAL, anchors)
    assert [(change.kind, change.before, change.after) for change in gone.changes] == [(MODE_WEAKENED, "enforce", ABSENT)]
    for status, later in ((404, [(MODE_WEAKENED, "enforce", ABSENT)]), (None, [])):
        track = absorb_fetch(first, fetched(START + DAY, status=status), anchors)
        track = looked(track, way, START + DAY, anchors)
        assert track.changes == ()
        track = looked(track, way, START + 3 * DAY + SECOND, anchors)
        assert [(change.kind, change.before, change.after) for change in track.changes] == later


def test_mx_hosts_that_could_not_be_looked_up_are_no_other_hosts(fetched, anchors) -> None:
    track = looked(absorb_fetch(None, fetched(), anchors), route("mx.a.example"), START, anchors)
    track = looked(track, route(mx=LookupOutcome.SERVER_FAILURE), START + INTERVAL, anchors)
    assert looked(track, route("mx.a.example"), START + 2 * INTERVAL, anchors).changes == ()
    changed = looked(track, route("mx.b.example"), START + 2 * INTERVAL, anchors).changes
    assert [(change.kind, change.before, change.after) for change in changed] == [(MX_BEFORE_POLICY, "mx.a.example", "mx.b.example")]


def test_no_more_changes_are_remembered_than_the_cap_and_each_is_short(fetched, anchors) -> None:
    track = StsTrack()
    for number in range(2 * MAX_CHANGES):
        at = START + number * INTERVAL
        mx = "\nmx: ".join(f"m{index}.a.example" for index in range(200 + number))
        track = looked(absorb_fetch(track, fetched(at, mx=mx), anchors), route("mx.a.example"), at, anchors)
    assert len(track.changes) == MAX_CHANGES
    assert track.changes[-1].at == START + (2 * MAX_CHANGES - 1) * INTERVAL
    assert all(len(change.before) < 400 for change in track.changes)
    assert "more" in track.changes[0].after
