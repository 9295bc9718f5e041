"""A server may send other certificates on every connection: what is kept of them is bounded, and what is beyond the bound is no answer."""

from __future__ import annotations

from dataclasses import replace

from scans import MODERN, RSA, answer_of
from server_model import TLSServer

from mailtls.hellos import Accepted, Asked, HelloOffer, Silent
from mailtls.model import Cause
from mailtls.tls.enumeration import Enumeration
from mailtls.tls.kept import MAX_LEAVES, MAX_OCTETS, Kept
from mailtls.tls.picture import read_picture
from mailtls.tls.recheck import Recheck

OFFER = HelloOffer("TLSv1.2", (0xC02F,))
SUITES = (
    0xC02F, 0xC030, 0xCCA8, 0xC013, 0xC014, 0xC027, 0xC028, 0xC012, 0x009C, 0x009D, 0x002F, 0x0035, 0x003C, 0x003D, 0x000A, 0x0005, 0x0041,
    0x0084, 0xC09C, 0xC09D, 0xC0A0, 0xC0A1,
)  # fmt: skip
MANY = TLSServer({0x0303: SUITES}, (RSA,), (29, 23, 24, 25))


def accepted(*chain: bytes) -> Asked:
    return Asked(OFFER, Accepted("TLSv1.2", 0xC02F, chain=chain))


def another_chain_each_time(questions: Enumeration | Recheck, octets: int, parallel: int = 1) -> int:
    """Let a server answer everything with another chain of so many octets. Returns how many connections that took."""
    out, number = list[HelloOffer](), 0
    while not questions.is_done:
        while len(out) < parallel and (offer := questions.next_offer()) is not None:
            out.append(offer)
        offer, number = out.pop(0), number + 1
        answer = answer_of(MANY, offer)
        if isinstance(answer, Accepted):
            answer = replace(answer, chain=(b"leaf %d" % number, (b"issuer %d" % number).ljust(octets, b".")))
        questions.learn(Asked(offer, answer))
    return number


def octets_kept(asked: list[Asked]) -> int:
    return sum(map(len, {der for item in asked if isinstance(item.answer, Accepted) for der in item.answer.chain}))


def leaves_kept(asked: list[Asked]) -> int:
    return len({item.answer.chain[0] for item in asked if isinstance(item.answer, Accepted) and item.answer.chain})


def test_another_chain_of_200_kib_on_each_connection_ends_the_enumeration_within_the_bound() -> None:
    for parallel in (1, 4):
        enumeration = Enumeration()
        another_chain_each_time(enumeration, 200 * 1024, parallel)
        assert enumeration.interrupted is not None
        assert enumeration.interrupted.cause is Cause.LIMIT_EXCEEDED
        assert not enumeration.is_complete
        assert 0 < octets_kept(enumeration.asked) <= MAX_OCTETS


def test_another_leaf_on_each_connection_ends_it_too_and_what_was_accepted_before_stays() -> None:
    enumeration = Enumeration()
    another_chain_each_time(enumeration, 100)
    assert enumeration.interrupted is not None
    assert enumeration.interrupted.cause is Cause.LIMIT_EXCEEDED
    assert leaves_kept(enumeration.asked) == MAX_LEAVES
    assert read_picture(enumeration.asked).accepted["TLSv1.2"]


def test_a_scan_that_goes_on_counts_what_was_kept_before() -> None:
    first = Enumeration()
    another_chain_each_time(first, 100)
    again = Enumeration(first.asked)
    another_chain_each_time(again, 101)
    assert leaves_kept(again.asked) <= MAX_LEAVES


def test_a_recheck_is_bounded_likewise() -> None:
    honest = Enumeration()
    while (offer := honest.next_offer()) is not None:
        honest.learn(Asked(offer, answer_of(MANY, offer)))
    assert honest.is_complete
    recheck = Recheck(read_picture(honest.asked))
    another_chain_each_time(recheck, 1_000_000)
    assert recheck.interrupted is not None
    assert recheck.interrupted.cause is Cause.LIMIT_EXCEEDED
    assert octets_kept(recheck.asked) <= MAX_OCTETS


def test_of_a_thousand_leaves_sixteen_are_kept_and_the_rest_is_no_answer() -> None:
    kept = Kept()
    answers = [kept.within_bounds(accepted(b"%d" % number)).answer for number in range(1_000)]
    assert kept.leaves == MAX_LEAVES
    assert all(isinstance(answer, Accepted) for answer in answers[:MAX_LEAVES])
    assert all(isinstance(answer, Silent) and answer.cause is Cause.LIMIT_EXCEEDED for answer in answers[MAX_LEAVES:])


def test_equal_chains_are_held_once_and_count_once() -> None:
    kept = Kept()
    first, *others = [kept.within_bounds(accepted(bytes(300_000), bytes([1]) * 300_000)).answer for _ in range(50)]
    assert kept.octets == 600_000
    assert isinstance(first, Accepted)
    assert all(isinstance(answer, Accepted) and answer.chain is first.chain for answer in others)


def test_an_ordinary_server_is_asked_to_the_end() -> None:
    enumeration = Enumeration()
    while (offer := enumeration.next_offer()) is not None:
        enumeration.learn(Asked(offer, answer_of(MODERN, offer)))
    assert enumeration.is_complete
