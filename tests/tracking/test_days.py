"""Days: each is told by what was measured on it, the worse where that is two things; and silence is hatched, never a verdict."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from mailtls.tracking.changes import Subject
from mailtls.tracking.days import Days, Mark, Span, days_of
from mailtls.tracking.history import ABSENT, CONCLUSIVE, VARIES, Purpose, Run, State, Story

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LENGTH = 10
HOUR = timedelta(hours=1)
DOMAIN, HOST = Subject("a.example"), Subject("a.example", "mx.a.example")
ONE, OTHER = (Subject(host="mx.a.example", family="ipv4", address=f"192.0.2.{number}:25") for number in (1, 2))
YES, NO = True, False
LIMITED = "rate-limited at greeting"
GOOD = {
    "starttls_offered": True, "starttls_accepted": True, "smtp_inside_tls": True, "starttls_stripped": False,
    "plaintext_after_starttls": False, "certificate_trusted": True, "certificate_name_match": True,
}  # fmt: skip


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def state(fact: str, value: Any, first: float, last: float = 0, *, ended: float | None = None) -> State:
    """Return a state of some days ago."""
    text = value if value in (ABSENT, VARIES) else json.dumps(value)
    return State(fact, text, ago(first), ago(last), None if ended is None else ago(ended))


def visits(*runs: tuple[str, float, float]) -> dict[str, tuple[Run, ...]]:
    """Return hourly visits: how they ended, from when to when in days ago."""
    return {Purpose.QUICK: tuple(Run(how, ago(first), ago(last), int((first - last) * 24) + 1) for how, first, last in runs)}


def route(first: float = 20, last: float = 0, runs: Any = None, **more: Any) -> Story:
    records = [{"host": "mx.a.example", "preference": 10}]
    states = [state("mx_records", records, first, last), state("null_mx", NO, first, last)]
    states += [state(fact, value, first, last) for fact, value in more.items()]
    return Story("here", DOMAIN, tuple(states), runs=runs or visits((CONCLUSIVE, first, last)))


def endpoint(*states: State, subject: Subject = ONE, runs: Any = None) -> Story:
    return Story("here", subject, states, runs=runs or visits((CONCLUSIVE, 20, 0)))


def told(*stories: Story, length: int = LENGTH, now: datetime = NOW) -> Days:
    return days_of("a.example", stories, now, length, 2 * HOUR)


def row(days: Days, check: str) -> list[tuple[int, int, str, str]]:
    """Return the spans of a row, their days counted from the last one."""
    spans = next((row.spans for row in days.rows if row.check == check), ())
    return [((days.last - span.first).days, (days.last - span.last).days, span.mark.value, span.shown) for span in spans]


def test_before_anybody_looked_nothing_was_watched() -> None:
    days = told()
    assert days.watched_since is None
    assert row(days, "verdict") == [(9, 0, "unwatched", "")]


def test_what_was_always_so_is_one_run_from_the_first_look_on() -> None:
    days = told(route(first=6), endpoint(state("starttls_accepted", YES, 6), runs=visits((CONCLUSIVE, 6, 0))))
    assert days.watched_since == date(2026, 11, 18)
    assert row(days, "starttls") == [(9, 7, "unwatched", ""), (6, 0, "has", "accepted")]


def test_a_measured_weaker_endpoint_decides_and_both_are_told() -> None:
    good = state("starttls_accepted", YES, 20)
    bad = endpoint(state("starttls_accepted", ABSENT, 3), subject=OTHER, runs=visits((CONCLUSIVE, 3, 0)))
    assert row(told(route(), endpoint(good), bad), "starttls") == [(9, 4, "has", "accepted"), (3, 0, "lacks", "not offered, accepted")]


def test_an_endpoint_that_stays_silent_takes_nothing_from_one_that_was_measured() -> None:
    good = state("starttls_accepted", YES, 20)
    silent = endpoint(subject=OTHER, runs=visits((LIMITED, 20, 0)))
    assert row(told(route(), endpoint(good), silent), "starttls") == [(9, 0, "has", "accepted")]


def test_days_on_which_every_visit_was_turned_away_are_hatched_within_a_state_that_goes_on() -> None:
    silence = visits((CONCLUSIVE, 20, 6), (LIMITED, 5, 3), (CONCLUSIVE, 2, 0))
    days = told(route(), endpoint(*(state(fact, value, 20) for fact, value in GOOD.items()), runs=silence))
    expected = [(9, 6, "has", "accepted"), (5, 3, "unmeasured", LIMITED), (2, 0, "has", "accepted")]
    assert row(days, "starttls") == expected
    assert [span[2:] for span in row(days, "verdict")][1] == ("unmeasured", LIMITED)


def test_a_day_on_which_nobody_looked_is_no_day_of_the_past_carried_on() -> None:
    one = Story("here", ONE, (state("starttls_accepted", YES, 20),), days={"2026-11-20": {CONCLUSIVE: 4}})
    days = told(Story("here", DOMAIN, route().states, days={"2026-11-20": {CONCLUSIVE: 4}}), one)
    assert row(days, "starttls") == [(9, 5, "unmeasured", "not looked at"), (4, 4, "has", "accepted"), (3, 1, "unmeasured", "not looked at"),
                                     (0, 0, "has", "accepted")]  # fmt: skip


def test_a_day_with_good_and_bad_shows_the_worse_and_says_both() -> None:
    states = [
        state("starttls_accepted", YES, 20, 2.3, ended=2.2),
        state("starttls_accepted", NO, 2.2, 2.15, ended=2.1),
        state("starttls_accepted", YES, 2.1),
    ]
    assert row(told(route(), endpoint(*states)), "starttls") == [
        (9, 3, "has", "accepted"), (2, 2, "lacks", "refused, accepted"), (1, 0, "has", "accepted"),
    ]  # fmt: skip


def test_what_was_lost_over_night_is_not_told_of_the_day_before_its_loss_was_seen() -> None:
    states = [state("starttls_accepted", YES, 20, 4), state("starttls_accepted", ABSENT, 1)]
    silence = visits((CONCLUSIVE, 20, 4), (LIMITED, 3, 2), (CONCLUSIVE, 1, 0))
    assert row(told(route(), endpoint(*states, runs=silence)), "starttls") == [
        (9, 4, "has", "accepted"), (3, 2, "unmeasured", LIMITED), (1, 0, "lacks", "not offered"),
    ]  # fmt: skip


def test_less_than_on_an_earlier_day_is_less_and_the_same_is_not() -> None:
    enforce, testing = ({"mode": mode, "max_age": 1, "id": "1", "mx": []} for mode in ("enforce", "testing"))
    weaker = Story("here", DOMAIN, (*route().states, state("mta_sts", enforce, 20, 4, ended=4), state("mta_sts", testing, 4)), runs=route().runs)
    assert row(told(weaker), "mta_sts") == [(9, 5, "has", "enforce"), (4, 4, "less", "testing, enforce"), (3, 0, "less", "testing")]
    assert row(told(route(mta_sts=testing)), "mta_sts") == [(9, 0, "has", "testing")]


@pytest.mark.parametrize(("value", "mark"), [("valid", "has"), ("none", "lacks"), ("invalid", "lacks"), ("unusable", "lacks")])
def test_only_what_vouches_is_there_of_dane(value: str, mark: str) -> None:
    host = Story("here", HOST, (state("dane", value, 20),))
    assert row(told(route(), host, endpoint()), "dane") == [(9, 0, mark, value)]


def test_dane_is_valid_only_on_days_on_which_the_host_could_be_seen_and_none_by_dns_alone() -> None:
    silence = endpoint(runs=visits((CONCLUSIVE, 20, 3), (LIMITED, 2, 1), (CONCLUSIVE, 0.4, 0)))
    for value, marks in (("valid", ["has", "unmeasured", "has"]), ("none", ["lacks"])):
        assert [span[2] for span in row(told(route(), Story("here", HOST, (state("dane", value, 20),)), silence), "dane")] == marks


def test_a_check_that_never_applied_has_no_row() -> None:
    names = [each.check for each in told(route(), endpoint(state("certificate_trusted", ABSENT, 20))).rows]
    assert names == ["verdict"]


def test_what_goes_to_and_fro_without_end_is_said_to_be_neither() -> None:
    days = told(route(), endpoint(state("starttls_accepted", YES, 20, 5, ended=5), state("starttls_accepted", VARIES, 5)))
    assert row(days, "starttls")[-1] == (4, 0, "unmeasured", "no visit showed it")


def test_the_verdict_of_a_day_is_judged_by_the_readings_of_that_day() -> None:
    states = [state(fact, value, 20) for fact, value in GOOD.items() if fact != "starttls_accepted"]
    lost = [state("starttls_accepted", YES, 20, 2.1, ended=2), state("starttls_accepted", NO, 2)]
    days = told(route(), endpoint(*states, *lost))
    assert row(days, "verdict")[-1][2:] == ("lacks", "unprotected")
    assert row(days, "verdict")[-1][1] == 0
    assert "lacks" not in {span[2] for span in row(days, "verdict") if span[1] > 2}


def test_a_domain_that_takes_no_mail_says_so_each_day() -> None:
    states = state("mx_records", [{"host": ".", "preference": 0}], 20), state("null_mx", YES, 20)
    none = Story("here", DOMAIN, states, runs=visits((CONCLUSIVE, 20, 0)))
    assert row(told(none), "verdict") == [(9, 0, "none", "no-mail")]


def test_a_day_that_has_just_begun_goes_on_as_it_was_written_down_an_hour_ago() -> None:
    midnight = datetime(2026, 11, 25, 0, 20, tzinfo=UTC)
    before = (midnight - NOW - HOUR) / timedelta(days=1)
    stories = route(last=-before), endpoint(state("starttls_accepted", YES, 20, -before), runs=visits((CONCLUSIVE, 20, -before)))
    assert row(told(*stories, now=midnight), "starttls") == [(9, 0, "has", "accepted")]


MOMENTS = st.integers(0, 14 * 24).map(lambda hours: hours / 24)
VALUES = st.sampled_from((True, False, ABSENT, VARIES))
OUTCOMES = st.sampled_from((CONCLUSIVE, LIMITED, "connect-timeout at connect"))


@st.composite
def lives(draw: st.DrawFn, subject: Subject) -> Story:
    cuts = sorted(draw(st.lists(MOMENTS, min_size=2, max_size=6, unique=True)), reverse=True)
    states = tuple(
        state("starttls_accepted", draw(VALUES), first, last, ended=last if last != cuts[-1] else None)
        for first, last in pairwise(cuts)
    )
    turns = sorted(draw(st.lists(MOMENTS, min_size=2, max_size=6, unique=True)), reverse=True)
    runs = visits(*((draw(OUTCOMES), first, last) for first, last in pairwise(turns)))
    return Story("here", subject, states, runs=runs)


@examples(200)
@given(lives(ONE), lives(OTHER))
def test_whatever_happened_every_row_has_each_day_once_and_silence_is_no_mark(one: Story, other: Story) -> None:
    days = told(route(first=14), one, other, length=15)
    for each in days.rows:
        assert (each.spans[0].first, each.spans[-1].last) == (days.first, days.last)
        for before, after in pairwise(each.spans):
            assert after.first - before.last == timedelta(days=1)
            assert (before.mark, before.shown) != (after.mark, after.shown)
    for day, span in _each_day(days, "starttls"):
        sighted = [s for story in (one, other) for s in story.states if s.value != VARIES and s.first_seen.date() <= day <= s.last_seen.date()]
        if span.mark in (Mark.HAS, Mark.LESS, Mark.LACKS):
            assert sighted, "a mark without a measurement"
        if span.mark is Mark.LACKS:
            assert any(s.value in ("false", ABSENT) for s in sighted), "a lack that nobody saw"


@examples(100)
@given(lives(ONE))
def test_more_silence_never_makes_a_mark_of_what_was_none(one: Story) -> None:
    """Visits that are turned away add nothing but reasons."""
    silent = Story(one.vantage, OTHER, (), runs=visits((LIMITED, 14, 0)))
    alone, both = (dict(_each_day(told(route(first=14), *those, length=15), "starttls")) for those in ((one,), (one, silent)))
    assert {day: span.mark for day, span in alone.items()} == {day: span.mark for day, span in both.items()}


def _each_day(days: Days, check: str) -> list[tuple[date, Span]]:
    return [
        (span.first + timedelta(days=number), span)
        for each in days.rows
        if each.check == check
        for span in each.spans
        for number in range((span.last - span.first).days + 1)
    ]


def test_a_day_on_which_dns_did_not_say_where_mail_goes_is_hatched_whatever_else_it_said() -> None:
    states = (state("tls_rpt", ["mailto:a@a.example"], 5), state("mx_records", [{"host": "mx.a.example", "preference": 10}], 3))
    way = Story("here", DOMAIN, states, runs=visits(("dns-timeout at dns", 5, 3.1), (CONCLUSIVE, 3, 0)))
    seen = endpoint(state("starttls_accepted", YES, 3), runs=visits((CONCLUSIVE, 3, 0)))
    silent = [(5, 4, "unmeasured", "dns-timeout at dns"), (3, 0, "has", "accepted")]
    assert row(told(way, seen), "starttls") == [(9, 6, "unwatched", ""), *silent]


def test_a_check_that_never_could_be_measured_is_hatched_beside_those_that_could_and_one_that_does_not_apply_has_no_row() -> None:
    facts = {"starttls_offered": NO, "starttls_accepted": ABSENT, "forward_secrecy_negotiated": ABSENT}
    days = told(route(), endpoint(*(state(fact, value, 20) for fact, value in facts.items())))
    assert row(days, "verdict") == [(9, 0, "lacks", "unprotected")]
    assert row(days, "dane") == [(9, 0, "unmeasured", "no visit showed it")]
    assert row(days, "forward_secrecy") == []


def _whole(subject: Subject, runs: Any = None) -> Story:
    return endpoint(*(state(fact, value, 20) for fact, value in FULLY.items()), subject=subject, runs=runs)


FULLY = GOOD | {
    "negotiated": {"version": "TLSv1.3", "cipher_suite": "TLS_AES_256_GCM_SHA384", "group": "X25519"},
    "forward_secrecy_negotiated": True, "certificate_key_sufficient": True,
}  # fmt: skip


def test_a_day_on_which_one_of_two_addresses_stayed_silent_is_no_protected_one() -> None:
    both = (route(), _whole(ONE), _whole(OTHER))
    assert row(told(*both), "verdict") == [(9, 0, "has", "protected")]
    never = endpoint(subject=OTHER, runs=visits((LIMITED, 20, 0)))
    assert row(told(*both[:2], never), "verdict") == [(9, 0, "unmeasured", LIMITED)]
    fell_silent = _whole(OTHER, runs=visits((CONCLUSIVE, 20, 3), (LIMITED, 2, 0.1)))
    assert row(told(*both[:2], fell_silent), "verdict")[:2] == [(9, 3, "has", "protected"), (2, 1, "unmeasured", LIMITED)]


def test_what_was_measured_to_fall_short_decides_a_day_beside_a_silent_address() -> None:
    bad = [state(fact, value, 20) for fact, value in (FULLY | {"certificate_trusted": False}).items()]
    silent = endpoint(subject=OTHER, runs=visits((LIMITED, 20, 0)))
    host = Story("here", HOST, (state("dane", "none", 20),))
    assert row(told(route(dnssec="insecure"), host, endpoint(*bad), silent), "verdict") == [(9, 0, "less", "degraded")]


def test_a_host_of_which_no_address_was_looked_at_leaves_a_day_open() -> None:
    records = [{"host": host, "preference": 10} for host in ("mx.a.example", "mx2.a.example")]
    two = Story("here", DOMAIN, (state("mx_records", records, 20), state("null_mx", NO, 20)), runs=visits((CONCLUSIVE, 20, 0)))
    second = Subject(host="mx2.a.example", family="ipv4", address="192.0.2.9:25")
    gone = _whole(second, runs=visits((CONCLUSIVE, 20, 3)))
    gone = Story("here", second, tuple(state(each.fact, json.loads(each.value), 20, 3) for each in gone.states), runs=gone.runs)
    marks = [span[2] for span in row(told(two, _whole(ONE), gone), "verdict")]
    assert marks == ["has", "unmeasured"]
