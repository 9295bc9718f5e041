"""Hunted: servers that differ from one connection to the next, and what may not be said of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest
import server_model as model
from scans import ECDSA, FIVE, RSA, SIX, THREE, play, truly_accepted
from server_model import Server, TLSServer

from mailtls.hellos import Accepted, Asked, HelloOffer
from mailtls.tls.hello import CODES
from mailtls.tls.names import VERSIONS
from mailtls.tls.picture import Picture, read_picture
from mailtls.tls.suites import groups_before_13, offerable

_OLD = (0xC014, 0xC013, 0x0035, 0x002F, 0x000A, 0x0005)
ALL = TLSServer(
    {0x0301: _OLD, 0x0302: _OLD, 0x0303: SIX + _OLD, 0x0304: THREE}, (RSA, ECDSA), FIVE, server_order=True, groups13=(4588, 29, 23)
)
MODERN_ONLY = replace(ALL, suites={0x0303: SIX, 0x0304: THREE})
HANDSHAKE_FAILURE = bytes.fromhex("15030300020228")


@dataclass
class Overloaded:
    """Answers so many hellos with handshake_failure, or by a close, whatever they offer."""

    base: Server
    at: int
    times: int
    says: model.Answer
    hellos: int = 0

    def answer(self, hello: bytes) -> model.Answer:
        self.hellos += 1
        return self.says if self.at <= self.hellos < self.at + self.times else self.base.answer(hello)


class Balanced:
    """Several machines behind one address."""

    def __init__(self, seed: int, *machines: Server) -> None:
        self.dice, self.machines = random.Random(seed), machines

    def answer(self, hello: bytes) -> model.Answer:
        return self.dice.choice(self.machines).answer(hello)


def falsely_denied(picture: Picture, *machines: TLSServer) -> set[str]:
    """Return the versions of which something is said not to be accepted that is."""
    found = set()
    for version in VERSIONS[1:]:
        truth = set[int]().union(*(truly_accepted(machine, version) for machine in machines))
        spoken = any(CODES[version] in machine.suites for machine in machines)
        if truth - picture.accepted.get(version, {}).keys() - picture.open_suites(version) or (spoken and picture.spoken.get(version) is False):
            found.add(version)
    return found


@pytest.mark.parametrize("says", [HANDSHAKE_FAILURE, model.Closes()])
@pytest.mark.parametrize("times", [1, 2, 4, 6])
def test_a_moment_of_overload_closes_no_set(times: int, says: model.Answer) -> None:
    denied = [falsely_denied(read_picture(play(Overloaded(ALL, at, times, says), parallel=2, seed=at).asked), ALL) for at in range(1, 41)]
    assert not any(denied), denied


def test_of_machines_that_contradict_each_other_no_set_is_closed() -> None:
    for seed in range(60):
        asked = play(Balanced(seed, ALL, MODERN_ONLY), parallel=2, seed=seed).asked
        picture = read_picture(asked)
        passed_over = any(
            isinstance(i.answer, Accepted) and i.answer.version != i.offer.version and i.offer.version in picture.accepted for i in asked
        )
        if passed_over:
            assert not falsely_denied(picture, ALL, MODERN_ONLY)


def test_a_suite_that_was_refused_and_taken_leaves_the_rest_of_its_version_open() -> None:
    def offer(*codes: int) -> HelloOffer:
        return HelloOffer("TLSv1.2", codes, groups_before_13(), ())

    one, two, three = offerable("TLSv1.2")[:3]
    first = Asked(offer(one, two, three), Accepted("TLSv1.2", one))
    refused = Asked(offer(two, three), play(replace(ALL, suites={0x0303: (0xC02F,)}), until=1).asked[0].answer)
    picture = read_picture([first, refused, Asked(offer(two), Accepted("TLSv1.2", two)), first])
    assert three in picture.open_suites("TLSv1.2")
