"""Local faults: what many unrelated operators seem to have at once is ours, whichever process saw it, and before which restart."""

from __future__ import annotations

from datetime import timedelta

import pytest
from test_ledger import BEGAN, CYCLE, MINUTE, World, keep_in, kept_in

from mailtls.tracking.changes import Subject
from mailtls.tracking.held_back import BELIEVED_AFTER, HeldBack
from mailtls.tracking.ledger import OUTAGE, Key
from mailtls.tracking.local_faults import LocalFaults
from mailtls.tracking.presence import Presence, attempted
from mailtls.tracking.standing import Event


def crowd(number: int = 10) -> World:
    world = World()
    for each in range(number):
        world.add(f"{each}.example", f"mx.{each}.example", f"192.0.2.{each}:25")
        world.said[f"{each}.example", ""] = {"dnssec": float(each < number / 2)}
    world.cycles(4)
    return world


def test_what_all_operators_lose_at_once_is_ours_for_as_long_as_it_lasts() -> None:
    world = crowd()
    for shows in world.shows.values():
        shows["starttls"] = 0
    world.cycles(50)
    assert world.ledger.regressions() == {}
    for shows in world.shows.values():
        shows["starttls"] = 1
    world.cycles(50)
    assert not any("confirmed" in each for each in world.events())


def test_what_began_in_the_cycle_in_which_it_turned_out_to_be_ours_is_withdrawn() -> None:
    world = crowd()
    for shows in world.shows.values():
        shows["starttls"] = 0
    world.cycles(2)
    assert world.ledger.again() == ()
    dismissed = [each for each in world.told if each.event is Event.DISMISSED]
    assert {str(each.attribution) for each in dismissed} == {"local"}
    assert dismissed[0].why


def test_only_who_had_something_to_lose_counts() -> None:
    world = crowd()
    for said in world.said.values():
        said["dnssec"] = 0
    world.cycles(10)
    assert world.ledger.regressions() == {}


def test_a_few_operators_that_become_weaker_at_once_do_so_themselves() -> None:
    world = crowd()
    for each in range(4):
        world.shows[f"192.0.2.{each}:25"] = {"starttls": 0}
    world.cycles(4)
    assert len(world.ledger.regressions()) == 12


def test_while_this_vantage_is_blind_no_outage_is_told_and_nothing_weaker_is_learnt() -> None:
    world = crowd()
    for each in range(8):
        world.shows[f"192.0.2.{each}:25"] = {}
    world.shows["192.0.2.9:25"] = {"starttls": 0}
    world.cycles(50)
    assert world.ledger.faults.is_blind
    assert world.events(check=OUTAGE) == []
    assert world.ledger.regressions() == {}
    for shows in world.shows.values():
        shows["starttls"] = 1
    world.cycles(2)
    assert not world.ledger.faults.is_blind


def test_control_endpoints_that_cannot_be_measured_make_blind() -> None:
    world = crowd()
    world.ledger.absorb_controls({"one": False, "two": False}, world.at)
    world.shows["192.0.2.1:25"] = {"starttls": 0}
    world.cycles(10)
    assert world.ledger.regressions() == {}
    world.ledger.absorb_controls({"one": False, "two": True}, world.at)
    world.cycles(4)
    assert world.ledger.regressions() != {}



def silence(world: World) -> None:
    for shows in world.shows.values():
        shows.clear()


def restart(world: World, stored: dict[Key, str] | None = None) -> None:
    stored = {} if stored is None else stored
    keep_in(stored, world.ledger)
    world.ledger = kept_in(stored)


def test_a_process_that_begins_in_a_dead_network_knows_it_within_the_first_cycle_and_tells_no_outage() -> None:
    world = crowd()
    world.at += timedelta(days=2)
    silence(world)
    restart(world)
    world.cycles(1)
    assert world.ledger.faults.is_blind
    world.cycles(20)
    assert world.events(check=OUTAGE) == []


def test_a_process_that_begins_while_this_vantage_is_blind_is_blind_at_once() -> None:
    world = crowd()
    silence(world)
    world.cycles(30)
    restart(world)
    assert world.ledger.faults.is_blind
    world.cycles(20)
    assert world.events(check=OUTAGE) == []


def test_a_loss_seen_in_the_first_cycle_in_a_dead_network_is_not_confirmed_before_the_network_is_back() -> None:
    world = crowd()
    silence(world)
    world.shows["192.0.2.0:25"] = {"starttls": 0}
    restart(world)
    world.cycles(20)
    assert world.ledger.regressions() == {}
    for each in range(1, 10):
        world.shows[f"192.0.2.{each}:25"] = {"starttls": 1}
    world.cycles(4)
    assert {str(subject) for subject, _ in world.ledger.regressions()} >= {"0.example"}


