"""Our clock against those of others: a median, which junk and a minority cannot move far."""

from __future__ import annotations

import pytest

from mailtls.tracking.clocks import KEPT, MOST_HOSTS, Clocks, http_date

DATE, AT = "Sun, 06 Nov 1994 08:49:37 GMT", 784111777.0  # the example of RFC 9110
ABSURD = ("Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT")


def test_the_example_of_the_rfc_is_understood() -> None:
    assert http_date(DATE) == AT


@pytest.mark.parametrize("junk", ["", "0", "9" * 300, "Sun, 31 Feb 1994 08:49:37 GMT", DATE + " ", f"{DATE}, {DATE}", DATE.replace("1994", "٠٠٠١")])
def test_junk_is_no_date(junk: str) -> None:
    assert http_date(junk) is None
    clocks = Clocks()
    for host in "abc":
        clocks.note(host, junk, 100, 0)
    assert clocks.skew(AT, 100) is None


def test_less_than_three_hosts_say_nothing_and_one_that_repeats_itself_is_one() -> None:
    clocks = Clocks()
    for host in ("a", "b", "b", "a"):
        clocks.note(host, DATE, 100, 1)
    assert clocks.skew(AT, 100) is None
    clocks.note("c", DATE, 100, 1)
    assert clocks.skew(AT + 1, 100) == 0  # half a second that the date leaves out, and half the trip
    assert clocks.skew(AT + 61, 160) == 0
    assert clocks.skew(AT + 61 + 3600, 160) == 3600  # our clock has been set
    assert clocks.skew(AT, 101 + KEPT) is None


def test_a_minority_of_absurd_dates_and_late_responses_move_nothing() -> None:
    clocks = Clocks()
    for host in "abc":
        clocks.note(host, DATE, 100, 0)
    for host, date in zip("xy", ABSURD, strict=True):
        clocks.note(host, date, 100, 0)
    clocks.note("x", ABSURD[1], 100, 0)
    clocks.note("late", ABSURD[1], 100, 11)
    clocks.note("back", ABSURD[1], 100, -1)
    assert clocks.skew(AT + 0.5, 100) == 0


def test_what_is_kept_is_bounded() -> None:
    clocks = Clocks()
    for number in range(MOST_HOSTS + 5):
        clocks.note(f"{number}.example", DATE, 100, 0)
    assert len(clocks._hosts) == MOST_HOSTS
