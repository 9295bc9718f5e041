"""The table of accounts is bounded, and no bound costs politeness: what is live stays, whoever comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.accounts import MAX_ACCOUNTS, Account, Accounts

NOW = 1000.0
HOUR = 3600.0


def table(most: int = 8) -> Accounts:
    return Accounts(places=2, memory=HOUR, most=most)


def kept(accounts: Accounts) -> set[str]:
    return {account.key for account in accounts.all()}


def visited(account: Account) -> None:
    account.visits = 1


def paced(account: Account) -> None:
    account.next_start = NOW + 1


def paused(account: Account) -> None:
    account.closed_until, account.strikes = NOW + 60, 1


@pytest.mark.parametrize("alive", [visited, paced, paused])
def test_a_live_account_stays_however_many_come_after_it(alive) -> None:
    accounts = table()
    (old,) = accounts.of(NOW, "old")
    alive(old)
    for number in range(100):
        accounts.of(NOW, f"operator {number}", f"address {number}")
    assert accounts.of(NOW, "old") == [old]
    assert len(accounts) <= 8


def test_an_account_as_good_as_new_goes_first_and_then_the_idle_one_that_was_used_longest_ago() -> None:
    accounts = table()
    for number in range(7):
        (account,) = accounts.of(NOW, f"struck {number}")
        account.strikes, account.closed_until = 1, NOW - 1
    accounts.of(NOW, "struck 0")
    accounts.of(NOW, "new")
    accounts.of(NOW, "newer")
    assert kept(accounts) == {"struck 0", *(f"struck {number}" for number in range(2, 7)), "newer"}


def test_strikes_of_long_ago_are_as_good_as_none() -> None:
    accounts = table()
    for number in range(7):
        (account,) = accounts.of(NOW, f"struck {number}")
        account.strikes, account.closed_until = 1, NOW - 1
    accounts.of(NOW + HOUR, "new")
    assert kept(accounts) == {"new"}


def test_nobody_else_has_room_where_all_are_live_until_one_of_them_is_not() -> None:
    accounts = table()
    for number in range(8):
        visited(*accounts.of(NOW, f"operator {number}"))
    assert not accounts.has_room_for(("operator 8", "address 8"), NOW)
    assert accounts.has_room_for(("operator 0", "operator 1"), NOW)
    for account in accounts.known(["operator 0", "operator 1"]):
        account.visits = 0
    assert accounts.has_room_for(("operator 8", "address 8"), NOW + 2)


def test_pauses_that_others_were_asked_for_are_remembered_beyond_the_bound() -> None:
    accounts = table()
    for number in range(1000):
        paused(*accounts.of(NOW, f"operator {number}"))
    assert len(accounts) == 1000, "others were asked to stay away already, and said so"


def test_whom_nobody_was_told_of_stays_as_long_as_there_is_room() -> None:
    accounts = table()
    accounts.of(NOW, "let us in again")
    accounts.untold.add("let us in again")
    for number in range(50):
        accounts.of(NOW, f"operator {number}")
    assert "let us in again" in kept(accounts)
    for number in range(20):
        visited(*accounts.of(NOW, f"live {number}"))
    assert accounts.untold <= kept(accounts)


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=60))
def test_both_accounts_of_a_visit_are_those_in_the_table(visits: list[tuple[int, bool]]) -> None:
    accounts = table(4)
    for number, ends in visits:
        keys = f"operator {number % 3}", f"address {number}"
        if accounts.has_room_for(keys, NOW):
            both = accounts.of(NOW, *keys)
            assert accounts.known(keys) == both
            assert len(accounts) <= 4
            for account in both:
                account.visits += not ends


def test_a_table_of_the_usual_size_is_looked_through_a_few_times_while_it_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    live = Account.is_live
    monkeypatch.setattr(Account, "is_live", lambda account, now: looks.append(1) or live(account, now))
    accounts = Accounts(places=2, memory=HOUR)
    for number in range(50_000):
        paused(*accounts.of(NOW, f"operator {number}"))
    assert len(accounts) == 50_000 < MAX_ACCOUNTS
    assert len(looks) <= 4 * 50_000