def test_controls_that_were_out_of_reach_before_a_restart_make_blind_at_once() -> None:
    world, stored = crowd(), dict[Key, str]()
    world.ledger.absorb_controls({"one.example": False, "two.example": False}, world.at)
    restart(world, stored)
    assert world.ledger.faults.is_blind
    world.ledger.absorb_controls({"two.example": True}, world.at)
    assert not world.ledger.faults.is_blind
    restart(world, stored)
    assert not world.ledger.faults.is_blind
    world.ledger.control_only(["one.example"])
    restart(world, stored)
    assert world.ledger.faults.is_blind
    world.ledger.control_only(())
    restart(world, stored)
    assert not world.ledger.faults.is_blind


def test_operators_that_fell_silent_one_after_the_other_are_silent_themselves() -> None:
    world = crowd()
    for each in range(8):
        world.shows[f"192.0.2.{each}:25"] = {}
        world.cycles(4)
        assert not world.ledger.faults.is_blind
    assert len({each.subject.domain for each in world.told if each.event is Event.OUTAGE}) > 5


def test_an_attempt_that_failed_while_blind_is_no_outage_when_the_vantage_sees_again() -> None:
    world = crowd()
    world.add("late.example", "mx.late.example", "203.0.113.1:25")
    world.cycles(4)
    silence(world)
    world.cycles(20)
    for each in range(10):
        world.shows[f"192.0.2.{each}:25"] = {"starttls": 1}
        world.scan(f"192.0.2.{each}:25")
    assert not world.ledger.faults.is_blind
    del world.addresses["mx.late.example"][:]  # it is looked at, and its address was scanned a little before
    world.look("late.example")
    assert world.events(check=OUTAGE) == []


def test_what_is_gone_leaves_nothing_behind() -> None:
    faults = LocalFaults(CYCLE)
    subject = Subject(host="mx.example.org", family="ipv4", address="192.0.2.1:25")
    faults.attempted(subject, attempted(None, BEGAN, "", "example.org"))
    faults.met("ipv4", "starttls", "example.org", subject, 1, BEGAN)
    faults.met("ipv4", "starttls", "other.example", subject, 1, BEGAN)  # by another configuration
    faults.forget(subject)
    assert (faults._operators, faults._of, faults._met, faults._owner) == ({}, {}, {}, {})


def test_what_an_older_version_kept_says_nothing_of_this_vantage() -> None:
    faults = LocalFaults(CYCLE)
    for each in range(5):
        subject = Subject(host=f"mx.{each}.example", family="ipv4", address=f"192.0.2.{each}:25")
        faults.attempted(subject, Presence(BEGAN, BEGAN, BEGAN, 3, "connect-timeout"))
    assert not faults.is_blind


def test_which_check_is_held_back_is_said_while_it_is_and_at_how_many_operators() -> None:
    world = crowd()
    assert world.ledger.faults.suspected(world.at) == {}
    for each in range(6):
        world.shows[f"192.0.2.{each}:25"]["starttls"] = 0
    world.cycles(3)
    assert world.ledger.faults.suspected(world.at) == {"starttls": 6}
    for shows in world.shows.values():
        shows["starttls"] = 1
    world.cycles(5)
    assert world.ledger.faults.suspected(world.at) == {}


DAY = int(BELIEVED_AFTER / CYCLE)


def lose(world: World, *numbers: int, strength: float = 0) -> None:
    for each in numbers or range(10):
        world.shows[f"192.0.2.{each}:25"]["starttls"] = strength


def held(world: World) -> dict[str, HeldBack]:
    return {str(subject): each for (subject, check), each in world.ledger.held_back().items() if check == "starttls"}


def test_a_loss_at_half_of_the_operators_is_believed_once_it_was_seen_for_a_day() -> None:
    world = crowd()
    lose(world)
    world.cycles(DAY)
    assert not any("confirmed" in each for each in world.events())
    assert len(held(world)) == 30  # ten addresses, their hosts and their domains
    world.cycles(5)
    assert {str(subject) for subject, _ in world.ledger.regressions()} >= {f"{each}.example" for each in range(10)}
    assert held(world) == {}


