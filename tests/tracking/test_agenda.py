"""What is due when, and under which lock: the same for all processes of a vantage, and fair to everybody else."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.evidence import Purpose
from mailtls.model import Endpoint
from mailtls.tracking.agenda import Look, Rhythm, Scan, heir, queue_of, slot_of

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
DOMAINS = [f"{number}.example" for number in range(300)]


def endpoint(number: int, host: str = "mx.a.example") -> Endpoint:
    return Endpoint(host, ip_address(f"192.0.2.{number}"), 25)


@given(
    st.text(max_size=10), st.sampled_from(DOMAINS), st.floats(0, 1), st.timedeltas(timedelta(seconds=1), timedelta(days=30)), st.floats(0, 1e8)
)
def test_a_look_follows_the_one_before_by_an_interval_give_or_take_the_jitter(
    vantage: str, domain: str, jitter: float, interval: timedelta, after: float
) -> None:
    rhythm = Rhythm(vantage, interval, jitter)
    last = START + timedelta(seconds=after)
    first = rhythm.next_due(domain, last, last)
    second = rhythm.next_due(domain, first, first)
    least = min(0.7, 1 - jitter)
    assert last + interval * least < first <= last + interval * (1 + jitter + least) + timedelta(milliseconds=1)
    assert abs((second - first) / interval - 1) <= jitter + 1e-3


def test_a_domain_that_was_never_looked_at_is_due_at_once() -> None:
    assert Rhythm("fra1", QUARTER).next_due("a.example", None, START) == START


def test_a_domain_that_was_looked_at_by_a_clock_that_was_ahead_is_due_at_once() -> None:
    assert Rhythm("fra1", QUARTER).next_due("a.example", START + timedelta(days=100), START) == START


def test_a_look_that_came_late_moves_none_after_it() -> None:
    rhythm = Rhythm("fra1", QUARTER)
    due = rhythm.next_due("a.example", START, START)
    assert rhythm.next_due("a.example", due + timedelta(minutes=4), due + QUARTER) == due + QUARTER
    assert rhythm.next_due("a.example", due + timedelta(minutes=34), due + 3 * QUARTER) == due + 3 * QUARTER


def test_a_look_that_came_so_late_that_the_next_would_follow_too_soon_makes_that_one_unnecessary() -> None:
    rhythm = Rhythm("fra1", QUARTER)
    due = rhythm.next_due("a.example", START, START)
    assert rhythm.next_due("a.example", due + timedelta(minutes=5), START) == due + 2 * QUARTER


def test_looks_are_spread_over_the_interval_and_vantages_come_at_other_moments() -> None:
    moments = {v: {d: Rhythm(v, QUARTER).next_due(d, START, START) for d in DOMAINS} for v in ("fra1", "nyc1")}
    for due in moments.values():
        minutes = Counter(int((moment - START) % QUARTER / timedelta(minutes=1)) for moment in due.values())
        assert set(minutes) == set(range(15))
        assert max(minutes.values()) < 50
    assert moments["fra1"] != moments["nyc1"]


def test_a_new_list_is_not_looked_at_all_at_once() -> None:
    rhythm = Rhythm("fra1", QUARTER)
    looked: dict[str, datetime | None] = dict.fromkeys(DOMAINS)
    rounds = 0
    now = START
    while due := rhythm.looks_due(looked, now):
        assert len(due) <= 150
        looked |= {domain: now for domain, _since in due}
        now += timedelta(seconds=rhythm.tick)
        rounds += 1
    assert rounds >= 2


def test_what_was_left_behind_longest_comes_first() -> None:
    rhythm = Rhythm("fra1", QUARTER)
    looked = {domain: START - timedelta(hours=number) for number, domain in enumerate(DOMAINS)}
    due = rhythm.looks_due(looked, START)
    assert due[0][0] == DOMAINS[-1]
    assert [since for _domain, since in due] == sorted(since for _domain, since in due)


@pytest.mark.parametrize(("seconds", "tick", "silence"), [(0.5, 1, 3), (8, 1, 3), (60, 1, 15), (120, 2, 30), (900, 15, 30), (86400, 15, 30)])
def test_plans_and_patience_go_by_the_interval(seconds: float, tick: int, silence: float) -> None:
    rhythm = Rhythm("fra1", timedelta(seconds=seconds))
    assert (rhythm.tick, rhythm.silence.total_seconds()) == (tick, silence)


def test_an_operator_has_as_many_locks_as_places_and_an_address_always_the_same_one() -> None:
    scans = [Scan("fra1", endpoint(number), "a.example", 2, START) for number in range(1, 100)]
    locks = Counter(scan.lock for scan in scans)
    assert len(locks) == 2
    assert min(locks.values()) > 25
    assert all(replace(scan, due=START + QUARTER).lock == scan.lock for scan in scans)
    assert {slot_of(endpoint(number), 1) for number in range(1, 100)} == {0}


def test_vantages_share_no_lock_and_no_queue() -> None:
    jobs = [Scan(vantage, endpoint(1), "a.example", 1, START) for vantage in ("fra1", "nyc1")]
    assert len({job.lock for job in jobs}) == len({job.name for job in jobs}) == len({queue_of(job.vantage) for job in jobs}) == 2


@given(st.text(), st.text(), st.text(), st.text())
def test_no_names_however_odd_give_one_lock_to_two_operators(vantage: str, operator: str, other: str, another: str) -> None:
    locks = {Scan(vantage, endpoint(1), operator, 1, START).lock, Scan(other, endpoint(1), another, 1, START).lock}
    assert len(locks) == len({(vantage, operator), (other, another)})


@given(st.text(max_size=300), st.text(max_size=300))
def test_the_name_of_a_queue_fits_into_that_of_a_channel(vantage: str, other: str) -> None:
    assert len(f"procrastinate_queue_v1#{queue_of(vantage)}".encode()) < 64
    assert (queue_of(vantage) == queue_of(other)) == (vantage == other)


def test_equal_work_has_one_name_whenever_it_was_due() -> None:
    look = Look("fra1", "a.example", START)
    assert look.name == Look("fra1", "a.example", START + QUARTER, taken_over=2).name
    assert look.name != Look("fra1", "b.example", START).name
    named = Endpoint("mx.a.example", ip_address("192.0.2.1"), 25, "a.example")
    assert Scan("fra1", endpoint(1), "a", 2, START).name != Scan("fra1", named, "a", 2, START).name


JOBS = [
    Look("fra1", "a.example", START, again=True, taken_over=1),
    Scan("fra1", Endpoint("mx.a", ip_address("2001:db8::1"), 26, "b"), "a", 3, START, Purpose.FULL, 2),
]


@pytest.mark.parametrize("job", JOBS)
def test_a_job_is_read_as_it_was_written(job: Look | Scan) -> None:
    assert type(job).read(job.written()) == job


def test_a_job_that_was_the_end_of_three_processes_is_left_alone() -> None:
    job: Look | Scan | None = Look("fra1", "a.example", START)
    times = 0
    while (job := heir(job) if job is not None else None) is not None:
        times += 1
    assert times == 3