def test_a_hold_withdraws_no_candidate_that_is_believed_nor_those_of_its_folds() -> None:
    world = crowd()
    lose(world, 0, 1, 2, 3, 4, 5)
    world.cycles(30)
    lose(world, 6, 7, 8)  # theirs is held back for longer
    world.cycles(DAY - 25)
    early = {f"{each}.example" for each in range(6)}
    assert {str(subject) for subject, _ in world.ledger.regressions() if subject.domain} == early
    assert {subject for subject in held(world) if not subject.startswith("mx.")} <= {f"{each}.example" for each in range(6, 9)}
    believed = [each for each in world.told if each.subject.domain in early and each.at > BEGAN + BELIEVED_AFTER]
    assert {each.event for each in believed} == {Event.CANDIDATE, Event.CONFIRMED}


def test_a_good_sighting_ends_what_is_held_back_and_the_day_begins_anew() -> None:
    world = crowd()
    lose(world)
    world.cycles(DAY - 10)
    lose(world, strength=1)
    world.cycles(2)
    assert held(world) == {}
    lose(world)
    world.cycles(DAY - 10)
    assert world.ledger.regressions() == {}


def test_a_day_of_blindness_makes_nothing_believed() -> None:
    world = crowd()
    lose(world)
    world.cycles(8)
    since = held(world)["0.example"].first.at
    world.ledger.absorb_controls({"control.example": False}, world.at)
    world.cycles(2 * DAY)
    world.ledger.absorb_controls({"control.example": True}, world.at)
    world.cycles(8)
    assert world.ledger.regressions() == {}
    assert held(world)["0.example"].first.at == since
    world.cycles(DAY)
    assert world.ledger.regressions() != {}


def test_what_is_held_back_goes_on_after_a_restart_and_what_a_stop_took_is_not_counted() -> None:
    world = crowd()
    lose(world)
    world.cycles(DAY // 2)
    before = held(world)
    restart(world)
    assert {name: each.first for name, each in held(world).items()} == {name: each.first for name, each in before.items()}
    world.at += BELIEVED_AFTER
    world.cycles(DAY // 2 - 8)
    assert world.ledger.regressions() == {}
    world.cycles(16)
    assert world.ledger.regressions() != {}


def test_a_restart_within_a_fault_that_is_held_back_begins_no_candidate() -> None:
    world = crowd()
    lose(world)
    world.cycles(3)
    restart(world)
    before = len(world.told)
    world.cycles(8)
    assert world.told[before:] == []
    assert world.ledger.faults.suspected(world.at) == {"starttls": 10}


def test_what_is_held_back_is_told_at_every_level_with_at_how_many_operators_it_seems_to_be_lost() -> None:
    world = crowd()
    lose(world, 0, 1, 2, 3, 4, 5)
    world.said["9.example", ""] = {"dnssec": 0.0}  # as it was
    world.cycles(3)
    told = world.ledger.suspicions(world.at)
    assert len(told) == 18
    assert {(each.check, each.operators, each.of) for each in told} == {("starttls", 6, 10)}
    assert {each.since for each in told if each.subject.domain == "0.example"} == {BEGAN + 4 * CYCLE + timedelta(seconds=2)}
    restart(world)
    assert world.ledger.suspicions(world.at) == told


@pytest.mark.parametrize("stopped", [MINUTE, CYCLE, timedelta(hours=3)])
def test_a_restart_in_the_first_cycle_of_a_fault_confirms_nothing_before_the_operators_were_met_again(stopped: timedelta) -> None:
    world = crowd()
    lose(world)
    for _ in range(2):
        world.look("0.example")
        world.at += MINUTE
    restart(world)
    world.at += stopped
    for _ in range(5):
        world.look("0.example")
        world.at += MINUTE
    world.cycles(20)
    assert not any("confirmed" in each for each in world.events())
    assert "0.example" in held(world)


def test_a_loss_of_one_operator_is_confirmed_within_two_cycles_of_a_restart_however_often_that_comes() -> None:
    world = crowd()
    lose(world, 0)
    world.look("0.example")
    for _ in range(4):
        restart(world)
        world.at += CYCLE
        world.cycles(1)
    assert "0.example: confirmed" in world.events()


def test_what_another_vantage_sees_too_is_learnt_when_it_is_seen_again() -> None:
    world = crowd()
    lose(world)
    world.cycles(4)
    mine = world.ledger.disbelieved()
    assert len(mine) == 10
    subject = world.endpoint("192.0.2.3:25")
    world.ledger.believe([(subject, "starttls"), (subject, "mta_sts"), (Subject("4.example"), "starttls")])
    restart(world)
    world.cycles(4)
    assert {str(subject) for subject, _ in world.ledger.regressions() if subject.domain} == {"3.example"}
    assert len(world.ledger.disbelieved()) == 9
